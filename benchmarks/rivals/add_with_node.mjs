// Node's plain BullMQ adds jobs, as its documentation shows: MODULES URL JOBS ENTRIES
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";

const BULK = 500;
const [modules, url, jobs, entries] = process.argv.slice(2);
const { Queue } = createRequire(`${modules}/`)("bullmq");
const { hostname: host, port } = new URL(url);

const all = JSON.parse(readFileSync(entries, "utf8")).slice(0, Number(jobs));
const queue = new Queue("order", { connection: { host, port: Number(port) } });
await queue.add("warm", {});
const began = performance.now();
const before = process.cpuUsage();
for (let i = 0; i < all.length; i += BULK) await queue.addBulk(all.slice(i, i + BULK));
const seconds = (performance.now() - began) / 1000;
const { user, system } = process.cpuUsage(before);
await queue.close();
console.log(seconds, (user + system) / 1e6);
