import type { Call, CommandTable, Handler } from "../../modem/call.js";
import type { Bc66Module } from "../module.js";

/** [estimate] */
const functionalityMs = 200;

const setFunctionality: Handler<Bc66Module> = (call, module) => {
  call.args.atMost(2);
  const level = call.args.integer(0, 0, 7);
  // 0 now and not stored, 1 stored and restarted, 2 now and stored.
  const rst = call.args.integer(1, 0, 2, 0);
  if (![0, 1, 4, 7].includes(level)) {
    call.cme(766);
    return;
  }
  if (rst > 0) module.values.set("+CFUN", level);
  if (rst === 1) {
    call.ok();
    module.power.restart();
    return;
  }
  const isChange = module.functionality !== level;
  const { link } = module;
  const delayMs = !isChange || link.profile.name === "none" ? 0 : functionalityMs;
  const detachMs = isChange && level !== 1 && module.registration.isRegistered ? link.profile.detachMs : 0;
  call.later(delayMs + detachMs, () => {
    module.functionality = level;
    if (level !== 1) module.detach();
    call.ok();
    if (level !== 1 || !isChange) return;
    if (module.sim.isPresent) module.urc(`+CPIN: ${module.sim.describe()}`);
    module.attach();
  });
};

/** Answers `+CME ERROR` and returns true when the SIM cannot be asked. */
function refusesSim(call: Call, module: Bc66Module): boolean {
  const code = module.functionality === 0 ? 772 : module.sim.isPresent ? 0 : 10;
  if (code !== 0) call.cme(code);
  return code !== 0;
}

const enterPin: Handler<Bc66Module> = (call, module) => {
  call.args.atMost(2);
  if (refusesSim(call, module)) return;
  const code = call.args.has(1)
    ? module.sim.unblock(call.args.text(0), call.args.text(1))
    : module.sim.unlock(call.args.text(0));
  if (code !== 0) {
    call.cme(code);
    return;
  }
  call.ok();
  module.urc("+CPIN: READY");
  module.attach();
};

function simText(text: (module: Bc66Module) => string): Handler<Bc66Module> {
  return (call, module) => {
    if (refusesSim(call, module)) return;
    if (!module.sim.isReady) {
      call.cme(module.sim.describe() === "SIM PUK" ? 12 : 11);
      return;
    }
    call.info(text(module));
    call.ok();
  };
}

const powerDown: Handler<Bc66Module> = (call, module) => {
  call.args.atMost(1);
  const mode = call.args.integer(0, 0, 2);
  if (mode === 1 || (mode === 2 && !module.settings.powerDownResets)) {
    call.error();
    return;
  }
  call.ok();
  if (mode === 2) module.power.restart();
  else module.power.powerDown();
};

const reset: Handler<Bc66Module> = (call, module) => {
  call.args.atMost(1);
  call.args.integer(0, 1, 1);
  if (module.settings.resetAnswers) call.ok();
  module.power.restart();
};

/** AT Commands Manual V2.1: functionality, power, SIM, supply. */
export const statusCommands: CommandTable<Bc66Module> = {
  "+CFUN": {
    test: ["+CFUN: (0,1,4,7),(0-2)"],
    read: (call, module) => {
      call.info(`+CFUN: ${String(module.functionality)}`);
      call.ok();
    },
    write: setFunctionality,
  },
  "+QPOWD": { test: ["+QPOWD: (0,2)"], write: powerDown },
  "+QRST": { test: ["+QRST: (1)"], write: reset },
  "+CPIN": {
    test: [],
    read: (call, module) => {
      if (refusesSim(call, module)) return;
      call.info(`+CPIN: ${module.sim.describe()}`);
      call.ok();
    },
    write: enterPin,
  },
  "+QCCID": { test: [], execute: simText(module => `+QCCID: ${module.settings.sim.iccid}`) },
  "+CIMI": { test: [], execute: simText(module => module.settings.sim.imsi) },
  "+CBC": {
    test: [],
    execute: (call, module) => {
      call.info(`+CBC: 0,0,${String(module.settings.supplyMillivolts)}`);
      call.ok();
    },
  },
};
