import { bytesOf, textOf, type FakeTimer, type Rig } from "./harness.js";

/** What the module does with one command of the property test. */
export interface Behaviour {
  /** Milliseconds to the prompt where there is one, and from the last byte to the result. */
  readonly promptMs: number;
  readonly answerMs: number;
  /** Bytes of one burst on the line. */
  readonly piece: number;
  /** Reports, by number, in front of each line of the answer. */
  readonly reports: readonly number[];
}

export const reportLines = ['+QIURC: "recv",3', "RDY", "+CEREG: 2", '+CEREG: 5,"66C0","1042",9'];

/**
 * A module for the property test: takes one command at a time and keeps the bytes that come
 * meanwhile, as a module does; counts payload bytes whatever they are; echoes or not.
 * The commands: `AT+P` ends with OK, `AT+E=n` with error n, `AT+Q=n` tells n, `AT+D=n` gives n raw
 * bytes, `AT+S=n` takes n bytes behind `>`, `AT+F=n` takes n behind `CONNECT` and counts them.
 */
export class Model {
  readonly payloads: string[] = [];
  reports = 0;
  readonly #rig: Rig;
  readonly #timer: FakeTimer;
  readonly #echo: boolean;
  readonly #escapes: boolean;
  readonly #behaviours: Iterator<Behaviour>;
  #behaviour: Behaviour = { promptMs: 0, answerMs: 0, piece: Infinity, reports: [] };
  #input: number[] = [];
  #line = "";
  #busy = false;
  #collect: { left: number; readonly bytes: number[]; readonly done: (text: string) => void } | undefined;

  /** `escapes`: ESC ends a payload also where its bytes are counted. */
  constructor(rig: Rig, behaviours: Iterator<Behaviour>, echo: boolean, escapes: boolean) {
    this.#rig = rig;
    this.#timer = rig.timer;
    this.#behaviours = behaviours;
    this.#echo = echo;
    this.#escapes = escapes;
    rig.line.onWritten = () => {
      // The bytes take a while, as on a wire: no answer within the call that sends.
      const bytes = rig.line.written.splice(0);
      this.#timer.set(() => {
        this.#input.push(...bytes);
        this.#take();
      }, 1);
    };
  }

  #take(): void {
    while (this.#input.length > 0 && (!this.#busy || this.#collect !== undefined)) {
      const byte = this.#input.shift() ?? 0;
      if (this.#collect !== undefined) this.#payload(byte);
      else this.#type(byte);
    }
  }

  #payload(byte: number): void {
    const collect = this.#collect;
    if (collect === undefined) return;
    if (this.#escapes && byte === 0x1b) {
      this.#collect = undefined;
      this.#finish("OK");
      return;
    }
    collect.bytes.push(byte);
    if (--collect.left > 0) return;
    this.#collect = undefined;
    collect.done(textOf(collect.bytes));
  }

  #type(byte: number): void {
    if (this.#echo) this.#rig.line.receive(Uint8Array.of(byte));
    if (byte !== 0x0d) {
      this.#line += String.fromCharCode(byte);
      return;
    }
    const text = this.#line.replace(/^.*?(?=AT)/, "");
    this.#line = "";
    if (!text.startsWith("AT")) return;
    this.#busy = true;
    if (text === "AT+CMEE?") {
      this.#later(2, () => {
        this.#say("+CMEE: 1");
        this.#finish("OK");
      });
      return;
    }
    const next = this.#behaviours.next();
    if (!next.done) this.#behaviour = next.value;
    const [, name, value] = /^AT\+([A-Z])=?(\d*)$/.exec(text) ?? [];
    this.#run(name ?? "", Number(value));
  }

  #run(name: string, value: number): void {
    const { promptMs, answerMs } = this.#behaviour;
    if (name === "S" || name === "F") {
      this.#later(promptMs, () => {
        this.#report();
        this.#send(name === "S" ? "\r\n> " : "\r\nCONNECT\r\n");
        this.#collect = {
          left: value,
          bytes: [],
          done: text => {
            this.payloads.push(text);
            this.#later(answerMs, () => {
              if (name === "F") this.#say(`+F: ${String(text.length)}`);
              this.#finish(name === "F" ? "OK" : "SEND OK");
            });
          },
        };
        this.#take();
      });
      return;
    }
    this.#later(answerMs, () => {
      if (name === "Q") this.#say(`+Q: ${String(value)}`);
      if (name === "D") {
        this.#report();
        this.#send(`\r\n+D: ${String(value)}\r\n${rawOf(value)}`);
      }
      this.#finish(name === "E" ? `+CME ERROR: ${String(value)}` : name === "" ? "ERROR" : "OK");
    });
  }

  #later(ms: number, action: () => void): void {
    this.#timer.set(action, ms);
  }

  #report(): void {
    for (const index of this.#behaviour.reports) {
      this.reports++;
      this.#send(`\r\n${reportLines[index] ?? ""}\r\n`);
    }
  }

  #say(text: string): void {
    this.#report();
    this.#send(`\r\n${text}\r\n`);
  }

  #finish(result: string): void {
    this.#say(result);
    this.#busy = false;
    this.#take();
  }

  #send(text: string): void {
    this.#rig.line.receive(bytesOf(text), this.#behaviour.piece);
  }
}

const nasty =
  '\r\nOK\r\n+CMEE: 1\r\n> \0\x1bRDY\r\nERROR\r\n+Q: 7\r\n+QIURC: "recv",9\r\n+D: 3\r\nSEND OK\r\n';

/** So many bytes that look like everything else, beginning anywhere in it. */
export function rawOf(length: number): string {
  const start = length % nasty.length;
  return nasty.repeat(2 + Math.ceil(length / nasty.length)).slice(start, start + length);
}
