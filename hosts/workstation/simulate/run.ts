import { closeSync, openSync, writeSync } from "node:fs";
import type { FirmwareConfig } from "../../firmware/config.js";
import { createEngine, EngineError, type FirmwareEngine } from "../../../test-host/xs/index.js";
import { BG95 } from "../../../test-host/simulator/bg95/bg95.js";
import { LoopbackNetwork } from "../../../test-host/simulator/loopback.js";
import { Scheduler } from "../../../test-host/simulator/scheduler.js";
import { Simulation, type SimulationEnd } from "../../../test-host/simulator/simulation.js";
import { LineTrace } from "../../../test-host/simulator/trace.js";
import { InputError } from "../input-error.js";
import { prepareBroker, type BrokerAccess } from "./broker.js";
import { explainEnd } from "./explain-end.js";
import type { SimulateOptions } from "./options.js";
import { describe, progressLine } from "./progress.js";
import { printSentences } from "./print.js";
import { RunRecord } from "./record.js";
import { resultOf, type RunResult } from "./result.js";
import { summaryOf } from "./summary.js";

/** A device that does nothing any more is stopped after this, simulated. Longer than any wait of module or broker. */
const RUN_LIMIT_MS = 24 * 3_600_000;
/** Messages that other clients publish may still come after the last acknowledgement. */
const LINGER_MS = 1_000;
const KEEP_ALIVE_MS = 60_000;

function firmwareConfig(options: SimulateOptions, broker: BrokerAccess): FirmwareConfig & { baud: number } {
  return {
    module: "bg95",
    baud: options.baud,
    broker: { host: broker.host, port: broker.port, secure: broker.secure, verify: options.verify },
    clientId: options.clientId,
    ...(options.username === undefined ? undefined : { user: options.username }),
    ...(options.password === undefined ? undefined : { password: options.password }),
    topic: options.topic,
    message: options.message,
    count: options.count,
    qos: options.qos,
    subscribe: broker.subscribe,
    commands: broker.commands,
    lingerMs: broker.subscribe === "" || broker.commands > 0 ? 0 : LINGER_MS,
    attempts: options.attempts,
    keepAlive: KEEP_ALIVE_MS,
  };
}

function openTrace(file: string | undefined): number | undefined {
  if (file === undefined) return undefined;
  try {
    return openSync(file, "w");
  } catch (error) {
    const code = error instanceof Error && "code" in error ? String(error.code) : "unknown";
    throw new InputError({
      what: `--trace ${file} cannot be written (${code})`,
      why: "Every line between firmware and module was to go there.",
      fix: "Name a file in a folder that exists and can be written.",
      file,
    });
  }
}

async function startEngine(
  options: SimulateOptions,
  broker: BrokerAccess,
  log: (line: string) => void,
): Promise<FirmwareEngine> {
  const { ca, certificate, key } = broker;
  return createEngine({
    engine: options.engine,
    config: firmwareConfig(options, broker),
    credentials: {
      ...(ca === undefined ? undefined : { ca }),
      ...(certificate === undefined ? undefined : { certificate }),
      ...(key === undefined ? undefined : { key }),
    },
    serial: options.serial,
    seed: options.seed,
    ...(options.heapBytes === undefined ? undefined : { heapBytes: options.heapBytes }),
    onNotice: log,
  });
}

/** Runs the firmware against the simulated module. Prints as it goes; returns the exit code. */
export async function simulate(options: SimulateOptions): Promise<number> {
  const startedAt = performance.now();
  const log = (line: string): void => {
    (options.json ? process.stderr : process.stdout).write(`${line}\n`);
  };
  const broker = await prepareBroker(options);
  let trace: number | undefined;
  let engine: FirmwareEngine | undefined;
  try {
    trace = openTrace(options.trace);
    for (const note of broker.notes) log(`note: ${note}`);
    engine = await startEngine(options, broker, log);
    const result = await run(options, broker, engine, trace, log, startedAt);
    if (options.json) process.stdout.write(`${JSON.stringify(result)}\n`);
    else if (result.ok) process.stdout.write(summaryOf(result));
    if (result.failure !== null) process.stderr.write(`\n${printSentences(result.failure)}`);
    return result.ok ? 0 : 1;
  } catch (error) {
    if (!(error instanceof EngineError)) throw error;
    const failure = {
      kind: "engine",
      what: error.message,
      why: `The engine could not be started (${error.kind}).`,
      fix: "Do what the first line says, or run with --engine node, which measures no memory.",
    };
    process.stderr.write(printSentences(failure));
    if (options.json) process.stdout.write(`${JSON.stringify({ ok: false, failure })}\n`);
    return 1;
  } finally {
    await engine?.stop();
    await broker.close();
    if (trace !== undefined) closeSync(trace);
  }
}

async function run(
  options: SimulateOptions,
  broker: BrokerAccess,
  engine: FirmwareEngine,
  trace: number | undefined,
  log: (line: string) => void,
  startedAt: number,
): Promise<RunResult> {
  const scheduler = new Scheduler({ mode: "sockets" });
  const network = new LoopbackNetwork({ scheduler, resolve: broker.resolve });
  const modem = new BG95({
    scheduler,
    network,
    link: options.link,
    seed: options.seed,
    settings: { epochMs: Date.now() },
  });
  // As a board whose module has stored the rate with AT+IPR and AT&W.
  modem.module.baud = modem.module.stored.baud = options.baud;
  if (trace !== undefined) {
    modem.onTap = new LineTrace({
      nowMs: () => scheduler.nowMs,
      print: line => {
        writeSync(trace, `${line}\n`);
      },
    }).tap;
  }
  const record = new RunRecord();
  const simulation = new Simulation({
    scheduler,
    modem,
    engine,
    uart: { serial: options.serial },
    seed: options.seed,
    onReport: (text, atMs) => {
      const line = describe(record.take(text));
      if (line !== undefined) log(progressLine(atMs, line.stage, line.text));
    },
  });
  let end: SimulationEnd;
  try {
    end = await simulation.run({ until: () => record.end !== undefined, untilMs: RUN_LIMIT_MS });
  } finally {
    network.close();
  }
  const memory = await engine.memory();
  const sockets = modem.socketHistory;
  const failure = explainEnd({ options, broker, record, end, sockets, memory });
  return resultOf({
    options,
    broker,
    engine,
    record,
    counters: simulation.counters,
    commands: [...modem.commandCounts.values()].reduce((sum, count) => sum + count, 0),
    sockets,
    memory,
    failure,
    simulatedMs: scheduler.nowMs,
    durationMs: performance.now() - startedAt,
  });
}
