import type { FirmwareConfig } from "../../firmware/config.js";
import { modelOf } from "../device.js";
import { createEngine, type FirmwareEngine } from "../../../test-host/xs/index.js";
import type { Modem } from "../../../test-host/simulator/modem/modem.js";
import { LoopbackNetwork } from "../../../test-host/simulator/loopback.js";
import { Scheduler } from "../../../test-host/simulator/scheduler.js";
import { Simulation, type SimulationEnd } from "../../../test-host/simulator/simulation.js";
import { LineTrace } from "../../../test-host/simulator/trace.js";
import { deviceProfile, fullProfile, nodeTls, sdkProfile } from "../tls-engine.js";
import type { BrokerAccess } from "./broker.js";
import { explainEnd } from "./explain-end.js";
import type { SimulateOptions } from "./options.js";
import { describe, describeFailure, describeOpened, progressLine, type Step } from "./progress.js";
import { RunRecord } from "./record.js";
import { makeModule } from "./simulated-module.js";
import { resultOf, type RunResult } from "./result.js";

/** A device that does nothing any more is stopped after this, simulated. Longer than any wait of module or broker. */
const RUN_LIMIT_MS = 24 * 3_600_000;
/** Messages that other clients publish may still come after the last acknowledgement. */
const LINGER_MS = 1_000;
const KEEP_ALIVE_MS = 60_000;
const TLS_PROFILES = { device: deviceProfile, sdk: sdkProfile, full: fullProfile } as const;

function firmwareConfig(options: SimulateOptions, broker: BrokerAccess): FirmwareConfig & { baud: number } {
  return {
    module: options.module,
    route: options.route,
    baud: options.baud,
    broker: {
      host: broker.host,
      port: broker.port,
      secure: broker.secure,
      verify: options.verify,
      ...(options.brokerSuites === undefined ? undefined : { suites: options.brokerSuites }),
    },
    clientId: options.clientId,
    ...(options.username === undefined ? undefined : { user: options.username }),
    ...(options.password === undefined ? undefined : { password: options.password }),
    ...(options.jwt === undefined
      ? undefined
      : { jwt: { audience: options.jwt.audience, lifetimeS: options.jwt.lifetimeS } }),
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

/** The engine with the firmware loaded. Rejects with an `EngineError`. */
export function startEngine(
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
    tls: now => nodeTls({ profile: TLS_PROFILES[options.tlsEngine], now }),
    ...(options.jwt === undefined
      ? undefined
      : { signer: { algorithm: options.jwt.algorithm, key: options.jwt.key } }),
    serial: options.serial,
    seed: options.seed,
    ...(options.heapBytes === undefined ? undefined : { heapBytes: options.heapBytes }),
    onNotice: log,
  });
}

export interface SessionOptions {
  readonly options: SimulateOptions;
  readonly broker: BrokerAccess;
  readonly engine: FirmwareEngine;
  /** Lines of progress. */
  readonly log: (line: string) => void;
  /** Lines between firmware and module. */
  readonly trace: ((line: string) => void) | undefined;
  /** Wall milliseconds at which the command began, as `performance.now` counts. */
  readonly startedAt: number;
}

/** One device from power-off to its end, with its modem and network. */
export class Session {
  readonly #session: SessionOptions;
  readonly #scheduler = new Scheduler({ mode: "sockets" });
  #isInterrupted = false;

  constructor(session: SessionOptions) {
    this.#session = session;
  }

  /** Ends the run at the next event; `run` then resolves with a failure of kind `interrupted`. */
  interrupt(): void {
    this.#isInterrupted = true;
    this.#scheduler.stop();
  }

  async run(): Promise<RunResult> {
    const { options, broker, engine } = this.#session;
    const scheduler = this.#scheduler;
    const network = new LoopbackNetwork({ scheduler, resolve: broker.resolve });
    const modem = this.#makeModem(network);
    const record = new RunRecord();
    const simulation = new Simulation({
      scheduler,
      modem,
      engine,
      uart: { serial: options.serial },
      seed: options.seed,
      onReport: (text, atMs) => {
        const before = record.failures;
        const values = record.take(text);
        const { lastFailure } = record;
        const isFailure = record.failures > before && lastFailure !== undefined;
        const isLast = record.failuresInARow >= options.attempts;
        const step = isFailure
          ? describeFailure(lastFailure, values, isLast, options.module)
          : describe(values, modelOf(options.module));
        this.#log(atMs, step);
      },
    });
    let end: SimulationEnd = { reason: "stopped" };
    try {
      if (!this.#isInterrupted)
        end = await simulation.run({ until: () => record.end !== undefined, untilMs: RUN_LIMIT_MS });
    } finally {
      network.close();
    }
    const memory = await engine.memory();
    const sockets = modem.socketHistory;
    const interrupted = this.#isInterrupted && record.end === undefined;
    const failure = explainEnd({ options, broker, record, end, sockets, memory, interrupted });
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
      durationMs: performance.now() - this.#session.startedAt,
    });
  }

  #log(atMs: number, step: Step | undefined): void {
    if (step !== undefined) this.#session.log(progressLine(atMs, step));
  }

  #makeModem(network: LoopbackNetwork): Modem {
    const { options, trace } = this.#session;
    const scheduler = this.#scheduler;
    const { module, link, seed, baud } = options;
    const modem = makeModule({ module, scheduler, network, link, seed, baud });
    modem.onTap = new LineTrace({
      nowMs: () => scheduler.nowMs,
      print: line => {
        trace?.(line);
        // The firmware does not report it: to the application a connection begins with MQTT.
        if (/ < \+Q(SSL|I|MT)OPEN: (\d+,){1,2}0$/.test(line))
          this.#log(scheduler.nowMs, describeOpened(modem.socketHistory.at(-1)?.tls));
      },
    }).tap;
    return modem;
  }
}
