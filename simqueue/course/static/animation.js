'use strict';
// Places of a job, as in film.py; from AT_WORK on: in which slot.
const WAITING = 0, DELAYED = 1, PUT_BACK = 2, DONE = 3, GIVEN_UP = 4, AT_WORK = 5;
const LOOKS = ['waiting', 'delayed', 'stalled', 'done', 'failed', 'working'];
const SHAPES = {
  waiting: 'M-7.5 0a7.5 7.5 0 1 0 15 0a7.5 7.5 0 1 0 -15 0z',
  working: 'M-7.5 -7.5h15v15h-15z',
  delayed: 'M0 -8.5L8.5 7H-8.5z',
  stalled: 'M0 -8.5L8.5 0L0 8.5L-8.5 0z',
  done: 'M-7 0L-2 5L7 -6',
  failed: 'M-7 -4L-4 -7L0 -3L4 -7L7 -4L3 0L7 4L4 7L0 3L-4 7L-7 4L-3 0z',
};
const GAP = 19;           // pixels from job to job
const REDUCED_MS = 500;   // with reduced motion: a new picture only so often

const find = (selector) => document.querySelector(selector);
const play = find('#play'), slider = find('#time'), stage = find('#stage'), canvas = find('#jobs');
const reduced = matchMedia('(prefers-reduced-motion: reduce)');

const jobs = film.jobs.map((pairs) => {
  const ticks = [], places = [], attempts = [];
  let tick = 0, attempt = 0;
  for (let i = 0; i < pairs.length; i += 2) {
    tick += pairs[i];
    attempt += Math.floor(pairs[i + 1] / 100);
    ticks.push(tick);
    places.push(pairs[i + 1] % 100);
    attempts.push(attempt);
  }
  const group = svg('g'), path = svg('path'), text = svg('text');
  text.setAttribute('y', 4);
  group.append(path, text);
  canvas.append(group);
  return {ticks, places, attempts, group, path, text, shown: ''};
});

function svg(name) {
  return document.createElementNS('http://www.w3.org/2000/svg', name);
}

/** Number of the last thing that happened to a job by a moment; -1: it is not there yet. */
function step(job, tick) {
  let number = job.ticks.length - 1;
  while (number >= 0 && job.ticks[number] > tick) number -= 1;
  return number;
}

// The slots.
const slots = [];
for (const [name, many] of film.workers) {
  const worker = document.createElement('div'), label = document.createElement('span');
  const row = document.createElement('div');
  worker.className = 'worker';
  row.className = 'slots';
  label.textContent = label.title = `worker ${name}`;
  worker.append(label, row);
  for (let i = 0; i < many; i += 1) {
    const slot = document.createElement('div');
    slot.className = 'slot';
    slots.push(slot);
    row.append(slot);
  }
  find('#workers').append(worker);
}
find('#working h2 span').textContent = `of ${slots.length} slot${slots.length === 1 ? '' : 's'}`;
find('#stalled').hidden = !jobs.some((job) => job.places.includes(PUT_BACK));
for (const key of document.querySelectorAll('.key path')) {
  key.setAttribute('d', SHAPES[key.getAttribute('class')]);
}

/** The time in words; as film.py says it. */
function clock(tick) {
  const seconds = film.start_s + tick * film.tick_s, length = film.ticks * film.tick_s;
  if (film.start_s + length < 7200) {
    return `${seconds.toFixed(length >= 100 ? 0 : length >= 10 ? 1 : 2)} s`;
  }
  const whole = Math.floor(seconds + 0.5), two = (number) => String(number).padStart(2, '0');
  return `${Math.floor(whole / 3600)}:${two(Math.floor(whole / 60) % 60)}:${two(whole % 60)} h`;
}

/** The curve above the slider: how many wait. */
function drawCurve() {
  const changes = new Map();
  for (const job of jobs) {
    job.places.forEach((place, i) => {
      if (place !== WAITING) return;
      changes.set(job.ticks[i], (changes.get(job.ticks[i]) ?? 0) + 1);
      const end = job.ticks[i + 1] ?? Infinity;
      changes.set(end, (changes.get(end) ?? 0) - 1);
    });
  }
  let length = 0, most = 1;
  const corners = [];
  for (const tick of [...changes.keys()].filter(Number.isFinite).sort((a, b) => a - b)) {
    length += changes.get(tick);
    most = Math.max(most, length);
    corners.push([tick, length]);
  }
  const curve = find('#curve');
  curve.setAttribute('viewBox', `0 0 1000 ${most}`);
  const x = (tick) => Math.round(tick / film.ticks * 10000) / 10;
  const line = corners.map(([tick, many]) => `H${x(tick)}V${most - many}`).join('');
  curve.firstElementChild.setAttribute('d', `M0 ${most}${line}H1000V${most}z`);
}

/** Centre of an element, in pixels of the stage. */
function centre(element) {
  const box = element.getBoundingClientRect(), origin = stage.getBoundingClientRect();
  return [box.left + box.width / 2 - origin.left, box.top + box.height / 2 - origin.top];
}

/** Where the jobs of a room stand: next to the slots the first, as many as there is room for. */
function seats(room) {
  const box = room.getBoundingClientRect(), origin = stage.getBoundingClientRect();
  const left = box.left - origin.left, top = box.top - origin.top;
  const columns = Math.max(1, Math.floor(box.width / GAP));
  const rows = Math.max(1, Math.floor(box.height / GAP));
  const wide = innerWidth >= 640;
  return {
    room: columns * rows,
    at: (number) => {
      const column = number % columns * GAP + GAP / 2, row = Math.floor(number / columns) * GAP + GAP / 2;
      return wide ? [left + box.width - column, top + row] : [left + column, top + box.height - row];
    },
  };
}

let places;   // of everything on the stage, as long as the window keeps its size
function measure() {
  const waiting = seats(find('#waiting .room')), delayed = seats(find('#delayed .room'));
  const box = find('#waiting').getBoundingClientRect(), origin = stage.getBoundingClientRect();
  places = {
    waiting, delayed,
    door: [box.left - origin.left - 10, box.top + box.height / 2 - origin.top],
    slots: slots.map(centre),
    done: centre(find('#done .key')),
    failed: centre(find('#failed .key')),
    stalled: centre(find('#stalled').hidden ? find('#over') : find('#stalled .key')),
  };
}

let now = 0;
let counted = {};

/** Draw a moment. */
function draw(tick) {
  now = tick;
  const rooms = {[WAITING]: [], [DELAYED]: []};
  const counts = {waiting: 0, working: 0, delayed: 0, stalled: 0, done: film.before[0], failed: film.before[1]};
  for (const job of jobs) {
    const i = step(job, tick);
    if (i < 0) {
      put(job, places.door, 0, 'waiting', 1);
      continue;
    }
    const place = job.places[i], look = LOOKS[Math.min(place, AT_WORK)];
    counts[look] += 1;
    if (place in rooms) rooms[place].push([job.ticks[i + 1] ?? Infinity, job, job.attempts[i]]);
    else if (place >= AT_WORK) put(job, places.slots[place - AT_WORK], 1, look, job.attempts[i]);
    else put(job, places[look], place === PUT_BACK ? 1 : 0, look, 1);
  }
  for (const [place, look] of [[WAITING, 'waiting'], [DELAYED, 'delayed']]) {
    const seated = places[look];
    // The next to leave stands first.
    rooms[place].sort((one, other) => one[0] === other[0] ? 0 : one[0] - other[0]);
    rooms[place].forEach(([, job, attempt], number) => {
      put(job, seated.at(Math.min(number, seated.room - 1)), number < seated.room ? 1 : 0, look, attempt);
    });
    const more = rooms[place].length - seated.room;
    find(`#${look} h2 span`).textContent = more > 0 ? `(${more} not drawn)` : '';
  }
  for (const look of Object.keys(counts)) find(`#${look} b`).textContent = counts[look];
  counted = counts;
  find('#clock').textContent = clock(tick);
  slider.value = Math.round(tick / film.ticks * 400);
}

function put(job, [x, y], opacity, look, attempt) {
  const shown = `${x.toFixed(1)} ${y.toFixed(1)} ${opacity} ${look} ${attempt}`;
  if (shown === job.shown) return;
  job.shown = shown;
  job.group.style.transform = `translate(${x.toFixed(1)}px, ${y.toFixed(1)}px)`;
  job.group.style.opacity = opacity;
  job.path.setAttribute('class', look);
  job.path.setAttribute('d', SHAPES[look]);
  job.text.textContent = attempt > 1 && look !== 'done' && look !== 'failed' ? attempt : '';
}

/** The moment for those who hear it. */
function tell(aloud) {
  const {waiting, working, delayed, done, failed} = counted;
  const words = `${clock(now)}: ${waiting} waiting, ${working} at work, ${delayed} in backoff, ` +
    `${done} completed, ${failed} failed`;
  slider.setAttribute('aria-valuetext', words);
  if (aloud) find('#news').textContent = words;
}

let running = 0, last = 0, drawn = 0, exact = 0;
function frame(time) {
  exact = Math.min(film.ticks, exact + (time - last) / 1000 / film.seconds * film.ticks);
  last = time;
  if (!reduced.matches || time - drawn >= REDUCED_MS || exact === film.ticks) {
    draw(exact);
    drawn = time;
  }
  if (exact === film.ticks) return stop();
  running = requestAnimationFrame(frame);
}

function start() {
  canvas.classList.toggle('still', reduced.matches);
  exact = now >= film.ticks ? 0 : now;
  last = performance.now();
  running = requestAnimationFrame(frame);
  play.innerHTML = '<span aria-hidden="true">■</span> Stop';
}

function stop() {
  cancelAnimationFrame(running);
  running = 0;
  play.innerHTML = '<span aria-hidden="true">▶</span> Play';
  tell(true);
}

play.addEventListener('click', () => { if (running) stop(); else start(); });
slider.addEventListener('input', () => {
  canvas.classList.add('still');
  exact = Number(slider.value) / 400 * film.ticks;
  draw(exact);
  tell(false);
});
new ResizeObserver(() => {
  canvas.classList.add('still');
  measure();
  draw(now);
}).observe(stage);

measure();
canvas.classList.add('still');
drawCurve();
draw(0);
tell(false);
