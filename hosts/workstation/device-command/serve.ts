import { randomInt } from "node:crypto";
import type { RouteName } from "../../../drivers/quectel/route.js";
import type { LinkName } from "../../../test-host/simulator/link.js";
import { Scheduler } from "../../../test-host/simulator/scheduler.js";
import { ServeError } from "../../../test-host/simulator/serve-bytes.js";
import { serveConsole } from "../../../test-host/simulator/serve-console.js";
import type { SimulationEnd } from "../../../test-host/simulator/simulation.js";
import { DeviceLife } from "../../../test-host/xs/device-life.js";
import { EngineError } from "../../../test-host/xs/index.js";
import type { FirmwareConfig, ModuleName } from "../../firmware/config.js";
import { deviceKeys } from "../device-keys.js";
import { loopbackNetwork } from "../simulate/loopback.js";
import { keepFiles } from "../simulate/module-files.js";
import { printSentences } from "../simulate/print.js";
import { makeModule } from "../simulate/simulated-module.js";
import { deviceProfile, nodeTls } from "../tls-engine.js";
import { FlashFiles } from "./flash-files.js";

/** Checked options: nothing has been opened or started yet. */
export interface DeviceOptions {
  /** `127.0.0.1:PORT`, or the path of a pseudo terminal. */
  readonly console: string;
  /** Folder of the partitions' files. */
  readonly flash: string;
  readonly module: ModuleName;
  readonly route: RouteName | "auto";
  readonly link: LinkName;
  readonly engine: "auto" | "xs" | "node";
  readonly broker: { readonly host: string; readonly port: number };
  readonly clientId: string;
  readonly credentials: "device" | "module";
  /** Folder of a BG95's file system; absent: it begins empty. */
  readonly files: string | undefined;
  /** 12 hexadecimal digits in capitals. */
  readonly mac: string;
  /** 15 digits; absent: that of the simulated module. */
  readonly imei: string | undefined;
  readonly resolve: readonly string[];
}

/** The module that the engine starts, a path from the package's root. */
const ENTRY = "hosts/workstation/device-command/entry";
const KEEP_ALIVE_MS = 60_000;
const WATCHDOG_MS = 30_000;

function configOf({ module, route, credentials, broker, clientId }: DeviceOptions): FirmwareConfig {
  return {
    module,
    route,
    credentials,
    broker: { ...broker, secure: true, verify: true },
    clientId,
    topic: "devices/{unit}/telemetry",
    message: '{"n":{n}}',
    count: 0,
    qos: 1,
    commands: 0,
    lingerMs: 0,
    attempts: 0,
    keepAlive: KEEP_ALIVE_MS,
  };
}

/** A report as the device's log has it: one line. */
function logLine(report: string): string {
  const values: unknown = JSON.parse(report);
  return Array.isArray(values) ? values.map(value => String(value ?? "")).join(" ") : report;
}

function tell({ reason, abort }: SimulationEnd): void {
  if (reason === "abort") process.stderr.write(`aborted: ${abort?.reason ?? ""} ${abort?.detail ?? ""}\n`);
}

/** Why there is no device, for people; throws what is a fault of the program. */
function sentencesOf(error: unknown): string {
  if (error instanceof EngineError)
    return printSentences({
      what: error.message,
      why: `The engine could not be started (${error.kind}).`,
      fix: "Do what the first line says, or run with --engine node, which measures no memory.",
    });
  if (!(error instanceof ServeError)) throw error;
  return printSentences({
    what: error.message,
    why: "The console of the simulated device could not be served there.",
    fix: "Choose another port or path, or do what the first line says.",
  });
}

/**
 * Runs a device over its restarts until a signal comes; returns the exit code. Its console carries its
 * log, as on a device, beside what it answers to a factory tool. What it has acknowledged is in the
 * files of its flash already: ending this process by force is a loss of power, no more.
 */
export async function serveDevice(options: DeviceOptions): Promise<number> {
  const files = new FlashFiles(options.flash);
  const partitions = files.load();
  const scheduler = new Scheduler({ mode: "realtime" });
  const network = loopbackNetwork(scheduler, options.resolve);
  const { module, link, imei } = options;
  const modem = makeModule({ module, scheduler, network, link, imei });
  if (options.files !== undefined) keepFiles(modem, options.files);
  const state = { stopped: false };
  let say: (text: string) => void = () => undefined;
  const life = new DeviceLife({
    scheduler,
    modem,
    onReport: text => {
      const line = logLine(text);
      process.stdout.write(`${line}\n`);
      say(`${line}\r\n`);
    },
    engine: {
      engine: options.engine,
      entry: ENTRY,
      config: configOf(options),
      console: true,
      keys: deviceKeys,
      watchdogMs: WATCHDOG_MS,
      unit: options.mac,
      // Another in each process, as after each loss of power: `boot` of the console tells lives apart by it.
      seed: randomInt(2 ** 31),
      partitions,
      tls: now => nodeTls({ profile: deviceProfile, now }),
      onNotice: text => process.stderr.write(`${text}\n`),
    },
  });
  const stop = (): void => {
    state.stopped = true;
    scheduler.stop();
  };
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.once(signal, stop);
  try {
    // The engine's program is built at its first use, which takes many seconds; whoever sees the console takes it for a device that answers.
    tell(await life.run({ untilMs: scheduler.nowMs }));
    const service = await serveConsole({ scheduler, line: life.console, at: options.console });
    // In order, and behind the flash that it tells of.
    let sent: Promise<void> = Promise.resolve();
    const send = (bytes: Uint8Array): void => {
      sent = sent.then(async () => {
        files.save(await life.partitions());
        service.write(bytes);
      });
    };
    life.console.onData = send;
    say = text => send(Buffer.from(text, "latin1"));
    process.stdout.write(`console on ${service.address}\n`);
    while (!state.stopped) {
      const end = await life.run();
      tell(end);
      if (end.reason !== "abort" && end.reason !== "power cut") break;
    }
    await sent;
    files.save(await life.partitions());
    await service.stop();
    return 0;
  } catch (error) {
    process.stderr.write(sentencesOf(error));
    return 1;
  } finally {
    await life.stop();
    network.close();
  }
}
