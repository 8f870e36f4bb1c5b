import type { CommandTable } from "../../modem/call.js";
import type { Bc66Module } from "../module.js";

/** Items of AT+QCFG with their ranges. All are stored and take effect after a restart. */
const items: Readonly<Record<string, readonly [least: number, most: number]>> = {
  epco: [0, 1],
  combinedattach: [0, 1],
  up: [0, 1],
  upopt: [0, 1],
  multidrb: [0, 1],
  autopdn: [0, 1],
  ripin: [0, 1],
  dsevent: [0, 1],
  atlocktime: [0, 10],
  initlocktime: [1, 30],
  "urc/ri/mask": [0, 3],
};

/** AT Commands Manual V2.1: AT+QCFG. */
export const configurationCommands: CommandTable<Bc66Module> = {
  "+QCFG": {
    test: Object.entries(items).map(
      ([name, [least, most]]) => `+QCFG: "${name}",(${String(least)}-${String(most)})`,
    ),
    write: (call, module) => {
      call.args.atMost(2);
      const name = call.args.string(0).toLowerCase();
      const range = items[name];
      if (!range) {
        call.error();
        return;
      }
      if (call.args.count === 1) call.info(`+QCFG: "${name}",${module.values.get(name)}`);
      else module.values.set(name, call.args.integer(1, ...range));
      call.ok();
    },
  },
};
