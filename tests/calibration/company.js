// Somebody's queues on Node's BullMQ: node company.js PORT, with a JSON document in the first line of
// its standard input. That has a table for each queue: `options` of its worker (none: it has no
// worker); `takes_ms` and `fails`, how long each attempt takes and how many of a job's fail; `jobs`,
// each with `at_ms`, `name`, `opts` and perhaps `children`, {queue, name, opts}; `paused`, from and to.
// It says "ready", begins with the next line, says "over" when nothing is left to do, and ends when
// its standard input does.
const { createInterface } = require("node:readline");

const { FlowProducer, Queue, UnrecoverableError, Worker } = require(process.env.BULLMQ ?? "bullmq");

const [port] = process.argv.slice(2);
const asked = { connection: { host: "127.0.0.1", port: Number(port), maxRetriesPerRequest: null } };
const LEFT = ["wait", "active", "delayed", "prioritized", "waiting-children", "paused"];
const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

function work(name, { options, takes_ms: takes = 50, fails = 0 }) {
  const tries = {};
  const handle = async (job) => {
    await pause(job.data.takes_ms ?? takes);
    if (job.data.fatal) throw new UnrecoverableError("no");
    tries[job.id] = (tries[job.id] ?? 0) + 1;
    if (tries[job.id] <= (job.data.fails ?? fails)) throw new Error("not yet");
  };
  return new Worker(name, handle, { ...asked, ...options });
}

async function produce(queue, flows, { jobs = [], paused }) {
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
}

async function main(queues) {
  const flows = new FlowProducer(asked);
  const names = Object.keys(queues);
  const own = Object.fromEntries(names.map((name) => [name, new Queue(name, asked)]));
  const workers = names.filter((name) => queues[name].options).map((name) => work(name, queues[name]));
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
