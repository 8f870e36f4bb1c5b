import { readdirSync } from "node:fs";
import { bg95Urcs } from "../../drivers/bg95/urcs.js";
import { Channel } from "../../modules/at/channel.js";
import { query } from "../../modules/at/command.js";
import type { SerialCallbacks, SerialPort } from "../../modules/io/serial.js";
import { readTranscript, type Exchange } from "../spec/simulator/transcript.js";
import { atMost, shown, type Chapter } from "./figure.js";

const FOLDER = new URL("../spec/transcripts/", import.meta.url);

/** The module's end of a line that never waits: pieces come when they are given. */
class Line {
  callbacks: SerialCallbacks = {};
  #piece: Uint8Array = new Uint8Array(0);
  readonly io: new (options: SerialCallbacks) => SerialPort;
  readonly #port: SerialPort;

  constructor() {
    const take = (view: Uint8Array): number | undefined => {
      const count = Math.min(view.length, this.#piece.length);
      view.set(this.#piece.subarray(0, count));
      this.#piece = this.#piece.subarray(count);
      return count || undefined;
    };
    const port: SerialPort = { read: take, write: () => undefined, close: () => undefined };
    this.#port = port;
    const opened = (options: SerialCallbacks): SerialPort => {
      this.callbacks = options;
      return port;
    };
    this.io = class implements SerialPort {
      read = take;
      write = (): void => undefined;
      close = (): void => undefined;

      constructor(options: SerialCallbacks) {
        opened(options);
      }
    };
  }

  give(bytes: Uint8Array): void {
    this.#piece = bytes;
    if (bytes.length > 0) this.callbacks.onReadable?.call(this.#port, bytes.length);
  }
}

/** What the module sent after the command, as it stands on the wire. */
function bytesOf({ answer, payload }: Exchange): Uint8Array {
  const text = answer
    .map(line =>
      payload !== undefined && line.startsWith(">")
        ? `\r\n> ${line.slice(1).trimStart()}\r\n`
        : `\r\n${line}\r\n`,
    )
    .join("");
  return Uint8Array.from(Buffer.from(text, "latin1"));
}

/** Everything that the channel tells of one exchange. */
function eventsOf(exchange: Exchange, pieces: readonly Uint8Array[]): string[] {
  const events: string[] = [];
  const line = new Line();
  const channel = new Channel({
    serial: { io: line.io },
    timer: { set: () => undefined, clear: () => undefined },
    urcs: bg95Urcs,
    onReport: (urc, fields) => events.push(`report ${urc.name} ${fields.whole()}`),
    onException: error => events.push(`exception ${String(error)}`),
  });
  const name = /^AT([+&]?\w*)/.exec(exchange.command)?.[1] ?? "";
  const isSend = exchange.payload !== undefined;
  channel.run(
    query<string>({
      text: exchange.command,
      timeoutMs: 1_000,
      prefix: exchange.answer.some(text => text.startsWith(`${name}:`)) ? `${name}:` : "",
      ...(isSend ? { prompt: ">", final: "SEND OK", empty: "" } : undefined),
      // Field logs show text, so that every line of data is whole.
      ...(name === "+QIRD" ? { raw: fields => fields.int(0) || 0 } : undefined),
      read: (fields, sofar) => `${sofar ?? ""}|${fields.whole()}`,
    }),
    [],
    (reason, result) => events.push(`done ${reason?.kind ?? "ok"} ${reason?.code ?? ""} ${result ?? ""}`),
    {
      sink: {
        write: (bytes, start, end) =>
          void events.push(...Array.from(bytes.subarray(start, end), byte => `raw ${byte}`)),
      },
    },
  );
  line.callbacks.onWritable?.call(new line.io({}), 4_096);
  for (const piece of pieces) line.give(piece);
  events.push(`strays ${channel.counters.strays}`);
  return events;
}

/** Field logs, split at every byte: the driver must see the same. */
export function splits(): Chapter {
  const names = readdirSync(FOLDER).map(file => file.replace(".txt", ""));
  let exchanges = 0;
  let tried = 0;
  let differing = 0;
  for (const name of names)
    for (const exchange of readTranscript(name)) {
      const bytes = bytesOf(exchange);
      const whole = JSON.stringify(eventsOf(exchange, [bytes]));
      const check = (pieces: readonly Uint8Array[]): void => {
        tried++;
        if (JSON.stringify(eventsOf(exchange, pieces)) !== whole) differing++;
      };
      exchanges++;
      for (let at = 1; at < bytes.length; at++) check([bytes.subarray(0, at), bytes.subarray(at)]);
      check(Array.from(bytes, byte => Uint8Array.of(byte)));
    }
  return {
    title: "Splits of the byte stream",
    note:
      "Every answer of the field logs, whole, in two parts split at every byte, and byte by byte, through the AT channel. " +
      "The specs do the same with the digest's vectors and a report between any two lines.",
    figures: [
      shown("field logs", names.length, "logs"),
      shown("answers", exchanges, "answers"),
      shown("splits", tried, "splits"),
      atMost("splits with other events than the whole", differing, "splits", 0),
    ],
  };
}
