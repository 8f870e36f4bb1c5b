import type { CommandEntry } from "../../modem/call.js";
import type { Bc66Module } from "../module.js";

export interface ValueOptions {
  /** Also the name under which the value is declared. */
  readonly name: string;
  readonly least: number;
  readonly most: number;
  /** Instead of `(least,most)` or `(least-most)`. */
  readonly range?: string;
  /** Runs after the value has been set. */
  readonly changed?: (module: Bc66Module) => void;
}

/** A command that holds one number: `?` shows it, `=` sets it, `=?` shows the range. */
export function valueCommand({ name, least, most, range, changed }: ValueOptions): CommandEntry<Bc66Module> {
  const shown =
    range ?? (most - least === 1 ? `${String(least)},${String(most)}` : `${String(least)}-${String(most)}`);
  return {
    test: [`${name}: (${shown})`],
    read: (call, module) => {
      call.info(`${name}: ${module.values.get(name)}`);
      call.ok();
    },
    write: (call, module) => {
      call.args.atMost(1);
      module.values.set(name, call.args.integer(0, least, most));
      changed?.(module);
      call.ok();
    },
  };
}

export function textCommand(value: (module: Bc66Module) => string): CommandEntry<Bc66Module> {
  return {
    test: [],
    execute: (call, module) => {
      call.info(value(module));
      call.ok();
    },
  };
}
