import type { CommandEntry } from "../../modem/call.js";
import type { Bg95Module, Values } from "../module.js";

export interface ValueOptions {
  readonly name: string;
  readonly least: number;
  readonly most: number;
  readonly initial: number;
  /** `kept` survives a restart. */
  readonly store: "volatile" | "kept";
}

/** A command that holds one number: `?` shows it, `=` sets it, `=?` shows the range. */
export function valueCommand(options: ValueOptions): CommandEntry<Bg95Module> {
  const { name, least, most, initial, store } = options;
  const values = (module: Bg95Module): Values => module[store];
  return {
    test: [`${name}: (${range(least, most)})`],
    read: (call, module) => {
      call.info(`${name}: ${String(values(module).get(name) ?? initial)}`);
      call.ok();
    },
    write: (call, module) => {
      call.args.atMost(1);
      values(module).set(name, call.args.integer(0, least, most));
      call.ok();
    },
  };
}

function range(least: number, most: number): string {
  return most - least === 1 ? `${String(least)},${String(most)}` : `${String(least)}-${String(most)}`;
}
