// Node's plain BullMQ worker, as its documentation shows: MODULES URL CONCURRENCY MS
import { createRequire } from "node:module";
import { setTimeout } from "node:timers/promises";

const [modules, url, concurrency, ms] = process.argv.slice(2);
const { Worker } = createRequire(`${modules}/`)("bullmq");
const { hostname: host, port } = new URL(url);

async function handle() {
  if (Number(ms)) await setTimeout(Number(ms));
  return "processing";
}

const worker = new Worker("order", handle, {
  connection: { host, port: Number(port), maxRetriesPerRequest: null },
  concurrency: Number(concurrency),
});
worker.on("error", (error) => console.error(error.message));
