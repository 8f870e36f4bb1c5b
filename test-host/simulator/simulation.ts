import type { Engine, EngineAbort, EngineAction, EngineEvent } from "./engine.js";
import { Random } from "./random.js";
import type { Scheduler, RunEnd, RunOptions, Task } from "./scheduler.js";
import {
  bufferedSerial,
  stockSerial,
  Uart,
  type SerialClass,
  type UartCounters,
  type UartModule,
} from "./uart.js";

/** A module as the firmware's board is wired to it. */
export interface SimulatedModem extends UartModule {
  readonly status: boolean;
  powerKey(asserted: boolean): void;
  resetLine(asserted: boolean): void;
}

/**
 * How long an ESP32 at 240 MHz takes. Estimates: about 120 clock cycles for one byte code out of
 * cached flash; mark and sweep of a heap of some 5,000 slots.
 */
export interface ComputeCost {
  readonly nanosecondsPerStep: number;
  readonly collectionMs: number;
}

export const esp32Cost: ComputeCost = { nanosecondsPerStep: 500, collectionMs: 8 };

export interface SimulationTrace {
  /** Before a turn and after it. */
  turn(atMs: number, event: EngineEvent, durationMs: number, actions: readonly EngineAction[]): void;
}

export interface SimulationOptions {
  readonly scheduler: Scheduler;
  readonly modem: SimulatedModem;
  readonly engine: Engine;
  readonly uart?: { readonly serial?: "buffered" | "stock" | SerialClass };
  readonly cost?: ComputeCost;
  readonly seed?: number | string;
  /** `text` is the firmware's JSON array; the time is that of the report within its turn. */
  readonly onReport?: (text: string, atMs: number) => void;
  readonly trace?: SimulationTrace;
}

export interface SimulationCounters extends UartCounters {
  turns: number;
  /** Compute steps. */
  compute: number;
  collections: number;
  /** Time in turns and collections. */
  busyMs: number;
  longestTurnMs: number;
}

/** `abort`: the engine ended by itself; the others as the scheduler's. */
export interface SimulationEnd {
  readonly reason: RunEnd | "abort";
  readonly abort?: EngineAbort;
}

type Wake =
  | Exclude<EngineEvent, { kind: "readable" | "writable" | "overrun" }>
  | { kind: "readable" | "writable" | "overrun" };

interface TimerState {
  readonly repeatMs: number | undefined;
  task: Task;
}

/**
 * Joins an engine, a UART and a module on one scheduler. The engine runs one turn at a time; a turn
 * lasts its compute steps and collections, and what happens meanwhile waits in order.
 */
export class Simulation {
  readonly uart: Uart;
  readonly #scheduler: Scheduler;
  readonly #modem: SimulatedModem;
  readonly #engine: Engine;
  readonly #cost: ComputeCost;
  readonly #onReport: SimulationOptions["onReport"];
  readonly #trace: SimulationTrace | undefined;
  readonly #queue: Wake[] = [{ kind: "start" }];
  readonly #timers = new Map<number, TimerState>();
  readonly #figures = { turns: 0, compute: 0, collections: 0, busyMs: 0, longestTurnMs: 0 };
  #isBusy = false;
  #isScheduled = false;
  #abort: EngineAbort | undefined;

  constructor(options: SimulationOptions) {
    this.#scheduler = options.scheduler;
    this.#modem = options.modem;
    this.#engine = options.engine;
    this.#cost = options.cost ?? esp32Cost;
    this.#onReport = options.onReport;
    this.#trace = options.trace;
    const serial = options.uart?.serial ?? "buffered";
    this.uart = new Uart({
      scheduler: this.#scheduler,
      module: options.modem,
      serial: serial === "buffered" ? bufferedSerial : serial === "stock" ? stockSerial : serial,
      random: new Random(options.seed ?? 1).fork("uart"),
      events: {
        readable: () => this.#wake({ kind: "readable" }),
        writable: () => this.#wake({ kind: "writable" }),
        overrun: () => this.#wake({ kind: "overrun" }),
      },
    });
    this.#schedule();
  }

  get counters(): SimulationCounters {
    return { ...this.uart.counters, ...this.#figures };
  }

  /** A message to the program around the firmware (JSON text). */
  send(text: string): void {
    this.#wake({ kind: "message", text });
  }

  /** Runs on; may be called again after a condition or time was met. */
  async run(options: RunOptions = {}): Promise<SimulationEnd> {
    const before = this.#aborted();
    if (before) return before;
    const { until } = options;
    const reason = await this.#scheduler.run({
      ...options,
      until: () => this.#abort !== undefined || (until?.() ?? false),
    });
    return this.#aborted() ?? { reason };
  }

  #aborted(): SimulationEnd | undefined {
    return this.#abort && { reason: "abort", abort: this.#abort };
  }

  #wake(event: Wake): void {
    const isLevel = event.kind === "readable" || event.kind === "writable" || event.kind === "overrun";
    if (isLevel && this.#queue.some(waiting => waiting.kind === event.kind)) return;
    this.#queue.push(event);
    this.#schedule();
  }

  #schedule(): void {
    if (this.#isBusy || this.#isScheduled || this.#queue.length === 0 || this.#abort) return;
    this.#isScheduled = true;
    this.#scheduler.at(this.#scheduler.nowMs, () => this.#turn());
  }

  async #turn(): Promise<void> {
    this.#isScheduled = false;
    const wake = this.#queue.shift();
    const event = wake && this.#materialise(wake);
    if (!event) {
      this.#schedule();
      return;
    }
    this.#isBusy = true;
    const startMs = this.#scheduler.nowMs;
    const turn = await this.#engine.turn(event, {
      nowMs: startMs,
      moduleStatus: this.#modem.status,
      transmitRoom: this.uart.isOpen ? this.uart.transmitRoom : 0,
    });
    const stepMs = this.#cost.nanosecondsPerStep / 1e6;
    const durationMs = turn.compute * stepMs + turn.collections * this.#cost.collectionMs;
    this.#figures.turns++;
    this.#figures.compute += turn.compute;
    this.#figures.collections += turn.collections;
    this.#figures.busyMs += durationMs;
    this.#figures.longestTurnMs = Math.max(this.#figures.longestTurnMs, durationMs);
    this.#trace?.turn(startMs, event, durationMs, turn.actions);
    for (const action of turn.actions)
      this.#scheduler.at(startMs + action.at * stepMs, () => this.#apply(action));
    if (turn.abort) {
      const { abort } = turn;
      this.#scheduler.at(startMs + durationMs, () => {
        this.#abort = abort;
      });
      return;
    }
    this.#scheduler.at(startMs + durationMs, () => {
      this.#isBusy = false;
      if (event.kind === "readable") this.uart.callbackDone();
      this.#schedule();
    });
  }

  /** Levels get their figures when their turn comes; what is no longer so makes no turn. */
  #materialise(wake: Wake): EngineEvent | undefined {
    switch (wake.kind) {
      case "readable": {
        if (!this.uart.isOpen) return undefined;
        const { bytes, count } = this.uart.takeReadable();
        if (count > 0) return { kind: "readable", bytes, count };
        this.uart.callbackDone();
        return undefined;
      }
      case "writable":
        return this.uart.isOpen ? { kind: "writable", room: this.uart.transmitRoom } : undefined;
      case "overrun": {
        const lost = this.uart.takeOverrun();
        return lost > 0 && this.uart.isOpen ? { kind: "overrun", lost } : undefined;
      }
      default:
        return wake;
    }
  }

  #apply(action: EngineAction): void {
    switch (action.kind) {
      case "read":
        this.uart.consume(action.count);
        break;
      case "write":
        this.uart.write(action.bytes);
        break;
      case "open":
        this.uart.open(action.baud);
        break;
      case "close":
        this.uart.close();
        break;
      case "setTimer":
        this.#setTimer(action.id, action.ms, action.repeatMs);
        break;
      case "clearTimer":
        this.#clearTimer(action.id);
        break;
      case "line":
        if (action.line === "PWRKEY") this.#modem.powerKey(action.asserted);
        else this.#modem.resetLine(action.asserted);
        break;
      case "report":
        this.#onReport?.(action.text, this.#scheduler.nowMs);
        break;
    }
  }

  #setTimer(id: number, ms: number, repeatMs: number | undefined): void {
    this.#clearTimer(id);
    const fire = (): void => {
      const timer = this.#timers.get(id);
      if (!timer) return;
      if (timer.repeatMs === undefined) this.#timers.delete(id);
      else timer.task = this.#scheduler.after(Math.max(timer.repeatMs, 1), fire);
      // A repeating timer that is late does not pile up.
      if (!this.#queue.some(wake => wake.kind === "timer" && wake.id === id))
        this.#wake({ kind: "timer", id });
    };
    this.#timers.set(id, { repeatMs, task: this.#scheduler.after(ms, fire) });
  }

  #clearTimer(id: number): void {
    this.#timers.get(id)?.task.cancel();
    this.#timers.delete(id);
    const queued = this.#queue.findIndex(wake => wake.kind === "timer" && wake.id === id);
    if (queued >= 0) this.#queue.splice(queued, 1);
  }
}
