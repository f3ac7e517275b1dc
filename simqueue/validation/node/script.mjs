// Handlers that take as long, and fail as often, as a workload says.
//
// The plan has a table for each kind of job: `queue` and `name`; `ids` and `flows` by the number of
// the root arrival; `options` for BullMQ, and those that differ, by number; `completed` and
// `failed`, the kinds that follow; `children`, the kinds that each job waits for, and what their
// options say of that; the `downstream` that is called, and `timeout_s`; whether cpu parts are done
// in a `sandbox`; and `attempts`, for each its `cpu_s`, `io_s`, `fails` by number, the `outages` of
// the queue, seconds, with whom they hit and how long these take, and `wait_ms` until the next one,
// null after the last. With `says_wait` BullMQ's own backoff has no word for that wait, and is told
// it. `fatal`, where there is one, says which failures are final. `slots`, where a job scheduler adds
// the jobs, are their `first_ms` and `every_ms`: the number of such a job is that of its slot, which
// is in its id, `repeat:SCHEDULER:MILLISECONDS`.
import { performance } from "node:perf_hooks";
import { setImmediate as others, setTimeout as pause } from "node:timers/promises";

import { call } from "./downstream.mjs";
import { now } from "./events.mjs";

export class Script {
  constructor(plan, queues, flows, events, worker, UnrecoverableError) {
    this.kinds = plan.kinds;
    this.queues = queues;
    this.flows = flows;
    this.events = events;
    this.worker = worker;
    this.UnrecoverableError = UnrecoverableError;
    this.origin = 0;
    this.begun = new WeakSet();
    this.sandbox = undefined;
    this.gateway = undefined;
  }

  /** The processor of a queue with so many slots; the free one of the smallest number is taken. */
  slots(concurrency) {
    const free = Array.from({ length: concurrency }, () => true);
    return async (job) => {
      this.begun.add(job);
      const slot = free.indexOf(true);
      free[slot] = false;
      try {
        return await this.attempt(job, slot);
      } finally {
        free[slot] = true;
      }
    };
  }

  /** Do one attempt, and write down when it began and ended. */
  async attempt(job, slot) {
    const { kind } = job.data.payload;
    const its = this.kinds[kind];
    const number = this.number(job);
    const attempt = job.attemptsMade + 1;
    const drawn = its.attempts[attempt - 1];
    const about = { queue: its.queue, job_id: job.id, attempt, worker: this.worker, slot };
    const delay = attempt === 1 && job.opts.delay;
    this.events.write({
      kind: "start",
      // When the slot asked for the job. BullMQ cuts its stamps to whole milliseconds: half of one
      // is missing on average.
      at: Math.min((job.processedOn + 0.5) / 1000, now()),
      ...about,
      ...this.identity(job),
      ...(delay && { due: (job.timestamp + delay) / 1000 }),
    });
    const started = now() - this.origin;
    const outage = drawn.outages.find(
      ({ from, to, hits }) => from <= started && started < to && (!hits || hits[number]),
    );
    if (its.sandbox && this.sandbox) await this.sandbox.burn(drawn.cpu_s[number]);
    else burn(1000 * drawn.cpu_s[number]);
    const io_s = (outage?.io_s ?? drawn.io_s)[number];
    const refused = await this.wait(its, io_s);
    const trouble = outage ? "started in an outage" : refused;
    if (!trouble && !drawn.fails[number]) {
      if (its.completed.length) await this.follow(its.completed, number, its.ids[number]);
      this.events.write({ kind: "end", at: now(), ...about, outcome: "completed" });
      return "";
    }
    const words = `attempt ${attempt} of ${job.id}: ${trouble || "fails by the script"}`;
    const wait = drawn.wait_ms && drawn.wait_ms[number];
    const fatal = !trouble && drawn.fatal && drawn.fatal[number];
    if (wait === null || fatal) {
      if (its.failed.length) await this.follow(its.failed, number, its.ids[number]);
      this.events.write({ kind: "end", at: now(), ...about, outcome: "failed" });
      throw fatal ? new this.UnrecoverableError(words) : new Error(words);
    }
    const ended = now();
    this.events.write({ kind: "end", at: ended, ...about, outcome: "retried", due: ended + wait / 1000 });
    // Redis keeps the job's options as they were.
    if (its.says_wait) job.opts.backoff = { type: "fixed", delay: wait };
    throw new Error(words);
  }

  /** The number of a job's root arrival. */
  number(job) {
    const { kind, number } = job.data.payload;
    if (number !== undefined) return number;
    const { first_ms, every_ms } = this.kinds[kind].slots;
    const slot = Number(job.id.split(":").at(-1));
    return Math.round((slot - Math.round(1000 * this.origin) - first_ms) / every_ms);
  }

  /** Let the io part pass; says what went wrong, if anything did. */
  async wait({ downstream, timeout_s }, io_s) {
    // A handler without io does not let others in.
    if (io_s <= 0) return "";
    if (downstream && this.gateway) return call(this.gateway, downstream, io_s, timeout_s);
    await sleep(1000 * io_s);
    return "";
  }

  /** Add the jobs that follow. */
  async follow(kinds, number, parent) {
    for (const kind of kinds) await this.add(kind, number, parent);
  }

  /** Add a job as the adapter for Python does. */
  add(kind, number, parent) {
    const tree = this.tree(kind, number, parent);
    if (tree.children.length) return this.flows.add(tree);
    return this.queues.get(tree.queueName).add(tree.name, tree.data, tree.opts);
  }

  /** A job with its children, as BullMQ's `FlowProducer` has them. */
  tree(kind, number, parent, ofParent = {}) {
    const its = this.kinds[kind];
    const jobId = its.ids[number];
    const own = Object.entries(its.options_by_number).map(([key, column]) => [key, column[number]]);
    const said = Object.fromEntries(own.filter(([, value]) => value));
    return {
      queueName: its.queue,
      name: its.name,
      data: { payload: { kind, number }, flow: its.flows[number], parent_id: parent },
      opts: { ...its.options, ...said, ...ofParent, jobId },
      children: (its.children[number] ?? []).map((one) =>
        this.tree(one, number, jobId, its.options_of_children),
      ),
    };
  }

  /** A job was put back because its worker went silent. */
  stalled(queue, id) {
    this.events.write({ kind: "stalled", at: now(), queue, job_id: id });
  }

  /** A job that stalled too often, or whose child failed, fails without its handler. */
  async failed(job) {
    if (this.begun.has(job) || !job.finishedOn) return;
    const { queueName: queue, id, attemptsMade: attempt } = job;
    const about = { queue, job_id: id, attempt, worker: this.worker, slot: -1 };
    const end = { kind: "end", at: now(), ...about, outcome: "failed" };
    this.events.write({ ...this.identity(job), ...end });
    const its = this.kinds[job.data.payload.kind];
    const number = this.number(job);
    await this.follow(its.failed, number, its.ids[number]);
  }

  /** What the first event of a job says of it. */
  identity(job) {
    const { name, flows } = this.kinds[job.data.payload.kind];
    return {
      name,
      flow: flows[this.number(job)],
      ...(job.data.parent_id && { parent_id: job.data.parent_id }),
      enqueued: job.timestamp / 1000,
    };
  }
}

/** Keep the event loop busy. */
function burn(milliseconds) {
  const end = performance.now() + milliseconds;
  while (performance.now() < end);
}

/**
 * Leave the event loop to others. Node's timers count whole milliseconds from the moment when the
 * loop last looked at its clock: after a cpu part they end too early, and the rest is slept too.
 */
async function sleep(milliseconds) {
  const end = performance.now() + milliseconds;
  await (milliseconds < 0.5 ? others() : pause(Math.round(milliseconds)));
  for (let left; (left = end - performance.now()) >= 0.5; ) await pause(Math.round(left));
}
