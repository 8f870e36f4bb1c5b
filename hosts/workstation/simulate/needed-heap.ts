import { prepareBroker } from "./broker.js";
import type { SimulateOptions } from "./options.js";
import type { RunResult } from "./result.js";
import { Session, startEngine } from "./session.js";

/** More than any run here takes: XS makes its heap only as large as it must be. */
const PLENTY_BYTES = 16 * 1024 * 1024;
/** The smaller of the steps in which the heap grows: 512 bytes of chunks, 64 slots. */
const STEP_BYTES = 512;
const TRIES = 16;
/** A longer run holds no more. */
const MESSAGES = 8;

async function probe(options: SimulateOptions, heapBytes: number): Promise<RunResult> {
  const broker = await prepareBroker(options);
  const quiet = { ...options, heapBytes };
  const engine = await startEngine(quiet, broker, () => undefined);
  try {
    const session = { options: quiet, broker, engine, log: () => undefined, trace: undefined };
    return await new Session({ ...session, startedAt: performance.now() }).run();
  } finally {
    await engine.stop();
    await broker.close();
  }
}

/** The embedded broker brings its own certificates, and a command to its own topic. */
function withoutBroker(options: SimulateOptions): SimulateOptions {
  const own: { -readonly [K in keyof SimulateOptions]: SimulateOptions[K] } = { ...options };
  delete own.broker;
  delete own.subscribe;
  return own;
}

/**
 * The smallest `--heap`, in steps of 512 bytes, with which the run passes: measured by running it
 * again, against an embedded broker, so that the user's own sees nothing of it. `undefined` when it
 * fails for other reasons too.
 */
export async function neededHeap(options: SimulateOptions): Promise<number | undefined> {
  const own: SimulateOptions = {
    ...withoutBroker(options),
    count: Math.min(options.count, MESSAGES),
    verify: true,
  };
  const unlimited = await probe(own, PLENTY_BYTES);
  if (!unlimited.ok) return undefined;
  let heap = Math.ceil(unlimited.memory.peakBytes / STEP_BYTES) * STEP_BYTES;
  for (let i = 0; i < TRIES; i++) {
    if ((await probe(own, heap)).ok) return heap;
    heap += STEP_BYTES;
  }
  return undefined;
}
