// Somebody's queues on Node's BullMQ: node company.js PORT, with a JSON document in the first line of
// its standard input. That has a table for each queue: `options` of its worker, or of each of its
// workers (none: it has no worker); `takes_ms` and `fails`, how long each attempt takes and how many of
// a job's fail; `jobs`, each with `at_ms`, `name`, `opts`, perhaps `data` that says otherwise, or that
// it is put off once (`later_ms`) or pauses its queue once (`pause_ms`), and perhaps `children`, {queue,
// name, opts}; `schedulers` by name, until the last job has been added; `paused`, from and to.
// It says "ready", begins with the next line, says "over" when nothing is left to do, and ends when
// its standard input does.
const { createInterface } = require("node:readline");

const { DelayedError, FlowProducer, Queue, UnrecoverableError, Worker } = require(process.env.BULLMQ ?? "bullmq");

const [port] = process.argv.slice(2);
const asked = { connection: { host: "127.0.0.1", port: Number(port), maxRetriesPerRequest: null } };
const LEFT = ["wait", "active", "delayed", "prioritized", "waiting-children", "paused"];
const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

function work(name, options, { takes_ms: takes = 50, fails = 0 }, tries) {
  const once = async (job, what) => {
    const asked = job.data[what];
    if (asked) await job.updateData({ ...job.data, [what]: 0 });
    return asked;
  };
  const handle = async (job, token) => {
    const later = await once(job, "later_ms");
    if (later) {
      await job.moveToDelayed(Date.now() + later, token);
      throw new DelayedError();
    }
    const paused = await once(job, "pause_ms");
    if (paused) {
      await worker.rateLimit(paused);
      throw Worker.RateLimitError();
    }
    await pause(job.data.takes_ms ?? takes);
    if (job.data.fatal) throw new UnrecoverableError("no");
    tries[job.id] = (tries[job.id] ?? 0) + 1;
    if (tries[job.id] <= (job.data.fails ?? fails)) throw new Error("not yet");
  };
  const worker = new Worker(name, handle, { ...asked, ...options });
  return worker;
}

async function produce(queue, flows, { jobs = [], schedulers = {}, paused }) {
  for (const [name, repeat] of Object.entries(schedulers)) await queue.upsertJobScheduler(name, repeat, { name });
  const began = Date.now();
  const until = (ms) => pause(Math.max(0, began + ms - Date.now()));
  const adding = jobs.map(async ({ at_ms = 0, name = "job", opts = {}, data = {}, children }) => {
    await until(at_ms);
    if (!children) return queue.add(name, data, opts);
    const below = children.map((child) => ({ name: "child", data: {}, ...child, queueName: child.queue }));
    return flows.add({ name, data, opts, queueName: queue.name, children: below });
  });
  if (paused) {
    await until(paused[0]);
    await queue.pause();
    await until(paused[1]);
    await queue.resume();
  }
  await Promise.all(adding);
  for (const name of Object.keys(schedulers)) await queue.removeJobScheduler(name);
}

async function main(queues) {
  const flows = new FlowProducer(asked);
  const names = Object.keys(queues);
  const own = Object.fromEntries(names.map((name) => [name, new Queue(name, asked)]));
  const workers = names.flatMap((name) => {
    const tries = {};
    return [queues[name].options ?? []].flat().map((options) => work(name, options, queues[name], tries));
  });
  const all = [flows, ...Object.values(own), ...workers];
  for (const one of all) one.on("error", () => {});
  await Promise.all(all.map((one) => one.waitUntilReady()));
  console.log("ready");
  await line();
  await Promise.all(names.map((name) => produce(own[name], flows, queues[name])));
  const busy = async (name) => Object.values(await own[name].getJobCounts(...LEFT)).some((n) => n > 0);
  for (const name of names) while (await busy(name)) await pause(50);
  console.log("over");
}

const lines = createInterface({ input: process.stdin });
lines.once("close", () => process.exit(0));
const line = () => new Promise((resolve) => lines.once("line", resolve));
line().then((said) => main(JSON.parse(said)));
