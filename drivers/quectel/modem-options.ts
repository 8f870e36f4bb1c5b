import type { Trace } from "../../modules/at/trace.js";
import type { Rung } from "../../modules/cellular/recovery.js";
import type { Failure } from "../../modules/diagnosis/failure.js";
import type { Power } from "../../modules/io/power.js";
import type { SerialRecord } from "../../modules/io/serial.js";
import type { Clock, Timer } from "../../modules/io/timer.js";
import type { Profile } from "./profile.js";

/** Where the modem is on its way to the network, in the order in which it climbs. */
export type ModemState =
  "off" | "booting" | "starting" | "sim" | "registering" | "activating" | "clock" | "online";

export interface ModemOptions {
  readonly profile: Profile;
  readonly serial: SerialRecord;
  readonly timer: Timer;
  readonly clock: Clock;
  readonly power: Power;
  /** PDP context; default the module's first. A BC66 has no other. */
  readonly context?: number | undefined;
  /** `disconnect` lets the module sleep, where it can, and does not turn it off. */
  readonly sleep?: boolean | undefined;
  /** Access point; absent or empty leaves what the module has stored or the network gives. */
  readonly apn?: string | undefined;
  readonly apnUser?: string | undefined;
  readonly apnPassword?: string | undefined;
  readonly pin?: string | undefined;
  /** Asked when the network tells no time. */
  readonly timeServer?: string | undefined;
  /** Sees every line; handed in as an object, so that a product without it carries no code for it. */
  readonly trace?: Trace | undefined;
  readonly onState?: (state: ModemState) => void;
  /**
   * A way to the network failed; the modem goes on by itself with the rung named. `none`: it does
   * not, because the module cannot do what is configured; nothing was sent.
   */
  readonly onFailure?: (reason: Failure, rung: Rung | "none", waitMs: number) => void;
  /**
   * What happens on the way, for logs: `power`, `wake`, `module`, `imei`, `send`, `sim`, `registered`, `address`,
   * `clock`, `credential`, `restarted`, `unread`, `uart` (messages come in bursts of up to so many bytes, of
   * which this serial class can lose some at this rate), and `exception` when a callback of the application threw.
   */
  readonly onEvent?: (name: string, ...values: (string | number)[]) => void;
}
