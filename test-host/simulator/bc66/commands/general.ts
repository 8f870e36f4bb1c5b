import type { Call, CommandTable } from "../../modem/call.js";
import type { Bc66Module } from "../module.js";
import { textCommand } from "./values.js";

const autobaudRates = [110, 300, 1_200, 2_400, 4_800, 9_600, 19_200, 38_400, 57_600, 115_200];
const rates = [...autobaudRates, 230_400, 460_800, 921_600];

function identify(call: Call, module: Bc66Module): void {
  const { maker, model, revision } = module.settings;
  call.info(maker, model, `Revision: ${revision}`);
  call.ok();
}

/** AT Commands Manual V2.1, chapters 2 and 3: identification, what is stored, the UART. */
export const generalCommands: CommandTable<Bc66Module> = {
  I: { execute: identify },
  "+CGMI": textCommand(module => module.settings.maker),
  "+CGMM": textCommand(module => module.settings.model),
  "+CGMR": textCommand(module => `Revision: ${module.settings.revision}`),
  "+CGSN": {
    test: ["+CGSN: (0-3)"],
    execute: (call, module) => {
      call.info(module.settings.imei);
      call.ok();
    },
    write: (call, module) => {
      call.args.atMost(1);
      call.args.integer(0, 0, 3);
      call.info(`+CGSN: ${module.settings.imei}`);
      call.ok();
    },
  },
  E: {
    execute: (call, module) => {
      const value = call.args.integer(0, 0, 1, 0);
      module.values.set("E", value);
      module.profile.echo = value === 1;
      call.ok();
    },
  },
  "&W": {
    execute: (call, module) => {
      call.args.integer(0, 0, 0, 0);
      module.values.saveProfile();
      call.ok();
    },
  },
  "+CMEE": {
    test: ["+CMEE: (0-2)"],
    read: (call, module) => {
      call.info(`+CMEE: ${String(module.profile.errors)}`);
      call.ok();
    },
    write: (call, module) => {
      call.args.atMost(1);
      const level = call.args.integer(0, 0, 2);
      module.values.set("+CMEE", level);
      module.profile.errors = level === 2 ? 2 : level === 1 ? 1 : 0;
      call.ok();
    },
  },
  "+IPR": {
    test: [`+IPR: (${autobaudRates.join(",")}),(0,${rates.join(",")})`],
    read: (call, module) => {
      call.info(`+IPR: ${module.values.get("+IPR")}`);
      call.ok();
    },
    write: (call, module) => {
      call.args.atMost(1);
      const rate = call.args.integer(0, 0, 921_600);
      if (rate !== 0 && !rates.includes(rate)) {
        call.error();
        return;
      }
      // The result of the line still leaves at the old rate; it is stored without AT&W.
      call.ok();
      module.values.set("+IPR", rate);
      if (rate !== 0) module.rate.set(rate);
    },
  },
  "+IFC": {
    test: ["+IFC: (0-2),(0-2)"],
    read: call => {
      call.info("+IFC: 0,0");
      call.ok();
    },
    write: call => {
      call.args.atMost(2);
      call.args.integer(0, 0, 2);
      call.args.integer(1, 0, 2, 0);
      // Accepted; no document describes RTS and CTS on the main port.
      call.ok();
    },
  },
  "+ICF": {
    read: call => {
      call.info("+ICF: 3,3");
      call.ok();
    },
    write: call => {
      call.args.integer(0, 3, 3);
      call.ok();
    },
  },
};
