import { ByteFaults, type Fault, type FaultAction } from "./faults.js";
import type { Random } from "./random.js";
import type { Scheduler } from "./scheduler.js";

/** What faults do to a module. */
export interface FaultTarget {
  /** The module restarts as after a supply glitch. */
  crash(): void;
  /** Neither hears nor answers; `undefined` means until a restart. */
  silence(forMs: number | undefined): void;
  deactivateContext(context: number): void;
  loseContext(context: number): void;
  loseRegistration(forMs: number): void;
  closePeer(socket: number): void;
  resetPeer(socket: number): void;
}

export interface CommandFaults {
  readonly isError: boolean;
  readonly lateMs: number;
  readonly gapMs: number;
}

/** A fault that struck. */
export interface FaultRecord {
  readonly atMs: number;
  readonly fault: Fault;
}

type EventFault = Extract<Fault, { kind: "event" }>;

/** Counts bytes, commands, uploads and URCs, and lets each fault strike when its count comes. */
export class FaultBoard {
  readonly struck: FaultRecord[] = [];
  readonly #faults: readonly Fault[];
  readonly #scheduler: Scheduler;
  readonly #target: FaultTarget;
  readonly #toHost: ByteFaults;
  readonly #toModule: ByteFaults;
  readonly #commands = new Map<string, number>();
  readonly #urcs = new Map<Fault, number>();
  #sends = 0;
  #uploads = 0;

  constructor(faults: readonly Fault[], scheduler: Scheduler, random: Random, target: FaultTarget) {
    this.#faults = faults;
    this.#scheduler = scheduler;
    this.#target = target;
    this.#toHost = new ByteFaults("host", faults, random, fault => this.#note(fault));
    this.#toModule = new ByteFaults("module", faults, random, fault => this.#note(fault));
    for (const fault of faults) {
      if (fault.kind === "event" && fault.trigger.on === "time") {
        scheduler.at(fault.trigger.ms, () => this.#strike(fault));
      }
    }
  }

  get toModuleBytes(): number {
    return this.#toModule.count;
  }

  get toHostBytes(): number {
    return this.#toHost.count;
  }

  toHost(bytes: Uint8Array): Uint8Array {
    return this.#toHost.apply(bytes);
  }

  /** Hands the bytes on to `receive`, cut where an event strikes between two bytes. */
  toModule(bytes: Uint8Array, receive: (bytes: Uint8Array) => void): void {
    let rest = bytes;
    while (rest.length > 0) {
      const passed = this.#toModule.count;
      const due = this.#faults.find(
        (fault): fault is EventFault =>
          fault.kind === "event" &&
          fault.trigger.on === "byte" &&
          fault.trigger.byte > passed &&
          fault.trigger.byte <= passed + rest.length,
      );
      const count = due?.trigger.on === "byte" ? due.trigger.byte - passed : rest.length;
      const piece = this.#toModule.apply(rest.subarray(0, count));
      rest = rest.subarray(count);
      if (piece.length > 0) receive(piece);
      if (due) this.#strike(due);
    }
  }

  command(name: string): CommandFaults {
    const nth = (this.#commands.get(name) ?? 0) + 1;
    this.#commands.set(name, nth);
    let lateMs = 0;
    let gapMs = 0;
    let isError = false;
    for (const fault of this.#faults) {
      if (fault.kind === "event") {
        const { trigger } = fault;
        if (trigger.on === "command" && trigger.command === name && trigger.nth === nth) this.#strike(fault);
      } else if ("command" in fault && fault.command === name && fault.nth === nth) {
        this.#note(fault);
        if (fault.kind === "late") lateMs += fault.ms;
        else if (fault.kind === "gap") gapMs += fault.ms;
        else isError = true;
      }
    }
    return { isError, lateMs, gapMs };
  }

  /** Payload bytes of a socket that reached the peer so far. */
  sent(socket: number, before: number, after: number): void {
    for (const fault of this.#faults) {
      if (fault.kind !== "event" || fault.trigger.on !== "sent" || fault.trigger.socket !== socket) continue;
      const isDue = before < fault.trigger.bytes && after >= fault.trigger.bytes;
      // Once: the socket of a later connection with the same id is spared.
      if (isDue && !this.struck.some(record => record.fault === fault)) this.#strike(fault);
    }
  }

  /** Whether this send answers SEND FAIL. */
  failsSend(): boolean {
    const nth = ++this.#sends;
    const fault = this.#faults.find(candidate => candidate.kind === "send-fail" && candidate.nth === nth);
    if (fault) this.#note(fault);
    return fault !== undefined;
  }

  /** The upload as it is stored. */
  uploaded(bytes: Uint8Array): Uint8Array {
    const nth = ++this.#uploads;
    let stored = bytes;
    for (const fault of this.#faults) {
      const bent = bendUpload(fault, nth, stored);
      if (bent === undefined) continue;
      this.#note(fault);
      stored = bent;
    }
    return stored;
  }

  /** Milliseconds to hold a URC back; Infinity: it is lost. */
  holdsUrc(text: string): number {
    let heldMs = 0;
    for (const fault of this.#faults) {
      if (fault.kind !== "hold-urc" || !text.startsWith(fault.urc)) continue;
      const nth = (this.#urcs.get(fault) ?? 0) + 1;
      this.#urcs.set(fault, nth);
      if (nth !== fault.nth) continue;
      this.#note(fault);
      heldMs = Math.max(heldMs, fault.ms ?? Infinity);
    }
    return heldMs;
  }

  #note(fault: Fault): void {
    this.struck.push({ atMs: this.#scheduler.nowMs, fault });
  }

  #strike(fault: EventFault): void {
    this.#note(fault);
    this.#act(fault.action);
  }

  #act(action: FaultAction): void {
    switch (action.kind) {
      case "reset":
        this.#target.crash();
        break;
      case "silence":
        this.#target.silence(action.forMs);
        break;
      case "pdpdeact":
        this.#target.deactivateContext(action.context);
        break;
      case "context-loss":
        this.#target.loseContext(action.context);
        break;
      case "registration-loss":
        this.#target.loseRegistration(action.forMs);
        break;
      case "peer-close":
        this.#target.closePeer(action.socket);
        break;
      case "peer-reset":
        this.#target.resetPeer(action.socket);
        break;
    }
  }
}

/** Undefined when the fault is not about the upload. */
function bendUpload(fault: Fault, nth: number, bytes: Uint8Array): Uint8Array | undefined {
  switch (fault.kind) {
    case "corrupt-upload":
      if (fault.nth !== nth) return undefined;
      return bytes.map((byte, index) => (index === fault.byte - 1 ? byte ^ 0x20 : byte));
    case "lose-upload":
      if (fault.nth !== nth) return undefined;
      return bytes.filter((_, index) => index < fault.byte - 1 || index >= fault.byte - 1 + fault.count);
    case "cut-upload":
      return fault.nth === nth ? bytes.slice(0, fault.bytes) : undefined;
    default:
      return undefined;
  }
}
