// Depth over time: one small chart a queue. Lines differ in colour, in dashes and in the shape of
// the mark at their end, so that nobody needs to see colours.

const SVG = "http://www.w3.org/2000/svg";
const WIDTH = 360;
const HEIGHT = 110;
const LEFT = 34;
const RIGHT = 10;
const TOP = 8;
const BOTTOM = 18;

export const STATES = ["ready", "active", "delayed"];
const MARKS = {
  ready: (x, y) => `M${x - 4},${y}a4,4 0 1,0 8,0a4,4 0 1,0 -8,0`,
  active: (x, y) => `M${x - 4},${y - 4}h8v8h-8z`,
  delayed: (x, y) => `M${x},${y - 5}l5,9h-10z`,
};

export function svg(name, attributes = {}, text = "") {
  const element = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  if (text) element.textContent = text;
  return element;
}

// A round number that is not below the highest depth.
function ceiling(highest) {
  if (highest <= 4) return 4;
  const power = 10 ** Math.floor(Math.log10(highest));
  return [1, 2, 5, 10].map((factor) => factor * power).find((top) => top >= highest);
}

export function legend() {
  const list = document.createElement("ul");
  list.className = "legend";
  for (const state of STATES) {
    const item = document.createElement("li");
    const sample = svg("svg", { viewBox: "0 0 26 11", class: "chart", "aria-hidden": "true" });
    sample.append(
      svg("path", { class: state, d: "M0,5.5H20" }),
      svg("path", { class: `mark ${state}`, d: MARKS[state](21, 5.5) }),
    );
    item.append(sample, state);
    list.append(item);
  }
  return list;
}

// The deepest of each 10 seconds: on a small chart every sample would be a blur.
function deepest(samples) {
  const bins = new Map();
  for (const [at, depths] of samples) {
    const bin = Math.floor(at / 10);
    const before = bins.get(bin)?.[1] ?? depths;
    bins.set(bin, [at, depths.map((depth, i) => Math.max(depth, before[i]))]);
  }
  return [...bins.values()];
}

// samples: [[unix seconds, [ready, active, delayed]], ...]; where none was taken is a gap.
export function draw(chart, queue, taken, now, keptS) {
  const samples = deepest(taken);
  const top = ceiling(Math.max(0, ...samples.flatMap(([, depths]) => depths)));
  const x = (at) => LEFT + (1 - (now - at) / keptS) * (WIDTH - LEFT - RIGHT);
  const y = (depth) => TOP + (1 - depth / top) * (HEIGHT - TOP - BOTTOM);
  const round = (value) => Math.round(value * 10) / 10;
  const parts = [];
  for (const depth of [0, top / 2, top]) {
    parts.push(
      svg("path", { class: "grid", d: `M${LEFT},${round(y(depth))}H${WIDTH - RIGHT}` }),
      svg("text", { x: LEFT - 5, y: round(y(depth)) + 4, "text-anchor": "end" }, short(depth)),
    );
  }
  for (const minutes of [15, 10, 5, 0]) {
    const anchor = minutes === 0 ? "end" : "middle";
    const label = minutes === 0 ? "now" : `-${minutes} min`;
    const place = x(now - minutes * 60);
    parts.push(svg("text", { x: minutes === 15 ? place + 14 : place, y: HEIGHT - 3, "text-anchor": anchor }, label));
  }
  STATES.forEach((state, i) => {
    let path = "";
    let before = -Infinity;
    let last = null;
    for (const [at, depths] of samples) {
      if (now - at > keptS) continue;
      last = [round(x(at)), round(y(depths[i]))];
      path += `${at - before > 25 ? "M" : "L"}${last[0]},${last[1]}`;
      before = at;
    }
    if (!last) return;
    parts.push(
      svg("path", { class: state, d: path }),
      svg("path", { class: `mark ${state}`, d: MARKS[state](...last) }),
    );
  });
  chart.setAttribute("viewBox", `0 0 ${WIDTH} ${HEIGHT}`);
  chart.setAttribute("aria-label", describe(queue, taken));
  chart.replaceChildren(...parts);
}

function describe(queue, samples) {
  if (!samples.length) return `${queue}: no depths yet`;
  const last = samples.at(-1)[1];
  const said = STATES.map((state, i) => {
    const highest = Math.max(...samples.map(([, depths]) => depths[i]));
    return `${state} ${last[i]}, at most ${highest}`;
  });
  return `${queue}, depth over the last 15 minutes: ${said.join("; ")}`;
}

function short(depth) {
  if (depth < 1000) return String(Math.round(depth * 10) / 10);
  return depth < 1e6 ? `${depth / 1000}k` : `${depth / 1e6}M`;
}
