import { failure, type Failure } from "../diagnosis/failure.js";
import type { SerialPort } from "../io/serial.js";
import type { Timer } from "../io/timer.js";
import type { Command, Parameter } from "./command.js";
import type { Finding, FindingKind } from "./digest.js";
import type { ChannelCounters, ChannelOptions } from "./options.js";
import { Receiver } from "./receiver.js";
import { commandName, TypedRequest, type Done, type Request, type Transfer } from "./request.js";
import { Resync, type MutableExpectation } from "./resync.js";
import { concealedOf, type Concealed } from "./trace.js";
import { Transmitter } from "./transmitter.js";
import { UrcTable } from "./urc.js";

export type { ChannelCounters, ChannelOptions } from "./options.js";

/** Longest time for the raw bytes of one answer: the module sends them back to back, 1,500 at 9,600 baud take 1.6 s. */
const RAW_MS = 5_000;
/** Longest time to a prompt; drivers in the field use the same. */
const PROMPT_MS = 5_000;
/** Silence that shows that the rest of raw data is through. */
const DRAIN_MS = 300;
/** What may follow a read command whose information line was lost: 1,500 bytes and the lines around them. */
const DRAIN_BYTES = 2_048;

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
  | "closed";

/**
 * The AT channel: one command in flight, others in a queue, reports of the module between any two
 * lines. No method throws, no callback runs before the call that it answers has returned.
 *
 * After a timeout, lost bytes, or a `reset` amid an exchange the next command waits until a probe
 * was answered, so that a late answer is never taken for its result.
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

  readonly #options: ChannelOptions;
  readonly #timer: Timer;
  readonly #serial: SerialPort;
  readonly #transmitter: Transmitter;
  readonly #receiver: Receiver;
  readonly #resync: Resync;
  readonly #expect: MutableExpectation;
  readonly #queue: Request[] = [];
  readonly #deadlineReached: () => void;
  #state: State = "idle";
  #request: Request | undefined;
  /** A command that was given up; its answer may still come. */
  #late: Request | undefined;
  /** Whether an earlier answer may still come, although nothing is in flight. */
  #unsure = false;
  #receiving = false;
  /** The command in flight, or the probes, came back as an echo. */
  #echoed = false;
  /** The module no longer echoes. */
  #quiet = false;
  #concealed: Concealed = "nothing";
  #deadline: unknown;
  #starter: unknown;

  constructor(options: ChannelOptions) {
    this.#options = options;
    this.#timer = options.timer;
    this.#transmitter = new Transmitter(options.trace, error => {
      this.#caught(error);
    });
    this.#expect = {
      active: false,
      raw: 0,
      prompt: undefined,
      prefix: undefined,
      final: undefined,
      rawFollows: false,
      late: undefined,
      sent: this.#transmitter.bytes,
      sentLength: 0,
    };
    this.#resync = new Resync(this.#transmitter, this.#expect);
    this.#receiver = new Receiver(this.#expect, new UrcTable(options.urcs), this.counters, finding => {
      this.#found(finding);
    });
    this.#deadlineReached = () => {
      this.#deadline = undefined;
      this.#guard(() => {
        this.#onDeadline();
      });
    };
    this.#serial = new options.serial.io({
      ...options.serial,
      onReadable: () => {
        this.#onReadable();
      },
      onWritable: count => {
        if (!this.#closed()) this.#transmitter.onWritable(count);
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
    if (this.#closed()) return request;
    this.#queue.push(request);
    if (this.#queue.length > this.counters.queueHighWater) this.counters.queueHighWater = this.#queue.length;
    this.#next();
    return request;
  }

  /** Takes a waiting command back, or lets the one in flight end unheard: neither its `done` nor its sink hears more. */
  cancel(request: Request): void {
    request.forget();
    const index = this.#queue.indexOf(request);
    if (index >= 0) this.#queue.splice(index, 1);
  }

  /** Fails every command with `reason` and forgets half an exchange: the module restarted. */
  reset(reason: Failure): void {
    if (this.#closed()) return;
    // The module may have taken a command before it restarted, and answer it afterwards.
    this.#unsure ||= this.#state !== "idle";
    this.#quiet = false;
    const current = this.#request;
    const failed = this.#queue.splice(0);
    this.#rest();
    if (current !== undefined) this.#settle(current, reason);
    for (const request of failed) this.#settle(request, reason);
  }

  /** Closes the serial port. Waiting commands end unheard. */
  close(): void {
    if (this.#closed()) return;
    this.#rest();
    this.#state = "closed";
    this.#timer.clear(this.#starter);
    this.#queue.length = 0;
    this.#receiver.close();
    this.#serial.close();
  }

  // A method, because a callback may have closed the channel since it was asked last.
  #closed(): boolean {
    return this.#state === "closed";
  }

  #guard(action: () => void): void {
    if (this.#closed()) return;
    try {
      action();
    } catch (error) {
      this.#caught(error);
    }
  }

  #caught(error: unknown): void {
    try {
      this.#options.onException?.(error);
    } catch {
      // Nobody is left to tell, and an exception that leaves a callback restarts the device.
    }
  }

  #settle(request: Request, reason: Failure | undefined): void {
    if (this.#closed()) return;
    try {
      request.settle(reason);
    } catch (error) {
      this.#caught(error);
    }
  }

  // Sending

  #next(): void {
    // What has been received by now is no answer to a command that has not been sent.
    if (this.#state !== "idle" || this.#receiving || this.#starter !== undefined) return;
    const request = this.#queue[0];
    if (request === undefined) return;
    if (this.#unsure) {
      this.#synchronise();
      return;
    }
    const problem = this.#transmitter.compose(request.command, request.parameters);
    if (problem === undefined) {
      this.#queue.shift();
      this.#start(request);
      return;
    }
    // The caller must not hear of it before `run` has returned.
    this.#starter = this.#timer.set(() => {
      this.#starter = undefined;
      if (this.#queue[0] === request) {
        this.#queue.shift();
        this.#settle(request, failure("limit", commandName(request.command), undefined, problem));
      }
      this.#next();
    }, 0);
  }

  #start(request: Request): void {
    const { command } = request;
    const expect = this.#expect;
    this.counters.commands++;
    this.#state = "busy";
    this.#request = request;
    this.#echoed = false;
    this.#concealed = concealedOf(command);
    expect.active = true;
    expect.prompt = command.prompt;
    expect.prefix = command.prefix;
    expect.final = command.final;
    expect.rawFollows = command.raw !== undefined;
    expect.sentLength = this.#transmitter.lineLength;
    this.#arm(command.prompt === undefined ? command.timeoutMs : PROMPT_MS);
    this.#transmitter.send();
  }

  /** Nothing is in flight or expected. */
  #rest(): void {
    const expect = this.#expect;
    expect.active = expect.rawFollows = false;
    expect.raw = expect.sentLength = 0;
    expect.prompt = expect.prefix = expect.final = expect.late = undefined;
    this.#state = "idle";
    this.#request = this.#late = undefined;
    this.#transmitter.stop();
    this.#disarm();
  }

  #arm(ms: number): void {
    this.#disarm();
    this.#deadline = this.#timer.set(this.#deadlineReached, ms);
  }

  #disarm(): void {
    if (this.#deadline !== undefined) this.#timer.clear(this.#deadline);
    this.#deadline = undefined;
  }

  // Receiving

  #onReadable(): void {
    if (this.#closed() || this.#receiving) return;
    this.#receiving = true;
    try {
      this.#receiver.receive(this.#serial);
    } catch (error) {
      this.#caught(error);
    }
    this.#receiving = false;
    this.#next();
  }

  #found(finding: Finding): void {
    this.#options.trace?.received(this.#receiver.bytes, finding, this.#concealed);
    try {
      this.#onFinding(finding);
    } catch (error) {
      this.#caught(error);
    }
  }

  #onFinding(finding: Finding): void {
    switch (finding.kind) {
      case "urc":
        if (finding.urc !== undefined) this.#options.onReport(finding.urc, this.#receiver.line);
        return;
      case "echo":
        this.#echoed = true;
        return;
      case "more":
      case "interim":
        return;
      case "stray":
        this.counters.strays++;
        return;
      case "raw":
        this.#onRaw(finding.start, finding.end);
        return;
      case "prompt":
        this.#onPrompt();
        return;
      case "late":
        this.#announce(this.#late);
        return;
      case "information":
        if (this.#state === "busy") {
          this.#announce(this.#request);
          this.#request?.information(this.#receiver.line);
        } else this.#resync.information();
        return;
      default:
        if (this.#state === "busy") this.#onFinal(finding.kind);
        else this.#onProbeResult();
    }
  }

  /** Raw bytes follow where the command's information line says so. */
  #announce(request: Request | undefined): void {
    const count = request?.command.raw?.(this.#receiver.line) ?? 0;
    if (!(count > 0)) return;
    this.#expect.raw = count;
    this.#arm(RAW_MS);
  }

  #onRaw(start: number, end: number): void {
    this.#expect.raw -= end - start;
    const isLast = this.#expect.raw === 0;
    if (this.#state === "drain") {
      if (isLast) this.#synchronise();
      else this.#arm(DRAIN_MS);
      return;
    }
    if (isLast) this.#arm(this.#request?.command.timeoutMs ?? RAW_MS);
    this.#request?.write(this.#receiver.bytes, start, end);
  }

  #onPrompt(): void {
    const request = this.#request;
    if (request === undefined) return;
    this.#expect.prompt = undefined;
    this.#expect.sentLength = 0;
    this.#arm(request.command.timeoutMs);
    if (request.source !== undefined) this.#transmitter.sendSource(request.source);
  }

  #onFinal(kind: FindingKind): void {
    const request = this.#request;
    if (request === undefined) return;
    const name = commandName(request.command);
    let reason: Failure | undefined;
    if (kind === "cme" || kind === "cms") {
      const { line } = this.#receiver;
      const code = line.int(0);
      reason = Number.isNaN(code) ? failure(kind, name, undefined, line.whole()) : failure(kind, name, code);
    } else if (kind === "error" || kind === "send-fail") reason = failure(kind, name);
    else if (this.#expect.prompt !== undefined)
      reason = failure("malformed", name, undefined, "a result before the prompt");
    this.#rest();
    this.#settle(request, reason);
    this.#heedEcho();
  }

  /** Called when an exchange is over: the answer to the command that was repeated has come. */
  #heedEcho(): void {
    if (!this.#echoed) this.#quiet = true;
    else if (this.#quiet) {
      this.#quiet = false;
      if (!this.#closed()) this.#options.onRestart?.();
    }
  }

  // What goes wrong

  #onOverrun(): void {
    this.counters.overruns++;
    const request = this.#request;
    // Within raw data, which may lie unread with the line that announces them, the count is wrong
    // from here on: what follows would be taken for payload, and payload for lines.
    if (request?.command.raw !== undefined) this.#giveUp(request, "overrun");
    this.#options.onOverrun?.();
  }

  #onDeadline(): void {
    switch (this.#state) {
      case "busy":
        this.counters.timeouts++;
        if (this.#request !== undefined) this.#giveUp(this.#request, "timeout");
        return;
      case "drain":
        this.#synchronise();
        return;
      case "settle":
        this.#synchronised();
        return;
      case "sync": {
        const ms = this.#resync.next();
        if (ms !== undefined) this.#arm(ms);
        else {
          this.reset(failure("no-answer", "AT"));
          if (!this.#closed()) this.#options.onSilent?.();
        }
      }
    }
  }

  #giveUp(request: Request, kind: "timeout" | "overrun"): void {
    const raw = this.#expect.raw;
    this.#rest();
    this.#late = request;
    if (kind === "overrun") {
      this.#state = "drain";
      this.#expect.raw = raw > 0 ? raw : DRAIN_BYTES;
      this.#arm(DRAIN_MS);
    } else this.#synchronise();
    this.#settle(request, failure(kind, commandName(request.command)));
  }

  #synchronise(): void {
    this.counters.resynchronisations++;
    this.#state = "sync";
    this.#echoed = false;
    this.#arm(this.#resync.begin(this.#late));
  }

  #onProbeResult(): void {
    const ms = this.#resync.result();
    if (ms === 0) this.#synchronised();
    else if (ms !== undefined) {
      this.#state = "settle";
      this.#arm(ms);
    }
  }

  #synchronised(): void {
    this.#unsure = false;
    this.#rest();
    this.#heedEcho();
    this.#next();
  }
}
