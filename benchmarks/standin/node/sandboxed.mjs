// What BullMQ's child processes run: they know the day from their environment.
import { attempt } from "./attempt.mjs";

const day = JSON.parse(process.env.STANDIN_DAY);

export default (job) => attempt(day, job);
