// A worker of Node's BullMQ that does what a workload says: node worker.mjs CONFIG.json
//
// It makes itself ready, says "ready" on standard output, and is told on standard input when to
// begin. It works until SIGTERM, or until its standard input is closed: whoever started it is gone
// then. CONFIG.json is what `simqueue.validation.node.program` writes; the URL of the Redis is in
// the environment.
import { readFileSync } from "node:fs";
import { createInterface } from "node:readline";
import { setTimeout as pause } from "node:timers/promises";

import { EventFile, now } from "./events.mjs";
import { load } from "./installed.mjs";
import { connectionOf } from "./redis_url.mjs";
import { Sandbox } from "./sandbox.mjs";
import { Script } from "./script.mjs";

// Jobs before the run: what runs for the first time takes many times as long.
const WARM_UPS = 3;

async function main(config) {
  const bullmq = load(config.modules);
  const connection = connectionOf(process.env.QUEUE_REDIS_URL);
  const plan = JSON.parse(readFileSync(config.plan));
  const stop = stopped();
  for (let time = 1; time <= WARM_UPS; time++) {
    await warmUp(bullmq, config, connection, `${config.prefix}:worker-${config.file}-${time}`);
  }
  const events = new EventFile(config.events);
  const team = new Team(bullmq, config, plan, connection, config.prefix, events);
  const sandbox = config.sandbox && new Sandbox(config.sandbox);
  Object.assign(team.script, { sandbox, gateway: config.gateway });
  await Promise.all([team.ready(), sandbox?.prepare()]);
  console.log("ready");
  const begin = await Promise.race([stop, firstLine()]);
  if (begin) {
    await Promise.race([stop, pause(Math.max(0, 1000 * (begin.start - now())))]);
    team.work(begin.origin);
    await stop;
  }
  await team.close();
  await sandbox?.close();
  events.close();
}

/** The workers of one process, one for each queue: they share its event loop. */
class Team {
  constructor(bullmq, config, plan, connection, prefix, events) {
    const { FlowProducer, Queue, Worker, UnrecoverableError } = bullmq;
    const asked = { connection, prefix };
    const names = new Set(plan.kinds.map((kind) => kind.queue));
    this.queues = new Map([...names].map((name) => [name, new Queue(name, asked)]));
    this.flows = new FlowProducer(asked);
    this.flows.on("error", trouble("of flows"));
    const { queues, flows } = this;
    this.script = new Script(plan, queues, flows, events, config.worker, UnrecoverableError);
    this.workers = Object.entries(config.queues).map(([name, options]) => {
      const run = this.script.slots(options.concurrency);
      return new Worker(name, run, { ...asked, name: config.worker, ...options, autorun: false });
    });
    for (const queue of this.queues.values()) queue.on("error", trouble(queue.name));
    for (const worker of this.workers) {
      worker.on("error", trouble(worker.name));
      worker.on("stalled", (id) => this.script.stalled(worker.name, id));
      worker.on("failed", (job) => job && this.script.failed(job));
    }
  }

  ready() {
    const all = [...this.workers, ...this.queues.values()];
    return Promise.all([...all.map((one) => one.waitUntilReady()), this.flows.client]);
  }

  work(origin) {
    this.script.origin = origin;
    for (const worker of this.workers) worker.run().catch(trouble(worker.name));
  }

  async close() {
    await Promise.all(this.workers.map((worker) => worker.close()));
    await Promise.all([this.flows, ...this.queues.values()].map((one) => one.close()));
  }
}

/** Do some jobs under a prefix of their own, whose events nobody reads. */
async function warmUp(bullmq, config, connection, prefix) {
  const { plan, queues } = config.warm_up;
  const team = new Team(bullmq, { ...config, queues }, plan, connection, prefix, new EventFile());
  await team.ready();
  team.work(0);
  const [root] = plan.kinds;
  const queue = team.queues.get(root.queue);
  await Promise.all(root.ids.map((_, number) => team.script.add(0, number, null)));
  for (const one of [queue, ...team.queues.values()]) {
    const left = () => one.getJobCountByTypes("wait", "active", "delayed");
    while ((await left()) > 0) await pause(5);
  }
  await team.close();
}

/** Resolves when the worker is to end; who asks twice does not wait. */
function stopped() {
  return new Promise((resolve) => {
    let asked = 0;
    const stop = () => (asked++ ? process.exit(130) : resolve(null));
    process.on("SIGTERM", stop);
    process.on("SIGINT", stop);
    process.stdin.once("end", () => resolve(null));
  });
}

/** What standard input says first. */
function firstLine() {
  return new Promise((resolve) => {
    createInterface({ input: process.stdin }).once("line", (line) => resolve(JSON.parse(line)));
  });
}

/** Say each trouble with a queue once: a lost server would fill the disk with the same lines. */
function trouble(queue) {
  let last;
  return ({ message }) => {
    if (message !== last) console.error(`trouble with the queue ${queue}: ${message}`);
    last = message;
  };
}

main(JSON.parse(readFileSync(process.argv[2]))).then(
  () => process.exit(0),
  (error) => {
    console.error(error.message);
    process.exit(1);
  },
);
