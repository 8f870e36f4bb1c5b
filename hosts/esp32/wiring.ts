import type { ModuleName } from "../firmware/config.js";
import type { ChipName } from "./chips.js";

/** A control line between chip and module, as the board has it. */
export interface Line {
  /** GPIO number. */
  readonly pin: number;
  /**
   * Level of the pin while the line is asserted: PWRKEY or RESET_N pulled low, the module woken, the
   * supply on, the module running. 1 with a transistor that inverts, and where both are high.
   */
  readonly active: 0 | 1;
  /** Driven low or let go, never high: for a module's pin without a transistor. */
  readonly openDrain?: boolean | undefined;
  /** Pull resistor of the chip, for an input. */
  readonly pull?: "up" | "down" | undefined;
}

export interface UartWiring {
  /** UART number of the chip. */
  readonly port: number;
  /** GPIO that the module's TXD is on. */
  readonly receive: number;
  /** GPIO that the module's RXD is on. */
  readonly transmit: number;
  /** GPIO of the chip's RTS, to the module's; both or none of the two are wired. */
  readonly rts?: number | undefined;
  readonly cts?: number | undefined;
  readonly baud: number;
}

/** Names of the control lines. */
export type LineName = "powerKey" | "reset" | "status" | "wake" | "supply";

/** What of a module is wired to the chip. A line that is left out is not wired. */
export interface Wiring extends Readonly<Partial<Record<LineName, Line>>> {
  readonly uart: UartWiring;
  /** PWRKEY. */
  readonly powerKey?: Line;
  /** RESET_N. */
  readonly reset?: Line;
  /** STATUS, or VDD_EXT where a module has no such pin. */
  readonly status?: Line;
  /** PSM_EINT of a BC66, PON_TRIG of a BG95. */
  readonly wake?: Line;
  /** Enable of the module's supply; asserted when the firmware starts. */
  readonly supply?: Line;
}

/** A wired board: everything about it that the firmware must know. */
export interface WiredBoard {
  readonly chip: ChipName;
  readonly module: ModuleName;
  readonly wiring: Wiring;
}

/** A control line in `config`: a GPIO number means active high; `null` that a line of the board is not used. */
export type LineConfig = number | (Partial<Line> & { readonly pin: number }) | null;

/** `config.wiring`: what the board leaves open, or has otherwise. */
export interface WiringConfig extends Readonly<Partial<Record<LineName, LineConfig>>> {
  readonly uart?: Partial<Omit<UartWiring, "rts" | "cts">> & {
    /** `null`: the board's is not used. */
    readonly rts?: number | null;
    readonly cts?: number | null;
  };
}

/** What of `config` chooses and changes the wiring. */
export interface WiringChoice {
  readonly module: ModuleName;
  /** A board of `boards/`, by name. */
  readonly board?: string | undefined;
  /** Default: the board's; without a board an ESP32. */
  readonly chip?: ChipName | undefined;
  readonly wiring?: WiringConfig | undefined;
}

/** In place of a GPIO that is not given: no chip has it. */
const NONE = -1;

export const lineNames: readonly LineName[] = Object.freeze([
  "powerKey",
  "reset",
  "status",
  "wake",
  "supply",
]);

function lineOf(given: LineConfig | undefined, board: Line | undefined): Line | undefined {
  if (given === null) return undefined;
  if (given === undefined) return board;
  return Object.freeze({ active: 1, ...(typeof given === "number" ? { pin: given } : given) });
}

/**
 * The board's wiring with that of `config` over it, member by member. Nothing is checked here.
 */
export function wiringOf(board: Wiring | undefined, given: WiringConfig = {}): Wiring {
  const uart = { ...board?.uart, ...given.uart };
  const wired: { -readonly [Member in keyof Wiring]: Wiring[Member] } = {
    uart: Object.freeze({
      port: uart.port ?? 1,
      receive: uart.receive ?? NONE,
      transmit: uart.transmit ?? NONE,
      ...(typeof uart.rts === "number" ? { rts: uart.rts } : {}),
      ...(typeof uart.cts === "number" ? { cts: uart.cts } : {}),
      baud: uart.baud ?? 115_200,
    }),
  };
  for (const name of lineNames) {
    const line = lineOf(given[name], board?.[name]);
    if (line !== undefined) wired[name] = line;
  }
  return Object.freeze(wired);
}
