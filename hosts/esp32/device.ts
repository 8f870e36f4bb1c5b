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
import type { Host } from "../firmware/host.js";
import { withWatchdog } from "../firmware/watch.js";
import { moduleTrace, report } from "../moddable/log.js";
import { storedKeySigner } from "../moddable/signer.js";
import { storedCredentials } from "../moddable/stored-credentials.js";
import { systemClock } from "../moddable/system-clock.js";
import { moddableTls } from "../moddable/tls-engine.js";
import { openEntropy } from "./entropy.js";
import type { DeviceConfig } from "./device-config.js";
import { powerOf, type Pin, type Pins } from "./power.js";
import { prepare } from "./prepare.js";
import type { Line } from "./wiring.js";

// The SDK's typings know nothing of what a manifest's `config` holds, and describe a serial class
// that no ESP32 has (SDK 8.2: flow control, `flush`, `set`, a required port) and a digital class
// without `initialValue`. The types here are those of its code; they hold whichever typings the
// build brings.
const config = manifestConfig as unknown as DeviceConfig;
const io = Serial as unknown as SerialRecord["io"];

interface DigitalOptions {
  readonly pin: number;
  readonly mode: unknown;
  /** Level from the first moment. */
  readonly initialValue?: 0 | 1;
}

const DigitalPin = Digital as unknown as new (options: DigitalOptions) => Pin;

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

/** `undefined` where the partition table has none. */
function journal(): FlashPartition | undefined {
  try {
    return storage.open({ path: JOURNAL, mode: "r+" });
  } catch {
    return undefined;
  }
}

/**
 * The host that the firmware is started with; `undefined` when the configuration has a fault, which
 * has been reported then, and nothing was touched.
 */
export function openDevice(): Host | undefined {
  const board = prepare(config, report);
  if (board === undefined) return undefined;
  // Takes the ADC for a moment: before anything of the application can have opened it.
  const entropy = openEntropy();
  const flash = journal();
  return withWatchdog({
    config,
    clock: systemClock,
    trace: moduleTrace(),
    serial: { io, ...board.wiring.uart },
    timer: Timer,
    random: () => Math.random(),
    power: powerOf(board.wiring, pins),
    ...(flash === undefined ? {} : { flash }),
    credentials: storedCredentials,
    tls: moddableTls(entropy),
    signer: storedKeySigner(storedCredentials),
    report,
  });
}
