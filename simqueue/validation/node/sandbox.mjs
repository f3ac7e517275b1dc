// Child processes that do cpu parts: those of `simqueue.validation.sandbox`, for a worker in Node.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";

export class Sandbox {
  /** So many children, each started by a command. */
  constructor({ command: [program, ...rest], children }) {
    this.idle = Array.from({ length: children }, () => {
      const child = spawn(program, rest, { stdio: ["pipe", "pipe", "inherit"] });
      return { child, lines: createInterface({ input: child.stdout }) };
    });
    this.all = [...this.idle];
  }

  /** Have all of them ready: starting one takes longer than most jobs. */
  async prepare() {
    await Promise.all(this.all.map((one) => compute(one, 0)));
  }

  /** Use so many seconds of cpu in a child; there is one for each slot. */
  async burn(seconds) {
    const one = this.idle.pop();
    await compute(one, seconds);
    this.idle.push(one);
  }

  /** End all children. */
  async close() {
    const ended = this.all.map(({ child }) => once(child, "exit"));
    for (const { child } of this.all) child.stdin.end();
    await Promise.all(ended);
  }
}

async function compute({ child, lines }, seconds) {
  const done = once(lines, "line");
  child.stdin.write(`${seconds}\n`);
  await done;
}
