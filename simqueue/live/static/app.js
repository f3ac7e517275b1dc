// The live view: asks for what there is, draws it, and says in words what happened.
//
// It knows nobody but `ask`, which takes a command and gives the state: the page's own server does,
// and so does a notebook.

import { Charts } from "./charts.js";
import { QueueControls, WorkerControls, button } from "./controls.js";
import { h, seconds, setText, whole } from "./dom.js";
import { Stage } from "./stage.js";

const SPEEDS = [0.1, 0.25, 0.5, 1, 2, 5, 10, 30, 60, 300, 1000, 1e6];
const EVERY_MS = 50;
const IDLE_MS = 400;
const KEYS = "Space: run or halt. Dot: one step. Zero: back to the start. Less and greater: speed. W: say how it stands.";
const CHALLENGES = { broken: "1. What did they change?", outage: "2. Lose no payment", storm: "3. Survive the storm", lean: "4. A second for the least" };

// `alone`: nobody else on this page listens to keys.
export function mount(root, ask, alone) {
  return new App(root, ask, alone);
}

class App {
  constructor(root, ask, alone) {
    this.root = root;
    this.alone = alone;
    this.ask = ask;
    this.queue = [];
    this.lanes = new Map();
    this.frames = 0;
    this.build();
    this.waiting = null;
    this.alive = true;
    this.loop();
    this.animate();
  }

  // ---- the page

  build() {
    const send = (command) => () => this.send(command);
    this.title = h("h1", { text: "simqueue play" });
    this.clock = h("p", { class: "clock", text: "…" });
    this.run = button("Run", "Run", () => this.send({ running: !this.state?.running }));
    this.run.classList.add("main");
    this.speed = h("input", { type: "range", min: 0, max: SPEEDS.length - 1, step: 1, "aria-label": "Speed" });
    this.speedSaid = h("output", { text: "1×" });
    this.speed.addEventListener("input", () => this.send({ speed: SPEEDS[+this.speed.value] }));
    this.news = h("p", { class: "news", role: "status" });
    this.warning = h("p", { class: "warning", role: "alert", hidden: true });
    this.step = button("Step", "One step", send({ step: true }));
    this.again = button("Back to start", "Back to the start, with the same seed", send({ again: true }));
    this.beside = button("Training mode beside", "Training mode beside, on the same arrivals", () => this.send({ beside: !this.state?.beside }));
    this.challenge = h("section", { class: "challenge", hidden: true, "aria-label": "Challenge" });
    this.stages = h("section", { class: "lanes", "aria-label": "Queues" });
    this.workers = new WorkerControls((change) => this.change(change));
    this.choose = h("select", { "aria-label": "Take on a challenge" }, h("option", { value: "", text: "Challenges…" }),
      ...Object.entries(CHALLENGES).map(([value, text]) => h("option", { value, text })));
    this.choose.addEventListener("change", () => {
      if (this.choose.value) this.send({ challenge: this.choose.value });
      this.choose.value = "";
    });
    this.file = h("input", { type: "file", accept: ".toml", hidden: true, "aria-label": "A saved session" });
    this.file.addEventListener("change", async () => {
      if (this.file.files[0]) this.send({ load: await this.file.files[0].text() });
      this.file.value = "";
    });
    this.root.append(
      h("header", {}, h("div", {}, this.title, h("p", { class: "sub", text: "The model that simulate runs, live." })), this.clock),
      h("div", { class: "bar", role: "toolbar", "aria-label": "Time" },
        this.run, this.step, this.again, h("label", { class: "speed" }, h("span", { text: "Speed" }), this.speed, this.speedSaid)),
      this.news, this.warning, this.challenge, this.legend(), this.stages,
      h("section", { class: "card", "aria-label": "Workers" }, (this.workersTitle = h("h2", { text: "Workers" })), this.workers.node),
      h("section", { class: "more", "aria-label": "More" },
        this.beside, this.choose,
        button("Save", "Save the session", send({ save: true })),
        button("Load", "Load a session", () => this.file.click()),
        button("Export", "Export as a scenario for simulate", send({ export: true })), this.file),
      h("p", { class: "note", text: `Keys. ${KEYS}` }));
    this.onkey = (event) => this.key(event);
    (this.alone ? document : this.root).addEventListener("keydown", this.onkey);
    this.onseen = () => !document.hidden && this.wake?.();
    document.addEventListener("visibilitychange", this.onseen);
  }

  legend() {
    const one = (name, text) => h("span", {}, h("i", { class: name }), text);
    return h("p", { class: "legend", "aria-hidden": "true" }, one("ready", "waits"), one("again", "tried again"), one("active", "in a slot"), one("bad", "failed for good"));
  }

  key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const on = event.target;
    if (!this.root.contains(on) && !(this.alone && on === document.body)) return;
    if (on.matches?.("input:not([type=range]), select, textarea")) return;
    const busy = on.matches?.("button, summary, a");
    const does = {
      " ": () => !busy && this.send({ running: !this.state?.running }),
      ".": () => this.send({ step: true }),
      "0": () => this.send({ again: true }),
      "<": () => this.faster(-1),
      ">": () => this.faster(1),
      w: () => this.say(this.words()),
    }[event.key];
    if (!does || (event.key === " " && busy)) return;
    event.preventDefault();
    does();
  }

  faster(by) {
    const place = Math.min(SPEEDS.length - 1, Math.max(0, +this.speed.value + by));
    this.speed.value = place;
    this.send({ speed: SPEEDS[place] });
  }

  // ---- talking

  change(change) {
    this.send({ change });
  }

  send(command) {
    this.queue.push(command);
    this.wake?.();
  }

  async loop() {
    while (this.alive) {
      const began = performance.now();
      const command = this.queue.shift() ?? {};
      try {
        const since = this.since ?? -1;
        this.take(await this.ask({ ...command, since, game: this.game }));
        this.warn("");
      } catch (error) {
        this.warn(String(error.message ?? error));
      }
      if (this.queue.length) continue;
      const rest = (this.state?.running && !this.broken ? EVERY_MS : IDLE_MS) - (performance.now() - began);
      await new Promise((resolve) => {
        this.wake = resolve;
        if (!document.hidden) setTimeout(resolve, Math.max(4, rest));
      });
    }
  }

  warn(text) {
    this.broken = text !== "";
    this.warning.hidden = !text;
    setText(this.warning, text);
  }

  say(text) {
    setText(this.news, text);
  }

  take(state) {
    const other = state.game !== this.game;
    if (other) {
      this.stages.replaceChildren();
      this.lanes.clear();
      this.game = state.game;
      this.since = -1;
    }
    const was = this.state;
    this.state = state;
    this.show(state, was);
    const rows = Object.values(state.past)[0] ?? [];
    if (rows.length) this.since = rows.at(-1)[0];
    if (state.text) this.download(state.file, state.text);
    if (state.error) this.say(`Not done: ${state.error}.`);
    else if (state.said) this.say(`At ${state.clock}: ${state.said}.`);
    else if (was?.running && !state.running) this.say(`Halted at ${state.clock}. ${this.words()}`);
    else if (other) this.say("Press Run, and do something to it.");
    else this.tell(was, state);
  }

  // What happens by itself and matters: the first job of a queue that is lost, and a score.
  tell(was, state) {
    for (const [name, one] of Object.entries(state.queues)) {
      if (one.failed > 0 && was?.queues[name]?.failed === 0) this.say(`At ${state.clock}: the first ${name} job failed for good.`);
    }
    if (state.challenge?.score && !was?.challenge?.score) this.say(`${state.challenge.title}: ${state.challenge.score.points} points.`);
  }

  words() {
    const parts = Object.entries(this.state.queues).map(([name, one]) => `${name}: ${one.ready} wait, ${one.delayed} delayed, ${one.active} in slots, ${one.done} done, ${one.failed} failed${one.money ? `, ${whole(one.money)} in money lost` : ""}`);
    return `${parts.join("; ")}.`;
  }

  download(name, text) {
    const link = h("a", { download: name, href: URL.createObjectURL(new Blob([text], { type: "text/plain" })) });
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 10000);
    this.saved = text;
    this.say(`${name} is handed to your browser.`);
  }

  // ---- showing

  show(state, was) {
    setText(this.title, state.name);
    setText(this.clock, state.clock);
    setText(this.run, state.running ? "Halt" : "Run");
    this.run.setAttribute("aria-label", state.running ? "Halt" : "Run");
    this.beside.setAttribute("aria-pressed", String(!!state.beside));
    this.beside.hidden = state.mode === "in-process";
    if (document.activeElement !== this.speed || !was) {
      this.speed.value = SPEEDS.findIndex((one) => one >= state.speed - 1e-9);
    }
    const said = state.speed >= 1e6 ? "as fast as it goes" : `${state.speed}×`;
    setText(this.speedSaid, said);
    this.speed.setAttribute("aria-valuetext", said);
    const training = state.mode === "in-process";
    if (training) this.training(state, "this");
    for (const [name, queue] of Object.entries(state.queues)) {
      const lane = this.lane(name, name, training);
      queue.title = "slots, by worker";
      lane.show(queue, training ? [] : placesOf(state.workers, name), state, state.past[name]);
      lane.formula = state.formulas[name];
    }
    if (state.beside) this.training(state.beside, "beside");
    this.workers.node.parentElement.hidden = training;
    if (!training) this.workers.show(state.workers, state.pools);
    this.score(state.challenge);
  }

  lane(key, name, plain) {
    if (!this.lanes.has(key)) {
      const lane = new Lane(name, (change) => this.change(change), plain);
      this.lanes.set(key, lane);
      this.stages.append(lane.node);
    }
    return this.lanes.get(key);
  }

  // Training mode as one lane: whoever is not served holds the line.
  training(state, key) {
    const lane = this.lane(` ${key}`, "training mode", "callers");
    const all = Object.values(state.queues);
    const sum = (what) => all.reduce((total, one) => total + one[what], 0);
    const places = state.workers.flatMap((one) => one.slots[""].map((job) => ({ worker: one.name, up: true, job })));
    const longest = all.reduce((best, one) => ((one.p95 ?? -1) > (best.p95 ?? -1) ? one : best), all[0]);
    lane.show({
      ready: sum("ready"), line: all.flatMap((one) => one.line), delayed: 0, later: [], active: sum("active"),
      slots: all[0].slots, done: sum("done"), failed: sum("failed") + sum("lost"), refused: sum("refused"),
      p50: longest.p50, p95: longest.p95, title: "callers",
      money: all.some((one) => one.money != null) ? sum("money") : null,
    }, places, state, []);
    setText(lane.note, `The same arrivals. Whoever asks holds the line until all that follows is done; nothing is tried again. ${all[0].slots} callers, as many as there were slots at the start; what is done to workers and to a paused queue is not done here.`);
  }

  score(challenge) {
    this.challenge.hidden = !challenge;
    if (!challenge) return;
    const score = challenge.score;
    const told = score ? `${score.solved ? "Solved" : "Not solved"}: ${score.points} points. ${score.words}.` : `${seconds(challenge.left_s)} left.`;
    const text = `${challenge.title}|${challenge.task}|${told}`;
    if (this.challenged === text) return;
    this.challenged = text;
    this.challenge.classList.toggle("solved", !!score?.solved);
    this.challenge.replaceChildren(h("h2", { text: challenge.title }), h("p", { text: challenge.task }), h("p", { class: "left", text: told }));
  }

  animate() {
    let last = performance.now();
    let charted = 0;
    const frame = (now) => {
      if (!this.alive) return;
      const colours = coloursOf(this.root);
      for (const lane of this.lanes.values()) lane.stage.draw(colours, now - last);
      if (now - charted > 250) {
        charted = now;
        for (const lane of this.lanes.values()) lane.chart();
      }
      last = now;
      this.frames += 1;
      requestAnimationFrame(frame);
    };
    requestAnimationFrame(frame);
  }

  stop() {
    this.alive = false;
    (this.alone ? document : this.root).removeEventListener("keydown", this.onkey);
    document.removeEventListener("visibilitychange", this.onseen);
    this.wake?.();
  }
}

class Lane {
  constructor(name, change, plain) {
    this.state = h("span", { class: "badge" });
    this.numbers = new Map();
    const canvas = h("canvas", { role: "img" });
    this.canvas = canvas;
    this.name = name;
    this.stage = new Stage(canvas);
    this.charts = plain === "callers" ? null : new Charts();
    this.controls = plain === "callers" ? null : new QueueControls(name, change);
    this.plain = plain;
    const list = h("dl", {}, ...(plain === "callers" ? ["waiting", "in slots", "done", "failed", "wait p95", "money lost"] : ["waiting", "delayed", "in slots", "done", "failed", "wait p95", "money lost"]).map((term) => {
      const value = h("dd", { text: "0" });
      this.numbers.set(term, value);
      return h("div", { class: term.replace(" ", "-") }, h("dt", { text: plain === "callers" && term === "in slots" ? "served" : term }), value);
    }));
    this.note = plain === "callers" ? h("p", { class: "note" }) : null;
    this.node = h("article", { class: plain === "callers" ? "card lane training" : "card lane", "aria-label": name },
      h("div", { class: "title" }, h("h2", { text: name }), this.state), this.note, list,
      h("div", { class: "scene" }, h("div", { class: "see" }, canvas, this.controls?.buttons), this.charts?.node), this.controls?.details);
  }

  show(queue, places, state, past) {
    this.queue = queue;
    this.stage.show(queue, places, state.ended);
    const put = (term, text) => setText(this.numbers.get(term), text);
    put("waiting", whole(queue.ready));
    if (this.plain !== "callers") put("delayed", whole(queue.delayed));
    put("in slots", `${queue.active} of ${queue.slots}`);
    put("done", whole(queue.done));
    put("failed", whole(queue.failed));
    put("wait p95", seconds(queue.p95));
    put("money lost", whole(queue.money ?? 0));
    const money = this.numbers.get("money lost").parentElement;
    money.hidden = queue.money == null;
    money.classList.toggle("bad", queue.money > 0);
    this.numbers.get("failed").parentElement.classList.toggle("bad", queue.failed > 0);
    const badges = [queue.paused && "paused", queue.away && "gateway away"].filter(Boolean);
    setText(this.state, badges.join(", "));
    this.canvas.setAttribute("aria-label", `${this.name}: ${queue.ready} jobs wait, ${queue.delayed} are delayed, ${queue.active} of ${queue.slots} slots are busy`);
    this.charts?.add(past, state.every_s);
    this.controls?.show(queue, this.plain === true);
  }

  chart() {
    if (this.queue) this.charts?.draw(this.queue, this.formula);
  }
}

function placesOf(workers, queue) {
  return workers.flatMap((one) => (one.slots[queue] ?? []).map((job) => ({ worker: one.name, up: one.up && !one.drains, job })));
}

const NAMES = ["ready", "again", "active", "bad", "faint", "line", "place", "down"];
let cached = null;
let cachedAt = 0;

function coloursOf(root) {
  if (cached && performance.now() - cachedAt < 500) return cached;
  const style = getComputedStyle(root);
  cached = Object.fromEntries(NAMES.map((name) => [name, style.getPropertyValue(`--${name}`).trim()]));
  cachedAt = performance.now();
  return cached;
}
