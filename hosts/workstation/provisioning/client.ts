import { randomBytes } from "node:crypto";
import { crc32 } from "node:zlib";
import type { CredentialRole } from "../../../modules/io/credentials.js";
import { ProvisioningError } from "./error.js";
import { ProvisioningLink, type LinkOptions } from "./link.js";
import { equal, isProof, isRequestFor, spkiOf, type PublicKey } from "./proof.js";

/** The protocol's version that is spoken here. */
const PROTOCOL = 1;

/** Flash is erased, an object read back. */
const FLASH_MS = 15_000;
/** A small processor multiplies on the curve. */
const KEY_MS = 120_000;

/** `new`: the slot that is being filled; `used`: the one that the application takes its credentials from. */
export type Where = "new" | "used";

/** What a device says of itself. */
export interface DeviceFacts {
  /** Bytes of the longest request, line end not counted. */
  readonly frame: number;
  readonly slot: "a" | "b" | undefined;
  readonly state: "none" | "trial" | "confirmed";
  readonly locked: boolean;
  /** It can use keys: prove possession, sign requests, compare key and certificate. */
  readonly keys: boolean;
  /** It can make keys. */
  readonly generate: boolean;
  readonly restart: boolean;
  readonly module?: string;
  readonly firmware?: string;
  readonly unit?: string;
  readonly imei?: string;
}

/** The slot that is being filled. */
export interface SlotStatus {
  readonly room: number;
  /** Objects that are whole, and their bytes. */
  readonly closed: Readonly<Partial<Record<CredentialRole, number>>>;
  /** The one that is being written: `at` of `length` bytes have come, with that CRC-32. */
  readonly open?: {
    readonly role: CredentialRole;
    readonly length: number;
    readonly at: number;
    readonly crc: number;
  };
}

/** How far the device's application has come since it started. */
export interface Progress {
  /** Its last report. */
  readonly event: string;
  /** Connections to the broker, up to the broker's consent. */
  readonly connections: number;
  readonly failures: number;
  /** The last failure. */
  readonly failure?: {
    readonly stage: string;
    readonly kind: string;
    readonly code?: number;
    readonly command?: string;
  };
}

const ROLES = ["ca", "certificate", "key"] as const;

/** The values of one answer, checked as they are taken out. */
class Values {
  readonly #values: ReadonlyMap<string, string>;
  readonly #verb: string;

  constructor(values: ReadonlyMap<string, string>, verb: string) {
    this.#values = values;
    this.#verb = verb;
  }

  has(name: string): boolean {
    return this.#values.has(name);
  }

  get(name: string): string {
    return this.#values.get(name) ?? this.#malformed();
  }

  number(name: string): number {
    const text = this.get(name);
    return /^\d+$/.test(text) ? Number(text) : this.#malformed();
  }

  flag(name: string): boolean {
    return this.get(name) === "1";
  }

  one<Word extends string>(name: string, words: readonly Word[]): Word {
    const text = this.get(name);
    return words.find(word => word === text) ?? this.#malformed();
  }

  bytes(name: string): Uint8Array {
    const text = this.get(name);
    const bytes = Buffer.from(text, "base64");
    return bytes.toString("base64") === text ? Uint8Array.from(bytes) : this.#malformed();
  }

  /** Those of the names that have a value. */
  optional<Name extends string>(...names: readonly Name[]): Partial<Record<Name, string>> {
    const found: Partial<Record<Name, string>> = {};
    for (const name of names) {
      const text = this.#values.get(name);
      if (text !== undefined) found[name] = text;
    }
    return found;
  }

  #malformed(): never {
    throw new ProvisioningError("malformed", this.#verb);
  }
}

/**
 * A device on a console. Every method may be called again after a failure of the line; what is whole
 * in the device stays there. Rejections are {@link ProvisioningError}s.
 */
export class ProvisioningClient {
  readonly #link: ProvisioningLink;
  #facts: DeviceFacts | undefined;

  constructor(options: LinkOptions) {
    this.#link = new ProvisioningLink(options);
  }

  /** Requests that were sent again so far. */
  get repeats(): number {
    return this.#link.repeats;
  }

  /** Begins a session; again after `order`, `silent` or a restart. Waits so long for a device that is starting. */
  async connect(deadlineMs = 10_000): Promise<DeviceFacts> {
    const values = await this.#ask("hello", [String(PROTOCOL)], deadlineMs);
    if (values.number("protocol") !== PROTOCOL) throw new ProvisioningError("version", "hello");
    const slot = values.one("slot", ["a", "b", "none"]);
    this.#facts = {
      frame: values.number("frame"),
      slot: slot === "none" ? undefined : slot,
      state: values.one("state", ["none", "trial", "confirmed"]),
      locked: values.flag("locked"),
      keys: values.flag("keys"),
      generate: values.flag("generate"),
      restart: values.flag("restart"),
      ...values.optional("module", "firmware", "unit", "imei"),
    };
    return this.#facts;
  }

  /** The slot that is being filled; `undefined`: none was begun. */
  async status(): Promise<SlotStatus | undefined> {
    const values = await this.#ask("status", [], FLASH_MS);
    if (!values.flag("begun")) return undefined;
    const closed: Partial<Record<CredentialRole, number>> = {};
    for (const role of ROLES) {
      const length = values.number(role);
      if (length > 0) closed[role] = length;
    }
    if (!values.has("open")) return { room: values.number("room"), closed };
    return {
      room: values.number("room"),
      closed,
      open: {
        role: values.one("open", ROLES),
        length: values.number("length"),
        at: values.number("at"),
        crc: Number.parseInt(values.get("crc"), 16),
      },
    };
  }

  /** Erases the slot that is not in use, whatever it holds, and begins it. Returns its room in bytes. */
  async begin(): Promise<number> {
    return (await this.#ask("begin", [], FLASH_MS)).number("room");
  }

  /**
   * Writes an object (DER) to the begun slot, going on where an earlier transfer of the same object
   * was cut off. `onProgress` is told the bytes that are there.
   */
  async transfer(
    role: CredentialRole,
    bytes: Uint8Array,
    onProgress: (at: number) => void = () => undefined,
  ): Promise<void> {
    const open = (await this.status())?.open;
    let at = 0;
    if (open?.role === role && open.length === bytes.length && open.crc === crc32(bytes.subarray(0, open.at)))
      at = open.at;
    else await this.#ask("open", [role, String(bytes.length)], FLASH_MS);
    while (at < bytes.length) {
      const room = this.#link.room(this.#facts?.frame ?? 0, "data", [String(at)]);
      if (room < 1) throw new ProvisioningError("malformed", "hello");
      const piece = Buffer.from(bytes.subarray(at, at + room));
      at = (await this.#ask("data", [String(at), piece.toString("base64")], FLASH_MS)).number("at");
      onProgress(at);
    }
    await this.#ask("close", [crc32(bytes).toString(16).padStart(8, "0")], FLASH_MS);
  }

  /** A new key in the begun slot, made by the device and never seen by anyone else. */
  async generate(): Promise<void> {
    await this.#ask("generate", [], KEY_MS);
  }

  /** A request (PKCS #10, DER) for a certificate of the begun slot's key, checked. 64 bytes of name at most. */
  async certificateRequest(commonName: string): Promise<Uint8Array> {
    const name = Buffer.from(commonName, "utf8").toString("base64");
    const request = (await this.#ask("csr", [name], KEY_MS)).bytes("bytes");
    const key = await this.publicKey("new");
    if (!key || !(await isRequestFor(request, commonName, key.spki)))
      throw new ProvisioningError("request", "csr");
    return request;
  }

  /** A certificate as it is stored; `undefined`: there is none. */
  async readBack(where: Where, role: "ca" | "certificate"): Promise<Uint8Array | undefined> {
    let whole = Buffer.alloc(0);
    for (;;) {
      const values = await this.#maybe("read", [where, role, String(whole.length)], FLASH_MS);
      if (values === undefined) return undefined;
      const piece = values.bytes("bytes");
      whole = Buffer.concat([whole, piece]);
      if (whole.length === values.number("length")) return Uint8Array.from(whole);
      if (piece.length === 0) throw new ProvisioningError("different", "read");
    }
  }

  /** The public half of a stored key; `undefined`: there is no key. */
  async publicKey(where: Where): Promise<PublicKey | undefined> {
    const values = await this.#maybe("key", [where], KEY_MS);
    return values && { algorithm: values.one("algorithm", ["ES256", "RS256"]), spki: values.bytes("public") };
  }

  /** The public key whose private half the device has just proved to hold, by signing a fresh nonce. */
  async prove(where: Where): Promise<PublicKey> {
    const nonce = randomBytes(32);
    const key = await this.publicKey(where);
    if (!key) throw new ProvisioningError("nothing", "prove");
    const values = await this.#ask("prove", [where, nonce.toString("base64")], KEY_MS);
    if (!isProof(key, nonce, values.bytes("bytes"))) throw new ProvisioningError("proof", "prove");
    return key;
  }

  /**
   * Whether a slot holds such an object: certificates are read back and compared whole, of a key the
   * public half is.
   */
  async holds(where: Where, role: CredentialRole, bytes: Uint8Array): Promise<boolean> {
    const [stored, wanted] =
      role === "key"
        ? [(await this.publicKey(where))?.spki, spkiOf(bytes, role)]
        : [await this.readBack(where, role), bytes];
    return stored !== undefined && equal(stored, wanted);
  }

  /** Puts the begun slot in use, on trial: from the next restart on the application takes it. */
  async commit(): Promise<void> {
    await this.#ask("commit", [], FLASH_MS);
  }

  /** Ends the trial without a connection: on the word of who has proved the credentials. */
  async confirm(): Promise<void> {
    await this.#ask("confirm", [], FLASH_MS);
  }

  /** For ever: nothing can be written through the console afterwards. */
  async lock(): Promise<void> {
    await this.#ask("lock", [], FLASH_MS);
  }

  /** The device restarts after it has answered; `connect` then waits for it. */
  async restart(): Promise<void> {
    await this.#ask("restart", []);
  }

  async progress(): Promise<Progress> {
    const values = await this.#ask("report", []);
    const { code, command } = values.optional("code", "command");
    return {
      event: values.get("event"),
      connections: values.number("connections"),
      failures: values.number("failures"),
      ...(values.has("stage") && {
        failure: {
          stage: values.get("stage"),
          kind: values.get("kind"),
          ...(code !== undefined && /^-?\d+$/.test(code) && { code: Number(code) }),
          ...(command !== undefined && { command }),
        },
      }),
    };
  }

  /** Closes the stream. */
  close(): void {
    this.#link.close();
  }

  async #ask(verb: string, args: readonly string[], deadlineMs?: number): Promise<Values> {
    return new Values(await this.#link.request(verb, args, deadlineMs), verb);
  }

  /** `undefined`: there is nothing of that kind. */
  async #maybe(verb: string, args: readonly string[], deadlineMs: number): Promise<Values | undefined> {
    try {
      return await this.#ask(verb, args, deadlineMs);
    } catch (error) {
      if (error instanceof ProvisioningError && error.code === "nothing") return undefined;
      throw error;
    }
  }
}
