import { randomBytes } from "node:crypto";
import { crc32 } from "node:zlib";
import type { CredentialRole } from "../../../modules/io/credentials.js";
import type { Timer } from "../../../modules/io/timer.js";
import { timer as wallTimer } from "../services.js";
import { ProvisioningError } from "./error.js";
import { ProvisioningLink, type LinkOptions } from "./link.js";
import { equal, isPublicKey, isProof, isRequestFor, spkiOf, type PublicKey } from "./proof.js";
import { Values } from "./values.js";

/** The protocol's version that is spoken here. */
const PROTOCOL = 1;

/** Flash is erased, an object read back. */
const FLASH_MS = 15_000;
/** A small processor multiplies on the curve. */
const KEY_MS = 120_000;
/** A device begins anew: the boot loader, the engine. */
const START_MS = 10_000;
/** Between two looks whether it has. */
const LOOK_MS = 100;
/** In place of `boot`, of firmware that does not tell it. */
const UNTOLD = "";

/** Bytes of the longest request that any device takes. */
const MOST_FRAME = 2_048;
/** Bytes of the largest certificate that is read: a slot has 8 KB. */
const MOST_CERTIFICATE = 16_384;

/** `new`: the slot that is being filled; `used`: the one that the application takes its credentials from. */
export type Where = "new" | "used";

/** What a device says of itself. */
export interface DeviceFacts {
  /** Bytes of the longest request, line end not counted. */
  readonly frame: number;
  readonly slot: "a" | "b" | undefined;
  readonly state: "none" | "trial" | "confirmed";
  readonly locked: boolean;
  /** The slot that was committed last was given up, and the other one is in use. Absent: an older firmware. */
  readonly rejected?: boolean;
  /** It can use keys: prove possession, sign requests, compare key and certificate. */
  readonly keys: boolean;
  /** It can make keys. */
  readonly generate: boolean;
  readonly restart: boolean;
  readonly module?: string;
  readonly firmware?: string;
  /** Another one at each start of the firmware: eight hexadecimal digits. Absent: an older firmware. */
  readonly boot?: string;
  /** Of an ESP32 its MAC, 12 capital hexadecimal digits. */
  readonly unit?: string;
  readonly imei?: string;
}

export interface ConnectOptions {
  /** Waits so long for a device that is starting. Default: 10,000. */
  readonly deadlineMs?: number | undefined;
  /** The `boot` of a life that is known to end: what it answers still is not taken. */
  readonly after?: string | undefined;
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
    /** Up to 64 characters of it; words with underscores of their own lose them. */
    readonly detail?: string;
  };
}

const ROLES = ["ca", "certificate", "key"] as const;

/**
 * A device on a console. Every method may be called again after a failure of the line; what is whole
 * in the device stays there. Rejections are {@link ProvisioningError}s.
 */
export class ProvisioningClient {
  readonly #link: ProvisioningLink;
  readonly #timer: Timer;
  #facts: DeviceFacts | undefined;
  /** The life that was told to end, if one was. */
  #former: string | undefined;

  constructor(options: LinkOptions) {
    this.#timer = options.timer ?? wallTimer;
    this.#link = new ProvisioningLink(options);
  }

  /** Requests that were sent again so far. */
  get repeats(): number {
    return this.#link.repeats;
  }

  /**
   * Begins a session; again after `order`, `silent` or a restart. After {@link restart} it is the new life of
   * the device that answers, never the one that ends. Rejects with `restart` when there is no other.
   */
  async connect({ deadlineMs = START_MS, after }: ConnectOptions = {}): Promise<DeviceFacts> {
    const former = after ?? this.#former;
    const time = { over: false };
    const timer = this.#timer.set(() => (time.over = true), deadlineMs);
    try {
      for (;;) {
        if (former !== UNTOLD || (await this.#isForgotten(deadlineMs))) {
          const facts = await this.#hello(deadlineMs);
          if (former === undefined || facts.boot !== former) {
            this.#former = undefined;
            return (this.#facts = facts);
          }
        }
        if (time.over) throw new ProvisioningError("restart", "restart");
        await new Promise<void>(resolve => this.#timer.set(resolve, LOOK_MS));
      }
    } finally {
      this.#timer.clear(timer);
    }
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
    const room = values.number("room");
    if (!values.has("open")) return { room, closed };
    const length = values.number("length");
    return {
      room,
      closed,
      open: {
        role: values.one("open", ROLES),
        length,
        at: values.number("at", length),
        crc: values.hex32("crc"),
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
      const values = await this.#ask("data", [String(at), piece.toString("base64")], FLASH_MS);
      at += piece.length;
      // All of it or nothing is taken: any other place is no device of ours.
      if (values.number("at") !== at) values.malformed();
      onProgress(at);
    }
    await this.#ask("close", [crc32(bytes).toString(16).padStart(8, "0")], FLASH_MS);
  }

  /** A new key in the begun slot, made by the device and never seen by anyone else. */
  async generate(): Promise<void> {
    await this.#ask("generate", [], KEY_MS);
  }

  /**
   * A request (PKCS #10, DER) for a certificate of the begun slot's key, checked; `expected`: the key
   * (SubjectPublicKeyInfo) that it has to be for. 64 bytes of name at most.
   */
  async certificateRequest(commonName: string, expected?: Uint8Array): Promise<Uint8Array> {
    const name = Buffer.from(commonName, "utf8").toString("base64");
    const request = (await this.#ask("csr", [name], KEY_MS)).bytes("bytes");
    const spki = expected ?? (await this.publicKey("new"))?.spki;
    if (!spki || !(await isRequestFor(request, commonName, spki)))
      throw new ProvisioningError("request", "csr");
    return request;
  }

  /** A certificate as it is stored, of 16 KB at most; `undefined`: there is none. */
  async readBack(where: Where, role: "ca" | "certificate"): Promise<Uint8Array | undefined> {
    let whole: Uint8Array | undefined;
    for (let at = 0; whole === undefined || at < whole.length;) {
      const values = await this.#maybe("read", [where, role, String(at)], FLASH_MS);
      if (values === undefined) return at === 0 ? undefined : this.#changed();
      const length = values.number("length", MOST_CERTIFICATE);
      const piece = values.bytes("bytes");
      whole ??= new Uint8Array(length);
      if (whole.length !== length) this.#changed();
      if (piece.length === 0 || at + piece.length > length) values.malformed();
      whole.set(piece, at);
      at += piece.length;
    }
    return whole;
  }

  /** The public half of a stored key; `undefined`: there is no key. */
  async publicKey(where: Where): Promise<PublicKey | undefined> {
    const values = await this.#maybe("key", [where], KEY_MS);
    if (values === undefined) return undefined;
    const key = { algorithm: values.one("algorithm", ["ES256", "RS256"]), spki: values.bytes("public") };
    return isPublicKey(key) ? key : values.malformed();
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

  /** Erases both slots, whatever they hold. Older firmware does not know it: `verb`, also where nothing is begun. */
  async erase(): Promise<void> {
    try {
      await this.#ask("erase", [], FLASH_MS);
    } catch (error) {
      // What a firmware without this request says to anything while no slot is begun.
      if (error instanceof ProvisioningError && error.code === "nothing")
        throw new ProvisioningError("verb", "erase");
      throw error;
    }
  }

  /** The device restarts after it has answered; {@link connect} then waits for its next life. */
  async restart(): Promise<void> {
    const former = this.#facts?.boot ?? UNTOLD;
    try {
      await this.#ask("restart", []);
    } catch (error) {
      // The answer was lost, and what was asked again is the new life.
      if (!(error instanceof ProvisioningError) || error.code !== "order") throw error;
    }
    this.#former = former;
  }

  async progress(): Promise<Progress> {
    const values = await this.#ask("report", []);
    const { code, command, detail } = values.optional("code", "command", "detail");
    return {
      event: values.word("event"),
      connections: values.number("connections"),
      failures: values.number("failures"),
      ...(values.has("stage") && {
        failure: {
          stage: values.word("stage"),
          kind: values.word("kind"),
          ...(code !== undefined && /^-?\d{1,9}$/.test(code) && { code: Number(code) }),
          ...(command !== undefined && { command }),
          // Words are parted by underscores in an answer.
          ...(detail !== undefined && { detail: detail.replaceAll("_", " ") }),
        },
      }),
    };
  }

  /** Closes the stream. */
  close(): void {
    this.#link.close();
  }

  async #hello(deadlineMs: number): Promise<DeviceFacts> {
    const values = await this.#ask("hello", [String(PROTOCOL)], deadlineMs);
    if (values.number("protocol") !== PROTOCOL) throw new ProvisioningError("version", "hello");
    const slot = values.one("slot", ["a", "b", "none"]);
    return {
      frame: values.number("frame", MOST_FRAME),
      slot: slot === "none" ? undefined : slot,
      state: values.one("state", ["none", "trial", "confirmed"]),
      locked: values.flag("locked"),
      ...(values.has("rejected") && { rejected: values.flag("rejected") }),
      keys: values.flag("keys"),
      generate: values.flag("generate"),
      restart: values.flag("restart"),
      ...values.optional("module", "firmware", "boot", "unit", "imei"),
    };
  }

  /** Older firmware does not tell its lives apart; the next one knows nothing of this session. */
  async #isForgotten(deadlineMs: number): Promise<boolean> {
    try {
      await this.#ask("status", [], deadlineMs);
      return false;
    } catch (error) {
      if (error instanceof ProvisioningError && error.code === "order") return true;
      throw error;
    }
  }

  #changed(): never {
    throw new ProvisioningError("different", "read");
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
