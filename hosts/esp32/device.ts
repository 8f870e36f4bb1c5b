/**
 * What an ESP32 gives to the firmware. Verified on no hardware yet: it type-checks against Moddable's
 * typings; what decides anything in it (`prepare`, `power`, `boards`) runs in specs.
 */
import Digital from "embedded:io/digital";
import Serial from "embedded:io/serial";
import storage from "embedded:storage/flash";
import manifestConfig from "mc/config";
import Timer from "timer";
import type { FlashPartition } from "../../modules/io/flash.js";
import type { SerialRecord } from "../../modules/io/serial.js";
import type { ConfigFault } from "../firmware/check-config.js";
import type { Host, Watchdog } from "../firmware/host.js";
import { withFlowControl } from "../firmware/flow-control.js";
import { withRotation } from "../firmware/rotation.js";
import { withUnit } from "../firmware/unit.js";
import { withWatchdog } from "../firmware/watch.js";
import { moduleTrace, reportLine, report as traced } from "../moddable/log.js";
import services from "../moddable/services/chosen.js";
import { storedCredentials } from "../moddable/stored-credentials.js";
import { systemClock } from "../moddable/system-clock.js";
import { chips } from "./chips.js";
import { chipOf } from "./choose-wiring.js";
import type { DeviceConfig } from "./device-config.js";
import { openEntropy } from "./entropy.js";
import { powerOf, type Pin, type Pins } from "./power.js";
import { prepare } from "./prepare.js";
import BufferedSerial from "./serial/buffered-serial.js";
import { guestOf, SharedConsole } from "./shared-console.js";
import { address, deepSleep, feedWatchdog, restart, startWatchdog, wakeCause } from "./system/chip.js";
import { deviceVault } from "./vault.js";
import type { Line } from "./wiring.js";

// The SDK's typings know nothing of what a manifest's `config` holds, and describe a serial class
// that no ESP32 has (SDK 8.2: flow control, `flush`, `set`, a required port) and a digital class
// without `initialValue`. The types here are those of its code; they hold whichever typings the
// build brings.
const config = manifestConfig as unknown as DeviceConfig;
const StockSerial = Serial as unknown as SerialRecord["io"];
// Its pins and rate stand in the record, as those of the stock class do.
const Buffered = BufferedSerial as unknown as SerialRecord["io"];

interface DigitalOptions {
  readonly pin: number;
  readonly mode: unknown;
  /** Level from the first moment. */
  readonly initialValue?: 0 | 1;
}

const DigitalPin = Digital as unknown as new (options: DigitalOptions) => Pin;

/** Seconds, unless configured. */
const WATCHDOG_S = 120;
/** Label of the partition that outgoing messages wait in. */
const JOURNAL = "journal";

const pins: Pins = Object.freeze({
  input: ({ pin, pull }: Line) =>
    new DigitalPin({
      pin,
      mode: pull === "up" ? Digital.InputPullUp : pull === "down" ? Digital.InputPullDown : Digital.Input,
    }),
  output: ({ pin, openDrain }: Line, initialValue: 0 | 1) =>
    new DigitalPin({ pin, mode: openDrain ? Digital.OutputOpenDrain : Digital.Output, initialValue }),
});

/**
 * The console on UART 0: a release build has no other way to say anything (the SDK turns ESP-IDF's console
 * off, and `trace` leads nowhere then). A build for the debugger has that port for itself and shows `trace`:
 * then it is `undefined`, and the factory has to take a release build.
 */
function openConsole(): SharedConsole | undefined {
  // Before the configuration is checked, which is what may have to be told.
  const [transmit, receive] = chips[chipOf(config)].console;
  try {
    return new SharedConsole({ io: Buffered, ...{ port: 0, transmit, receive, baud: 115_200 } }, Timer);
  } catch {
    return undefined;
  }
}

/** `undefined` where the partition table has none. */
function journal(): FlashPartition | undefined {
  try {
    return storage.open({ path: JOURNAL, mode: "r+" });
  } catch {
    return undefined;
  }
}

/** `undefined` where none is wanted, and where the build has none. */
function watchdog(seconds: number, report: Host["report"]): Watchdog | undefined {
  if (seconds === 0) return undefined;
  const timeoutMs = 1_000 * seconds;
  try {
    startWatchdog(timeoutMs);
    return { timeoutMs, feed: feedWatchdog };
  } catch (error) {
    report("warning", "watchdogS", String(error));
    return undefined;
  }
}

/**
 * The host that the firmware is started with; `undefined` when the configuration has a fault, which
 * has been reported then, and nothing was touched. `concerns`: which faults of the application's members
 * count, default all.
 */
export function openDevice(concerns?: (fault: ConfigFault) => boolean): Host | undefined {
  const shared = openConsole();
  const report: Host["report"] =
    shared === undefined ? traced : (event, ...values) => shared.log(reportLine(event, values));
  const board = prepare(config, report, concerns);
  if (board === undefined) return undefined;
  // Takes the ADC for a moment: before anything of the application can have opened it.
  const entropy = openEntropy();
  const cause = wakeCause();
  report("start", cause);
  const flash = journal();
  const vault = deviceVault(report);
  const credentials = vault ?? storedCredentials;
  const io = config.serial === "stock" ? StockSerial : Buffered;
  const host: Host = {
    config,
    clock: systemClock,
    // Each line makes texts: where nobody reads them it is left out.
    trace: shared === undefined ? moduleTrace() : undefined,
    serial: { io, ...board.wiring.uart },
    timer: Timer,
    random: () => Math.random(),
    power: powerOf(board.wiring, pins),
    ...(flash === undefined ? {} : { flash }),
    credentials,
    vault,
    ...(shared === undefined ? {} : { console: guestOf(shared) }),
    unit: address(),
    version: config.version,
    ...services(credentials, entropy),
    ...(board.wiring.uart.rts === undefined ? {} : { adapt: withFlowControl }),
    watchdog: watchdog(config.watchdogS ?? WATCHDOG_S, report),
    sleep: deepSleep,
    restart,
    report,
  };
  return withUnit(withRotation(withWatchdog(host), cause === "timer" || cause === "wake"));
}
