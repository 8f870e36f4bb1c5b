/**
 * The device's main module: hands the platform's services to the firmware. Verified on no hardware
 * yet: it type-checks against Moddable's typings, and the firmware that it starts is the one that
 * the simulation runs.
 */
import Digital from "embedded:io/digital";
import Serial from "embedded:io/serial";
import manifestConfig from "mc/config";
import Timer from "timer";
import start from "../firmware/main.js";
import type { SerialRecord } from "../../modules/io/serial.js";
import { moduleTrace, report } from "../moddable/log.js";
import { storedKeySigner } from "../moddable/signer.js";
import { storedCredentials } from "../moddable/stored-credentials.js";
import { systemClock } from "../moddable/system-clock.js";
import { moddableTls } from "../moddable/tls-engine.js";
import { entropy } from "./entropy.js";
import type { DeviceConfig, Wiring } from "./device-config.js";

// The SDK's typings know nothing of what a manifest's `config` holds, and describe a serial class
// that no ESP32 has (SDK 8.2: flow control, `flush`, `set`, a required port). The types here are
// those of its code; they hold whichever typings the build brings.
const config = manifestConfig as unknown as DeviceConfig;
const io = Serial as unknown as SerialRecord["io"];

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
  const wake = output(wiring.wake);
  const status =
    wiring.status === undefined ? undefined : new Digital({ pin: wiring.status, mode: Digital.Input });
  return {
    ...(powerKey === undefined ? undefined : { powerKey }),
    ...(reset === undefined ? undefined : { reset }),
    ...(wake === undefined ? undefined : { wake }),
    ...(status === undefined ? undefined : { status: () => status.read() === 1 }),
  };
}

export default function main(): void {
  start({
    config,
    clock: systemClock,
    trace: moduleTrace(),
    serial: { io, ...config.wiring.uart },
    timer: Timer,
    random: () => Math.random(),
    power: power(config.wiring),
    credentials: storedCredentials,
    tls: moddableTls(entropy),
    signer: storedKeySigner(storedCredentials),
    report,
  });
}
