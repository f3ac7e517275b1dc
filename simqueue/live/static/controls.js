// What one can do: to a queue, and to the workers. Each control says one change.

import { h, setText } from "./dom.js";

const TIMES = [0, 0.25, 0.5, 0.75, 1, 1.25, 1.5, 2, 3, 5, 10];

export class QueueControls {
  constructor(name, change) {
    const say = (text) => `${text}, ${name}`;
    this.one = button("Send 1", say("Send one job"), () => change({ do: "send", queue: name, jobs: 1 }));
    this.hundred = button("Send 100", say("Send a hundred jobs"), () => change({ do: "send", queue: name, jobs: 100 }));
    this.pause = button("Pause", say("Pause the queue"), () => change({ do: "pause", queue: name, paused: this.pause.getAttribute("aria-pressed") !== "true" }));
    this.gateway = button("Gateway away", say("Take the gateway away"), () => change({ do: "gateway", queue: name, away: this.gateway.getAttribute("aria-pressed") !== "true" }));
    const set = (key) => (value) => change({ do: "set", queue: name, key, value });
    this.times = slider("Arrivals", TIMES.length - 1, 1, (n) => `${TIMES[n]}×`, (n) => change({ do: "arrivals", queue: name, times: TIMES[n] }), name);
    this.fails = slider("Failures", 100, 1, (n) => `${n} %`, (n) => set("failure_rate")(n / 100), name);
    this.jitter = slider("Jitter", 10, 1, (n) => `${n * 10} %`, (n) => set("backoff")({ jitter: n / 10 }), name);
    this.mean = field("Service, s", { min: 0.001, max: 3600, step: "any" }, (v) => set("service")({ mean_s: v }), name);
    this.attempts = field("Attempts", { min: 1, max: 50, step: 1 }, (v) => set("attempts")(Math.round(v)), name);
    this.delay = field("Backoff, s", { min: 0, max: 3600, step: "any" }, (v) => set("backoff")({ delay_ms: 1000 * v }), name);
    this.buttons = h("p", { class: "buttons" }, this.one, this.hundred, this.pause, this.gateway);
    this.details = h("details", {}, h("summary", { text: "Change its settings" }),
        h("div", { class: "settings" }, this.times.node, this.fails.node, this.mean.node, this.attempts.node, this.delay.node, this.jitter.node),
        h("p", { class: "note", text: "Attempts, backoff and jitter are for jobs that are added from then on, as in BullMQ." }));
  }

  show(queue, training) {
    for (const one of [this.one, this.hundred]) one.hidden = !queue.sends;
    this.pause.hidden = training;
    press(this.pause, queue.paused, "Pause", "Go on");
    press(this.gateway, queue.away, "Gateway away", "Gateway back");
    const settings = queue.settings;
    const nearest = TIMES.reduce((best, one, n) => (Math.abs(one - queue.times) < Math.abs(TIMES[best] - queue.times) ? n : best), 0);
    this.times.node.hidden = !queue.varies;
    this.times.show(nearest);
    this.fails.show(Math.round(100 * settings.failure_rate));
    this.jitter.show(Math.round(10 * settings.jitter));
    this.mean.show(+settings.mean_s.toPrecision(4));
    this.attempts.show(settings.attempts);
    this.delay.show(settings.delay_ms / 1000);
  }
}

export class WorkerControls {
  constructor(change) {
    this.change = change;
    this.list = h("ul", { class: "workers" });
    this.pools = h("div", { class: "pools" });
    this.cards = new Map();
    this.rows = new Map();
    this.node = h("div", {}, this.list, this.pools);
  }

  show(workers, pools) {
    const seen = new Set();
    for (const worker of workers) {
      const key = `${worker.pool}/${worker.number}`;
      seen.add(key);
      if (!this.cards.has(key)) this.add(key, worker);
      this.cards.get(key).show(worker);
    }
    for (const [key, card] of this.cards) {
      if (!seen.has(key)) {
        card.node.remove();
        this.cards.delete(key);
      }
    }
    for (const [pool, its] of Object.entries(pools)) this.pool(pool, its);
  }

  add(key, worker) {
    const state = h("span", { class: "state" });
    const about = { pool: worker.pool, worker: worker.number };
    const act = (what, label) => button(label, `${label} ${worker.name}`, () => this.change({ do: what, ...about }));
    const kill = act("kill", "Kill");
    const drain = act("drain", "Drain");
    const start = act("start", "Start");
    const node = h("li", {}, h("b", { text: worker.name }), state, h("span", { class: "buttons" }, kill, drain, start));
    this.list.append(node);
    this.cards.set(key, {
      node,
      show: (one) => {
        const slots = Object.values(one.slots).flat();
        const busy = slots.filter(Boolean).length;
        setText(state, one.drains ? `drains, ${busy} to finish` : one.up ? `${busy} of ${slots.length} slots busy` : "is down");
        node.classList.toggle("down", !one.up);
        swap(kill, one.up && !one.fixed);
        swap(drain, one.up && !one.drains && !one.fixed);
        swap(start, !one.up && !one.fixed);
      },
    });
  }

  pool(pool, its) {
    const key = JSON.stringify([pool, Object.keys(its.slots)]);
    if (!this.rows.has(key)) {
      const count = field("Workers", { min: 0, max: 50, step: 1 }, (v) => this.change({ do: "workers", pool, count: Math.round(v) }), pool);
      const slots = Object.keys(its.slots).map((queue) => [queue, field(`Slots for ${queue}`, { min: 1, max: 200, step: 1 }, (v) => this.change({ do: "slots", pool, queue, count: Math.round(v) }), pool)]);
      this.pools.replaceChildren(h("div", { class: "settings" }, count.node, ...slots.map(([, one]) => one.node)));
      this.rows.set(key, { count, slots });
    }
    const { count, slots } = this.rows.get(key);
    count.show(its.count);
    for (const [queue, one] of slots) one.show(its.slots[queue]);
  }
}

// ---- parts

export function button(text, label, act) {
  return h("button", { type: "button", "aria-label": label === text ? null : label, onclick: act, text });
}

// A button that goes must not take the focus with it.
function swap(node, shown) {
  if (node.hidden === !shown) return;
  const had = document.activeElement === node;
  node.hidden = !shown;
  if (had && !shown) setTimeout(() => node.parentElement?.querySelector("button:not([hidden])")?.focus(), 0);
}

function press(node, pressed, off, on) {
  node.setAttribute("aria-pressed", String(pressed));
  setText(node, pressed ? on : off);
}

function slider(label, max, step, words, send, of) {
  const input = h("input", { type: "range", min: 0, max, step, "aria-label": of ? `${label}, ${of}` : label });
  const output = h("output", {});
  const tell = () => {
    setText(output, words(+input.value));
    input.setAttribute("aria-valuetext", output.textContent);
  };
  input.addEventListener("input", tell);
  input.addEventListener("change", () => send(+input.value));
  const node = h("label", {}, h("span", { text: label }), output, input);
  return {
    node,
    show(value) {
      if (document.activeElement === input && input.matches(":active")) return;
      if (+input.value !== value || !output.textContent) {
        input.value = value;
        tell();
      }
    },
  };
}

function field(label, limits, send, of) {
  const input = h("input", { type: "number", ...limits, "aria-label": of ? `${label}, ${of}` : label });
  let told = null;
  input.addEventListener("change", () => {
    if (input.value !== "" && input.checkValidity()) {
      told = null;
      send(+input.value);
    } else if (told !== null) input.value = told;
  });
  input.addEventListener("blur", () => {
    if (told !== null) input.value = told;
  });
  return {
    node: h("label", {}, h("span", { text: label }), input),
    show(value) {
      if (value === told) return;
      told = value;
      if (document.activeElement !== input) input.value = value;
    },
  };
}
