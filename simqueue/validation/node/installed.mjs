// BullMQ as it is installed in a folder: node installed.mjs NODE_MODULES prints which.
import { readFileSync, realpathSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

/** BullMQ of a folder `node_modules`. */
export function load(modules) {
  return createRequire(join(modules, "simqueue.js"))(join(modules, "bullmq"));
}

function version(modules) {
  return JSON.parse(readFileSync(join(modules, "bullmq", "package.json"))).version;
}

if (process.argv[1] && realpathSync(process.argv[1]) === fileURLToPath(import.meta.url)) {
  const [modules] = process.argv.slice(2);
  try {
    load(modules);
    console.log(JSON.stringify({ bullmq: version(modules), node: process.versions.node }));
  } catch (error) {
    console.error(error.message);
    process.exit(1);
  }
}
