import type { FirmwareEngine } from "../../../test-host/xs/index.js";
import { asRouteReason, explainRoute } from "../../../drivers/quectel/route-sentences.js";
import { modelOf } from "../device.js";
import { suiteName } from "../suites.js";
import type { ModuleSocket } from "../../../test-host/simulator/modem/socket.js";
import type { EngineMemory } from "../../../test-host/simulator/engine.js";
import type { SimulationCounters } from "../../../test-host/simulator/simulation.js";
import type { BrokerAccess } from "./broker.js";
import type { RunFailure } from "./explain-end.js";
import type { SimulateOptions } from "./options.js";
import type { BufferUse, ReceivedMessage, RunRecord } from "./record.js";

/** What `--json` prints. Sizes in bytes, durations in milliseconds. */
export interface RunResult {
  readonly ok: boolean;
  readonly engine: { readonly name: string; readonly version: string };
  readonly module: { readonly model: string; readonly revision: string };
  readonly route: { readonly name: string; readonly reason: string };
  readonly broker: {
    readonly url: string;
    /** `null` without TLS, or when no handshake was completed. */
    readonly tls: {
      /** Who did it. */
      readonly by: "module" | "ESP32";
      readonly version: string;
      readonly cipher: string;
      readonly handshakeSent: number;
      readonly handshakeReceived: number;
      readonly handshakeCommands: number;
    } | null;
  };
  readonly messages: {
    readonly published: number;
    readonly acknowledged: number;
    readonly received: readonly ReceivedMessage[];
  };
  readonly credentials: RunRecord["credentials"];
  readonly uart: {
    readonly baud: number;
    readonly serial: string;
    readonly toModule: number;
    readonly fromModule: number;
    readonly commands: number;
    readonly overruns: number;
  };
  readonly memory: {
    readonly budgetBytes: number;
    readonly loadedBytes: number;
    readonly peakBytes: number;
    readonly bytecodeBytes: number;
    readonly collections: number;
    readonly stackPeakSlots: number;
  };
  readonly compute: {
    readonly steps: number;
    readonly turns: number;
    readonly busyMs: number;
    readonly longestTurnMs: number;
  };
  readonly buffers: readonly BufferUse[];
  readonly durationMs: number;
  readonly simulatedMs: number;
  readonly failure: RunFailure | null;
}

export interface ResultFacts {
  readonly options: SimulateOptions;
  readonly broker: BrokerAccess;
  readonly engine: FirmwareEngine;
  readonly record: RunRecord;
  readonly counters: SimulationCounters;
  readonly commands: number;
  readonly sockets: readonly ModuleSocket[];
  readonly memory: EngineMemory;
  readonly failure: RunFailure | null;
  readonly simulatedMs: number;
  readonly durationMs: number;
}

function routeOf({ options, broker, record }: ResultFacts): { name: string; reason: string } {
  const route = record.route;
  if (route === undefined) return { name: "none", reason: "the device did not get as far as the broker" };
  const { name, reason, passed } = route;
  return {
    name: name === "module-tls" && !broker.secure ? "module-tcp" : name,
    reason: explainRoute(modelOf(options.module), name, asRouteReason(reason), passed),
  };
}

/** The handshake of the ESP32's TLS, or that of the module's. */
function tlsOf({ handshake }: RunRecord, sockets: readonly ModuleSocket[]): RunResult["broker"]["tls"] {
  if (handshake !== undefined)
    return {
      by: "ESP32",
      // Its suites are numbers of their own (RFC 8446, B.4).
      version: (handshake.suite ?? 0) >> 8 === 0x13 ? "TLSv1.3" : "TLSv1.2",
      cipher: handshake.suite === undefined ? "unknown" : suiteName(handshake.suite),
      handshakeSent: handshake.sentBytes,
      handshakeReceived: handshake.receivedBytes,
      handshakeCommands: handshake.commands,
    };
  const tls = sockets.filter(socket => socket.tls !== undefined).at(-1)?.tls;
  if (tls === undefined) return null;
  return {
    by: "module",
    version: tls.protocol,
    cipher: tls.suite,
    handshakeSent: tls.sentBytes,
    handshakeReceived: tls.receivedBytes,
    // The module shakes hands by itself: its open command is all that it costs on the UART.
    handshakeCommands: 1,
  };
}

/** Byte code that a device's flash would hold: without the configuration, and the host program's own main module. */
function firmwareCode(memory: EngineMemory): number {
  const firmware = Object.entries(memory.modules).filter(([name]) => /^(modules|drivers|hosts)\//.test(name));
  return firmware.reduce((sum, [, bytes]) => sum + bytes, 0);
}

export function resultOf(facts: ResultFacts): RunResult {
  const { options, broker, engine, record, counters, memory, sockets } = facts;
  return {
    ok: facts.failure === null,
    engine: { name: engine.name, version: engine.version },
    module: { model: record.model, revision: record.revision },
    route: routeOf(facts),
    broker: {
      url: broker.url,
      tls: tlsOf(record, sockets),
    },
    messages: { published: record.published, acknowledged: record.acknowledged, received: record.received },
    credentials: record.credentials,
    uart: {
      baud: options.baud,
      serial: options.serial,
      toModule: counters.toModuleBytes,
      fromModule: counters.toHostBytes,
      commands: facts.commands,
      overruns: counters.lostBytes,
    },
    memory: {
      budgetBytes: memory.budgetBytes,
      loadedBytes: memory.loadedBytes,
      peakBytes: memory.peakBytes,
      bytecodeBytes: firmwareCode(memory),
      collections: memory.collections,
      stackPeakSlots: memory.stackPeakSlots,
    },
    compute: {
      steps: counters.compute,
      turns: counters.turns,
      busyMs: Math.round(counters.busyMs * 1000) / 1000,
      longestTurnMs: Math.round(counters.longestTurnMs * 1000) / 1000,
    },
    buffers: [
      ...record.buffers,
      {
        name: "UART receive",
        size: options.serial === "buffered" ? 4096 : 128,
        highWater: counters.receiveHighWater,
      },
    ],
    durationMs: Math.round(facts.durationMs),
    simulatedMs: Math.round(facts.simulatedMs),
    failure: facts.failure,
  };
}
