// One attempt of a job: it takes its time, ends as it was drawn, and writes down the truth.
import { appendFileSync } from "node:fs";
import { join } from "node:path";
import { performance } from "node:perf_hooks";
import { setTimeout as pause } from "node:timers/promises";

import { lognormal, uniform } from "./draws.mjs";

/** Unix time, seconds, finer than milliseconds. */
export function now() {
  return (performance.timeOrigin + performance.now()) / 1000;
}

/** Append a line to a file of the day that only this process writes. */
export function write(day, what, line) {
  appendFileSync(join(day.folder, `${what}-${process.pid}.jsonl`), JSON.stringify(line) + "\n");
}

/** Do the attempt; it fails as BullMQ expects it, with an exception. */
export async function attempt(day, job) {
  const its = day.queues[job.queueName];
  // What a scheduler adds has no number but that of its repetition.
  const number = job.data.number ?? job.opts.repeat.count;
  const attempt = job.attemptsMade + 1;
  const key = (purpose) => [day.seed, day.day, job.queueName, purpose, number, attempt];
  const started = Math.min((job.processedOn + 0.5) / 1000, now());
  const cpu = its.cpu ? lognormal(its.cpu, ...key("cpu")) : 0;
  const service = lognormal(its.kinds.find(({ name }) => name === job.name).service, ...key("service"));
  const end = performance.now() + cpu + service;
  burn(cpu);
  // Timers count whole milliseconds and may be early.
  for (let left; (left = end - performance.now()) >= 0.5; ) await pause(Math.round(left));
  const failure = failureOf(day, job.queueName, started, uniform(...key("failure")));
  const last = failure === "fatal" || attempt >= (job.opts.attempts ?? 1);
  write(day, "attempts", {
    queue: job.queueName,
    id: job.id,
    name: job.name,
    priority: job.opts.priority ?? 0,
    attempt,
    number,
    parent: job.parentKey?.slice(day.prefix.length + 1) ?? null,
    enqueued: job.timestamp / 1000,
    due: (job.timestamp + (job.opts.delay ?? 0)) / 1000,
    started,
    finished: now(),
    service: (cpu + service) / 1000,
    outcome: !failure ? "completed" : last ? "failed" : "retried",
  });
  if (!failure) return { number };
  const error = new Error(`${job.queueName}: ${failure}`);
  // BullMQ knows it by its name too, which a child process can say without BullMQ.
  if (failure === "fatal") error.name = "UnrecoverableError";
  throw error;
}

function failureOf(day, queue, started, drawn) {
  const { failing = 0, fatal = 0 } = day.queues[queue];
  if (drawn < fatal) return "fatal";
  const { outage, origin } = day;
  const out = outage?.queue === queue;
  if (out && origin + outage.from <= started && started < origin + outage.to) return "downstream is out";
  return drawn < fatal + failing ? "failed" : null;
}

function burn(milliseconds) {
  const end = performance.now() + milliseconds;
  while (performance.now() < end);
}
