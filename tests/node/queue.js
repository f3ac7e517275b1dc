// Node's side of a queue: node queue.js PORT QUEUE, with one JSON document on standard input.
// { "add": [{name, data, opts}...] } adds jobs; { "look": [id...] } tells what became of them;
// { "pause": true } and { "resume": true } do that first; { "workers": true } counts the workers.
// BULLMQ names the version of BullMQ, as package.json does.
const { Queue } = require(process.env.BULLMQ ?? "bullmq");

const [port, name] = process.argv.slice(2);

async function main(asked) {
  const queue = new Queue(name, { connection: { host: "127.0.0.1", port: Number(port) } });
  if (asked.pause) await queue.pause();
  if (asked.resume) await queue.resume();
  if (asked.add) await queue.addBulk(asked.add);
  const found = asked.workers ? { workers: (await queue.getWorkers()).length } : {};
  for (const id of asked.look ?? []) {
    const job = await queue.getJob(id);
    const { returnvalue, failedReason, attemptsMade, data } = job;
    found[id] = { state: await job.getState(), returnvalue, failedReason, attemptsMade, data };
  }
  await queue.close();
  return found;
}

let text = "";
process.stdin.on("data", (some) => (text += some));
process.stdin.on("end", async () => console.log(JSON.stringify(await main(JSON.parse(text)))));
