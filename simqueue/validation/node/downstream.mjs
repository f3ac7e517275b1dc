// Calls a downstream that `simqueue.validation.gateway` serves.
import { once } from "node:events";
import { connect } from "node:net";

const SAID = { full: "all places are taken", late: "it took longer than timeout_s" };

/** Take a place for some seconds; says what went wrong, if anything did. */
export async function call(port, name, seconds, timeout_s) {
  const socket = connect({ port, host: "127.0.0.1", noDelay: true });
  try {
    socket.write(JSON.stringify([name, seconds, timeout_s]) + "\n");
    const answer = String(await once(socket, "data")).trim();
    return answer === "done" ? "" : `downstream ${name}: ${SAID[answer] ?? "it hung up"}`;
  } finally {
    socket.destroy();
  }
}
