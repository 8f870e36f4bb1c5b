import { ConsoleLine } from "./console-line.js";
import type {
  ControlLine,
  Engine,
  EngineAbort,
  EngineAction,
  EngineEnd,
  EngineEvent,
  EngineTurn,
  UartPort,
} from "./engine.js";
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
  /** PSM_EINT of a BC66, PON_TRIG of a BG95. Absent: there is no such pin. */
  wakeLine?(asserted: boolean): void;
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

type SerialChoice = "buffered" | "stock" | SerialClass;

export interface SimulationOptions {
  readonly scheduler: Scheduler;
  readonly modem: SimulatedModem;
  readonly engine: Engine;
  readonly uart?: { readonly serial?: SerialChoice };
  /** The console's UART: its serial class, and its far end when that is older than this device. */
  readonly console?: { readonly serial?: SerialChoice; readonly line?: ConsoleLine };
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

/**
 * `abort`: the engine ended by itself; `watchdog reset`: it was not fed in time. The others as the
 * engine's and the scheduler's.
 */
export interface SimulationEnd {
  readonly reason: RunEnd | "abort" | "watchdog reset" | EngineEnd["reason"];
  readonly abort?: EngineAbort;
  /** Of a sleep. */
  readonly ms?: number;
}

type LevelKind = "readable" | "writable" | "overrun";
type Wake = Exclude<EngineEvent, { kind: LevelKind }> | { kind: LevelKind; port: UartPort };

interface TimerState {
  readonly repeatMs: number | undefined;
  task: Task;
}

/**
 * Joins an engine, two UARTs and a module on one scheduler. The engine runs one turn at a time; a turn
 * lasts its compute steps and collections, and what happens meanwhile waits in order. When the engine's
 * run has ended the device is gone: its ports are closed, its lines let go, its timers cancelled.
 */
export class Simulation {
  /** The module's. */
  readonly uart: Uart;
  readonly consoleUart: Uart;
  /** The far end of the console's UART. */
  readonly console: ConsoleLine;
  readonly #scheduler: Scheduler;
  readonly #modem: SimulatedModem;
  readonly #engine: Engine;
  readonly #cost: ComputeCost;
  readonly #onReport: SimulationOptions["onReport"];
  readonly #trace: SimulationTrace | undefined;
  readonly #queue: Wake[] = [{ kind: "start" }];
  readonly #timers = new Map<number, TimerState>();
  readonly #asserted = new Set<ControlLine>();
  readonly #figures = { turns: 0, compute: 0, collections: 0, busyMs: 0, longestTurnMs: 0 };
  #isBusy = false;
  #isScheduled = false;
  /** The engine's run is over, be it that its last bytes are still on their way. */
  #isOver = false;
  #end: SimulationEnd | undefined;
  #watchdog: Task | undefined;

  constructor(options: SimulationOptions) {
    this.#scheduler = options.scheduler;
    this.#modem = options.modem;
    this.#engine = options.engine;
    this.#cost = options.cost ?? esp32Cost;
    this.#onReport = options.onReport;
    this.#trace = options.trace;
    this.console = options.console?.line ?? new ConsoleLine(options.scheduler);
    const random = new Random(options.seed ?? 1);
    this.uart = this.#makeUart(1, options.modem, options.uart?.serial, random.fork("uart"));
    this.consoleUart = this.#makeUart(0, this.console, options.console?.serial, random.fork("console"));
    this.#schedule();
  }

  #makeUart(port: UartPort, module: UartModule, serial: SerialChoice = "buffered", random: Random): Uart {
    return new Uart({
      scheduler: this.#scheduler,
      module,
      serial: serial === "buffered" ? bufferedSerial : serial === "stock" ? stockSerial : serial,
      random,
      events: {
        readable: () => this.#wake({ kind: "readable", port }),
        writable: () => this.#wake({ kind: "writable", port }),
        overrun: () => this.#wake({ kind: "overrun", port }),
      },
    });
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
    const before = this.#result();
    if (before) return before;
    const { until } = options;
    const reason = await this.#scheduler.run({
      ...options,
      until: () => this.#end !== undefined || (until?.() ?? false),
    });
    return this.#result() ?? { reason };
  }

  #result(): SimulationEnd | undefined {
    return this.#end;
  }

  /** How the engine's run ended, once it has. */
  get end(): SimulationEnd | undefined {
    return this.#end;
  }

  #finish(end: SimulationEnd): void {
    if (this.#end) return;
    this.#end = end;
    this.#isOver = true;
    this.#watchdog?.cancel();
    for (const { task } of this.#timers.values()) task.cancel();
    this.#timers.clear();
    this.#queue.length = 0;
    for (const line of this.#asserted) this.#drive(line, false);
    this.uart.close();
    this.consoleUart.close();
  }

  #wake(event: Wake): void {
    const isWaiting = this.#queue.some(
      waiting =>
        "port" in event && "port" in waiting && waiting.kind === event.kind && waiting.port === event.port,
    );
    if (isWaiting || this.#isOver) return;
    this.#queue.push(event);
    this.#schedule();
  }

  #uartOf(port: UartPort = 1): Uart {
    return port === 0 ? this.consoleUart : this.uart;
  }

  #schedule(): void {
    if (this.#isBusy || this.#isScheduled || this.#queue.length === 0 || this.#isOver) return;
    this.#isScheduled = true;
    this.#scheduler.at(this.#scheduler.nowMs, () => this.#turn());
  }

  async #turn(): Promise<void> {
    this.#isScheduled = false;
    if (this.#isOver) return;
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
      consoleRoom: this.consoleUart.isOpen ? this.consoleUart.transmitRoom : 0,
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
      this.#scheduler.at(startMs + action.at * stepMs, () => {
        if (!this.#end) this.#apply(action);
      });
    this.#scheduler.at(startMs + durationMs, () => {
      this.#isBusy = false;
      if (turn.abort || turn.end) this.#over(turn);
      if (this.#isOver) return;
      if (event.kind === "readable") this.#uartOf(event.port).callbackDone();
      this.#schedule();
    });
  }

  #over({ abort, end }: EngineTurn): void {
    this.#isOver = true;
    this.#watchdog?.cancel();
    if (abort) this.#finish({ reason: "abort", abort });
    else if (!end || end.reason === "power cut") this.#finish({ reason: "power cut" });
    else {
      // Before a restart or sleep the chip waits until what lies in the hardware's FIFOs is sent.
      const drainMs = Math.max(this.uart.drainMs, this.consoleUart.drainMs);
      this.#scheduler.after(drainMs, () => this.#finish(end));
    }
  }

  /** Levels get their figures when their turn comes; what is no longer so makes no turn. */
  #materialise(wake: Wake): EngineEvent | undefined {
    const uart = this.#uartOf("port" in wake ? wake.port : 1);
    switch (wake.kind) {
      case "readable": {
        if (!uart.isOpen) return undefined;
        const { bytes, count } = uart.takeReadable();
        if (count > 0) return { kind: "readable", ...marked(wake.port), bytes, count };
        uart.callbackDone();
        return undefined;
      }
      case "writable":
        return uart.isOpen ? { kind: "writable", ...marked(wake.port), room: uart.transmitRoom } : undefined;
      case "overrun": {
        const lost = uart.takeOverrun();
        return lost > 0 && uart.isOpen ? { kind: "overrun", ...marked(wake.port), lost } : undefined;
      }
      default:
        return wake;
    }
  }

  #apply(action: EngineAction): void {
    switch (action.kind) {
      case "read":
        this.#uartOf(action.port).consume(action.count);
        break;
      case "write":
        this.#uartOf(action.port).write(action.bytes);
        break;
      case "open":
        this.#uartOf(action.port).open(action.baud);
        break;
      case "close":
        this.#uartOf(action.port).close();
        break;
      case "setTimer":
        this.#setTimer(action.id, action.ms, action.repeatMs);
        break;
      case "clearTimer":
        this.#clearTimer(action.id);
        break;
      case "line":
        this.#drive(action.line, action.asserted);
        break;
      case "feed":
        this.#watchdog?.cancel();
        this.#watchdog = this.#scheduler.after(action.timeoutMs, () =>
          this.#finish({ reason: "watchdog reset" }),
        );
        break;
      case "report":
        this.#onReport?.(action.text, this.#scheduler.nowMs);
        break;
    }
  }

  #drive(line: ControlLine, asserted: boolean): void {
    if (asserted) this.#asserted.add(line);
    else this.#asserted.delete(line);
    if (line === "PWRKEY") this.#modem.powerKey(asserted);
    else if (line === "RESET_N") this.#modem.resetLine(asserted);
    else this.#modem.wakeLine?.(asserted);
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

/** The module's port is left out. */
function marked(port: UartPort): { port?: UartPort } {
  return port === 0 ? { port } : {};
}
