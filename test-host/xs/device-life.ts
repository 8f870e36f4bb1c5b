import { ConsoleLine } from "../simulator/console-line.js";
import type { RunOptions } from "../simulator/scheduler.js";
import { Simulation, type SimulationEnd, type SimulationOptions } from "../simulator/simulation.js";
import { createEngine } from "./index.js";
import type { EngineOptions, FirmwareEngine, FirmwareMemory } from "./options.js";
import type { Partitions } from "./partitions.js";

export interface DeviceLifeOptions extends Omit<SimulationOptions, "engine"> {
  /**
   * Of every life; given as a function it is told how many lives there were before. Partitions are those
   * of the first life and go on from one to the next, as does the clock; ticks begin at 0 each time.
   * `powerCut` is of the first life unless it is a function's.
   */
  readonly engine: EngineOptions | ((lives: number) => EngineOptions);
  /** From the restart to the firmware's first byte code. Default 300 [estimate: boot loader and the engine's start]. */
  readonly bootMs?: number;
}

/** A run of the firmware from a start to a restart. */
export interface Life {
  readonly begunMs: number;
  readonly endedMs: number;
  readonly end: SimulationEnd;
  readonly memory: FirmwareMemory;
}

interface Present {
  readonly begunMs: number;
  readonly engine: FirmwareEngine;
  readonly simulation: Simulation;
}

/** Spreads the seeds of lives that follow one another. */
const GOLDEN = 0x9e3779b9;

/**
 * A device over its restarts: each life is a new engine with what the one before left in flash, while
 * the module, the network, the console's far end and simulated time go on.
 */
export class DeviceLife {
  /** The lives that are over. */
  readonly lives: Life[] = [];
  /** The far end of the console. */
  readonly console: ConsoleLine;
  readonly #options: DeviceLifeOptions;
  #present: Present | undefined;
  #partitions: Partitions | undefined;
  #epochMs: number | undefined;
  #isClockLost = false;
  #wakeMs: number;
  #stopped = false;

  constructor(options: DeviceLifeOptions) {
    this.#options = options;
    this.#wakeMs = options.scheduler.nowMs;
    this.console = options.console?.line ?? new ConsoleLine(options.scheduler);
  }

  /** The engine of the present life; `undefined` between two. */
  get engine(): FirmwareEngine | undefined {
    return this.#present?.engine;
  }

  get simulation(): Simulation | undefined {
    return this.#present?.simulation;
  }

  /**
   * Runs on through sleeps, restarts and resets by the watchdog. An abort and a power cut end it, too:
   * the next call begins the next life, as a device does when it restarts or its power is back.
   */
  async run(options: RunOptions = {}): Promise<SimulationEnd> {
    const { untilMs = Infinity } = options;
    for (;;) {
      if (this.#stopped) return { reason: "stopped" };
      const waited = await this.#awake(options, untilMs);
      if (waited) return waited;
      const present = (this.#present ??= await this.#begin());
      const end = await present.simulation.run(options);
      if (!present.simulation.end) return end;
      await this.#over(present, end);
      if (end.reason === "abort" || end.reason === "power cut") return end;
    }
  }

  /** A message to the program around the firmware (JSON text); lost between two lives. */
  send(text: string): void {
    this.#present?.simulation.send(text);
  }

  /** What flash holds now. */
  async partitions(): Promise<Partitions> {
    const { engine } = this.#present ?? {};
    if (engine) return contentsOf(engine);
    return this.#partitions ?? {};
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    this.#options.scheduler.stop();
    await this.#present?.engine.stop();
  }

  /** Waits until the next life is due; how the wait ended, if that was before. */
  async #awake(options: RunOptions, untilMs: number): Promise<SimulationEnd | undefined> {
    const { scheduler } = this.#options;
    if (this.#present || scheduler.nowMs >= this.#wakeMs) return undefined;
    const reason = await scheduler.run({ ...options, untilMs: Math.min(untilMs, this.#wakeMs) });
    return scheduler.nowMs >= this.#wakeMs ? undefined : { reason };
  }

  async #begin(): Promise<Present> {
    const { engine: given, ...simulation } = this.#options;
    const { scheduler } = simulation;
    const count = this.lives.length;
    const begunMs = scheduler.nowMs;
    const { powerCut, flash, partitions, ...options } = typeof given === "function" ? given(count) : given;
    const clockMs = this.#isClockLost ? undefined : (this.#epochMs ?? options.epochMs);
    this.#isClockLost = false;
    const engine = await createEngine({
      restarts: true,
      ...options,
      ...(powerCut && (count === 0 || typeof given === "function") && { powerCut }),
      partitions: this.#partitions ?? { ...partitions, ...(flash && { journal: flash }) },
      ticksOffsetMs: (options.ticksOffsetMs ?? 0) - Math.floor(begunMs),
      epochMs: clockMs ?? -begunMs,
      seed: (options.seed ?? 1) + count * GOLDEN,
    });
    return {
      begunMs,
      engine,
      simulation: new Simulation({
        ...simulation,
        engine,
        console: { ...simulation.console, line: this.console },
      }),
    };
  }

  async #over({ begunMs, engine }: Present, end: SimulationEnd): Promise<void> {
    const { scheduler, bootMs = 300 } = this.#options;
    const endedMs = scheduler.nowMs;
    try {
      this.#partitions = await contentsOf(engine);
      // The clock goes on in a chip that has power, also while it sleeps.
      this.#epochMs = await engine.epochMs();
      this.#isClockLost = end.reason === "power cut";
      this.lives.push({ begunMs, endedMs, end, memory: await engine.memory() });
    } finally {
      await engine.stop();
      this.#present = undefined;
    }
    this.#wakeMs = endedMs + (end.ms ?? 0) + bootMs;
  }
}

async function contentsOf(engine: FirmwareEngine): Promise<Partitions> {
  const contents: Record<string, Uint8Array> = {};
  for (const label of engine.labels) contents[label] = await engine.flash(label);
  return contents;
}
