import { checkWiring, type WiringFault } from "./check-wiring.js";
import { chips, type ChipName } from "./chips.js";
import { boards } from "./boards/index.js";
import { wiringOf, type WiredBoard, type WiringChoice } from "./wiring.js";

/** A wiring and what there is to say about it. Without `board` it cannot be used: at least one fault is fatal. */
export interface ChosenWiring {
  readonly board?: WiredBoard;
  readonly faults: readonly WiringFault[];
}

function refused(member: string, value: string | undefined, why: string, fix: string): ChosenWiring {
  return { faults: [{ member, value, why, fix, fatal: true }] };
}

/** The chip that is configured, or its board's; an ESP32 where neither is known. Never fails. */
export function chipOf({ chip, board: name }: WiringChoice): ChipName {
  const board = boards.find(candidate => candidate.name === name);
  const found = chip ?? board?.chip ?? "esp32";
  return Object.hasOwn(chips, found) ? found : "esp32";
}

/** Looks up the board of the configuration, puts the configuration's own wiring over it, and checks the result. Touches nothing. */
export function chooseWiring(config: WiringChoice): ChosenWiring {
  const names = boards.map(({ name }) => name).join(", ");
  const { board: name, wiring: given, module } = config;
  const board = boards.find(candidate => candidate.name === name);
  if (name !== undefined && board === undefined)
    return refused("board", name, "There is no such board.", `Use one of: ${names}; or give wiring alone.`);
  if (board === undefined && given?.uart === undefined)
    return refused(
      "board",
      undefined,
      "Neither a board nor its wiring is configured.",
      `Give board, one of: ${names}; or wiring.`,
    );
  if (board !== undefined && board.module !== module)
    return refused(
      "module",
      module,
      `The board ${board.name} carries a ${board.module}.`,
      `Give module: ${board.module}, or another board.`,
    );
  // From a manifest, where it may be anything.
  const lines: unknown = given;
  if (lines !== undefined && (typeof lines !== "object" || lines === null))
    return refused(
      "wiring",
      typeof given,
      "It is no object.",
      "Give its lines: wiring.uart, wiring.powerKey and so on.",
    );
  const chip = config.chip ?? board?.chip ?? "esp32";
  if (!Object.hasOwn(chips, chip))
    return refused("chip", chip, "No such chip is known.", `Use one of: ${Object.keys(chips).join(", ")}.`);
  const wired: WiredBoard = Object.freeze({ chip, module, wiring: wiringOf(board?.wiring, given) });
  const faults = checkWiring(wired);
  return faults.some(({ fatal }) => fatal) ? { faults } : { board: wired, faults };
}
