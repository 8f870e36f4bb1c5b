import { writeSync } from "node:fs";
import { KEYS_DESCRIPTOR, type JobPoint, type LineJob } from "./line-job.js";
import { tellMadeKeys } from "./made-keys.js";

/*
 * A run of the line in a process of its own, which ends itself by SIGKILL at a point that it was told:
 * no handler runs, nothing is flushed, as when the machine's supply fails for this process alone.
 *
 *   node killed-line.js JOB    (JSON of a LineJob; events on stdout, a line of JSON each)
 */

tellMadeKeys(pkcs8 => {
  const length = Buffer.alloc(4);
  length.writeUInt32LE(pkcs8.length);
  writeSync(KEYS_DESCRIPTOR, Buffer.concat([length, pkcs8]));
});

function print(value: object): void {
  // At once: what a killed process had to say is on its way.
  writeSync(1, `${JSON.stringify(value)}\n`);
}

const given: unknown = JSON.parse(process.argv[2] ?? "null");

function isJob(value: unknown): value is LineJob {
  return typeof value === "object" && value !== null && "profile" in value && "ledger" in value;
}

if (!isJob(given)) throw new TypeError("usage: killed-line JOB");
const job: LineJob = given;
let points = 0;
const onPoint = (point: string): void => {
  print({ point } satisfies JobPoint);
  if (++points === job.killAt) process.kill(process.pid, "SIGKILL");
};
// Not before keys are told of: what is imported now makes them.
const { runJob } = await import("./run-job.js");
const results = await runJob(job, onPoint, event => {
  print(event.event === "result" ? { ...event, error: event.error?.what } : event);
});
process.exitCode = results.some(({ outcome }) => outcome === "failed") ? 1 : 0;
