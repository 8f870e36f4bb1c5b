import { bc66 } from "../../../drivers/bc66/profile.js";
import { bg95 } from "../../../drivers/bg95/profile.js";
import { EngineError, type FirmwareEngine } from "../../../test-host/xs/index.js";
import { prepareBroker, type BrokerAccess } from "./broker.js";
import { explainNeed, type RunFailure } from "./explain-end.js";
import { lookAtSuites } from "./look.js";
import { neededHeap } from "./needed-heap.js";
import type { SimulateOptions } from "./options.js";
import { printSentences } from "./print.js";
import type { RunResult } from "./result.js";
import { Session, startEngine } from "./session.js";
import { summaryOf } from "./summary.js";
import { TraceFile } from "./trace-file.js";

const PROFILES = { bg95, bc66 } as const;

/** As a shell reports a program that a signal ended. */
const SIGNAL_CODES = { SIGINT: 130, SIGTERM: 143 } as const;

/** Turns the first signal into an orderly end; a second one ends the process at once. */
class Signals {
  /** Exit code, once a signal has come. */
  code: number | undefined;
  onSignal: (() => void) | undefined;
  readonly #handle = (signal: NodeJS.Signals): void => {
    const code = signal === "SIGTERM" ? SIGNAL_CODES.SIGTERM : SIGNAL_CODES.SIGINT;
    if (this.code !== undefined) process.exit(code);
    this.code = code;
    this.onSignal?.();
  };

  constructor() {
    process.on("SIGINT", this.#handle).on("SIGTERM", this.#handle);
  }

  release(): void {
    process.off("SIGINT", this.#handle).off("SIGTERM", this.#handle);
  }
}

/** Runs the firmware against the simulated module. Prints as it goes; returns the exit code. */
export async function simulate(options: SimulateOptions): Promise<number> {
  const startedAt = performance.now();
  const log = (line: string): void => {
    (options.json ? process.stderr : process.stdout).write(`${line}\n`);
  };
  const broker = await prepareBroker(options);
  const signals = new Signals();
  let trace: TraceFile | undefined;
  let engine: FirmwareEngine | undefined;
  try {
    for (const note of broker.notes) log(`note: ${note}`);
    engine = await startEngine(options, broker, log);
    // Last, so that a run that cannot begin leaves an older trace as it is.
    if (options.trace !== undefined) trace = new TraceFile(options.trace, log);
    const session = new Session({ options, broker, engine, log, trace: trace?.print, startedAt });
    if (signals.code !== undefined) session.interrupt();
    signals.onSignal = () => {
      session.interrupt();
    };
    const ended = await withNeed(await session.run(), options, log);
    const failure = await lookAtSuites(ended, broker, PROFILES[options.module]);
    const result = failure === undefined ? ended : { ...ended, failure };
    print(result, options.json);
    return result.ok ? 0 : (signals.code ?? 1);
  } catch (error) {
    if (!(error instanceof EngineError)) throw error;
    printEngineError(error, options.json);
    return signals.code ?? 1;
  } finally {
    signals.release();
    await close(engine, broker, trace);
  }
}

async function close(
  engine: FirmwareEngine | undefined,
  broker: BrokerAccess,
  trace: TraceFile | undefined,
): Promise<void> {
  await engine?.stop();
  await broker.close();
  trace?.close();
}

/** A run that ran out of the memory that it was given is told how much it would have taken. */
async function withNeed(
  result: RunResult,
  options: SimulateOptions,
  log: (line: string) => void,
): Promise<RunResult> {
  const { failure } = result;
  if (failure?.kind !== "memory" || options.heapBytes === undefined) return result;
  log("Memory ran out; measuring how much this run needs.");
  const needed = await neededHeap(options);
  return { ...result, failure: explainNeed(failure, needed) };
}

function print(result: RunResult, json: boolean): void {
  if (json) process.stdout.write(`${JSON.stringify(result)}\n`);
  else if (result.ok) process.stdout.write(summaryOf(result));
  if (result.failure !== null) process.stderr.write(`\n${printSentences(result.failure)}`);
}

function printEngineError(error: EngineError, json: boolean): void {
  const failure: RunFailure = {
    kind: "engine",
    what: error.message,
    why: `The engine could not be started (${error.kind}).`,
    fix: "Do what the first line says, or run with --engine node, which measures no memory.",
  };
  process.stderr.write(printSentences(failure));
  if (json) process.stdout.write(`${JSON.stringify({ ok: false, failure })}\n`);
}
