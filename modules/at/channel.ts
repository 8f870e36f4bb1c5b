import { failure, type Failure } from "../diagnosis/failure.js";
import type { SerialPort } from "../io/serial.js";
import type { Command, Parameter, Urc } from "./command.js";
import { keysOf } from "./digest.js";
import type { Line } from "./line.js";
import type { ChannelCounters, ChannelOptions } from "./options.js";
import type { Payloads } from "./payloads.js";
import { Receiver } from "./receiver.js";
import { failureOf, TypedRequest, type Done, type Request, type Transfer } from "./request.js";
import { Resync, type MutableExpectation } from "./resync.js";
import { Transmitter } from "./transmitter.js";

export type { ChannelCounters, ChannelOptions } from "./options.js";

/** Longest time for the raw bytes of one answer: the module sends them back to back, 1,500 at 9,600 baud take 1.6 s. */
const RAW_MS = 5_000;
/** Behind a payload that stands in a line: its quote, CR and LF. */
const INLINE_TAIL = 3;
/** What may still come of raw data whose end is not known: 1,500 bytes and the lines around them. */
const DRAIN_BYTES = 2_048;
/** Silence that shows that the rest of raw data is through. */
const DRAIN_MS = 300;

type State =
  | "idle"
  /** A command is in flight. */
  | "busy"
  /** Raw data with a gap are dropped until they end. */
  | "drain"
  /** Probes are out and none was answered. */
  | "sync"
  /** One probe was answered, answers to others may follow. */
  | "settle"
  /** A payload is stuck and the module about to be reset. */
  | "held"
  | "closed";

/**
 * The AT channel: one command in flight, others in a queue, reports of the module between any two
 * lines. No method throws, no callback runs before the call that it answers has returned.
 *
 * After a timeout, lost bytes, or a `reset` amid an exchange the next command waits until a probe
 * was answered, so that a late answer is never taken for its result.
 *
 * Members are `private`, not `#private`: in XS that saves a third of a class's byte code.
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

  readonly options: ChannelOptions;
  private readonly serial: SerialPort;
  private readonly transmitter: Transmitter;
  readonly receiver: Receiver;
  readonly expect: MutableExpectation;
  private readonly resync: Resync;
  /** Made when there are reports that may need it. */
  private payloads: Payloads | undefined;
  private readonly queue: Request[] = [];
  // Made once: a function for every command would be garbage for every command.
  private readonly expire = (): void => this.attempt("onDeadline");
  private state: State = "idle";
  private request: Request | undefined;
  /** A command that was given up; its answer may still come. */
  private late: Request | undefined;
  /** The command that was sent last, probes not counted. */
  private last: Command<unknown, readonly Parameter[]> | undefined;
  /** An earlier answer may still come, although nothing is in flight. */
  private unsure = false;
  private receiving = false;
  /** Bytes of line ends that are counted with the raw data. */
  tail = 0;
  /** The command in flight, or a probe after it, came back as an echo. */
  private echoed = false;
  /** The module no longer echoes. */
  private quiet = false;
  private deadline: unknown;
  /** The time behind a prompt in which nothing may be sent. */
  private pause: unknown;
  private starter: unknown;

  constructor(options: ChannelOptions) {
    const transmitter = new Transmitter(options.trace, error => {
      this.caught(error);
    });
    this.options = options;
    this.transmitter = transmitter;
    this.expect = {
      urcs: options.urcs,
      keys: keysOf(options.urcs),
      raw: 0,
      prompt: undefined,
      prefix: undefined,
      final: undefined,
      inline: 0,
      open: undefined,
      digits: undefined,
      late: undefined,
      sent: transmitter.bytes,
      sentLength: 0,
    };
    this.receiver = new Receiver(this.expect, this.counters);
    this.resync = new Resync(transmitter, this.expect);
    this.serial = new options.serial.io({
      ...options.serial,
      onReadable: () => {
        if (this.receiving) return;
        this.receiving = true;
        this.attempt("receive");
        this.receiving = false;
        this.next();
      },
      onWritable: count => {
        transmitter.onWritable(count);
      },
      onError: () => this.attempt("onOverrun"),
    });
    transmitter.serial = this.serial;
  }

  /**
   * Adds reports behind those that are known; for parts of a driver that are made when they are needed.
   * `type`: the class `Payloads`, where payloads stand in the lines of these reports or of a command.
   */
  addReports(urcs: readonly Urc[], type?: typeof Payloads): void {
    const expect = this.expect;
    expect.urcs = expect.urcs.concat(urcs);
    expect.keys = keysOf(expect.urcs);
    if (type !== undefined) this.payloads ??= new type(this);
  }

  /** Bytes of one burst that the serial port takes while the engine is busy; `undefined` on the stock ESP32 class. */
  get receiveHeadroom(): number | undefined {
    return this.serial.receiveHeadroom;
  }

  /** Commands that wait, the one in flight included. */
  get pending(): number {
    return this.queue.length + (this.request === undefined ? 0 : 1);
  }

  /**
   * Queues a command. `done` gets its result or one failure: `timeout`, `error`, `cme`, `cms`,
   * `send-fail`, `malformed`, `overrun`, `limit` (a parameter that cannot be sent; nothing was),
   * `no-answer` (the module is silent), or what `reset` was called with. Returns a handle for
   * `cancel`. On a closed channel nothing happens.
   */
  run<R, P extends readonly Parameter[]>(
    command: Command<R, P>,
    parameters: P,
    done?: Done<R>,
    transfer?: Transfer,
  ): Request {
    const request = new TypedRequest(command, parameters, done, transfer);
    if (this.state === "closed") return request;
    this.queue.push(request);
    this.counters.queueHighWater = Math.max(this.counters.queueHighWater, this.queue.length);
    if (this.state === "held") this.synchronise();
    this.next();
    return request;
  }

  /** Takes a waiting command back, or lets the one in flight end unheard: neither its `done` nor its sink hears more. */
  cancel(request: Request): void {
    request.forget();
    const index = this.queue.indexOf(request);
    if (index >= 0) this.queue.splice(index, 1);
  }

  /** Fails every command with `reason` and forgets half an exchange: the module restarted. */
  reset(reason: Failure): void {
    if (this.state === "closed") return;
    // The module may have taken a command before it restarted, and answer it afterwards.
    if (this.state !== "idle") this.unsure = true;
    this.quiet = false;
    const failed = this.queue.splice(0);
    if (this.request !== undefined) failed.unshift(this.request);
    this.rest();
    failed.forEach(request => this.settle(request, reason));
  }

  /** Closes the serial port. Waiting commands end unheard. */
  close(): void {
    if (this.state === "closed") return;
    this.rest();
    this.state = "closed";
    this.options.timer.clear(this.starter);
    this.queue.length = 0;
    this.serial.close();
  }

  /** An exception that leaves a callback restarts the device. */
  private attempt(step: "receive" | "onFinding" | "onDeadline" | "onOverrun" | "sendPayload"): void {
    if (this.state === "closed") return;
    try {
      this[step]();
    } catch (error) {
      this.caught(error);
    }
  }

  private caught(error: unknown): void {
    try {
      this.options.onException?.(error);
    } catch {
      // Nobody is left to tell.
    }
  }

  private settle(request: Request, reason: Failure | undefined): void {
    if (this.state === "closed") return;
    try {
      request.settle(reason);
    } catch (error) {
      this.caught(error);
    }
  }

  // Sending

  private next(): void {
    // What has been received by now is no answer to a command that has not been sent.
    if (
      this.state !== "idle" ||
      this.receiving ||
      this.starter !== undefined ||
      this.payloads?.report !== undefined
    )
      return;
    const request = this.queue[0];
    if (request === undefined) return;
    if (this.unsure) this.synchronise();
    else this.start(request);
  }

  private start(request: Request): void {
    const expect = this.expect;
    const command = request.command;
    const problem = this.transmitter.send(command, request.parameters, request.source);
    if (problem !== undefined) {
      // The caller must not hear of it before `run` has returned.
      this.starter = this.options.timer.set(() => {
        this.starter = undefined;
        if (this.queue[0] === request) {
          this.queue.shift();
          this.settle(request, failureOf(command, "limit", undefined, problem));
        }
        this.next();
      }, 0);
      return;
    }
    this.queue.shift();
    this.counters.commands++;
    this.state = "busy";
    this.request = request;
    this.last = command;
    this.echoed = false;
    expect.prompt = command.prompt;
    expect.prefix = command.prefix;
    expect.final = command.final;
    expect.inline = command.inline ?? 0;
    expect.sentLength = this.transmitter.lineLength;
    // To a prompt: drivers in the field use the same.
    this.arm(command.prompt === undefined ? command.timeoutMs : 5_000);
  }

  /** Nothing is in flight or expected. */
  private rest(): void {
    const expect = this.expect;
    expect.raw = expect.inline = 0;
    expect.prompt = expect.prefix = expect.final = expect.late = expect.digits = undefined;
    this.request = this.late = undefined;
    if (this.payloads !== undefined) this.payloads.report = undefined;
    this.state = "idle";
    this.transmitter.stop();
    this.options.timer.clear(this.pause);
    this.disarm();
  }

  private arm(ms: number): void {
    this.disarm();
    this.deadline = this.options.timer.set(this.expire, ms);
  }

  private disarm(): void {
    if (this.deadline !== undefined) this.options.timer.clear(this.deadline);
    this.deadline = undefined;
  }

  // Receiving

  private receive(): void {
    while (this.state !== "closed" && this.receiver.advance(this.serial)) this.attempt("onFinding");
  }

  private onFinding(): void {
    const finding = this.receiver.finding;
    const bytes = this.receiver.bytes;
    const line = finding.line;
    this.options.trace?.received(bytes, finding, this.last);
    switch (finding.kind) {
      case "urc":
        if (finding.urc !== undefined) this.onReport(finding.urc, line);
        return;
      case "echo":
        this.echoed = true;
        return;
      case "interim":
      case "more":
        return;
      case "stray":
        this.counters.strays++;
        return;
      case "raw":
        this.onRaw(bytes, finding.start, finding.end);
        return;
      case "prompt":
        this.onPrompt();
        return;
      case "late":
        this.announce(this.late);
        return;
      case "information":
        if (this.request === undefined) this.resync.information();
        else {
          this.announce(this.request);
          this.request.information(line);
        }
        return;
      default:
        if (this.request !== undefined) this.onFinal(this.request, finding.kind);
        else if (this.state === "idle") this.counters.strays++;
        else this.onProbeResult();
    }
  }

  private onReport(urc: Urc, line: Line): void {
    const payloads = this.payloads;
    // A line of this prefix that ends before the payload has none.
    if (urc.inline !== undefined && line.opens) payloads?.begin(urc, urc.inline, line);
    this.options.onReport(urc, line);
    if (payloads?.report !== undefined && this.expect.raw === 0) payloads.end(-1);
  }

  // For payloads that stand in a line

  await(count: number, inline: boolean, tail?: number): void {
    this.tail = inline ? INLINE_TAIL : (tail ?? 0);
    this.expect.raw = count + this.tail;
    this.arm(RAW_MS);
  }

  resume(): void {
    this.tail = 0;
    if (this.state === "idle") this.disarm();
    else this.arm(this.request?.command.timeoutMs ?? RAW_MS);
  }

  drain(): void {
    if (this.request !== undefined) this.giveUp(this.request, "overrun");
    else if (this.state === "idle") this.drop(DRAIN_BYTES);
  }

  /** Drops what comes, at most so many bytes, until it ends. */
  private drop(byteLength: number): void {
    this.state = "drain";
    this.expect.raw = byteLength;
    this.arm(DRAIN_MS);
  }

  /** Whether `[from, end)` are the line ends behind raw bytes, of which `left` more are to come. */
  isTail(bytes: Uint8Array, from: number, end: number, left: number): boolean {
    for (let i = from; i < end; i++) {
      const behind = end - i + left;
      // CR and LF in turn, the last of all a LF; in front of them the quote of an inline payload.
      const expected = behind === 3 && this.tail === INLINE_TAIL ? 0x22 : behind & 1 ? 0x0a : 0x0d;
      if (bytes[i] !== expected) return false;
    }
    return true;
  }

  /** Raw bytes follow where the command's information line says so. */
  private announce(request: Request | undefined): void {
    const count = request?.command.raw?.(this.receiver.finding.line) ?? 0;
    const inline = request?.command.inline !== undefined;
    if (!(count > 0) && !inline) return;
    this.await(count > 0 ? count : 0, inline, request?.command.tail);
  }

  private onRaw(bytes: Uint8Array, start: number, end: number): void {
    const report = this.payloads?.report;
    if (report !== undefined) {
      this.payloads?.write(report, bytes, start, end);
      return;
    }
    const left = (this.expect.raw -= end - start);
    if (this.state === "drain") {
      if (left > 0) this.arm(DRAIN_MS);
      else this.synchronise();
      return;
    }
    if (left === 0) this.arm(this.request?.command.timeoutMs ?? RAW_MS);
    const request = this.request;
    if (request === undefined) return;
    const from = Math.max(start, end - Math.max(0, this.tail - left));
    request.write(bytes, start, from);
    if (!this.isTail(bytes, from, end, left)) this.giveUp(request, "overrun");
  }

  private onPrompt(): void {
    const request = this.request;
    const expect = this.expect;
    if (request === undefined) return;
    expect.prompt = undefined;
    expect.sentLength = 0;
    const pauseMs = request.command.pauseMs;
    this.arm(request.command.timeoutMs);
    if (pauseMs === undefined) this.sendPayload();
    else {
      this.options.timer.clear(this.pause);
      this.pause = this.options.timer.set(() => this.attempt("sendPayload"), pauseMs);
    }
  }

  private sendPayload(): void {
    const request = this.request;
    if (request?.source !== undefined)
      this.transmitter.sendSource(request.source, request.command.terminator);
  }

  private onFinal(request: Request, kind: "ok" | "error" | "cme" | "cms" | "send-fail"): void {
    const line = this.receiver.finding.line;
    let reason: Failure | undefined;
    if (kind !== "ok") {
      const code = line.int(0);
      reason = Number.isNaN(code)
        ? failureOf(request.command, kind, undefined, line.whole() || undefined)
        : failureOf(request.command, kind, code);
    } else if (this.expect.prompt !== undefined)
      reason = failureOf(request.command, "malformed", undefined, "no prompt");
    this.rest();
    this.settle(request, reason);
    this.heedEcho();
  }

  /** Called when an exchange is over: the answer to the command that was repeated has come. */
  private heedEcho(): void {
    const restarted = this.echoed && this.quiet;
    this.quiet = !this.echoed;
    if (restarted && this.state !== "closed") this.options.onRestart?.();
  }

  // What goes wrong

  private onOverrun(): void {
    this.counters.overruns++;
    // Within raw data, which may lie unread with the line that announces them, the count is wrong
    // from here on: what follows would be taken for payload, and payload for lines.
    if (this.payloads?.report !== undefined) this.payloads.lose();
    else if (this.request?.command.raw !== undefined) this.giveUp(this.request, "overrun");
    this.options.onOverrun?.();
  }

  private onDeadline(): void {
    this.deadline = undefined;
    if (this.payloads?.report !== undefined) {
      this.counters.timeouts++;
      this.payloads.lose();
      return;
    }
    if (this.state === "busy") {
      this.counters.timeouts++;
      if (this.request !== undefined) this.giveUp(this.request, "timeout");
    } else if (this.state === "settle") this.synchronised();
    else if (this.state === "drain") this.synchronise();
    else {
      const ms = this.resync.next();
      if (ms > 0) this.arm(ms);
      else {
        this.reset(failure("no-answer", "AT"));
        this.options.onSilent?.();
      }
    }
  }

  private giveUp(request: Request, kind: "timeout" | "overrun"): void {
    const raw = this.expect.raw;
    const command = request.command;
    // A payload that is ended by Ctrl+Z is given up by ESC. That no prompt was seen says nothing: it may
    // have been lost on the line, and the probes would be the payload.
    const stuck = command.prompt === ">" && command.terminator === undefined;
    this.rest();
    if (request.command.harmless) {
      this.settle(request, failureOf(request.command, kind));
      this.next();
      return;
    }
    this.late = request;
    if (kind === "overrun") {
      this.drop(raw > 0 ? raw : DRAIN_BYTES);
    } else {
      this.state = "held";
      if (!stuck || !this.options.onStuckPayload?.()) this.synchronise();
    }
    this.settle(request, failureOf(request.command, kind));
  }

  private synchronise(): void {
    this.counters.resynchronisations++;
    this.state = "sync";
    this.arm(this.resync.begin(this.late));
  }

  private onProbeResult(): void {
    const ms = this.resync.result();
    if (ms === 0) this.synchronised();
    else if (ms !== undefined) {
      this.state = "settle";
      this.arm(ms);
    }
  }

  private synchronised(): void {
    this.unsure = false;
    this.rest();
    this.heedEcho();
    this.next();
  }
}
