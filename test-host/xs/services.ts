import { sign, type KeyObject } from "node:crypto";
import type { DeviceKeys, KeptKey } from "../../hosts/workstation/device-keys.js";
import type { Signer } from "../../hosts/firmware/host.js";
import type { Credential } from "../../modules/io/credentials.js";
import type { TlsEngine, TlsEngineRecord } from "../../modules/tls/engine.js";
import type { Board, Services, TlsCallback, TlsOpening } from "./service-types.js";

/** What the engine's host does for the firmware natively, as a device's native code does. */

/** A TLS record of the host, or how one is made by the firmware's clock (milliseconds since 1970). */
export type EngineTls = TlsEngineRecord | ((now: () => number) => TlsEngineRecord);

/** Signs with a key that never enters the engine. */
export interface EngineSigner {
  readonly algorithm: Signer["algorithm"];
  readonly key: KeyObject;
}

/**
 * Compute steps that native work takes on a device beside the byte codes (see `esp32Cost`). They are
 * 0 unless given: how long an ESP32 needs for a handshake with the SDK's engine is not known.
 */
export interface NativeCost {
  /** Judging the chain, the key exchange and the client's signature: everything up to our Finished. */
  readonly handshakeSteps?: number;
  readonly signSteps?: number;
  readonly generateKeySteps?: number;
}

/** Makes and uses keys for the firmware; `deviceKeys` of `hosts/workstation` does. */
export type EngineKeys = DeviceKeys;

export interface ServiceOptions {
  readonly tls?: EngineTls | undefined;
  readonly signer?: EngineSigner | undefined;
  readonly keys?: EngineKeys | undefined;
  readonly nativeCost?: NativeCost | undefined;
  /** What the board has; the firmware is told. */
  readonly board?: Board | undefined;
}

const CHANGE_CIPHER_SPEC = 20;
/** Rounds of the event loop without a callback after which an engine that does not tell is taken to have finished. */
const QUIET_ROUNDS = 8;

class OpenedCredential implements Credential {
  readonly byteLength: number;
  readonly #bytes: Uint8Array;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.byteLength = bytes.length;
  }

  read(view: Uint8Array, offset: number): number {
    const part = this.#bytes.subarray(offset, offset + view.length);
    view.set(part);
    return part.length;
  }
}

function checkSigner({ algorithm, key }: EngineSigner): void {
  const suits =
    algorithm === "ES256"
      ? key.asymmetricKeyDetails?.namedCurve === "prime256v1"
      : key.asymmetricKeyType === "rsa";
  if (key.type !== "private" || !suits)
    throw new TypeError(`${algorithm} needs a private ${algorithm === "ES256" ? "P-256" : "RSA"} key`);
}

/** Algorithm in a byte (0: ES256), length of the public key in 16 bits, little-endian, public key, PKCS #8. */
function packKey({ algorithm, publicKey, pkcs8 }: KeptKey): Uint8Array {
  const head = [algorithm === "ES256" ? 0 : 1, publicKey.length & 0xff, publicKey.length >> 8];
  return Uint8Array.of(...head, ...publicKey, ...pkcs8);
}

function credentialOf(bytes: Uint8Array | undefined): Credential | undefined {
  return bytes && new OpenedCredential(bytes);
}

interface Settling {
  settled(): Promise<void>;
}

function tellsSettled(record: TlsEngineRecord): record is TlsEngineRecord & Settling {
  return "settled" in record && typeof record.settled === "function";
}

/** The services of one engine: its open TLS engines by the firmware's number for them, and what they want to tell. */
export class HostServices {
  /** What the firmware is told. */
  readonly description: Services;
  readonly #tls: TlsEngineRecord | undefined;
  readonly #signer: EngineSigner | undefined;
  readonly #keys: EngineKeys | undefined;
  readonly #cost: NativeCost;
  readonly #engines = new Map<number, TlsEngine>();
  #due: TlsCallback[] = [];
  #nowMs = 0;
  #steps = 0;

  constructor({ tls, signer, keys, nativeCost = {}, board }: ServiceOptions) {
    if (signer) checkSigner(signer);
    this.#tls = typeof tls === "function" ? tls(() => this.#nowMs) : tls;
    this.#signer = signer;
    this.#keys = keys;
    this.#cost = nativeCost;
    const limits = this.#tls;
    this.description = {
      ...(limits && {
        tls: {
          clientKeys: limits.clientKeys,
          splitMessages: limits.splitMessages,
          leafAlone: limits.leafAlone,
          suites: limits.suites,
        },
      }),
      ...(signer && { signer: { algorithm: signer.algorithm } }),
      ...(keys && { keys: true as const }),
      ...(board && { board }),
    };
  }

  /** Throws what the engine's constructor throws. `nowMs`: the firmware's clock. */
  open(id: number, nowMs: number, opening: TlsOpening): void {
    if (!this.#tls) throw new Error("there is no TLS engine");
    this.#nowMs = nowMs;
    const { serverName, verify } = opening;
    let handshaking = true;
    const engine = new this.#tls.io({
      serverName,
      verify,
      ca: credentialOf(opening.ca),
      certificate: credentialOf(opening.certificate),
      key: credentialOf(opening.key),
      transmit: bytes => {
        if (handshaking && bytes[0] === CHANGE_CIPHER_SPEC) {
          handshaking = false;
          this.#steps += this.#cost.handshakeSteps ?? 0;
        }
        // A copy, which `slice` of a Node buffer is not: the engine's bytes are valid during this call only.
        this.#due.push({ kind: "transmit", id, bytes: Uint8Array.from(bytes) });
      },
      connected: cipherSuite => this.#due.push({ kind: "connected", id, cipherSuite }),
      received: bytes => this.#due.push({ kind: "received", id, bytes: Uint8Array.from(bytes) }),
      closed: () => this.#due.push({ kind: "closed", id }),
      failed: message => this.#due.push({ kind: "failed", id, message }),
    });
    this.#engines.set(id, engine);
  }

  start(id: number): void {
    this.#engines.get(id)?.start();
  }

  receive(id: number, nowMs: number, bytes: Uint8Array): void {
    this.#nowMs = nowMs;
    this.#engines.get(id)?.receive(bytes);
  }

  write(id: number, bytes: Uint8Array): void {
    this.#engines.get(id)?.write(bytes);
  }

  end(id: number): void {
    this.#engines.get(id)?.end();
  }

  close(id: number): void {
    this.#engines.get(id)?.close();
    this.#engines.delete(id);
    this.#due = this.#due.filter(callback => callback.id !== id);
  }

  /** The signature, `undefined` when it failed. */
  sign(bytes: Uint8Array): Uint8Array | undefined {
    if (!this.#signer) return undefined;
    this.#steps += this.#cost.signSteps ?? 0;
    try {
      // ES256: r and s side by side, as a JSON Web Signature has them (RFC 7518 §3.4).
      return sign("sha256", bytes, { key: this.#signer.key, dsaEncoding: "ieee-p1363" });
    } catch {
      // OpenSSL's text is no use to the firmware and not worth a doubt about what it holds.
      return undefined;
    }
  }

  /** A new key, packed; `undefined` when it failed. */
  generateKey(): Uint8Array | undefined {
    this.#steps += this.#cost.generateKeySteps ?? 0;
    const key = this.#keys?.generate();
    return key && packKey(key);
  }

  /** A stored key, packed; `undefined`: none that can be used. */
  openKey(der: Uint8Array): Uint8Array | undefined {
    const key = this.#keys?.open(der);
    return key && packKey(key);
  }

  /** As {@link sign}, with a key of the firmware's. */
  signWith(pkcs8: Uint8Array, bytes: Uint8Array): Uint8Array | undefined {
    this.#steps += this.#cost.signSteps ?? 0;
    return this.#keys?.sign(pkcs8, bytes);
  }

  /** What `work` throws, in its own words. */
  refusal(work: () => void): string | undefined {
    try {
      work();
      return undefined;
    } catch (error) {
      return error instanceof Error ? error.message : String(error);
    }
  }

  /** Steps to charge since the last call. */
  takeSteps(): number {
    const steps = this.#steps;
    this.#steps = 0;
    return steps;
  }

  /** Waits until the engines have done what they were asked for, and gives their callbacks in order. */
  async callbacks(): Promise<TlsCallback[]> {
    if (this.#tls && this.#engines.size > 0) await this.#settled(this.#tls);
    return this.#due.splice(0);
  }

  stop(): void {
    for (const engine of this.#engines.values()) engine.close();
    this.#engines.clear();
    this.#due = [];
  }

  async #settled(record: TlsEngineRecord): Promise<void> {
    if (tellsSettled(record)) {
      await record.settled();
      return;
    }
    for (let quiet = 0; quiet < QUIET_ROUNDS;) {
      const before = this.#due.length;
      await new Promise(resolve => setImmediate(resolve));
      quiet = before === this.#due.length ? quiet + 1 : 0;
    }
  }
}
