/**
 * The device's main module: hands the platform's services to the firmware. Verified on no hardware
 * yet: it type-checks against Moddable's typings, and the firmware that it starts is the one that
 * the simulation runs.
 */
import Digital from "embedded:io/digital";
import Serial from "embedded:io/serial";
import manifestConfig from "mc/config";
import Resource from "Resource";
import Time from "time";
import Timer from "timer";
import start from "../firmware/main.js";
import type { DeviceConfig, Wiring } from "./device-config.js";
import type { ReportValue } from "../firmware/host.js";
import type { SerialRecord } from "../../modules/io/serial.js";
import { Trace } from "../../modules/at/trace.js";
import type { Credential, CredentialRole } from "../../modules/io/credentials.js";
import type { Clock } from "../../modules/io/timer.js";

declare const trace: (text: string) => void;

// The SDK's typings know nothing of what a manifest's `config` holds, and describe a serial class
// that no ESP32 has (SDK 8.2: flow control, `flush`, `set`, a required port). The types here are
// those of its code; they hold whichever typings the build brings.
const config = manifestConfig as unknown as DeviceConfig;
const io = Serial as unknown as SerialRecord["io"];

/** A DER file among the manifest's `data`: read in place from flash. */
class StoredCredential implements Credential {
  readonly byteLength: number;
  readonly #bytes: Uint8Array;

  constructor(name: string) {
    this.#bytes = new Uint8Array(new Resource(name));
    this.byteLength = this.#bytes.length;
  }

  read(view: Uint8Array, offset: number): number {
    const count = Math.max(0, Math.min(view.length, this.byteLength - offset));
    view.set(this.#bytes.subarray(offset, offset + count));
    return count;
  }
}

function output(pin: number | undefined): ((asserted: boolean) => void) | undefined {
  if (pin === undefined) return undefined;
  const line = new Digital({ pin, mode: Digital.Output });
  // The board's transistor pulls the module's line low while the pin is high.
  line.write(0);
  return asserted => {
    line.write(asserted ? 1 : 0);
  };
}

function power(wiring: Wiring) {
  const powerKey = output(wiring.powerKey);
  const reset = output(wiring.reset);
  const status =
    wiring.status === undefined ? undefined : new Digital({ pin: wiring.status, mode: Digital.Input });
  return {
    ...(powerKey === undefined ? undefined : { powerKey }),
    ...(reset === undefined ? undefined : { reset }),
    ...(status === undefined ? undefined : { status: () => status.read() === 1 }),
  };
}

const clock: Clock = {
  get ticks() {
    return Time.ticks;
  },
  delta: (from: number, to?: number) => Time.delta(from, to),
  set: (seconds: number) => {
    Time.set(seconds);
  },
  now: () => Date.now(),
};

export default function main(): void {
  start({
    config,
    clock,
    trace: new Trace(clock, (ticks, direction, text) => trace(`${ticks} ${direction} ${text}\n`)),
    serial: { io, ...config.wiring.uart },
    timer: Timer,
    random: () => Math.random(),
    power: power(config.wiring),
    credentials: {
      open(role: CredentialRole) {
        const name = role + ".der";
        return Resource.exists(name) ? new StoredCredential(name) : undefined;
      },
    },
    report(event: string, ...values: ReportValue[]) {
      trace(event + " " + values.join(" ") + "\n");
    },
  });
}
