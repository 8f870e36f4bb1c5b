import type { Call, CommandTable, Handler } from "../../modem/call.js";
import type { Bg95Module } from "../module.js";
import { valueCommand } from "./values.js";

/** Measured on a BG95-M3. */
const functionalityMs = 160;

const setFunctionality: Handler<Bg95Module> = (call, module) => {
  call.args.atMost(2);
  const level = call.args.integer(0, 0, 4);
  const reset = call.args.integer(1, 0, 1, 0);
  if (level !== 0 && level !== 1 && level !== 4) {
    call.error();
    return;
  }
  if (reset === 1) {
    if (level !== 1) {
      call.error();
      return;
    }
    call.ok();
    module.power.reboot();
    return;
  }
  const delayMs = module.functionality === level || module.link.profile.name === "none" ? 0 : functionalityMs;
  call.later(delayMs, () => {
    module.functionality = level;
    if (level === 1) module.attach();
    else module.detach();
    call.ok();
  });
};

/** Answers `+CME ERROR` and returns true when the SIM cannot be asked. */
function refusesSim(call: Call, module: Bg95Module): boolean {
  const code = module.functionality === 0 ? 13 : module.sim.isPresent ? 0 : 10;
  if (code !== 0) call.cme(code);
  return code !== 0;
}

const enterPin: Handler<Bg95Module> = (call, module) => {
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
  module.urc("+QUSIM: 1");
  module.attach();
  call.later(1_000, () => module.urc("+QIND: SMS DONE"));
};

function simText(text: (module: Bg95Module) => string): Handler<Bg95Module> {
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

/** AT Commands Manual, chapters 4 and 5: functionality, power, SIM, where URCs go. */
export const statusCommands: CommandTable<Bg95Module> = {
  "+CFUN": {
    test: ["+CFUN: (0,1,4),(0,1)"],
    read: (call, module) => {
      call.info(`+CFUN: ${String(module.functionality)}`);
      call.ok();
    },
    write: setFunctionality,
  },
  "+QPOWD": {
    test: ["+QPOWD: (0,1)"],
    execute: (call, module) => powerDown(call, module, 1),
    write: (call, module) => powerDown(call, module, call.args.integer(0, 0, 1, 1)),
  },
  "+CPIN": {
    test: [],
    read: (call, module) => {
      if (refusesSim(call, module)) return;
      call.info(`+CPIN: ${module.sim.describe()}`);
      call.ok();
    },
    write: enterPin,
  },
  "+QCCID": {
    test: [],
    execute: (call, module) => {
      if (refusesSim(call, module)) return;
      call.info(`+QCCID: ${module.settings.sim.iccid}`);
      call.ok();
    },
  },
  "+CIMI": { test: [], execute: simText(module => module.settings.sim.imsi) },
  "+QSIMDET": valueCommand({ name: "+QSIMDET", least: 0, most: 1, initial: 0, store: "kept" }),
  "+QSIMSTAT": {
    test: ["+QSIMSTAT: (0,1)"],
    read: (call, module) => {
      const enabled = module.kept.get("+QSIMSTAT") ?? 0;
      call.info(`+QSIMSTAT: ${String(enabled)},${module.sim.isPresent ? "1" : "0"}`);
      call.ok();
    },
    write: (call, module) => {
      module.kept.set("+QSIMSTAT", call.args.integer(0, 0, 1));
      call.ok();
    },
  },
  "+QINISTAT": {
    test: ["+QINISTAT: (0-3)"],
    execute: (call, module) => {
      call.info(`+QINISTAT: ${module.sim.isReady ? "3" : "0"}`);
      call.ok();
    },
  },
  "+QURCCFG": {
    test: ['+QURCCFG: "urcport",("usbat","usbmodem","uart1","all")'],
    write: (call, module) => {
      call.args.atMost(2);
      if (call.args.string(0) !== "urcport") {
        call.error();
        return;
      }
      if (!call.args.has(1)) {
        call.info(`+QURCCFG: "urcport","${module.configuration.get("urcport") ?? "uart1"}"`);
        call.ok();
        return;
      }
      const port = call.args.string(1);
      if (!["usbat", "usbmodem", "uart1", "all"].includes(port)) {
        call.error();
        return;
      }
      module.configuration.set("urcport", port);
      call.ok();
    },
  },
  "+QINDCFG": {
    test: ["all", "csq", "smsfull", "ring", "smsincoming"].map(item => `+QINDCFG: "${item}",(0,1),(0,1)`),
    write: (call, module) => {
      call.args.atMost(3);
      const item = call.args.string(0);
      if (!["all", "csq", "smsfull", "ring", "smsincoming"].includes(item)) {
        call.error();
        return;
      }
      const name = `+QINDCFG ${item}`;
      if (call.args.has(1)) module.kept.set(name, call.args.integer(1, 0, 1));
      else call.info(`+QINDCFG: "${item}",${String(module.kept.get(name) ?? 1)}`);
      call.ok();
    },
  },
};

function powerDown(call: Call, module: Bg95Module, mode: number): void {
  const { powerDownMs } = module.settings.boot;
  const detachMs = mode === 0 || !module.registration.isRegistered ? 0 : module.link.profile.detachMs;
  call.ok();
  module.power.powerDown("POWERED DOWN", powerDownMs + detachMs);
}
