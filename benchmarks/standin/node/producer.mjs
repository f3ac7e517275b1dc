// Who adds the jobs of a day: node producer.mjs DAY, as worker.mjs. It says when the day begins,
// adds each job at its time, and ends when all queues are empty, or when its standard input is
// closed: whoever started it is gone then.
import { setTimeout as pause } from "node:timers/promises";

import { load } from "../../../simqueue/validation/node/installed.mjs";
import { connectionOf } from "../../../simqueue/validation/node/redis_url.mjs";
import { now, write } from "./attempt.mjs";
import { arrivals, oneOf, whole } from "./draws.mjs";

const LEFT = ["wait", "active", "delayed", "prioritized", "waiting-children", "paused"];
// Of each job: numbers of children are those of their parents, and a digit.
const CHILDREN = 10;

async function main(day) {
  const bullmq = load(day.modules);
  const asked = { connection: connectionOf(process.env.QUEUE_REDIS_URL), prefix: day.prefix };
  const queues = new Map(Object.keys(day.queues).map((name) => [name, new bullmq.Queue(name, asked)]));
  const flows = new bullmq.FlowProducer(asked);
  const all = [...queues.values(), flows];
  await Promise.all(all.map((one) => one.waitUntilReady()));
  // The workers hear of it before.
  day.origin = now() + 0.5;
  console.log(day.origin);
  await Promise.all([...queues.values()].map((queue) => produce(day, queue, flows)));
  for (const queue of queues.values()) {
    while (Object.values(await queue.getJobCounts(...LEFT)).some((count) => count > 0)) await pause(100);
  }
  await Promise.all(all.map((one) => one.close()));
}

/** What one queue gets all day. */
async function produce(day, queue, flows) {
  const { every, rate_per_s: rate, kinds, options } = day.queues[queue.name];
  const until = (at) => pause(Math.max(0, 1000 * (day.origin + at - now())));
  if (every) {
    await queue.upsertJobScheduler(queue.name, { every }, { name: kinds[0].name, opts: options });
    await until(day.duration);
    await queue.removeJobScheduler(queue.name);
  } else if (rate) {
    const added = [];
    let number = 0;
    const key = [day.seed, day.day, queue.name];
    for (const at of arrivals(rate * day.traffic, day.profile, day.duration, ...key)) {
      await until(at);
      added.push(add(day, queue, flows, number++));
    }
    await Promise.all(added);
    await until(day.duration);
  }
}

/** Add a job, or a flow, and write down which jobs these are. */
async function add(day, queue, flows, number) {
  const [name, data, opts] = jobOf(day, queue.name, number);
  const { children } = day.queues[queue.name];
  if (!children) return noted(day, await queue.add(name, data, opts));
  const count = whole(children, day.seed, day.day, queue.name, "children", number);
  const flow = await flows.add({
    ...{ name, data, opts, queueName: queue.name },
    children: Array.from({ length: count }, (_, child) => {
      const [name, data, opts] = jobOf(day, children.queue, CHILDREN * number + child);
      return { name, data, opts, queueName: children.queue };
    }),
  });
  for (const { job } of [flow, ...flow.children]) noted(day, job);
}

function jobOf(day, queue, number) {
  const { kinds, options, delayed } = day.queues[queue];
  const kind = oneOf(kinds, day.seed, day.day, queue, "kind", number);
  const { priority } = kind;
  const delay = delayed && whole(delayed, day.seed, day.day, queue, "delay", number);
  return [kind.name, { number }, { ...options, ...(priority && { priority }), ...(delay && { delay }) }];
}

function noted(day, job) {
  const { queueName: queue, id, name, timestamp, opts } = job;
  write(day, "added", { queue, id, name, priority: opts.priority ?? 0, enqueued: timestamp / 1000 });
}

process.stdin.resume().once("end", () => process.exit(1));
await main(JSON.parse(process.argv[2]));
process.stdin.destroy();
