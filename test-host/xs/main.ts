import Resource from "Resource";
import Serial from "embedded:io/serial";
import storage from "embedded:storage/flash";
import config from "mc/config";
import listen from "messages";
import power from "power";
import report from "report";
import services from "services";
import sign from "signer";
import Time from "time";
import Timer from "timer";
import TlsEngine from "tls";
import type { Clock } from "../../modules/io/timer.js";
import type { Credential, CredentialRole, Credentials } from "../../modules/io/credentials.js";
import type { Entry } from "./host.js";

/** The counterpart of a device's main module: builds the host record of the native modules and starts the firmware. */

/** Reads a resource in place. */
class StoredCredential implements Credential {
  readonly byteLength: number;
  readonly #bytes: Uint8Array;

  constructor(name: string) {
    this.#bytes = new Uint8Array(new Resource(name));
    this.byteLength = this.#bytes.length;
  }

  read(view: Uint8Array, offset: number): number {
    const part = this.#bytes.subarray(offset, offset + view.length);
    view.set(part);
    return part.length;
  }
}

const clock: Clock = Object.freeze({
  get ticks() {
    return Time.ticks;
  },
  delta: (start: number, end?: number) => Time.delta(start, end),
  set: (seconds: number) => Time.set(seconds),
  now: () => Date.now(),
});

const credentials: Credentials = Object.freeze({
  open(role: CredentialRole) {
    const name = `${role}.der`;
    return Resource.exists(name) ? new StoredCredential(name) : undefined;
  },
});

/** Pins as on the reference board; the simulated UART has none. */
const serial = Object.freeze({
  io: Serial,
  port: 1,
  receive: 16,
  transmit: 17,
  baud: config.baud ?? 115200,
  format: "buffer",
});

const tls = services.tls && Object.freeze({ ...services.tls, io: TlsEngine });
const signer = services.signer && Object.freeze({ algorithm: services.signer.algorithm, sign });

/** `start` is the entry module's default export; the host program passes it. */
export default function main(start: Entry): void {
  start({
    config,
    serial,
    timer: Timer,
    clock,
    random: Math.random,
    power,
    flash: storage.open({ path: "journal", mode: "r+" }),
    credentials,
    tls,
    signer,
    report,
    listen,
  });
}
