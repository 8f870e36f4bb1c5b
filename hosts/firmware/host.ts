import type { Profile } from "../../drivers/quectel/profile.js";
import type { Clock, Random, Timer } from "../../modules/io/timer.js";
import type { Credentials } from "../../modules/io/credentials.js";
import type { FlashPartition } from "../../modules/io/flash.js";
import type { KeyService } from "../../modules/io/keys.js";
import type { Power } from "../../modules/io/power.js";
import type { SerialRecord } from "../../modules/io/serial.js";
import type { CredentialVault } from "../../modules/io/vault.js";
import type { TlsEngineRecord } from "../../modules/tls/engine.js";
import type { Trace } from "../../modules/at/trace.js";
import type { FirmwareConfig } from "./config.js";

/** A value of a report: what JSON holds without nesting. */
export type ReportValue = string | number | boolean | undefined;

/**
 * Everything that the firmware is given by the platform that runs it: an ESP32, Linux, the XS host
 * or Node. `hosts/firmware/main` takes it as its one argument.
 */
export interface Host {
  /** From `mc/config` on a device. Frozen. */
  readonly config: FirmwareConfig;
  readonly serial: SerialRecord;
  readonly timer: Timer;
  readonly clock: Clock;
  readonly random: Random;
  readonly power: Power;
  /** What this board wants otherwise of the module. */
  readonly adapt?: ((profile: Profile) => Profile) | undefined;
  readonly flash?: FlashPartition;
  readonly credentials: Credentials;
  /** TLS on this side, for `host-tls`; absent where the platform has none. */
  readonly tls?: TlsEngineRecord | undefined;
  /** Signs, for brokers that want a token as password; absent where the platform cannot. */
  readonly signer?: Signer | undefined;
  /** Credentials that can be renewed; `credentials` is the same object then. Absent: they are fixed. */
  readonly vault?: CredentialVault | undefined;
  /** Makes and uses keys, for provisioning. */
  readonly keys?: KeyService | undefined;
  /** What the platform calls this unit, such as the chip's address: told to the factory. */
  readonly unit?: string | undefined;
  /** Version of what was built: told to the factory. */
  readonly version?: string | undefined;
  /** The port that the factory talks to. Absent: there is no provisioning. */
  readonly console?: SerialRecord | undefined;
  /** Restarts the device when it is not fed in time. */
  readonly watchdog?: Watchdog | undefined;
  /** Ends the program: the device sleeps so long and begins anew. Absent: it cannot. */
  readonly sleep?: ((ms: number) => void) | undefined;
  /** Begins the program anew. */
  readonly restart?: (() => void) | undefined;
  /** Sees every line to and from the module. A product leaves it out, and its code with it. */
  readonly trace?: Trace | undefined;
  /** Tells the platform what happens, for a log or a display. Values are never secrets. */
  readonly report: (event: string, ...values: ReportValue[]) => void;
}

/** Signs with a key that it keeps to itself. */
export interface Signer {
  readonly algorithm: "ES256" | "RS256";
  /**
   * The signature of `bytes` as a JSON Web Signature has it (RFC 7518: r and s, 32 bytes each, or
   * PKCS #1 v1.5), in a later turn; `undefined` when it failed.
   */
  sign(bytes: Uint8Array, done: (signature: Uint8Array | undefined) => void): void;
}

/** A timer of the platform that restarts the device. */
export interface Watchdog {
  /** Milliseconds from a feeding to the restart. */
  readonly timeoutMs: number;
  feed(): void;
}
