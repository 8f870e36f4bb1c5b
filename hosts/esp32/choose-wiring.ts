import { checkWiring, type WiringFault } from "./check-wiring.js";
import { chips } from "./chips.js";
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
  const chip = config.chip ?? board?.chip ?? "esp32";
  if (!(chip in chips))
    return refused("chip", chip, "No such chip is known.", `Use one of: ${Object.keys(chips).join(", ")}.`);
  const wired: WiredBoard = Object.freeze({ chip, module, wiring: wiringOf(board?.wiring, given) });
  const faults = checkWiring(wired);
  return faults.some(({ fatal }) => fatal) ? { faults } : { board: wired, faults };
}
