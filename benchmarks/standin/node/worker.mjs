// A worker process: node worker.mjs DAY, a JSON document as `benchmarks.standin.day` makes it; the
// Redis is in the environment. It says "ready", is told on standard input when the day began, and
// works until its standard input is closed.
import { createInterface } from "node:readline";

import { load } from "../../../simqueue/validation/node/installed.mjs";
import { connectionOf } from "../../../simqueue/validation/node/redis_url.mjs";
import { attempt, write } from "./attempt.mjs";

const SANDBOX = new URL("sandboxed.mjs", import.meta.url);

async function main(day) {
  const { Worker } = load(day.modules);
  const lines = createInterface({ input: process.stdin });
  const closed = new Promise((resolve) => lines.once("close", resolve));
  console.log("ready");
  const first = await Promise.race([closed, new Promise((resolve) => lines.once("line", resolve))]);
  if (first === undefined) return;
  day.origin = Number(first);
  process.env.STANDIN_DAY = JSON.stringify(day);
  const workers = Object.entries(day.slots).map(([queue, concurrency]) => {
    const { sandboxed, limiter } = day.queues[queue];
    const worker = new Worker(queue, sandboxed ? SANDBOX : (job) => attempt(day, job), {
      connection: connectionOf(process.env.QUEUE_REDIS_URL),
      prefix: day.prefix,
      concurrency,
      ...(limiter && { limiter }),
    });
    worker.on("error", (error) => console.error(`${queue}: ${error.message}`));
    // The backoff is BullMQ's own, with its own jitter: known when it has been drawn.
    worker.on("failed", (job) => {
      const { id, attemptsMade, delay } = job;
      if (!job.finishedOn) write(day, "backoffs", { queue, id, attempt: attemptsMade, backoff: delay / 1000 });
    });
    return worker;
  });
  await closed;
  await Promise.all(workers.map((worker) => worker.close()));
}

await main(JSON.parse(process.argv[2]));
