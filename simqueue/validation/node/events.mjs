// What happened to attempts, in the form that `simqueue.record.worker_events` reads.
import { closeSync, mkdirSync, openSync, writeSync } from "node:fs";
import { dirname } from "node:path";
import { performance } from "node:perf_hooks";

/** Unix time, seconds, finer than milliseconds. */
export function now() {
  return (performance.timeOrigin + performance.now()) / 1000;
}

/** The file of one worker process; without a path nothing is kept. */
export class EventFile {
  constructor(path) {
    if (!path) return;
    mkdirSync(dirname(path), { recursive: true });
    this.file = openSync(path, "a");
  }

  /** Append an event; a kill right after does not lose it. */
  write(event) {
    if (this.file !== undefined) writeSync(this.file, JSON.stringify(event) + "\n");
  }

  close() {
    closeSync(this.file);
  }
}
