// A worker as Node's BullMQ has it: node worker.js PORT FAILURES QUEUE...
// Every attempt's start is a line of JSON on standard output. The first FAILURES attempts fail.
// It ends when its standard input does, so that none outlives the tests.
const { Worker } = require(process.env.BULLMQ ?? "bullmq");

const [port, failures, ...queues] = process.argv.slice(2);
const connection = { host: "127.0.0.1", port: Number(port), maxRetriesPerRequest: null };
const say = (line) => process.stdout.write(JSON.stringify(line) + "\n");

async function handle(job) {
  const attempt = job.attemptsMade + 1;
  const { id, name, data, queueName: queue } = job;
  say({ event: "started", queue, id, name, data, attempt, at: Date.now() / 1000 });
  if (attempt <= Number(failures)) throw new Error(`attempt ${attempt} fails`);
  return "processing";
}

const workers = queues.map((queue) => new Worker(queue, handle, { connection, concurrency: 5 }));
for (const worker of workers) {
  worker.on("error", (error) => say({ event: "error", message: String(error) }));
  worker.on("completed", (job) => say({ event: "completed", id: job.id }));
  worker.on("failed", (job) => job.finishedOn && say({ event: "failed", id: job.id }));
}
Promise.all(workers.map((worker) => worker.waitUntilReady())).then(() => say({ event: "ready" }));
process.stdin.on("end", async () => {
  await Promise.all(workers.map((worker) => worker.close()));
  process.exit(0);
});
process.stdin.resume();
