import { Trace } from "../../../modules/at/trace.js";
import { bc66 } from "../../../drivers/bc66/profile.js";
import { bg95 } from "../../../drivers/bg95/profile.js";
import { Cellular, Connection, type CellularOptions } from "../../../drivers/quectel/interface.js";
import type { Modem } from "../../../drivers/quectel/modem.js";
import type { ModemState } from "../../../drivers/quectel/modem-options.js";
import type { Profile } from "../../../drivers/quectel/profile.js";
import type { ModuleSocketOptions } from "../../../drivers/quectel/socket.js";
import { TCP } from "../../../drivers/quectel/tcp.js";
import type { Failure } from "../../../modules/diagnosis/failure.js";
import type { Power } from "../../../modules/io/power.js";
import type { SerialCallbacks, SerialPort, SerialRecord } from "../../../modules/io/serial.js";
import type { Clock, Timer } from "../../../modules/io/timer.js";
import type { StreamSocket } from "../../../modules/io/socket.js";
import { BC66, type Bc66Options } from "../../simulator/bc66/bc66.js";
import { BG95, type Bg95Options } from "../../simulator/bg95/bg95.js";
import type { Modem as SimulatedModem } from "../../simulator/modem/modem.js";
import { MemoryNetwork } from "../../simulator/memory.js";
import { Random } from "../../simulator/random.js";
import { Scheduler, type RunEnd, type Task } from "../../simulator/scheduler.js";
import { bufferedSerial, stockSerial, Uart, type SerialClass } from "../../simulator/uart.js";

export const PORT = 7;
export const HOST = "echo.test";
const names = { [HOST]: "192.0.2.10", "broker.test": "192.0.2.11" };

/** Moddable's timer on the simulation's scheduler. Counts what it holds, so that a leak shows. */
class BenchTimer implements Timer<Task> {
  readonly live = new Set<Task>();
  readonly #scheduler: Scheduler;

  constructor(scheduler: Scheduler) {
    this.#scheduler = scheduler;
  }

  set(callback: () => void, ms = 0): Task {
    const task = this.#scheduler.after(ms, () => {
      this.live.delete(task);
      callback();
    });
    this.live.add(task);
    return task;
  }

  clear(task: Task | undefined): void {
    if (task === undefined) return;
    task.cancel();
    this.live.delete(task);
  }
}

class BenchClock implements Clock {
  /** What was set, seconds since 1970. */
  readonly settings: number[] = [];
  readonly #scheduler: Scheduler;

  constructor(scheduler: Scheduler) {
    this.#scheduler = scheduler;
  }

  get ticks(): number {
    return Math.floor(this.#scheduler.nowMs);
  }

  delta(start: number, end = this.ticks): number {
    return end - start;
  }

  set(seconds: number): void {
    this.settings.push(seconds);
  }

  now(): number {
    return (this.settings.at(-1) ?? 0) * 1000;
  }
}

/** What every bench can be told. */
export interface DriverSettings {
  readonly serial?: "buffered" | "stock" | SerialClass;
  readonly headroom?: number | undefined;
  /** How long the engine is busy before each readable callback: a garbage collection, other work. */
  readonly pauseMs?: () => number;
  /** The board's lines; default PWRKEY and STATUS. */
  readonly lines?: readonly ("powerKey" | "reset" | "status" | "wake")[];
  /** Rate of the serial port; default 115,200. */
  readonly baud?: number;
  readonly driver?: Partial<Omit<CellularOptions, "serial" | "timer" | "clock" | "power">>;
  /** Booted before the driver starts. */
  readonly running?: boolean;
}

export interface BenchSettings extends DriverSettings, Omit<Partial<Bg95Options>, "scheduler" | "network"> {}

export interface Bc66BenchSettings
  extends DriverSettings, Omit<Partial<Bc66Options>, "scheduler" | "network"> {}

interface Surroundings {
  readonly scheduler: Scheduler;
  readonly network: MemoryNetwork;
}

/**
 * The driver in this process, joined to the simulated module by the simulated UART: one scheduler,
 * no wall clock. An exception that leaves a callback ends the run and so the test.
 */
export abstract class AnyBench<M extends SimulatedModem = SimulatedModem> {
  readonly scheduler = new Scheduler();
  readonly network: MemoryNetwork;
  readonly module: M;
  readonly uart: Uart;
  readonly timer: BenchTimer;
  readonly clock: BenchClock;
  readonly cellular: Cellular;
  readonly states: [state: ModemState, atMs: number][] = [];
  readonly events: (string | number)[][] = [];
  readonly failures: { reason: Failure; rung: string; waitMs: number; atMs: number }[] = [];
  readonly changes: string[] = [];
  /** Lines of the driver's own trace. */
  readonly trace: string[] = [];
  /** Commands as the module's UART got them. */
  readonly commands: string[] = [];
  /** True while a call of the application runs: no callback may come then. */
  calling = false;
  /** What the serial class calls when bytes were lost. */
  tellOverrun: () => void = () => undefined;
  #line = "";

  constructor(profile: Profile, settings: DriverSettings, make: (around: Surroundings) => M) {
    const { scheduler } = this;
    const { serial = "buffered", lines = ["powerKey", "status"], driver = {} } = settings;
    this.network = new MemoryNetwork({ scheduler, names });
    this.module = make({ scheduler, network: this.network });
    this.module.onTap = (direction, bytes, kind) => {
      if (direction === "to module" && kind === "text") this.#hear(bytes);
    };
    const serialClass = serial === "buffered" ? bufferedSerial : serial === "stock" ? stockSerial : serial;
    const headroom = "headroom" in settings ? settings.headroom : serial === "stock" ? undefined : 4096;
    this.timer = new BenchTimer(scheduler);
    this.clock = new BenchClock(scheduler);
    const { record, uart } = this.#serial(
      serialClass,
      headroom,
      settings.pauseMs ?? (() => 0),
      settings.baud ?? 115_200,
    );
    this.uart = uart;
    if (settings.running === true) this.module.bootNow();
    this.cellular = new Cellular({
      profile,
      ...driver,
      serial: record,
      timer: this.timer,
      clock: this.clock,
      power: this.#power(lines),
      trace: new Trace(this.clock, (_, direction, text) => {
        this.trace.push(direction + text);
      }),
      onState: state => {
        this.#mayCallBack("onState");
        this.states.push([state, scheduler.nowMs]);
        driver.onState?.(state);
      },
      onEvent: (...values) => {
        this.events.push(values);
        driver.onEvent?.(...values);
      },
      onFailure: (reason, rung, waitMs) => {
        this.#mayCallBack("onFailure");
        this.failures.push({ reason, rung, waitMs, atMs: scheduler.nowMs });
        driver.onFailure?.(reason, rung, waitMs);
      },
      onChanged(property) {
        bench.#mayCallBack("onChanged");
        bench.changes.push(`${property} ${String(this[property])}`);
        driver.onChanged?.call(this, property);
      },
    });
    const bench = this;
  }

  get modem(): Modem {
    return this.cellular;
  }

  get online(): boolean {
    return this.cellular.connection === Connection.addressed;
  }

  /** Runs a call of the application; a callback inside it is an error. */
  call<T>(action: () => T): T {
    this.calling = true;
    try {
      return action();
    } finally {
      this.calling = false;
    }
  }

  #mayCallBack(name: string): void {
    if (this.calling) throw new Error(`${name} inside a call of the application`);
  }

  /** Lets simulated time pass. */
  pass(ms: number): Promise<RunEnd> {
    return this.scheduler.run({ untilMs: this.scheduler.nowMs + ms });
  }

  /** Runs until the condition holds; throws when it does not within the limit. */
  async until(what: string, condition: () => boolean, limitMs = 600_000): Promise<void> {
    await this.scheduler.run({ until: condition, untilMs: this.scheduler.nowMs + limitMs });
    if (!condition())
      throw new Error(`${what} did not come within ${String(limitMs)} ms; ${this.describe()}`);
  }

  describe(): string {
    return JSON.stringify({
      states: this.states.slice(-6),
      failures: this.failures.slice(-4),
      trace: this.trace.slice(-12),
    });
  }

  /** Connects and waits until an address is there. */
  async goOnline(limitMs?: number): Promise<this> {
    this.call(() => {
      this.cellular.connect();
    });
    await this.until("online", () => this.online, limitMs);
    return this;
  }

  /** Commands of that beginning that the module got. */
  sent(beginning: string): string[] {
    return this.commands.filter(line => line.startsWith(beginning));
  }

  /** Ids that the module has in use. */
  get ids(): readonly number[] {
    return this.module.sockets.map(({ id }) => id);
  }

  open(options: Partial<ModuleSocketOptions> = {}): Client {
    return new Client(this, all => new TCP(all), options);
  }

  /** The board's wake line. */
  protected abstract wakeLine(asserted: boolean): void;

  #hear(bytes: Uint8Array): void {
    this.#line += Buffer.from(bytes).toString("latin1").replaceAll("\u001b", "\r");
    for (;;) {
      const end = this.#line.indexOf("\r");
      if (end < 0) return;
      if (end > 0) this.commands.push(this.#line.slice(0, end));
      this.#line = this.#line.slice(end + 1);
    }
  }

  #power(lines: readonly string[]): Power {
    const { module } = this;
    return {
      ...(lines.includes("powerKey") && { powerKey: (asserted: boolean) => module.powerKey(asserted) }),
      ...(lines.includes("reset") && { reset: (asserted: boolean) => module.resetLine(asserted) }),
      ...(lines.includes("wake") && { wake: (asserted: boolean) => this.wakeLine(asserted) }),
      ...(lines.includes("status") && { status: () => module.status }),
    };
  }

  #serial(
    serialClass: SerialClass,
    headroom: number | undefined,
    pauseMs: () => number,
    baud: number,
  ): { record: SerialRecord; uart: Uart } {
    const { scheduler, module } = this;
    const bench = this;
    let callbacks: SerialCallbacks = {};
    let port: SerialPort | undefined;
    let received: number[] = [];
    const uart = new Uart({
      scheduler,
      module,
      serial: serialClass,
      random: new Random("uart"),
      events: {
        readable: () => {
          scheduler.after(pauseMs(), () => {
            const { bytes, count } = uart.takeReadable();
            received.push(...bytes);
            if (port !== undefined && count > 0) callbacks.onReadable?.call(port, count);
            uart.callbackDone();
          });
        },
        writable: () => {
          scheduler.after(0, () => {
            if (port !== undefined) callbacks.onWritable?.call(port, uart.transmitRoom);
          });
        },
        overrun: () => {
          scheduler.after(0, () => {
            if (uart.takeOverrun() > 0 && port !== undefined) callbacks.onError?.call(port);
          });
        },
      },
    });
    class Port implements SerialPort {
      declare readonly receiveHeadroom?: number;

      constructor(options: SerialCallbacks & { readonly baud?: number }) {
        callbacks = options;
        Port.told(() => options.onError?.call(this));
        if (headroom !== undefined) this.receiveHeadroom = headroom;
        received = [];
        Port.opened(this);
        uart.open(options.baud ?? baud);
      }

      static told(tell: () => void): void {
        bench.tellOverrun = tell;
      }

      static opened(opened: SerialPort): void {
        port = opened;
      }

      read(view: Uint8Array): number | undefined {
        if (received.length === 0) return undefined;
        const taken = received.splice(0, view.length);
        view.set(taken);
        uart.consume(taken.length);
        return taken.length;
      }

      write(bytes: ArrayBuffer | Uint8Array): void {
        uart.write(bytes instanceof Uint8Array ? Uint8Array.from(bytes) : new Uint8Array(bytes.slice(0)));
      }

      close(): void {
        port = undefined;
        uart.close();
      }
    }
    return { record: { io: Port, baud }, uart };
  }
}

/** The driver with a simulated BG95. */
export class Bench extends AnyBench<BG95> {
  constructor(settings: BenchSettings = {}) {
    super(bg95, settings, around => new BG95({ ...settings, ...around }));
  }

  protected override wakeLine(): void {
    throw new Error("a simulated BG95 has no wake line");
  }
}

/** The driver with a simulated BC66. */
export class Bc66Bench extends AnyBench<BC66> {
  constructor(settings: Bc66BenchSettings = {}) {
    super(bc66, settings, around => new BC66({ ...settings, ...around }));
  }

  protected override wakeLine(asserted: boolean): void {
    this.module.psmEint(asserted);
  }
}

type BenchSocket = StreamSocket & { target: unknown };
type Make = (options: ModuleSocketOptions & { readonly modem: Modem }) => BenchSocket;

/** An application over one socket: keeps what happened, and reads all that comes unless told not to. */
export class Client {
  readonly socket: BenchSocket;
  readonly received: number[] = [];
  /** `readable <n>`, `writable <n>`, `failure <kind>`, `error`. */
  readonly calls: string[] = [];
  failure: Failure | undefined;
  room = 0;
  ended = false;
  /** Whether `onReadable` reads. */
  reading = true;

  constructor(bench: AnyBench, make: Make, options: Partial<ModuleSocketOptions> = {}) {
    const client = this;
    const note = (text: string): void => {
      if (bench.calling) throw new Error(`${text} inside a call of the application`);
      if (client.ended) throw new Error(`${text} after the end`);
      client.calls.push(text);
    };
    this.socket = bench.call(() =>
      make({
        host: HOST,
        port: PORT,
        ...options,
        modem: bench.modem,
        onReadable(count) {
          note(`readable ${String(count)}`);
          if (client.reading) client.take();
          options.onReadable?.call(this, count);
        },
        onWritable(count) {
          note(`writable ${String(count)}`);
          client.room = count;
          options.onWritable?.call(this, count);
        },
        onError() {
          note("error");
          client.ended = true;
          options.onError?.call(this);
        },
        failure: reason => {
          note(`failure ${reason.kind}`);
          client.failure = reason;
        },
      }),
    );
  }

  get connected(): boolean {
    return this.calls.some(call => call.startsWith("writable"));
  }

  get text(): string {
    return Buffer.from(this.received).toString("latin1");
  }

  /** Reads what is buffered. */
  take(): void {
    const bytes = this.socket.read();
    if (bytes instanceof ArrayBuffer) this.received.push(...new Uint8Array(bytes));
    else if (bytes !== undefined) this.received.push(bytes);
  }
}

export const bytesOf = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text, "latin1"));

/** Bytes that tell where they stand: any loss, swap or repetition shows. */
export function pattern(byteLength: number, seed = 0): Uint8Array {
  return Uint8Array.from({ length: byteLength }, (_, i) => (Math.imul(i + seed, 2654435761) >>> 13) & 0xff);
}
