import { failure, type Failure } from "../diagnosis/failure.js";
import type { SerialPort, SerialRecord } from "../io/serial.js";
import type { Timer } from "../io/timer.js";
import { query, type Command, type Parameter, type Urc } from "./command.js";
import { digest, type Expectation, type Finding } from "./digest.js";
import { Line } from "./line.js";
import { commandName, TypedRequest, type Done, type Request, type Transfer } from "./request.js";
import { Transmitter } from "./transmitter.js";
import type { Trace } from "./trace.js";

/** Receive buffer in bytes: longer than any line of a module; raw data pass through in pieces of this. */
const RECEIVE_BYTES = 512;
/** Longest silence inside raw data that were announced. The module sends them back to back. */
const RAW_STALL_MS = 5_000;
/** Longest time to a prompt; drivers in the field use the same. */
const PROMPT_MS = 5_000;
/** One probe of a resynchronisation, and how many go out before the module counts as silent. */
const PROBE_MS = 1_000;
const PROBES = 5;
/** Silence that shows that answers to earlier probes are through. */
const SETTLE_MS = 300;

/** Its answer cannot be mistaken for the late answer of another command. */
const probe = query<boolean>({
  text: "AT+CMEE?",
  timeoutMs: PROBE_MS,
  prefix: "+CMEE:",
  read: () => true,
});

export interface ChannelOptions {
  readonly serial: SerialRecord;
  readonly timer: Timer;
  readonly urcs: readonly Urc[];
  /** A report of the module. `line` holds its fields and is valid during the call only. */
  readonly onReport: (urc: Urc, line: Line) => void;
  /** The module gave no answer to a whole resynchronisation. Commands that waited have failed with `no-answer`. */
  readonly onSilent?: () => void;
  /** The serial port lost received bytes. */
  readonly onOverrun?: () => void;
  /** A callback of the application threw; the channel goes on. */
  readonly onException?: (error: unknown) => void;
  readonly trace?: Trace;
}

/** Counts since construction, for logs and figures. */
export interface ChannelCounters {
  commands: number;
  timeouts: number;
  resynchronisations: number;
  /** Lines that nobody waited for. */
  strays: number;
  /** Lines longer than the receive buffer, dropped to their end. */
  overflows: number;
  /** Reports of the serial port that bytes were lost. */
  overruns: number;
  /** Most bytes that the receive buffer held at once. */
  receiveHighWater: number;
  queueHighWater: number;
}

type State = "idle" | "busy" | "sync" | "settle" | "closed";

/**
 * The AT channel: one command in flight, others in a queue, reports of the module between any two
 * lines. No method throws, no callback runs before the call that it answers has returned.
 */
export class Channel {
  readonly counters: ChannelCounters = {
    commands: 0,
    timeouts: 0,
    resynchronisations: 0,
    strays: 0,
    overflows: 0,
    overruns: 0,
    receiveHighWater: 0,
    queueHighWater: 0,
  };
  /** Capacity of the receive buffer in bytes. */
  readonly receiveBytes = RECEIVE_BYTES;

  readonly #options: ChannelOptions;
  readonly #serial: SerialPort;
  readonly #transmitter: Transmitter;
  readonly #receive = new Uint8Array(RECEIVE_BYTES);
  readonly #line: Line;
  readonly #finding: Finding = { kind: "more", start: 0, end: 0, consumed: 0, urc: undefined };
  readonly #expect: { -readonly [K in keyof Expectation]: Expectation[K] };
  readonly #queue: Request[] = [];
  #state: State = "idle";
  #request: Request | undefined;
  #fill = 0;
  #skipping = false;
  #digesting = false;
  #probes = 0;
  #deadline: unknown;
  #starter: unknown;

  constructor(options: ChannelOptions) {
    this.#options = options;
    this.#line = new Line(this.#receive);
    this.#transmitter = new Transmitter(options.trace);
    this.#expect = {
      active: false,
      raw: 0,
      prompt: undefined,
      prefix: undefined,
      final: undefined,
      rawFollows: false,
      sent: this.#transmitter.bytes,
      sentLength: 0,
    };
    this.#serial = new options.serial.io({
      ...options.serial,
      onReadable: () => {
        this.#guard(() => {
          this.#onReadable();
        });
      },
      onWritable: count => {
        this.#guard(() => {
          this.#transmitter.onWritable(count);
        });
      },
      onError: () => {
        this.#guard(() => {
          this.#onOverrun();
        });
      },
    });
    this.#transmitter.serial = this.#serial;
  }

  /** Bytes of one burst that the serial port takes while the engine is busy; `undefined` on the stock ESP32 class. */
  get receiveHeadroom(): number | undefined {
    return this.#serial.receiveHeadroom;
  }

  /** Commands that wait, the one in flight included. */
  get pending(): number {
    return this.#queue.length + (this.#request === undefined ? 0 : 1);
  }

  /**
   * Queues a command. `done` gets its result or one failure: `timeout`, `error`, `cme`, `cms`,
   * `send-fail`, `cancelled`, `malformed`, `overrun`, `limit` (a parameter that cannot be sent), or
   * what `reset` was called with. Returns a handle for `cancel`.
   */
  run<R, P extends readonly Parameter[]>(
    command: Command<R, P>,
    parameters: P,
    done?: Done<R>,
    transfer?: Transfer,
  ): Request {
    const request = new TypedRequest(command, parameters, done, transfer);
    if (this.#state === "closed") return request;
    this.#queue.push(request);
    if (this.#queue.length > this.counters.queueHighWater) this.counters.queueHighWater = this.#queue.length;
    this.#next();
    return request;
  }

  /** Takes a waiting command back, or lets the one in flight end unheard. Its `done` is not called. */
  cancel(request: Request): void {
    request.forget();
    const index = this.#queue.indexOf(request);
    if (index >= 0) this.#queue.splice(index, 1);
  }

  /** Fails every command with `reason` and forgets half an exchange: the module restarted. */
  reset(reason: Failure): void {
    this.#clearDeadline();
    this.#skipping = false;
    this.#transmitter.stop();
    this.#idle();
    if (this.#state !== "closed") this.#state = "idle";
    const failed = this.#queue.splice(0);
    const current = this.#request;
    this.#request = undefined;
    current?.settle(reason);
    for (const request of failed) request.settle(reason);
  }

  /** Closes the serial port. Waiting commands end unheard. */
  close(): void {
    if (this.#state === "closed") return;
    this.#state = "closed";
    this.#clearDeadline();
    this.#options.timer.clear(this.#starter);
    this.#queue.length = 0;
    this.#request = undefined;
    this.#idle();
    this.#serial.close();
  }

  #guard(action: () => void): void {
    if (this.#state === "closed") return;
    try {
      action();
    } catch (error) {
      this.#options.onException?.(error);
    }
  }

  #settle(request: Request, reason: Failure | undefined): void {
    this.#guard(() => {
      request.settle(reason);
    });
  }

  // Sending

  #next(): void {
    if (this.#state !== "idle" || this.#queue.length === 0 || this.#starter !== undefined) return;
    const request = this.#queue.shift();
    if (request === undefined) return;
    const problem = this.#transmitter.compose(request.command, request.parameters);
    if (problem !== undefined) {
      // The caller must not hear of it before `run` has returned.
      this.#starter = this.#options.timer.set(() => {
        this.#starter = undefined;
        this.#settle(request, failure("limit", commandName(request.command), undefined, problem));
        this.#next();
      }, 0);
      return;
    }
    this.#state = "busy";
    this.#request = request;
    this.counters.commands++;
    this.#start(request);
  }

  #start(request: Request): void {
    const command = request.command;
    const expect = this.#expect;
    expect.active = true;
    expect.raw = 0;
    expect.prompt = command.prompt;
    expect.prefix = command.prefix;
    expect.final = command.prompt === undefined ? command.final : undefined;
    expect.rawFollows = command.raw !== undefined;
    expect.sentLength = this.#transmitter.lineLength;
    this.#arm(command.prompt === undefined ? command.timeoutMs : PROMPT_MS);
    this.#transmitter.send();
  }

  #idle(): void {
    const expect = this.#expect;
    expect.active = false;
    expect.raw = 0;
    expect.prompt = undefined;
    expect.final = undefined;
    expect.prefix = undefined;
  }

  #arm(ms: number): void {
    this.#clearDeadline();
    this.#deadline = this.#options.timer.set(() => {
      this.#deadline = undefined;
      this.#guard(() => {
        this.#onDeadline();
      });
    }, ms);
  }

  #clearDeadline(): void {
    if (this.#deadline !== undefined) this.#options.timer.clear(this.#deadline);
    this.#deadline = undefined;
  }

  // Receiving

  #onReadable(): void {
    for (;;) {
      const receive = this.#receive;
      const fill = this.#fill;
      const count = this.#serial.read(fill === 0 ? receive : receive.subarray(fill));
      if (count === undefined || count === 0) return;
      this.#fill = fill + count;
      if (this.#fill > this.counters.receiveHighWater) this.counters.receiveHighWater = this.#fill;
      if (this.#state === "settle") this.#arm(SETTLE_MS);
      this.#digest();
      if (this.#closed()) return;
    }
  }

  // A method, because a callback inside the digest may have closed the channel.
  #closed(): boolean {
    return this.#state === "closed";
  }

  #digest(): void {
    if (this.#digesting) return;
    this.#digesting = true;
    const finding = this.#finding;
    const receive = this.#receive;
    let from = 0;
    try {
      for (;;) {
        if (this.#skipping && !this.#skip(from)) {
          from = this.#fill;
          break;
        }
        digest(receive, from, this.#fill, this.#expect, this.#options.urcs, this.#line, finding);
        from = finding.consumed;
        if (finding.kind === "more") break;
        this.#guard(() => {
          this.#onFinding(finding);
        });
        if (this.#closed()) return;
      }
    } finally {
      this.#digesting = false;
    }
    const rest = this.#fill - from;
    if (rest > 0 && from > 0) receive.copyWithin(0, from, this.#fill);
    this.#fill = rest;
    if (rest === receive.length) {
      this.counters.overflows++;
      this.#skipping = true;
      this.#fill = 0;
    }
  }

  /** Drops bytes up to the next line end; false when there is none yet. */
  #skip(from: number): boolean {
    const receive = this.#receive;
    for (let i = from; i < this.#fill; i++) {
      if (receive[i] !== 0x0d && receive[i] !== 0x0a) continue;
      this.#skipping = false;
      receive.fill(0x0a, from, i);
      return true;
    }
    return false;
  }

  #onFinding(finding: Finding): void {
    const trace = this.#options.trace;
    if (trace !== undefined) trace.received(this.#receive, finding);
    switch (finding.kind) {
      case "urc":
        if (finding.urc !== undefined) this.#options.onReport(finding.urc, this.#line);
        return;
      case "echo":
      case "more":
        return;
      case "stray":
        this.counters.strays++;
        return;
      case "raw":
        this.#onRaw(finding);
        return;
      case "prompt":
        this.#onPrompt();
        return;
      case "information":
        this.#onInformation();
        return;
      default:
        this.#onFinal(finding.kind);
    }
  }

  #onInformation(): void {
    const request = this.#request;
    if (request === undefined) {
      if (this.#state === "sync") this.#probes = -this.#probes;
      return;
    }
    const count = request.command.raw?.(this.#line) ?? 0;
    request.information(this.#line);
    if (count > 0) {
      this.#expect.raw = count;
      this.#arm(RAW_STALL_MS);
    }
  }

  #onRaw(finding: Finding): void {
    this.#expect.raw -= finding.end - finding.start;
    this.#request?.transfer?.sink?.write(this.#receive, finding.start, finding.end);
    if (this.#expect.raw === 0 && this.#request !== undefined) this.#arm(this.#request.command.timeoutMs);
  }

  #onPrompt(): void {
    const request = this.#request;
    this.#expect.prompt = undefined;
    this.#expect.sentLength = 0;
    if (request === undefined) return;
    this.#expect.final = request.command.final;
    this.#arm(request.command.timeoutMs);
    if (request.transfer?.source !== undefined) this.#transmitter.sendSource(request.transfer.source);
  }

  #onFinal(kind: "ok" | "error" | "cme" | "cms" | "send-fail"): void {
    if (this.#state === "sync") {
      // A result without the probe's own information line belongs to the command that timed out.
      if (this.#probes < 0) this.#synchronised(-this.#probes);
      return;
    }
    const request = this.#request;
    if (request === undefined) return;
    const command = request.command;
    let reason: Failure | undefined;
    if (kind !== "ok") {
      const code = this.#codeOf(kind);
      reason = failure(
        kind,
        commandName(command),
        code,
        code === undefined && kind !== "error" && kind !== "send-fail" ? this.#line.whole() : undefined,
      );
    } else if (command.final !== undefined && this.#expect.final === undefined)
      reason = failure("malformed", commandName(command), undefined, "a result before the prompt");
    this.#end(request, reason);
  }

  #codeOf(kind: string): number | undefined {
    if (kind !== "cme" && kind !== "cms") return undefined;
    const code = this.#line.int(0);
    return Number.isNaN(code) ? undefined : code;
  }

  #end(request: Request, reason: Failure | undefined): void {
    this.#clearDeadline();
    this.#idle();
    this.#request = undefined;
    this.#state = "idle";
    this.#transmitter.stop();
    this.#settle(request, reason);
    this.#next();
  }

  // What goes wrong

  #onOverrun(): void {
    this.counters.overruns++;
    this.#options.onOverrun?.();
    const request = this.#request;
    // Inside raw data the count is wrong from here on; what follows would be taken for payload.
    if (request !== undefined && this.#expect.raw > 0) this.#breakOff(request, "overrun");
  }

  #onDeadline(): void {
    if (this.#state === "settle") {
      this.#state = "idle";
      this.#next();
    } else if (this.#state === "sync") {
      const probes = Math.abs(this.#probes);
      if (probes >= PROBES) this.#silent();
      else this.#sendProbe(probes + 1);
    } else if (this.#request !== undefined) {
      this.counters.timeouts++;
      this.#breakOff(this.#request, "timeout");
    }
  }

  #breakOff(request: Request, kind: "timeout" | "overrun"): void {
    // At an open prompt the next bytes are payload whatever they are; ESC gives the payload up.
    const escape = request.command.prompt !== undefined;
    this.#clearDeadline();
    this.#idle();
    this.#request = undefined;
    this.#transmitter.stop();
    this.#state = "sync";
    this.counters.resynchronisations++;
    if (escape) this.#transmitter.escape();
    this.#sendProbe(1);
    this.#settle(request, failure(kind, commandName(request.command)));
  }

  #sendProbe(count: number): void {
    this.#probes = count;
    this.#transmitter.compose(probe, []);
    const expect = this.#expect;
    expect.active = true;
    expect.raw = 0;
    expect.prefix = probe.prefix;
    expect.rawFollows = false;
    expect.sentLength = this.#transmitter.lineLength;
    this.#arm(PROBE_MS);
    this.#transmitter.send();
  }

  #synchronised(probes: number): void {
    this.#clearDeadline();
    this.#idle();
    if (probes > 1) {
      // The module may have kept the earlier probes and answer them one by one.
      this.#state = "settle";
      this.#arm(SETTLE_MS);
      return;
    }
    this.#state = "idle";
    this.#next();
  }

  #silent(): void {
    this.reset(failure("no-answer", "AT"));
    this.#options.onSilent?.();
  }
}
