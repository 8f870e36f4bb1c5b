import type { PortTap } from "./modem/modem.js";

export interface TraceOptions {
  /** Milliseconds for the time stamp. */
  readonly nowMs: () => number;
  /** One line of the trace, without line end. */
  readonly print: (line: string) => void;
}

/** Arguments of these are secrets: PINs, passwords, access data. */
const secretCommand = /\+(CPIN|CLCK|CPWD|QICSGP|QCGDEFCONT|QGACT|CGAUTH|QMTCONN)\s*=|"aliauth"/i;
/** Payload in a line: of AT+QMTPUBEX, and of AT+QMTPUB where it takes it; of +QMTRECV. */
const inlinePayload = /^(\s*AT\+QMTPUB(?:EX)?\s*=[^"]*"[^"]*",|\+QMTRECV: \d+,\d+,"[^"]*",(?:\d+,)?)(".*)$/is;
/** The shapes of a command line; whatever else is typed is shown by its length only. */
const commandLine = /^\s*(AT(\s*$|[&A-Z]\d*\s*$|[A-Z0-9&+;\s]*[=?;].*$|\s*\+[A-Z]+\s*$)|A\/)/i;

/**
 * Writes the lines of both directions with a time stamp. Payload, and anything from the host that is
 * not a command, is shown by its length: no key that is uploaded, even at the wrong moment, can be
 * read from a trace; nor can PINs and passwords.
 */
export class LineTrace {
  readonly #options: TraceOptions;
  readonly #typed = new LineBuffer();
  readonly #answered = new LineBuffer();
  #payload: { direction: ">" | "<"; bytes: number } | undefined;

  constructor(options: TraceOptions) {
    this.#options = options;
  }

  readonly tap: PortTap = (direction, bytes, kind) => {
    const arrow = direction === "to module" ? ">" : "<";
    if (kind === "data") {
      if (this.#payload?.direction !== arrow) this.#flush();
      this.#payload ??= { direction: arrow, bytes: 0 };
      this.#payload.bytes += bytes.length;
      return;
    }
    // The echo repeats what the host typed.
    if (kind === "echo") return;
    if (arrow === ">") for (const line of this.#typed.feed(bytes)) this.#command(line);
    else {
      for (const line of this.#answered.feed(bytes)) this.#answer(line);
      if (/^> ?$/.test(this.#answered.text)) this.#print("<", this.#answered.take());
    }
  };

  #command(line: string): void {
    if (secretCommand.test(line)) this.#print(">", line.replace(/=.*/s, "=<secret>"));
    else if (commandLine.test(line)) this.#print(">", withoutPayload(line));
    else this.#print(">", `<${String(line.length)} bytes that are no command>`);
  }

  #answer(line: string): void {
    if (/"aliauth"/i.test(line)) this.#print("<", line.replace(/:.*/s, ": <secret>"));
    else this.#print("<", withoutPayload(line));
  }

  #flush(): void {
    const payload = this.#payload;
    this.#payload = undefined;
    if (payload) this.#print(payload.direction, `<${String(payload.bytes)} bytes>`);
  }

  #print(arrow: ">" | "<", text: string): void {
    this.#flush();
    const stamp = this.#options.nowMs().toFixed(3).padStart(12);
    this.#options.print(`${stamp} ${arrow} ${printable(text)}`);
  }
}

/** Payload in hexadecimal digits: `AT+QISENDEX=0,3,616263`. */
const hexPayload = /^(\s*AT\+QISENDEX\s*=\s*\d+\s*,\s*\d+\s*,)\s*"?([0-9a-f]*)"?.*$/is;

function withoutPayload(line: string): string {
  const hex = hexPayload.exec(line);
  if (hex !== null) return `${hex[1] ?? ""}<${String((hex[2] ?? "").length / 2)} bytes>`;
  return line.replace(
    inlinePayload,
    (_line, head: string, payload: string) =>
      `${head}<${String(payload.replace(/^"|"$/g, "").length)} bytes>`,
  );
}

class LineBuffer {
  #line: number[] = [];

  get text(): string {
    return Buffer.from(this.#line).toString("latin1");
  }

  take(): string {
    const { text } = this;
    this.#line = [];
    return text;
  }

  /** Complete lines that are not empty, without their ends. */
  feed(bytes: Uint8Array): string[] {
    const lines: string[] = [];
    for (const byte of bytes) {
      if (byte !== 0x0d && byte !== 0x0a) this.#line.push(byte);
      else if (this.#line.length > 0) lines.push(this.take());
    }
    return lines;
  }
}

function printable(text: string): string {
  return text.replace(
    /[^\x20-\x7e]/g,
    character => `\\x${character.charCodeAt(0).toString(16).padStart(2, "0")}`,
  );
}
