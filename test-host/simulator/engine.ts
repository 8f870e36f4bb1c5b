/**
 * The contract between the simulation (scheduler, UART, modem) and a JavaScript engine that runs
 * the firmware (XS in a process of its own, or Node). The simulation owns time; the engine runs
 * one turn, that is one callback and the promise jobs after it, and tells what the turn did and
 * when, counted in compute steps since the turn's begin. Nothing in the engine runs between turns.
 */

/** A UART of the ESP32: 0 is the console's, 1 the module's. Where none is told it is the module's. */
export type UartPort = 0 | 1;

/** What wakes the engine. Each turn is exactly one callback of the firmware, as on the device. */
export type EngineEvent =
  /** First turn: the firmware's main function. */
  | { readonly kind: "start" }
  /**
   * `onReadable`. `bytes` are those that arrived since the last turn and are now in the receive
   * buffer behind the bytes that the firmware has not read yet; `count` is the sum of both.
   */
  | {
      readonly kind: "readable";
      readonly port?: UartPort;
      readonly bytes: Uint8Array;
      readonly count: number;
    }
  /** `onWritable`: free room of the transmit buffer. */
  | { readonly kind: "writable"; readonly port?: UartPort; readonly room: number }
  /** `onError`: the buffered serial class reports lost bytes. */
  | { readonly kind: "overrun"; readonly port?: UartPort; readonly lost: number }
  /** A timer is due. */
  | { readonly kind: "timer"; readonly id: number }
  /** A message from the test or command line to the host program around the firmware (JSON text). */
  | { readonly kind: "message"; readonly text: string };

/** What every turn is told beside its event. */
export interface EngineInputs {
  /** Simulated milliseconds since the start, with fraction; what `ticks` shows during the whole turn. */
  readonly nowMs: number;
  /** Level of the module's STATUS pin. */
  readonly moduleStatus: boolean;
  /** Room of the transmit buffer at the turn's begin; writes beyond it throw inside the firmware. */
  readonly transmitRoom: number;
  /** The same of the console's port. Default 0. */
  readonly consoleRoom?: number;
}

/** Of the module; `WAKE` is PSM_EINT of a BC66, PON_TRIG of a BG95. */
export type ControlLine = "PWRKEY" | "RESET_N" | "WAKE";

/** What the firmware did in a turn, in order. `at` = compute steps since the turn's begin. */
export type EngineAction =
  /** Bytes that the firmware took out of the receive buffer. */
  | { readonly kind: "read"; readonly at: number; readonly port?: UartPort; readonly count: number }
  | { readonly kind: "write"; readonly at: number; readonly port?: UartPort; readonly bytes: Uint8Array }
  | { readonly kind: "open"; readonly at: number; readonly port?: UartPort; readonly baud: number }
  | { readonly kind: "close"; readonly at: number; readonly port?: UartPort }
  | {
      readonly kind: "setTimer";
      readonly at: number;
      readonly id: number;
      readonly ms: number;
      readonly repeatMs?: number;
    }
  | { readonly kind: "clearTimer"; readonly at: number; readonly id: number }
  | {
      readonly kind: "line";
      readonly at: number;
      readonly line: ControlLine;
      readonly asserted: boolean;
    }
  /** The watchdog is fed: the device restarts when that does not come again within `timeoutMs`. */
  | { readonly kind: "feed"; readonly at: number; readonly timeoutMs: number }
  /** The firmware or the program around it reports something: one JSON array, first member the event's name. */
  | { readonly kind: "report"; readonly at: number; readonly text: string };

/** Why an engine ended its run by itself. */
export interface EngineAbort {
  /** `memory full`, `stack overflow`, `unhandled exception`, `unhandled rejection`, ... */
  readonly reason: string;
  /** The exception's text and place, the allocation that failed, and the like. */
  readonly detail: string;
  /** Bytes that the firmware held when memory ran out, and the bytes asked for. */
  readonly neededBytes?: number;
}

/**
 * How an engine's run ended otherwise: the firmware wanted it, or the power went away in the middle
 * of an operation on flash. On a device the program begins anew, after `ms` of a sleep.
 */
export type EngineEnd =
  { readonly reason: "sleep"; readonly ms: number } | { readonly reason: "restart" | "power cut" };

export interface EngineTurn {
  readonly actions: readonly EngineAction[];
  /** Compute steps of the whole turn (byte codes run). */
  readonly compute: number;
  /** Garbage collections in this turn. */
  readonly collections: number;
  readonly abort?: EngineAbort;
  readonly end?: EngineEnd;
}

/** Memory of an engine in bytes of an ESP32 (slots at 16 bytes). Zero where the engine cannot tell. */
export interface EngineMemory {
  readonly budgetBytes: number;
  /** After loading every module and a collection, above the bare engine: in flash on a device that preloads. */
  readonly loadedBytes: number;
  /** The most that the run held above the loaded baseline, garbage included. */
  readonly peakBytes: number;
  readonly slots: number;
  readonly chunkBytes: number;
  readonly peakSlots: number;
  readonly peakChunkBytes: number;
  readonly collections: number;
  readonly stackPeakSlots: number;
  readonly bytecodeBytes: number;
  /** Byte code by module name. */
  readonly modules: Readonly<Record<string, number>>;
}

export interface Engine {
  readonly name: "xs" | "node";
  readonly version: string;
  /** Runs one turn. Turns never overlap. After an abort, an end or `stop` it rejects. */
  turn(event: EngineEvent, inputs: EngineInputs): Promise<EngineTurn>;
  memory(): Promise<EngineMemory>;
  stop(): Promise<void>;
}
