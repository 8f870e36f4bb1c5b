import type { Failure, FailureKind } from "../../../modules/diagnosis/failure.js";
import { KINDS } from "../../../modules/diagnosis/kinds.js";

/** One message that came down to the device. */
export interface ReceivedMessage {
  readonly topic: string;
  readonly payload: string;
}

/** A failure as the firmware reported it. */
export interface ReportedFailure extends Failure {
  /** `modem`: on the way to the network; `broker`: from the connection on. */
  readonly stage: string;
}

/** The way to the broker that the firmware took. */
export interface RouteTaken {
  readonly name: string;
  readonly reason: string;
  /** `module-tls: suites`: those that were passed over, and why. */
  readonly passed: string;
}

/** A completed handshake of `host-tls`. Bytes are those of TLS. */
export interface HandshakeFigures {
  /** The suite's number; `undefined` where the engine does not tell. */
  readonly suite: number | undefined;
  readonly sentBytes: number;
  readonly receivedBytes: number;
  /** AT commands that carried it, the connection being open. */
  readonly commands: number;
}

export interface BufferUse {
  readonly name: string;
  readonly size: number;
  readonly highWater: number;
}

type Value = string | number | boolean | null;

/** What the firmware's reports add up to. */
export class RunRecord {
  model = "";
  revision = "";
  published = 0;
  acknowledged = 0;
  failures = 0;
  /** Since the last delivery: what the device compares with its number of attempts. */
  failuresInARow = 0;
  lastFailure: ReportedFailure | undefined;
  /** The broker has accepted a connection. */
  online = false;
  /** `done`, `gave-up`, or `undefined` while it runs. */
  end: "done" | "gave-up" | undefined;
  /** The last one by the ESP32's own TLS. */
  handshake: HandshakeFigures | undefined;
  /** The last one. */
  route: RouteTaken | undefined;
  readonly received: ReceivedMessage[] = [];
  readonly buffers: BufferUse[] = [];
  readonly credentials: {
    readonly role: string;
    readonly fileName: string;
    readonly action: string;
    readonly byteLength: number;
  }[] = [];
  #topic = "";
  #parts: string[] = [];

  /** Takes one report: a JSON array whose first member is the event's name. */
  take(text: string): readonly Value[] {
    const parsed: unknown = JSON.parse(text);
    if (!Array.isArray(parsed)) throw new TypeError("a report is not a list");
    const values = parsed.map(asValue);
    const word = (index: number): string => String(values[index] ?? "");
    const number = (index: number): number => Number(values[index] ?? NaN);
    switch (values[0]) {
      case "module":
        this.model = word(1);
        this.revision = word(2);
        break;
      case "credential":
        this.credentials.push({ role: word(1), fileName: word(2), action: word(3), byteLength: number(4) });
        break;
      case "route":
        this.route = { name: word(1), reason: word(2), passed: word(3) };
        break;
      case "handshake":
        this.handshake = {
          suite: typeof values[1] === "number" ? values[1] : undefined,
          sentBytes: number(2),
          receivedBytes: number(3),
          commands: number(4),
        };
        break;
      case "mqtt":
        this.online = true;
        break;
      case "published":
        this.published++;
        break;
      case "acknowledged":
        this.acknowledged++;
        this.failuresInARow = 0;
        break;
      case "received":
        this.#receive(values[1] ?? null, word(2), values[3] === true);
        break;
      case "buffer":
        this.buffers.push({ name: word(1), size: number(2), highWater: number(3) });
        break;
      case "failure":
        this.failures++;
        // The firmware does not count a failure that it answers by another route.
        if (values[6] !== "route") this.failuresInARow++;
        this.lastFailure = {
          stage: word(1),
          kind: asKind(word(2)),
          ...(typeof values[3] === "number" ? { code: values[3] } : undefined),
          ...(typeof values[4] === "string" ? { command: values[4] } : undefined),
          ...(typeof values[5] === "string" ? { detail: values[5] } : undefined),
          ...(typeof values[8] === "number"
            ? {
                handshake: {
                  flight: values[8],
                  message: word(9),
                  confirmedBytes: number(10),
                  totalBytes: number(11),
                },
              }
            : undefined),
        };
        break;
      case "done":
      case "gave-up":
        this.end = values[0];
    }
    return values;
  }

  #receive(topic: Value, piece: string, more: boolean): void {
    if (typeof topic === "string") {
      this.#topic = topic;
      this.#parts = [];
    }
    this.#parts.push(piece);
    if (more) return;
    // The firmware carries bytes as Latin-1; people and JSON want the text that they are.
    const payload = Buffer.from(this.#parts.join(""), "latin1").toString("utf8");
    this.received.push({ topic: this.#topic, payload });
    this.#parts = [];
  }
}

function asValue(value: unknown): Value {
  return typeof value === "string" || typeof value === "number" || typeof value === "boolean" ? value : null;
}

function isKind(word: string): word is FailureKind {
  return Object.hasOwn(KINDS, word);
}

function asKind(word: string): FailureKind {
  if (isKind(word)) return word;
  throw new TypeError(`the firmware reported a failure of an unknown kind: ${word}`);
}
