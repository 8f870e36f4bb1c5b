import type { EngineEvent, EngineInputs, EngineTurn } from "../../simulator/engine.js";
import { createEngine } from "../../xs/index.js";
import type { EngineOptions, FirmwareEngine } from "../../xs/index.js";

export const PROGRAMS = "test-host/spec/xs/programs";

export const ENGINES = ["xs", "node"] as const;

/** Steers one engine by hand, as the scheduler does. */
export class Bench {
  readonly engine: FirmwareEngine;
  readonly inputs: { -readonly [Key in keyof EngineInputs]: EngineInputs[Key] } = {
    nowMs: 0,
    moduleStatus: false,
    transmitRoom: 128,
  };

  constructor(engine: FirmwareEngine) {
    this.engine = engine;
  }

  turn(event: EngineEvent): Promise<EngineTurn> {
    return this.engine.turn(event, this.inputs);
  }

  start(): Promise<EngineTurn> {
    return this.turn({ kind: "start" });
  }

  /** `count`: all that is buffered then; default: these bytes alone. */
  readable(bytes: readonly number[], count = bytes.length): Promise<EngineTurn> {
    return this.turn({ kind: "readable", bytes: Uint8Array.from(bytes), count });
  }

  message(value: unknown): Promise<EngineTurn> {
    return this.turn({ kind: "message", text: JSON.stringify(value) });
  }

  /** Sends a message and gives what the program reported, without the times. */
  async ask(value: unknown): Promise<unknown[]> {
    return reports(await this.message(value));
  }
}

export function reports(turn: EngineTurn): unknown[] {
  return turn.actions.flatMap(action =>
    action.kind === "report" ? [JSON.parse(action.text) as unknown] : [],
  );
}

/** The actions without their times, which only XS can tell. */
export function untimed(turn: EngineTurn): Record<string, unknown>[] {
  return turn.actions.map(action =>
    Object.fromEntries(Object.entries(action).filter(([key]) => key !== "at")),
  );
}

/** Runs `work` with an engine that has loaded `program`; the engine is stopped whatever happens. */
export async function withProgram(
  program: string,
  options: EngineOptions,
  work: (bench: Bench) => Promise<void>,
): Promise<void> {
  const engine = await createEngine({ engine: "xs", ...options, entry: `${PROGRAMS}/${program}` });
  try {
    await work(new Bench(engine));
  } finally {
    await engine.stop();
  }
}
