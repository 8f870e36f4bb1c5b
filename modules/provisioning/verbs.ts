import { crc32 } from "../buffer/crc.js";
import type { Credential, CredentialRole } from "../io/credentials.js";
import type { KeyService, PrivateKey } from "../io/keys.js";
import type { Timer } from "../io/timer.js";
import type { CredentialVault, SlotWriter } from "../io/vault.js";
import { certificationRequest, publicKeyOf, requestInfo } from "../pki/csr.js";
import { envelopeOf } from "../pki/envelope.js";
import { hex32, type RequestReader } from "./frame.js";

/** Bytes of a stored object in one answer: 256 characters of base64. */
const READ_BYTES = 192;
/** Bytes of a common name (RFC 5280, ub-common-name) and of a nonce. */
const MOST_BYTES = 64;
/** From the answer to `restart` to the restart: the answer leaves first, at any rate. */
const RESTART_MS = 250;
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

function flag(value: unknown): string {
  return value ? "1" : "0";
}

function same(a: Uint8Array, b: Uint8Array): boolean {
  let i = a.length;
  if (i !== b.length) return false;
  while (i > 0 && a[i - 1] === b[i - 1]) i--;
  return i === 0;
}

/** Whether an object is of the kind that its role wants. */
function isOf(role: CredentialRole, stored: Credential | undefined): boolean {
  return stored !== undefined && envelopeOf(stored).kind === (role === "key" ? role : "certificate");
}

/**
 * Carries out the requests of docs/provisioning.md on the vault and the platform's keys. A key goes
 * in, or is made, and never comes out.
 */
export class Verbs {
  /** A key is being made, or used: nothing else is done meanwhile. */
  busy = false;
  private readonly options: VerbOptions;
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
    this.frame = frame;
  }

  /** Answers once, in this turn or, while `busy`, in a later one. Never throws. */
  perform(verb: string, request: RequestReader, answer: Answer): void {
    const second = request.fields[3] ?? "";
    try {
      const text = this.dispatch(verb, request.fields[2] ?? "", second, request, answer);
      if (text !== undefined) answer(text);
    } catch {
      // What flash or keys threw is not told: it may hold some of what is written.
      answer("no storage");
    }
  }

  /** The answer; `undefined`: it was given, or comes later. */
  private dispatch(
    verb: string,
    first: string,
    second: string,
    request: RequestReader,
    answer: Answer,
  ): string | undefined {
    const { vault, keys, restart } = this.options;
    switch (verb) {
      case "hello":
        return this.hello();
      case "status":
        return this.status();
      case "report":
        return "ok" + this.options.progress();
      case "read":
        return this.read(first, second, Number(request.fields[4]) >>> 0, answer);
      case "key":
        return this.prove(first, undefined, answer);
      case "prove":
        return this.prove(first, request.payload() ?? new Uint8Array(0), answer);
      case "restart":
        if (restart === undefined) return "no unable";
        this.options.timer.set(restart, RESTART_MS);
        return "ok";
    }
    if (vault.locked) return "no locked";
    switch (verb) {
      case "begin":
        this.role = undefined;
        this.writer = vault.begin();
        return "ok room=" + String(this.writer.room);
      case "confirm":
        vault.confirm();
        return "ok state=" + vault.state;
      case "lock":
        if (vault.state !== "confirmed") return "no unconfirmed";
        vault.lock();
        return "ok";
    }
    const writer = this.begun();
    if (writer === undefined) return "no nothing";
    switch (verb) {
      case "open":
        return this.open(writer, first, Number(second) >>> 0);
      case "data":
        return this.data(writer, Number(first) >>> 0, request.payload());
      case "close":
        return this.close(writer, first);
      case "generate":
        return keys?.generate === undefined ? "no unable" : this.generate(writer, keys, answer);
      case "csr":
        return this.csr(request.payload() ?? new Uint8Array(0), answer);
      case "commit":
        return this.commit(writer);
    }
    return "no verb";
  }

  private hello(): string {
    const options = this.options;
    const { vault, keys } = options;
    return (
      "ok protocol=1 frame=" +
      String(this.frame) +
      " slot=" +
      (vault.slot ?? "none") +
      " state=" +
      vault.state +
      " locked=" +
      flag(vault.locked) +
      " keys=" +
      flag(keys) +
      " generate=" +
      flag(keys?.generate !== undefined) +
      " restart=" +
      flag(options.restart) +
      " busy=" +
      flag(this.busy) +
      options.facts()
    );
  }

  /** What is there of the slot that is being filled. */
  private status(): string {
    const writer = this.begun();
    if (writer === undefined) return "ok begun=0";
    let text = "ok begun=1 room=" + String(writer.room);
    for (let i = 0; i < writer.closed.length; i++) {
      const role = writer.closed[i] ?? "ca";
      text += " " + role + "=" + String(writer.peek(role)?.byteLength);
    }
    if (this.role !== undefined)
      text +=
        " open=" + this.role + " length=" + String(this.size) + this.place() + " crc=" + hex32(this.crc);
    return text;
  }

  /** The slot that is being filled, after a restart too. */
  private begun(): SlotWriter | undefined {
    const vault = this.options.vault;
    return (this.writer ??= vault.locked ? undefined : vault.resume());
  }

  /** An object of the slot that is being filled (`new`), or of the one in use. */
  private stored(where: string, role: CredentialRole): Credential | undefined {
    return where === "new" ? this.begun()?.peek(role) : this.options.vault.open(role);
  }

  private place(): string {
    return " at=" + String(this.at);
  }

  private read(where: string, role: string, from: number, answer: Answer): string | undefined {
    if (role !== "ca" && role !== "certificate") return "no secret";
    const stored = this.stored(where, role);
    if (stored === undefined) return "no nothing";
    // What came into the wrong place may be a key.
    if (!isOf(role, stored)) return "no kind";
    const bytes = new Uint8Array(READ_BYTES);
    const count = stored.read(bytes, from);
    answer("ok length=" + String(stored.byteLength) + " bytes=", bytes.subarray(0, count));
    return undefined;
  }

  private open(writer: SlotWriter, role: string, size: number): string {
    if ((role !== "ca" && role !== "certificate" && role !== "key") || size === 0) return "no syntax";
    if (writer.closed.includes(role)) return "no closed";
    if (size > writer.room) return "no room room=" + String(writer.room);
    this.role = undefined;
    writer.open(role, size);
    this.role = role;
    this.size = size;
    this.at = this.crc = 0;
    return "ok" + this.place();
  }

  private data(writer: SlotWriter, from: number, bytes: Uint8Array | undefined): string {
    if (this.role === undefined) return "no open";
    if (bytes === undefined) return "no syntax";
    if (from !== this.at || from + bytes.length > this.size) return "no place" + this.place();
    writer.write(bytes);
    this.at += bytes.length;
    this.crc = crc32(this.crc, bytes, 0, bytes.length);
    return "ok" + this.place();
  }

  private close(writer: SlotWriter, crc: string): string {
    const role = this.role;
    if (role === undefined) return "no open";
    if (this.at !== this.size) return "no place" + this.place();
    if (crc !== hex32(this.crc)) return "no digest crc=" + hex32(this.crc);
    this.role = undefined;
    if (!writer.close()) return "no storage";
    return isOf(role, writer.peek(role)) ? "ok" : "no kind";
  }

  private generate(writer: SlotWriter, keys: KeyService, answer: Answer): string | undefined {
    if (writer.closed.includes("key")) return "no closed";
    this.role = undefined;
    this.busy = true;
    keys.generate?.(key =>
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

  private csr(commonName: Uint8Array, answer: Answer): string | undefined {
    if (commonName.length < 1 || commonName.length > MOST_BYTES) return "no syntax";
    const key = this.key("new");
    if (typeof key === "string") return key;
    const info = requestInfo(commonName, key);
    this.sign(key, info, answer, "ok request=", signature =>
      certificationRequest(info, key.algorithm, signature),
    );
    return undefined;
  }

  /** Signs the nonce; without one tells the public key. */
  private prove(where: string, nonce: Uint8Array | undefined, answer: Answer): string | undefined {
    const key = this.key(where);
    if (typeof key === "string") return key;
    const algorithm = "ok algorithm=" + key.algorithm;
    if (nonce === undefined) {
      answer(algorithm + " public=", key.publicKey);
      return undefined;
    }
    if (nonce.length < 16 || nonce.length > MOST_BYTES) return "no syntax";
    const signed = new Uint8Array(PROOF.length + nonce.length);
    for (let i = 0; i < PROOF.length; i++) signed[i] = PROOF.charCodeAt(i);
    signed.set(nonce, PROOF.length);
    this.sign(key, signed, answer, algorithm + " signature=", signature => signature);
    return undefined;
  }

  private commit(writer: SlotWriter): string {
    const { vault, keys } = this.options;
    const closed = writer.closed;
    if (this.role !== undefined) return "no open";
    if (closed.length === 0) return "no nothing";
    for (let i = 0; i < closed.length; i++) {
      const role = closed[i] ?? "ca";
      if (!isOf(role, writer.peek(role))) return "no kind";
    }
    const certificate = writer.peek("certificate");
    if (certificate !== undefined) {
      if (!closed.includes("key")) return "no mismatch";
      const key = keys && this.key("new");
      if (typeof key === "string") return key;
      if (key !== undefined && !same(key.publicKey, publicKeyOf(certificate))) return "no mismatch";
    }
    writer.commit();
    this.writer = undefined;
    return "ok slot=" + String(vault.slot) + " state=" + vault.state;
  }

  /** A stored key to use, or why there is none. */
  private key(where: string): PrivateKey | string {
    const stored = this.stored(where, "key");
    const keys = this.options.keys;
    if (stored === undefined) return "no nothing";
    return keys === undefined ? "no unable" : (keys.open(stored) ?? "no key");
  }

  private sign(
    key: PrivateKey,
    bytes: Uint8Array,
    answer: Answer,
    text: string,
    whole: (signature: Uint8Array) => Uint8Array,
  ): void {
    this.busy = true;
    key.sign(bytes, signature =>
      this.settle(answer, () => {
        if (signature === undefined) return "no failed";
        answer(text, whole(signature));
        return undefined;
      }),
    );
  }

  /** The work is done: nothing that follows may throw into the platform. */
  private settle(answer: Answer, rest: () => string | undefined): void {
    this.busy = false;
    let text: string | undefined = "no storage";
    try {
      text = rest();
    } catch {
      // See `perform`.
    }
    if (text !== undefined) answer(text);
  }
}
