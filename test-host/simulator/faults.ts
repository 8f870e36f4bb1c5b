import type { Random } from "./random.js";

export type FaultDirection = "host" | "module";

/** When a fault strikes. Counts start at 1. */
export type FaultTrigger =
  | { readonly on: "byte"; readonly byte: number }
  | { readonly on: "command"; readonly command: string; readonly nth: number }
  | { readonly on: "time"; readonly ms: number }
  /** After so many payload bytes of the socket were handed to the peer. */
  | { readonly on: "sent"; readonly socket: number; readonly bytes: number };

export type FaultAction =
  | { readonly kind: "reset" }
  /** The module neither hears nor answers, at most until it is restarted; without `forMs` until then. */
  | { readonly kind: "silence"; readonly forMs?: number }
  | { readonly kind: "pdpdeact"; readonly context: number }
  /** The context is gone without a word. */
  | { readonly kind: "context-loss"; readonly context: number }
  | { readonly kind: "registration-loss"; readonly forMs: number }
  | { readonly kind: "peer-close"; readonly socket: number }
  | { readonly kind: "peer-reset"; readonly socket: number };

export type Fault =
  | {
      readonly kind: "lose" | "double";
      readonly to: FaultDirection;
      readonly at: number;
      readonly count: number;
    }
  | { readonly kind: "flip"; readonly to: FaultDirection; readonly at: number; readonly mask: number }
  | { readonly kind: "garbage"; readonly to: FaultDirection; readonly at: number; readonly hex: string }
  /** Each byte is hit with this probability (0 to 1), half of them lost, a quarter each flipped and doubled. */
  | { readonly kind: "noise"; readonly to: FaultDirection; readonly rate: number }
  | { readonly kind: "send-fail"; readonly nth: number }
  /** The byte (from 1) of the nth upload is stored wrong. */
  | { readonly kind: "corrupt-upload"; readonly nth: number; readonly byte: number }
  /** `count` bytes from the byte (from 1) of the nth upload are missing in what is stored. */
  | { readonly kind: "lose-upload"; readonly nth: number; readonly byte: number; readonly count: number }
  /** The nth upload ends behind so many bytes. */
  | { readonly kind: "cut-upload"; readonly nth: number; readonly bytes: number }
  /** The answer comes `ms` late. */
  | { readonly kind: "late"; readonly command: string; readonly nth: number; readonly ms: number }
  /** The final result comes `ms` after the information lines; URCs fall in between. */
  | { readonly kind: "gap"; readonly command: string; readonly nth: number; readonly ms: number }
  | { readonly kind: "error"; readonly command: string; readonly nth: number }
  /** The nth URC that begins with the text comes late, or never without `ms`. */
  | { readonly kind: "hold-urc"; readonly urc: string; readonly nth: number; readonly ms?: number }
  | { readonly kind: "event"; readonly trigger: FaultTrigger; readonly action: FaultAction };

const grammar = `one of
lose|double to=host|module at=BYTE [count=N]      flip to=... at=BYTE [mask=0x01]
garbage to=... at=BYTE hex=BYTES                  noise to=... rate=0.0001
send-fail [nth=N]                                 corrupt-upload byte=N [nth=N]
lose-upload byte=N [count=N] [nth=N]              cut-upload bytes=N [nth=N]
late|gap command=+NAME [nth=N] ms=MS              error command=+NAME [nth=N]
hold-urc urc=PREFIX [nth=N] [ms=MS]
reset|silence [for=MS]|pdpdeact [context=N]|context-loss [context=N]|registration-loss for=MS|
peer-close|peer-reset [socket=N], each with one of byte=N | command=+NAME [nth=N] | ms=MS | sent=BYTES [socket=N]
(socket 100 to 105: the connection of the module's MQTT client 0 to 5)`;

/** Reads one fault, `KIND KEY=VALUE ...`. Throws a sentence with the grammar. */
export function parseFault(text: string): Fault {
  const [kind = "", ...pairs] = text.trim().split(/[\s,]+/);
  const values = new Map<string, string>();
  for (const pair of pairs) {
    const equals = pair.indexOf("=");
    if (equals < 1) throw new Error(`Fault "${text}": "${pair}" is not KEY=VALUE`);
    values.set(pair.slice(0, equals), pair.slice(equals + 1));
  }
  const fields = new Fields(text, values);
  const fault = readFault(kind, fields);
  if (!fault) throw new Error(`Fault "${text}" is unknown; ${grammar}`);
  fields.finish();
  return fault;
}

function readFault(kind: string, fields: Fields): Fault | undefined {
  switch (kind) {
    case "lose":
    case "double":
      return { kind, to: fields.direction(), at: fields.count("at"), count: fields.count("count", 1) };
    case "flip":
      return { kind, to: fields.direction(), at: fields.count("at"), mask: fields.number("mask", 1) & 0xff };
    case "garbage":
      return { kind, to: fields.direction(), at: fields.count("at"), hex: fields.text("hex") };
    case "noise":
      return { kind, to: fields.direction(), rate: fields.number("rate") };
    case "send-fail":
      return { kind, nth: fields.count("nth", 1) };
    case "corrupt-upload":
      return { kind, nth: fields.count("nth", 1), byte: fields.count("byte") };
    case "lose-upload":
      return {
        kind,
        nth: fields.count("nth", 1),
        byte: fields.count("byte"),
        count: fields.count("count", 1),
      };
    case "cut-upload":
      return { kind, nth: fields.count("nth", 1), bytes: fields.number("bytes") };
    case "late":
    case "gap":
      return { kind, command: fields.command(), nth: fields.count("nth", 1), ms: fields.number("ms") };
    case "error":
      return { kind, command: fields.command(), nth: fields.count("nth", 1) };
    case "hold-urc": {
      const ms = fields.optional("ms");
      return {
        kind,
        urc: fields.text("urc"),
        nth: fields.count("nth", 1),
        ...(ms === undefined ? {} : { ms }),
      };
    }
    default: {
      const action = readAction(kind, fields);
      return action && { kind: "event", trigger: readTrigger(fields), action };
    }
  }
}

function readAction(kind: string, fields: Fields): FaultAction | undefined {
  switch (kind) {
    case "reset":
      return { kind };
    case "silence": {
      const forMs = fields.optional("for");
      return { kind, ...(forMs === undefined ? {} : { forMs }) };
    }
    case "pdpdeact":
    case "context-loss":
      return { kind, context: fields.count("context", 1) };
    case "registration-loss":
      return { kind, forMs: fields.number("for") };
    case "peer-close":
    case "peer-reset":
      return { kind, socket: fields.number("socket", 0) };
    default:
      return undefined;
  }
}

function readTrigger(fields: Fields): FaultTrigger {
  if (fields.has("byte")) return { on: "byte", byte: fields.count("byte") };
  if (fields.has("command")) return { on: "command", command: fields.command(), nth: fields.count("nth", 1) };
  if (fields.has("sent"))
    return { on: "sent", socket: fields.number("socket", 0), bytes: fields.count("sent") };
  return { on: "time", ms: fields.number("ms") };
}

class Fields {
  readonly #used = new Set<string>();
  constructor(
    readonly text_: string,
    readonly values: ReadonlyMap<string, string>,
  ) {}

  has(key: string): boolean {
    return this.values.has(key);
  }

  text(key: string): string {
    const value = this.values.get(key);
    if (value === undefined || value === "") throw new Error(`Fault "${this.text_}" needs ${key}=...`);
    this.#used.add(key);
    return value;
  }

  number(key: string, otherwise?: number): number {
    if (!this.has(key) && otherwise !== undefined) return otherwise;
    const value = Number(this.text(key));
    if (!Number.isFinite(value) || value < 0)
      throw new Error(`Fault "${this.text_}": ${key} is not a number`);
    return value;
  }

  count(key: string, otherwise?: number): number {
    const value = this.number(key, otherwise);
    if (!Number.isInteger(value) || value < 1) throw new Error(`Fault "${this.text_}": ${key} counts from 1`);
    return value;
  }

  optional(key: string): number | undefined {
    return this.has(key) ? this.number(key) : undefined;
  }

  direction(): FaultDirection {
    const to = this.text("to");
    if (to !== "host" && to !== "module") throw new Error(`Fault "${this.text_}": to=host or to=module`);
    return to;
  }

  command(): string {
    return this.text("command").toUpperCase();
  }

  finish(): void {
    for (const key of this.values.keys()) {
      if (!this.#used.has(key)) throw new Error(`Fault "${this.text_}": ${key} does not belong here`);
    }
  }
}

/** Bends the bytes of one direction; counts them from 1. */
export class ByteFaults {
  #count = 0;
  readonly #faults: Fault[];
  readonly #random: Random;
  readonly #struck: (fault: Fault) => void;

  /** `struck` hears of every byte that is hit. */
  constructor(
    direction: FaultDirection,
    faults: readonly Fault[],
    random: Random,
    struck: (fault: Fault) => void,
  ) {
    this.#struck = struck;
    this.#faults = faults.filter(fault => "to" in fault && fault.to === direction);
    this.#random = random.fork("noise to " + direction);
  }

  /** Bytes that have passed, before any fault. */
  get count(): number {
    return this.#count;
  }

  apply(bytes: Uint8Array): Uint8Array {
    if (this.#faults.length === 0) {
      this.#count += bytes.length;
      return bytes;
    }
    const result: number[] = [];
    for (const byte of bytes) {
      this.#count++;
      let kept = [byte];
      for (const fault of this.#faults) {
        const bent = this.#strike(fault, kept);
        if (bent !== kept) this.#struck(fault);
        kept = bent;
      }
      result.push(...kept);
    }
    return Uint8Array.from(result);
  }

  #strike(fault: Fault, bytes: number[]): number[] {
    switch (fault.kind) {
      case "lose":
        return this.#within(fault.at, fault.count) ? [] : bytes;
      case "double":
        return this.#within(fault.at, fault.count) ? [...bytes, ...bytes] : bytes;
      case "flip":
        return this.#within(fault.at, 1) ? bytes.map(byte => byte ^ fault.mask) : bytes;
      case "garbage":
        return this.#within(fault.at, 1) ? [...Buffer.from(fault.hex, "hex"), ...bytes] : bytes;
      case "noise": {
        if (this.#random.next() >= fault.rate) return bytes;
        const choice = this.#random.next();
        if (choice < 0.5) return [];
        return choice < 0.75
          ? bytes.map(byte => byte ^ (1 << this.#random.integer(8)))
          : [...bytes, ...bytes];
      }
      default:
        return bytes;
    }
  }

  #within(at: number, count: number): boolean {
    return this.#count >= at && this.#count < at + count;
  }
}
