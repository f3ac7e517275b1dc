// A queue as one sees it: jobs that wait, that are delayed, that are done in slots, and that go.
//
// Each job is a dot that moves to where it belongs. The head of the line is at the slots: a retry
// comes back to the tail, a stalled job to the head.

const SIZES = [13, 11, 9, 7, 6, 5, 4, 3, 2];
const GONE_MS = 700;

const still = matchMedia("(prefers-reduced-motion: reduce)");

export class Stage {
  constructor(canvas) {
    this.canvas = canvas;
    this.pen = canvas.getContext("2d");
    this.jobs = new Map();
    this.gone = [];
    this.groups = [];
    this.size = 13;
    this.longest = 1;
  }

  // ---- what there is

  show(queue, places, ended) {
    this.queue = queue;
    this.places = places;
    const now = new Map();
    const put = (key, where, place, attempt, left) => {
      const before = this.jobs.get(key);
      const job = before ?? { x: null, y: null };
      Object.assign(job, { where, place, attempt, left });
      now.set(key, job);
    };
    queue.line.forEach(([key, attempt], n) => put(key, "line", n, attempt));
    queue.later.forEach(([key, attempt, left], n) => put(key, "later", n, attempt, left));
    this.longest = Math.max(1, ...queue.later.map((one) => one[2]));
    places.forEach((one, n) => {
      if (one.job) put(one.job[0], "slot", n, one.job[1]);
    });
    const how = new Map(ended);
    for (const [key, job] of this.jobs) {
      if (!now.has(key) && job.x !== null && how.has(key) && !still.matches) {
        if (this.gone.length < 400) this.gone.push({ ...job, at: performance.now(), failed: how.get(key) !== 1 });
      }
    }
    this.jobs = now;
    this.arrange();
  }

  arrange() {
    const { clientWidth: width, clientHeight: height } = this.canvas;
    if (!width || !this.queue) return;
    const narrow = width < 560;
    const gap = narrow ? 10 : 22;
    const end = narrow ? 16 : 34;
    const slots = Math.max(1, this.places.length);
    const area = { x: 4, y: 16, w: Math.round(width * (narrow ? 0.46 : 0.52)), h: height - 22 };
    const laterHeight = this.queue.later.length ? Math.max(26, area.h * 0.32) : 0;
    const line = { ...area, h: area.h - laterHeight };
    const later = { ...area, y: area.y + line.h + 14, h: laterHeight - 14 };
    const slotBox = { x: area.x + area.w + gap, y: 16, w: width - area.w - gap - end - 8, h: height - 22 };
    this.boxes = { line, later, slotBox, end: width - end, width, height };

    this.size = fitting(line, this.queue.line.length);
    const rows = Math.max(1, Math.floor(line.h / this.size));
    const laterSize = fitting(later, this.queue.later.length);
    const laterRows = Math.max(1, Math.floor(later.h / laterSize));
    this.laterSize = laterSize;
    const slotSize = fittingSlots(slotBox, slots, this.places);
    this.slotSize = slotSize;
    this.spots = spotsOf(slotBox, slotSize, this.places);
    for (const job of this.jobs.values()) {
      if (job.where === "line") {
        job.tx = line.x + line.w - (Math.floor(job.place / rows) + 0.5) * this.size;
        job.ty = line.y + ((job.place % rows) + 0.5) * this.size;
      } else if (job.where === "later") {
        job.tx = later.x + (Math.floor(job.place / laterRows) + 0.5) * laterSize;
        job.ty = later.y + ((job.place % laterRows) + 0.5) * laterSize;
      } else {
        const spot = this.spots[job.place];
        job.tx = spot.x;
        job.ty = spot.y;
      }
      if (job.x === null) {
        job.x = still.matches || job.where !== "line" ? job.tx : Math.max(-8, line.x - 8);
        job.y = job.ty;
      }
    }
  }

  // ---- drawing

  draw(colours, elapsed) {
    const { canvas, pen } = this;
    if (!this.boxes) return;
    const scale = devicePixelRatio || 1;
    const { clientWidth: width, clientHeight: height } = canvas;
    if (canvas.width !== Math.round(width * scale) || canvas.height !== Math.round(height * scale)) {
      canvas.width = Math.round(width * scale);
      canvas.height = Math.round(height * scale);
      this.arrange();
    }
    pen.setTransform(scale, 0, 0, scale, 0, 0);
    pen.clearRect(0, 0, width, height);
    this.labels(pen, colours);
    this.drawPlaces(pen, colours);
    const share = still.matches ? 1 : 1 - Math.exp(-elapsed / 90);
    const groups = { first: [], again: [], busy: [], later: [] };
    for (const job of this.jobs.values()) {
      job.x += (job.tx - job.x) * share;
      job.y += (job.ty - job.y) * share;
      if (job.where === "later") groups.later.push(job);
      else if (job.where === "slot") groups.busy.push(job);
      else groups[job.attempt > 1 ? "again" : "first"].push(job);
    }
    dots(pen, groups.first, colours.ready, this.size, false);
    dots(pen, groups.again, colours.again, this.size, true);
    this.drawLater(pen, colours, groups.later);
    const size = Math.min(13, this.slotSize);
    dots(pen, groups.busy.filter((job) => job.attempt <= 1), colours.active, size, false);
    dots(pen, groups.busy.filter((job) => job.attempt > 1), colours.again, size, true);
    this.drawGone(pen, colours);
  }

  labels(pen, colours) {
    const { line, later, slotBox } = this.boxes;
    pen.font = "11px system-ui, sans-serif";
    pen.fillStyle = colours.faint;
    pen.textAlign = "right";
    const hidden = this.queue.ready - this.queue.line.length;
    pen.fillText(hidden > 0 ? `${hidden.toLocaleString("en")} more, and these` : "waiting", line.x + line.w, 10);
    pen.textAlign = "left";
    pen.fillText(this.queue.title ?? "slots", slotBox.x, 10);
    if (this.queue.later.length) pen.fillText("delayed: tried again later", later.x, later.y - 4);
    pen.fillStyle = colours.line;
    pen.fillRect(line.x + line.w + 3, line.y, 1, line.h);
  }

  drawPlaces(pen, colours) {
    const half = this.slotSize / 2 - 1;
    for (let n = 0; n < this.places.length; n += 1) {
      const { x, y } = this.spots[n];
      const place = this.places[n];
      pen.fillStyle = place.up ? colours.place : colours.down;
      pen.beginPath();
      pen.roundRect(x - half, y - half, 2 * half, 2 * half, Math.min(4, half));
      pen.fill();
      if (!place.up && half > 3) {
        pen.strokeStyle = colours.faint;
        pen.lineWidth = 1;
        pen.beginPath();
        pen.moveTo(x - half / 2, y - half / 2);
        pen.lineTo(x + half / 2, y + half / 2);
        pen.moveTo(x + half / 2, y - half / 2);
        pen.lineTo(x - half / 2, y + half / 2);
        pen.stroke();
      }
    }
  }

  drawLater(pen, colours, jobs) {
    const radius = this.laterSize / 2 - 1;
    if (radius < 3) {
      dots(pen, jobs, colours.again, this.laterSize, true);
      return;
    }
    pen.strokeStyle = colours.again;
    pen.lineWidth = Math.max(1.5, radius / 3);
    for (const job of jobs) {
      const turn = Math.max(0.03, Math.min(1, job.left / this.longest));
      pen.beginPath();
      pen.arc(job.x, job.y, radius - 1, -Math.PI / 2, -Math.PI / 2 + turn * 2 * Math.PI);
      pen.stroke();
    }
  }

  drawGone(pen, colours) {
    const now = performance.now();
    this.gone = this.gone.filter((job) => now - job.at < GONE_MS);
    const size = Math.min(9, this.size);
    for (const job of this.gone) {
      const way = (now - job.at) / GONE_MS;
      pen.globalAlpha = 1 - way;
      pen.fillStyle = job.failed ? colours.bad : colours.active;
      const x = job.x + (this.boxes.width - job.x) * way * (job.failed ? 0.35 : 1);
      const y = job.failed ? job.y + (this.boxes.height - job.y) * way : job.y;
      pen.fillRect(x - size / 2, y - size / 2, size, size);
    }
    pen.globalAlpha = 1;
  }
}

function dots(pen, jobs, colour, size, square) {
  pen.fillStyle = colour;
  const r = Math.max(0.75, size / 2 - (size > 6 ? 1.5 : 0.5));
  if (square || size < 6) {
    for (const job of jobs) pen.fillRect(job.x - r, job.y - r, 2 * r, 2 * r);
    return;
  }
  pen.beginPath();
  for (const job of jobs) {
    pen.moveTo(job.x + r, job.y);
    pen.arc(job.x, job.y, r, 0, 2 * Math.PI);
  }
  pen.fill();
}

function fitting(box, count) {
  return SIZES.find((size) => Math.floor(box.w / size) * Math.floor(box.h / size) >= count) ?? 2;
}

// Slots of one worker stand together, workers beside each other, as large as they fit.
function fittingSlots(box, count, places) {
  for (let size = 22; size > 4; size -= 1) {
    if (spotsOf(box, size, places).every((one) => one.x + size / 2 <= box.x + box.w)) return size;
  }
  return 4;
}

function spotsOf(box, size, places) {
  const rows = Math.max(1, Math.floor(box.h / size));
  const found = [];
  let x = box.x;
  let first = 0;
  while (first < places.length) {
    let last = first;
    while (last < places.length && places[last].worker === places[first].worker) last += 1;
    const count = last - first;
    for (let n = 0; n < count; n += 1) {
      found.push({ x: x + (Math.floor(n / rows) + 0.5) * size, y: box.y + ((n % rows) + 0.5) * size });
    }
    x += Math.ceil(count / rows) * size + 8;
    first = last;
  }
  return found;
}
