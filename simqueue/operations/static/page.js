// The page of `simqueue serve`. What comes from Redis becomes text nodes, never markup.

import { draw, legend, svg } from "./chart.js";

const PATIENCE_MS = 5000;
const FAILURES = 20;

const at = (id) => document.getElementById(id);
const cards = new Map();
const rows = new Map();
let token = takeToken();
let samples = [];
let keptS = 900;
let everyS = 2; // as often as the server looks, once it has said how often that is
let names = [];
let seen = null;
let skew = 0; // seconds that the server's clock is ahead of this one

// ---- what changes a queue needs

// From the address' #token=..., which no server ever sees; then it leaves the address bar.
function takeToken() {
  const given = new URLSearchParams(location.hash.slice(1)).get("token");
  if (given) {
    sessionStorage.setItem("token", given);
    history.replaceState(null, "", location.pathname);
  }
  return sessionStorage.getItem("token") ?? "";
}

function askForToken(wrong) {
  const dialog = at("token-dialog");
  at("token-wrong").textContent = wrong ? "That was not the token." : "";
  at("token").value = "";
  dialog.showModal();
  return new Promise((resolve) => {
    at("token-form").onsubmit = (event) => {
      event.preventDefault();
      token = at("token").value.trim();
      dialog.onclose = null;
      dialog.close();
      resolve(true);
    };
    dialog.onclose = () => resolve(false);
  });
}

function askToRemove(job) {
  const dialog = at("remove-dialog");
  at("remove-what").textContent = `${job.id} of ${job.queue}: ${job.error}`;
  dialog.showModal();
  return new Promise((resolve) => {
    at("remove-yes").onclick = () => {
      dialog.onclose = null;
      dialog.close();
      resolve(true);
    };
    dialog.onclose = () => resolve(false);
  });
}

async function change(job, verb, done) {
  const which = new URLSearchParams({ queue: job.queue, id: job.id });
  let asked = false;
  for (;;) {
    if (!token && !(await askForToken(asked))) return false;
    asked = true;
    const answer = await fetch(`api/failed/${verb}?${which}`, {
      method: "POST",
      headers: { authorization: `Bearer ${token}` },
      signal: AbortSignal.timeout(PATIENCE_MS),
    });
    if (answer.status === 401) {
      token = "";
      sessionStorage.removeItem("token");
      continue;
    }
    sessionStorage.setItem("token", token);
    if (!answer.ok) throw new Error((await answer.json()).error ?? answer.statusText);
    say(`Job ${job.id} of ${job.queue}: ${done}.`);
    return true;
  }
}

async function press(button, job, verb, done) {
  if (button.getAttribute("aria-disabled") === "true") return;
  button.setAttribute("aria-disabled", "true");
  try {
    if (verb === "remove" && !(await askToRemove(job))) return;
    if (await change(job, verb, done)) await refresh();
  } catch (error) {
    say(`Job ${job.id} of ${job.queue} is as it was: ${error.message}.`, true);
  } finally {
    button.removeAttribute("aria-disabled");
  }
}

// Shown, and said by screen readers when they have time; it does not move the focus.
function say(text, bad = false) {
  at("news").textContent = text;
  at("news").classList.toggle("wrong", bad);
}

// ---- drawing

function element(name, className = "", text = "") {
  const made = document.createElement(name);
  if (className) made.className = className;
  if (text) made.textContent = text;
  return made;
}

// Only what differs is touched, so that a selection or a screen reader's place survives.
function put(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

function makeCard(name) {
  const root = element("article", "queue");
  const title = element("div", "title");
  const told = element("span", "badge");
  const counts = element("dl", "counts");
  const chart = svg("svg", { class: "chart", role: "img" });
  title.append(element("h3", "", name), told);
  root.append(title, counts, chart, legend());
  at("queues").append(root);
  return { root, badge: told, counts, chart, cells: new Map() };
}

function cell(card, key, label, value, most) {
  let found = card.cells.get(key);
  if (!found) {
    const pair = element("div");
    found = { pair, term: element("dt"), number: element("span"), most: element("small") };
    const data = element("dd", key === "oldest" ? "words" : "");
    data.append(found.number, found.most);
    pair.append(found.term, data);
    card.counts.append(pair);
    card.cells.set(key, found);
  }
  put(found.term, label);
  put(found.number, value);
  put(found.most, most ? ` ${most}` : "");
}

function showStats(queues) {
  for (const [name, one] of Object.entries(queues)) {
    if (!cards.has(name)) cards.set(name, makeCard(name));
    const card = cards.get(name);
    card.root.classList.toggle("absent", !one.exists);
    put(card.badge, badge(one));
    if (one.error) {
      card.cells.clear();
      card.counts.replaceChildren();
      continue;
    }
    const waiting = one.waiting + one.prioritized;
    cell(card, "waiting", "waiting", number(waiting));
    cell(card, "active", "active", number(one.active));
    cell(card, "delayed", "delayed", number(one.delayed));
    cell(card, "paused", "paused", number(one.paused));
    cell(card, "completed", "completed", number(one.completed), kept(one.retention?.kept_completed));
    cell(card, "failed", "failed", number(one.failed), kept(one.retention?.kept_failed));
    cell(card, "oldest", "oldest", age(one.oldest_waiting_s));
    cell(card, "workers", "workers", one.workers == null ? "?" : number(one.workers));
  }
}

function badge(one) {
  if (one.error) return `cannot be read: ${one.error}`;
  if (!one.exists) return "no such queue yet";
  return one.is_paused ? "▮▮ paused" : "";
}

function showCharts() {
  const now = Date.now() / 1000 + skew;
  names.forEach((name, i) => {
    const card = cards.get(name);
    const own = samples.map(([when, depths]) => [when, depths[i]]);
    if (card) draw(card.chart, name, own, now, keptS);
  });
}

function makeRow(job) {
  const root = element("li", "failure");
  const what = element("p", "what");
  what.append(element("b", "", job.id), ` ${job.name}`);
  const facts = element("p", "facts");
  const error = element("p", "error");
  const buttons = element("p", "buttons");
  const retry = element("button", "", "Retry");
  const remove = element("button", "quiet", "Remove");
  retry.setAttribute("aria-label", `Retry job ${job.id} of queue ${job.queue}`);
  remove.setAttribute("aria-label", `Remove job ${job.id} of queue ${job.queue}`);
  retry.onclick = () => press(retry, job, "retry", "waits again");
  remove.onclick = () => press(remove, job, "remove", "removed");
  buttons.append(retry, remove);
  root.append(what, facts, error, buttons);
  return { root, facts, error, retry };
}

function showFailures(jobs) {
  const list = at("failures");
  const keys = new Set();
  let place = list.firstElementChild;
  for (const job of jobs) {
    // A job that fails again is another failure: its buttons are new.
    const key = JSON.stringify([job.queue, job.id, job.failed_at]);
    keys.add(key);
    if (!rows.has(key)) rows.set(key, makeRow(job));
    const row = rows.get(key);
    const tries = job.attempts == null ? job.attempts_made : `${job.attempts_made} of ${job.attempts}`;
    const unit = job.attempts === 1 || tries === 1 ? "attempt" : "attempts";
    put(row.facts, `${job.queue} · ${tries} ${unit} · ${moment(job.failed_at)}`);
    put(row.error, job.error.split("\n")[0] || "no error text");
    if (row.root === place) place = place.nextElementSibling;
    else list.insertBefore(row.root, place);
  }
  for (const [key, row] of rows) {
    if (keys.has(key)) continue;
    const held = row.root.contains(document.activeElement);
    const next = row.root.nextElementSibling ?? row.root.previousElementSibling;
    row.root.remove();
    rows.delete(key);
    // Who pressed a button that is gone goes on with the next one.
    if (held) (next?.querySelector("button") ?? at("failures-heading")).focus();
  }
  at("no-failures").hidden = jobs.length > 0;
}

const kept = (most) => (most == null ? "kept" : `of ${most}`);
const number = (value) => value.toLocaleString("en");

function age(seconds) {
  if (seconds == null) return "–";
  const whole = Math.floor(seconds);
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${whole % 60} s`;
  if (whole < 86400) return `${Math.floor(whole / 3600)} h ${Math.floor((whole % 3600) / 60)} min`;
  return `${Math.floor(whole / 86400)} d ${Math.floor((whole % 86400) / 3600)} h`;
}

function moment(seconds) {
  if (seconds == null) return "time unknown";
  const time = new Date(seconds * 1000);
  const today = time.toDateString() === new Date().toDateString();
  const clock = time.toLocaleTimeString("en-GB");
  return today ? clock : `${time.toISOString().slice(0, 10)} ${clock}`;
}

// ---- keeping up

async function read(path) {
  const answer = await fetch(path, { signal: AbortSignal.timeout(PATIENCE_MS) });
  const said = await answer.json();
  if (!answer.ok) throw new Error(said.error ?? answer.statusText);
  return said;
}

async function refresh() {
  const [stats, past] = await Promise.all([
    read("api/queues/stats"),
    read(`api/queues/history?since=${samples.at(-1)?.[0] ?? 0}`),
  ]);
  ({ queues: names, kept_s: keptS, every_s: everyS } = past);
  samples = [...samples, ...past.samples].filter(([when]) => past.now - when <= keptS);
  skew = past.now - Date.now() / 1000;
  showStats(stats.queues);
  showCharts();
  const lists = await Promise.all(names.filter((name) => !stats.queues[name]?.error).map(failuresOf));
  const newest = lists.flat().sort((a, b) => (b.failed_at ?? 0) - (a.failed_at ?? 0));
  showFailures(newest.slice(0, FAILURES));
}

async function failuresOf(name) {
  const said = await read(`api/failed?${new URLSearchParams({ queue: name, limit: FAILURES })}`);
  return said.failed;
}

function showConnection(error) {
  document.body.classList.toggle("stale", Boolean(error));
  if (!error) seen = new Date();
  put(at("connection"), error ? "out of date" : "live");
  const clock = seen ? `numbers of ${seen.toLocaleTimeString("en-GB")}` : "no numbers yet";
  const why = error instanceof TypeError ? "the server does not answer" : error?.message;
  put(at("updated"), `· ${error ? `${clock}: ${why}` : clock}`);
}

async function follow() {
  try {
    await refresh();
    showConnection(null);
  } catch (error) {
    showConnection(error);
  }
  setTimeout(follow, everyS * 1000);
}

for (const button of document.querySelectorAll("[data-close]")) {
  button.onclick = () => button.closest("dialog").close();
}
follow();
