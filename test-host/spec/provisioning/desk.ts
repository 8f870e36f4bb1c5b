import { Duplex } from "node:stream";
import type { SerialCallbacks, SerialPort, SerialRecord } from "../../../modules/io/serial.js";
import type { Timer } from "../../../modules/io/timer.js";
import { ProvisioningSession } from "../../../modules/provisioning/session.js";
import { ProvisioningClient } from "../../../hosts/workstation/provisioning/client.js";
import { NodeKeys } from "./node-keys.js";
import { ramStore, RamVault, type RamStore } from "./ram-vault.js";

interface Task {
  readonly at: number;
  readonly order: number;
  readonly work: () => void;
  readonly repeatMs: number | undefined;
}

/** Rounds of the event loop without a new task after which nothing else is going on. */
const QUIET_ROUNDS = 3;

/** Timers of both sides on one clock, which jumps when nothing else is going on. */
export class VirtualTime implements Timer<Task> {
  now = 0;
  #order = 0;
  readonly #tasks = new Set<Task>();

  set(work: () => void, ms = 0, repeatMs?: number): Task {
    const task = { at: this.now + Math.max(0, ms), order: this.#order++, work, repeatMs };
    this.#tasks.add(task);
    return task;
  }

  clear(task: Task | undefined): void {
    if (task) this.#tasks.delete(task);
  }

  /** Runs until the promise settles. */
  async run<Value>(promise: Promise<Value>): Promise<Value> {
    const state = { done: false };
    const settled = (): void => {
      state.done = true;
    };
    promise.then(settled, settled);
    for (let quiet = 0; !state.done;) {
      const before = this.#order;
      await new Promise(resolve => setImmediate(resolve));
      if (before !== this.#order) quiet = 0;
      else if (++quiet >= QUIET_ROUNDS && this.#next()) quiet = 0;
    }
    return promise;
  }

  #next(): boolean {
    let next: Task | undefined;
    for (const task of this.#tasks)
      if (!next || task.at < next.at || (task.at === next.at && task.order < next.order)) next = task;
    if (!next) return false;
    this.#tasks.delete(next);
    this.now = next.at;
    if (next.repeatMs !== undefined) this.set(next.work, next.repeatMs, next.repeatMs);
    next.work();
    return true;
  }
}

/** What becomes of bytes on their way; `toDevice` tells which way. */
export type Fault = (bytes: Uint8Array, toDevice: boolean) => Uint8Array;

/** The device's FIFO. */
const FIFO = 128;

export interface DeskOptions {
  readonly fault?: Fault;
  /** Of the serial class; absent: the stock class on the FIFO alone. */
  readonly receiveHeadroom?: number;
  readonly store?: RamStore;
  /** A platform without keys, or with others. */
  readonly keys?: NodeKeys | "none";
  readonly onText?: (line: string) => void;
  /** The device's address. */
  readonly unit?: string;
  /** Firmware that does not tell its lives apart. */
  readonly isOld?: boolean;
}

/** A device and a workstation with a cable between them. */
export class Desk {
  readonly time = new VirtualTime();
  readonly store: RamStore;
  readonly keys: NodeKeys | undefined;
  /** Every byte that was on the cable, before faults. */
  readonly heard: { toDevice: Uint8Array[]; toTool: Uint8Array[] } = { toDevice: [], toTool: [] };
  vault: RamVault;
  restarts = 0;
  fault: Fault;
  /** What the device tells of its application in its present life. */
  progress = "event=mqtt connections=1 failures=0";
  /** What the device tells of itself beside. */
  unit: string | undefined;
  /** Called when the device has begun anew, by whatever cause. */
  onStart: () => void = () => undefined;
  #lives = 0;
  readonly #options: DeskOptions;
  #port: DevicePort | undefined;
  #stream: Duplex | undefined;

  constructor(options: DeskOptions = {}) {
    this.#options = options;
    this.fault = options.fault ?? (bytes => bytes);
    this.store = options.store ?? ramStore();
    this.unit = options.unit;
    this.vault = new RamVault(this.store);
    this.keys =
      options.keys === "none" ? undefined : (options.keys ?? new NodeKeys(work => this.time.set(work, 5)));
    this.powerUp();
  }

  /** The firmware begins anew; what was in its memory is gone, flash stays. */
  powerUp(): void {
    this.#port?.unplug();
    this.vault = new RamVault(this.store);
    const boot = (++this.#lives).toString(16).padStart(8, "0");
    const record: SerialRecord = {
      io: this.#serialClass(),
      baud: 115_200,
    };
    new ProvisioningSession({
      console: record,
      vault: this.vault,
      keys: this.keys,
      timer: this.time,
      restart: () => {
        this.restarts++;
        this.powerUp();
      },
      facts: () =>
        " module=bg95 firmware=1.2.3" +
        (this.#options.isOld ? "" : ` boot=${boot}`) +
        (this.unit === undefined ? "" : ` unit=${this.unit}`),
      progress: () => ` ${this.progress}`,
    });
    this.onStart();
  }

  /** A workstation's program at the other end; the one before it is gone. */
  plug(options: { repeatMs?: number; first?: number } = {}): ProvisioningClient {
    const stream = this.open();
    return new ProvisioningClient({ stream, timer: this.time, onText: this.#options.onText, ...options });
  }

  /** The cable's end on the workstation; the one before it is gone. */
  open(): Duplex {
    this.unplug();
    const stream = new Duplex({
      read: () => undefined,
      write: (chunk: Buffer, _encoding, done) => {
        this.#toDevice(Uint8Array.from(chunk));
        done();
      },
    });
    this.#stream = stream;
    return stream;
  }

  unplug(): void {
    this.#stream?.destroy();
    this.#stream = undefined;
  }

  /** Text on the device's console that is none of ours. */
  log(text: string): void {
    this.#toTool(Buffer.from(text, "latin1"));
  }

  /** Bytes to the device from nowhere. */
  inject(bytes: Uint8Array): void {
    this.#toDevice(bytes);
  }

  #toDevice(bytes: Uint8Array): void {
    this.heard.toDevice.push(bytes);
    const arriving = this.fault(bytes, true);
    this.time.set(() => this.#port?.arrive(arriving), 1);
  }

  #toTool(bytes: Uint8Array): void {
    this.heard.toTool.push(bytes);
    const arriving = this.fault(bytes, false);
    const stream = this.#stream;
    this.time.set(() => {
      if (stream && !stream.destroyed) stream.push(arriving);
    }, 1);
  }

  #serialClass(): SerialRecord["io"] {
    const desk = this;
    return class extends DevicePort {
      constructor(options: SerialCallbacks) {
        super(desk.time, options, desk.#options.receiveHeadroom, bytes => desk.#toTool(bytes));
        desk.#port = this;
      }
    };
  }
}

/** The stock class: reads what is in its FIFO, and writes no more than fits. */
class DevicePort implements SerialPort {
  readonly receiveHeadroom?: number;
  #callbacks: SerialCallbacks | undefined;
  #received: Uint8Array = new Uint8Array(0);
  #room = FIFO;
  readonly #time: VirtualTime;
  readonly #send: (bytes: Uint8Array) => void;

  constructor(
    time: VirtualTime,
    callbacks: SerialCallbacks,
    headroom: number | undefined,
    send: (bytes: Uint8Array) => void,
  ) {
    this.#time = time;
    this.#callbacks = callbacks;
    this.#send = send;
    if (headroom !== undefined) this.receiveHeadroom = headroom;
    time.set(() => this.#callbacks?.onWritable?.call(this, this.#room));
  }

  unplug(): void {
    this.#callbacks = undefined;
  }

  arrive(bytes: Uint8Array): void {
    // What finds the FIFO full is lost.
    const size = this.receiveHeadroom ?? FIFO;
    this.#received = Buffer.concat([this.#received, bytes]).subarray(0, size);
    const count = this.#received.length;
    if (count > 0) this.#callbacks?.onReadable?.call(this, count);
  }

  read(view: Uint8Array): number | undefined {
    const piece = this.#received.subarray(0, view.length);
    view.set(piece);
    this.#received = this.#received.subarray(piece.length);
    return piece.length || undefined;
  }

  write(data: ArrayBuffer | Uint8Array): void {
    const bytes = data instanceof Uint8Array ? data : new Uint8Array(data);
    if (bytes.length > this.#room) throw new Error("output full");
    this.#room -= bytes.length;
    if (!this.#callbacks) return;
    this.#send(Uint8Array.from(bytes));
    this.#time.set(() => {
      this.#room = FIFO;
      this.#callbacks?.onWritable?.call(this, FIFO);
    }, 1);
  }

  close(): void {
    this.#callbacks = undefined;
  }
}
