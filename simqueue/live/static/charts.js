// What grows beside it: the line, the waits and the load over time, as small lines.

import { h, seconds, setText, svg, whole } from "./dom.js";

const WIDTH = 240;
const HEIGHT = 54;

export class Charts {
  constructor() {
    this.rows = [];
    this.line = new Chart("Waiting");
    this.waits = new Chart("Wait, p50 and p95");
    this.busy = new Chart("Slots busy");
    this.node = h("div", { class: "charts" }, this.line.node, this.waits.node, this.busy.node);
  }

  reset() {
    this.rows = [];
  }

  add(rows, everyS) {
    this.rows.push(...rows);
    if (this.rows.length > 620) this.rows = this.rows.filter((row) => row[0] % everyS === 0);
  }

  draw(queue, formula) {
    const rows = this.rows;
    const times = rows.map((row) => row[0]);
    const most = Math.max(1, ...rows.map((row) => row[1]));
    this.line.draw(times, [{ name: "ready", values: rows.map((row) => row[1]), filled: true }], most,
      `${whole(queue.ready)} now, at most ${whole(most)}`);
    const longest = Math.max(0.001, formula?.wait_mean_s ?? 0, ...rows.map((row) => row[5] ?? 0));
    const marks = formula ? [{ at: formula.wait_mean_s }] : [];
    const theory = formula ? `; ${formula.model} says mean ${seconds(formula.wait_mean_s)}, is ${seconds(queue.mean)}` : "";
    this.waits.draw(times, [
      { name: "p95", values: rows.map((row) => row[5]) },
      { name: "p50", values: rows.map((row) => row[4]) },
    ], longest, `${seconds(queue.p50)} and ${seconds(queue.p95)}${theory}`, marks);
    this.busy.draw(times, [{ name: "busy", values: rows.map((row) => row[6]), filled: true }], 1,
      queue.busy == null ? "–" : `${Math.round(100 * queue.busy)} %`);
  }
}

class Chart {
  constructor(title) {
    this.said = h("span", { class: "said" });
    this.picture = svg("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, preserveAspectRatio: "none", "aria-hidden": "true" });
    this.node = h("figure", {}, h("figcaption", {}, h("b", { text: title }), this.said), this.picture);
    this.paths = new Map();
  }

  draw(times, lines, most, said, marks = []) {
    setText(this.said, said);
    const from = times[0] ?? 0;
    const span = Math.max(1, (times.at(-1) ?? 0) - from);
    const x = (time) => (((time - from) / span) * WIDTH).toFixed(1);
    const y = (value) => (HEIGHT - 2 - (value / most) * (HEIGHT - 6)).toFixed(1);
    for (const { name, values, filled } of lines) {
      let path = "";
      let open = false;
      let begin = null;
      values.forEach((value, n) => {
        if (value == null) {
          open = false;
          return;
        }
        begin ??= times[n];
        path += `${open ? "L" : "M"}${x(times[n])} ${y(value)}`;
        open = true;
      });
      if (filled) {
        const area = path && `${path}L${x(times.at(-1))} ${HEIGHT}L${x(begin)} ${HEIGHT}Z`;
        this.path(`${name} area`).setAttribute("d", area);
      }
      this.path(name).setAttribute("d", path);
    }
    this.path("formula").setAttribute("d", marks.map(({ at }) => `M0 ${y(at)}H${WIDTH}`).join(""));
  }

  path(name) {
    if (!this.paths.has(name)) {
      const made = svg("path", { class: name, "vector-effect": "non-scaling-stroke" });
      this.paths.set(name, made);
      this.picture.append(made);
    }
    return this.paths.get(name);
  }
}
