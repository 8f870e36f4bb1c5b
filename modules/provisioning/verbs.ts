import { crc32 } from "../buffer/crc.js";
import type { Credential, CredentialRole } from "../io/credentials.js";
import type { KeyService, PrivateKey } from "../io/keys.js";
import type { Timer } from "../io/timer.js";
import { VaultError } from "../io/vault-error.js";
import type { CredentialVault, SlotWriter } from "../io/vault.js";
import { certificationRequest, isCertificateOf, requestInfo } from "../pki/csr.js";
import { envelopeOf } from "../pki/envelope.js";
import { decimal, hex32, type RequestReader } from "./frame.js";

/** Before every nonce: a signature for a caller can be nothing else, no token, no handshake, no request. */
const PROOF = "xs-cellular proof of possession v1:";

/** What the verbs work on. */
export interface VerbOptions {
  readonly vault: CredentialVault;
  /** Absent: no key is made, used or compared here. */
  readonly keys?: KeyService | undefined;
  readonly timer: Timer;
  readonly restart?: (() => void) | undefined;
  /** Facts of the firmware, ` name=value` each, for the answer to `hello`. */
  readonly facts: () => string;
  /** How far the application has come, ` name=value` each. */
  readonly progress: () => string;
}

/** Takes the answer: `ok` or `no` and what belongs to it, then bytes, if any. */
export type Answer = (text: string, bytes?: Uint8Array) => void;

/**
 * Carries out the requests of docs/provisioning.md on the vault and the platform's keys. A key goes
 * in, or is made, and never comes out.
 */
export class Verbs {
  /** A key is being made, or used: nothing else is done meanwhile. */
  busy = false;
  private readonly options: VerbOptions;
  private readonly vault: CredentialVault;
  private readonly keys: KeyService | undefined;
  private readonly frame: number;
  private writer: SlotWriter | undefined;
  /** The object that is being written: what for, its length, what has come of it, the checksum of that. */
  private role: CredentialRole | undefined;
  private size = 0;
  private at = 0;
  private crc = 0;

  /** `frame`: bytes of the longest request. */
  constructor(options: VerbOptions, frame: number) {
    this.options = options;
    this.vault = options.vault;
    this.keys = options.keys;
    this.frame = frame;
  }

  /** Answers once, in this turn or, while `busy`, in a later one. Never throws. */
  perform(request: RequestReader, answer: Answer): void {
    this.attempt(() => this.dispatch(request, answer), answer);
  }

  private dispatch(request: RequestReader, answer: Answer): string | undefined {
    const { vault, options } = this;
    const fields = request.fields;
    const first = fields[2] ?? "";
    const second = fields[3] ?? "";
    const restart = options.restart;
    // After a restart the slot that is being filled is still there.
    const writer = (this.writer ??= vault.resume());
    switch (fields[1]) {
      case "hello":
        return this.hello();
      case "status":
        return this.status();
      case "report":
        return "ok" + options.progress();
      case "read":
        return this.read(first, second, decimal(fields[4]), answer);
      case "key":
        return this.prove(first, undefined, answer);
      case "prove":
        return this.prove(first, request.payload(3), answer);
      case "restart":
        if (restart === undefined) return "no unable";
        // The answer leaves first, at any rate.
        options.timer.set(restart, 250);
        return "ok";
    }
    if (vault.locked) return "no locked";
    switch (fields[1]) {
      case "begin":
        this.role = undefined;
        this.writer = vault.begin();
        return `ok room=${this.writer.room}`;
      case "erase":
        this.role = this.writer = undefined;
        vault.erase();
        return "ok";
      case "confirm":
        vault.confirm();
        return vault.state === "confirmed" ? "ok" : vault.slot ? "no worn" : "no nothing";
      case "lock":
        vault.lock();
        this.writer = undefined;
        return "ok";
    }
    const verb = fields[1] ?? "";
    if (writer === undefined)
      return "open data close generate csr commit".split(" ").includes(verb) ? "no nothing" : "no verb";
    switch (verb) {
      case "open":
        return this.open(writer, first, decimal(second));
      case "data":
        return this.data(writer, decimal(first), request.payload(3));
      case "close":
        return this.close(writer, first);
      case "generate":
        return this.generate(writer, answer);
      case "csr":
        return this.csr(request.payload(2), answer);
      case "commit":
        return this.commit(writer);
    }
    return "no verb";
  }

  private hello(): string {
    const { vault, keys, options } = this;
    return `ok protocol=1 frame=${this.frame} slot=${vault.slot ?? "none"} state=${vault.state} locked=${vault.locked ? 1 : 0} rejected=${vault.rejected ? 1 : 0} keys=${keys ? 1 : 0} generate=${keys?.generate ? 1 : 0} restart=${options.restart ? 1 : 0} busy=${this.busy ? 1 : 0}${options.facts()}`;
  }

  /** What is there of the slot that is being filled. */
  private status(): string {
    const { writer, role } = this;
    if (writer === undefined) return "ok begun=0";
    const text = `ok begun=1 room=${writer.room} ca=${this.length("ca")} certificate=${this.length("certificate")} key=${this.length("key")}`;
    return role === undefined
      ? text
      : `${text} open=${role} length=${this.size} at=${this.at} crc=${hex32(this.crc)}`;
  }

  private length(role: CredentialRole): number {
    return this.stored("new", role)?.byteLength ?? 0;
  }

  /** An object of the slot that is being filled (`new`), or of the one that is used from the next restart on. */
  private stored(where: string, role: CredentialRole): Credential | undefined {
    return where === "new" ? this.writer?.peek(role) : this.vault.peek(role);
  }

  private read(where: string, role: string, from: number | undefined, answer: Answer): string | undefined {
    if (role !== "ca" && role !== "certificate") return "no secret";
    if (from === undefined) return "no syntax";
    const stored = this.stored(where, role);
    if (stored === undefined) return "no nothing";
    // What came into the wrong place may be a key.
    if (envelopeOf(stored).kind !== "certificate") return "no kind";
    // 256 characters of base64.
    const bytes = new Uint8Array(192);
    const count = stored.read(bytes, from);
    answer(`ok length=${stored.byteLength} bytes=`, bytes.subarray(0, count));
    return undefined;
  }

  private open(writer: SlotWriter, role: string, size: number | undefined): string {
    if ((role !== "ca" && role !== "certificate" && role !== "key") || size === undefined) return "no syntax";
    this.role = undefined;
    writer.open(role, size);
    this.role = role;
    this.size = size;
    this.at = this.crc = 0;
    return "ok";
  }

  private data(writer: SlotWriter, from: number | undefined, bytes: Uint8Array): string {
    const count = bytes.length;
    if (from === undefined || count === 0) return "no syntax";
    const end = from + count;
    if (from !== this.at || end > this.size) return "no place";
    writer.write(bytes);
    this.at = end;
    this.crc = crc32(this.crc, bytes, 0, count);
    return `ok at=${end}`;
  }

  private close(writer: SlotWriter, crc: string): string {
    const role = this.role;
    if (role === undefined) return "no open";
    if (this.at !== this.size) return "no place";
    if (crc !== hex32(this.crc)) return "no digest";
    this.role = undefined;
    if (!writer.close()) return "no storage";
    // The vault looks at what it was given.
    return writer.peek(role) === undefined ? "no kind" : "ok";
  }

  private generate(writer: SlotWriter, answer: Answer): string | undefined {
    const keys = this.keys;
    if (keys?.generate === undefined) return "no unable";
    this.role = undefined;
    this.busy = true;
    keys.generate(key =>
      this.settle(answer, () => {
        if (key === undefined) return "no failed";
        const bytes = key.pkcs8;
        writer.open("key", bytes.length);
        writer.write(bytes);
        bytes.fill(0);
        return writer.close() ? "ok" : "no storage";
      }),
    );
    return undefined;
  }

  /** A request for a certificate of the new key. */
  private csr(commonName: Uint8Array, answer: Answer): string | undefined {
    const key = this.key("new");
    if (typeof key === "string") return key;
    // RFC 5280, ub-common-name, counted in bytes here.
    if (commonName.length < 1 || commonName.length > 64) return "no syntax";
    return this.sign(key, requestInfo(commonName, key), true, answer);
  }

  /** Signs the nonce; without one tells the public key. */
  private prove(where: string, nonce: Uint8Array | undefined, answer: Answer): string | undefined {
    const key = this.key(where);
    if (typeof key === "string") return key;
    if (nonce === undefined) {
      answer(`ok algorithm=${key.algorithm} public=`, key.publicKey);
      return undefined;
    }
    if (nonce.length < 16) return "no syntax";
    const length = PROOF.length;
    const signed = new Uint8Array(length + nonce.length);
    for (let i = 0; i < length; i++) signed[i] = PROOF.charCodeAt(i);
    signed.set(nonce, length);
    return this.sign(key, signed, false, answer);
  }

  private commit(writer: SlotWriter): string {
    const certificate = writer.peek("certificate");
    if (certificate !== undefined) {
      const key = this.key("new");
      // Who cannot use keys cannot compare: the factory has.
      if (key === "no nothing") return "no mismatch";
      if (typeof key === "string") {
        if (this.keys !== undefined) return key;
      } else if (!isCertificateOf(certificate, key.publicKey)) return "no mismatch";
    }
    writer.commit();
    this.writer = undefined;
    return "ok";
  }

  /** A stored key to use, or why there is none. */
  private key(where: string): PrivateKey | string {
    const stored = this.stored(where, "key");
    if (stored === undefined) return "no nothing";
    return this.keys === undefined ? "no unable" : (this.keys.open(stored) ?? "no unusable");
  }

  private sign(key: PrivateKey, bytes: Uint8Array, isRequest: boolean, answer: Answer): string | undefined {
    this.busy = true;
    key.sign(bytes, signature =>
      this.settle(answer, () => {
        if (signature === undefined) return "no failed";
        answer("ok bytes=", isRequest ? certificationRequest(bytes, key.algorithm, signature) : signature);
        return undefined;
      }),
    );
    return undefined;
  }

  /** The platform has done its part; nothing may be thrown at it. */
  private settle(answer: Answer, rest: () => string | undefined): void {
    this.busy = false;
    this.attempt(rest, answer);
  }

  /** Does the work; what it gives is the answer, `undefined`: it has answered, or will. Never throws. */
  private attempt(work: () => string | undefined, answer: Answer): void {
    let text: string | undefined;
    try {
      text = work();
    } catch (error) {
      // Words of others than the vault are not told: they may hold some of what is written. A platform
      // that throws at once will not come back.
      text = `no ${error instanceof VaultError ? error.report.detail : this.busy ? "failed" : "storage"}`;
      this.busy = false;
    }
    if (text !== undefined) answer(text);
  }
}
