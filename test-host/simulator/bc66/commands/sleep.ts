import type { CommandTable, Handler } from "../../modem/call.js";
import type { Bc66Module } from "../module.js";
import { valueCommand } from "./values.js";

const bits8 = /^[01]{8}$/;
const bits4 = /^[01]{4}$/;

const setPowerSaving: Handler<Bc66Module> = (call, module) => {
  call.args.atMost(5);
  const mode = call.args.integer(0, 0, 2);
  const periodic = call.args.string(3, "");
  const active = call.args.string(4, "");
  const isGood = [periodic, active].every(text => text === "" || bits8.test(text));
  if (!isGood) {
    call.cme(50);
    return;
  }
  const { values } = module;
  values.set("+CPSMS", mode === 1 ? 1 : 0);
  if (periodic !== "") values.set("T3412", periodic);
  if (active !== "") values.set("T3324", active);
  // The network hears of it by a tracking area update.
  if (module.registration.isRegistered) module.link.touch();
  call.ok();
};

const setEdrx: Handler<Bc66Module> = (call, module) => {
  call.args.atMost(3);
  const mode = call.args.integer(0, 0, 3);
  if (mode === 1 || mode === 2) call.args.integer(1, 5, 5);
  const cycle = call.args.string(2, "0101");
  if (!bits4.test(cycle)) {
    call.cme(50);
    return;
  }
  module.values.set("+CEDRXS", mode);
  module.values.set("eDRX", cycle);
  call.ok();
  if (mode === 2) module.urc(`+CEDRXP: 5,"${cycle}","${cycle}","0011"`);
};

/** AT Commands Manual V2.1: the two sleeps, power saving mode, eDRX. */
export const sleepCommands: CommandTable<Bc66Module> = {
  "+QSCLK": valueCommand({
    name: "+QSCLK",
    least: 0,
    most: 2,
    changed: module => module.sleep.consider(),
  }),
  "+QRELLOCK": {
    test: [],
    execute: (call, module) => {
      call.ok();
      module.sleep.unlock();
    },
  },
  "+QNBIOTEVENT": {
    test: ["+QNBIOTEVENT: (0,1),(1)"],
    read: (call, module) => {
      call.info(`+QNBIOTEVENT: ${module.values.get("+QNBIOTEVENT")},1`);
      call.ok();
    },
    write: (call, module) => {
      call.args.atMost(2);
      const isOn = call.args.integer(0, 0, 1);
      call.args.integer(1, 1, 1, 1);
      module.values.set("+QNBIOTEVENT", isOn);
      call.ok();
    },
  },
  "+QATWAKEUP": valueCommand({ name: "+QATWAKEUP", least: 0, most: 1 }),
  "+QNBIOTRAI": valueCommand({ name: "+QNBIOTRAI", least: 0, most: 2 }),
  "+CPSMS": {
    test: ["+CPSMS: (0-2),,,(00000000-11111111),(00000000-11111111)"],
    read: (call, module) => {
      const { values } = module;
      call.info(`+CPSMS: ${values.get("+CPSMS")},,,"${values.get("T3412")}","${values.get("T3324")}"`);
      call.ok();
    },
    write: setPowerSaving,
  },
  "+CEDRXS": {
    test: ['+CEDRXS: (0-3),(5),("0000"-"1111")'],
    read: (call, module) => {
      if (module.values.number("+CEDRXS") !== 0) call.info(`+CEDRXS: 5,"${module.values.get("eDRX")}"`);
      call.ok();
    },
    write: setEdrx,
  },
  "+CEDRXRDP": {
    test: [],
    execute: (call, module) => {
      const cycle = module.values.get("eDRX");
      if (module.values.number("+CEDRXS") === 0) call.info("+CEDRXRDP: 0");
      else call.info(`+CEDRXRDP: 5,"${cycle}","${cycle}","0011"`);
      call.ok();
    },
  },
};
