import type { CommandEntry, CommandTable, Handler } from "../../modem/call.js";
import type { Bg95Module } from "../module.js";
import type { RegistrationDomain } from "../registration.js";
import { valueCommand } from "./values.js";

/** A full scan of one technology, where there is a radio at all. */
const scanMs = 20_000;

function registration(domain: RegistrationDomain): CommandEntry<Bg95Module> {
  const most = domain === "CREG" ? 2 : 4;
  return {
    test: [`+${domain}: (0-${String(most)})`],
    read: (call, module) => {
      call.info(module.registration.describe(domain));
      call.ok();
    },
    write: (call, module) => {
      call.args.atMost(1);
      module.registration.modes[domain] = call.args.integer(0, 0, most);
      call.ok();
    },
  };
}

const readOperator: Handler<Bg95Module> = (call, module) => {
  const { mode, format } = module.operatorMode;
  const { longName, shortName, numeric } = module.settings.operator;
  if (module.functionality !== 1) call.info("+COPS: 2");
  else if (!module.registration.isRegistered) call.info(`+COPS: ${String(mode)}`);
  else {
    const name = [longName, shortName, numeric][format] ?? numeric;
    call.info(
      `+COPS: ${String(mode)},${String(format)},"${name}",${String(module.link.profile.accessTechnology)}`,
    );
  }
  call.ok();
};

const scanOperators: Handler<Bg95Module> = (call, module) => {
  const { longName, shortName, numeric } = module.settings.operator;
  call.later(module.link.profile.name === "none" ? 0 : scanMs, () => {
    const act = String(module.link.profile.accessTechnology);
    const state = module.registration.isRegistered ? 2 : 1;
    call.info(
      `+COPS: (${String(state)},"${longName}","${shortName}","${numeric}",${act}),,(0,1,2,3,4),(0,1,2)`,
    );
    call.ok();
  });
};

const setOperator: Handler<Bg95Module> = (call, module) => {
  call.args.atMost(4);
  const mode = call.args.integer(0, 0, 4);
  if (mode === 3) {
    module.operatorMode.format = call.args.integer(1, 0, 2);
    call.ok();
    return;
  }
  if (mode === 2) {
    module.operatorMode.mode = 2;
    module.detach();
    call.ok();
    return;
  }
  let known = true;
  if (mode === 1 || mode === 4) {
    const format = call.args.integer(1, 0, 2);
    const wanted = call.args.string(2);
    const { longName, shortName, numeric } = module.settings.operator;
    known = [longName, shortName, numeric][format] === wanted;
    module.operatorMode.format = format;
  }
  if (!known && mode === 1) {
    call.cme(30);
    return;
  }
  // An operator that is not there makes mode 4 fall back to automatic.
  module.operatorMode.mode = known ? mode : 0;
  module.attach();
  awaitRegistration(module, 180_000, registered => {
    if (registered) call.ok();
    else call.cme(30);
  });
};

function awaitRegistration(module: Bg95Module, limitMs: number, done: (registered: boolean) => void): void {
  const { registration: network, scheduler } = module;
  const endMs = scheduler.nowMs + limitMs;
  const check = (): void => {
    if (network.isRegistered) done(true);
    else if (network.state === 3 || scheduler.nowMs >= endMs) done(false);
    else scheduler.after(100, check);
  };
  check();
}

const names = { 0: "GSM", 8: "eMTC", 9: "NBIoT" } as const;

const quality: Handler<Bg95Module> = (call, module) => {
  const { registration: network, link, settings } = module;
  if (!network.isRegistered) call.info('+QCSQ: "NOSERVICE"');
  else {
    const [rssi, rsrp, sinr, rsrq] = settings.signal;
    const values = link.profile.accessTechnology === 0 ? [rssi] : [rssi, rsrp, sinr, rsrq];
    call.info(`+QCSQ: "${names[link.profile.accessTechnology]}",${values.join(",")}`);
  }
  call.ok();
};

/** AT Commands Manual, chapter 6: network service. */
export const networkCommands: CommandTable<Bg95Module> = {
  "+COPS": { test: scanOperators, read: readOperator, write: setOperator },
  "+CREG": registration("CREG"),
  "+CGREG": registration("CGREG"),
  "+CEREG": registration("CEREG"),
  "+CGATT": {
    test: ["+CGATT: (0,1)"],
    read: (call, module) => {
      call.info(`+CGATT: ${module.registration.isRegistered ? "1" : "0"}`);
      call.ok();
    },
    write: (call, module) => {
      if (call.args.integer(0, 0, 1) === 0) {
        module.detach();
        call.ok();
        return;
      }
      module.attach();
      awaitRegistration(module, 140_000, registered => {
        if (registered) call.ok();
        else call.cme(30);
      });
    },
  },
  "+CSQ": {
    test: ["+CSQ: (0-31,99),(0-7,99)"],
    execute: (call, module) => {
      const [rssi] = module.settings.signal;
      const coded = Math.max(0, Math.min(31, Math.round((rssi + 113) / 2)));
      call.info(module.registration.isRegistered ? `+CSQ: ${String(coded)},99` : "+CSQ: 99,99");
      call.ok();
    },
  },
  "+QCSQ": { test: ['+QCSQ: "NOSERVICE","GSM","eMTC","NBIoT"'], execute: quality },
  "+QNWINFO": {
    test: [],
    execute: (call, module) => {
      const { registration: network, link, settings } = module;
      const { numeric } = settings.operator;
      if (!network.isRegistered) call.info("+QNWINFO: No Service");
      else if (link.profile.accessTechnology === 0) call.info(`+QNWINFO: "EDGE","${numeric}","GSM 1800",653`);
      else call.info(`+QNWINFO: "${names[link.profile.accessTechnology]}","${numeric}","LTE BAND 20",6300`);
      call.ok();
    },
  },
  "+QSPN": {
    test: [],
    execute: (call, module) => {
      const { longName, shortName, numeric } = module.settings.operator;
      call.info(`+QSPN: "${longName}","${shortName}","${longName}",0,"${numeric}"`);
      call.ok();
    },
  },
  "+QCSCON": valueCommand({ name: "+QCSCON", least: 0, most: 1, initial: 0, store: "volatile" }),
  "+CGEREP": {
    test: ["+CGEREP: (0-2),(0,1)"],
    read: (call, module) => {
      const mode = module.volatile.get("+CGEREP") ?? 0;
      call.info(`+CGEREP: ${String(mode)},${String(module.volatile.get("+CGEREP buffer") ?? 0)}`);
      call.ok();
    },
    write: (call, module) => {
      call.args.atMost(2);
      module.volatile.set("+CGEREP", call.args.integer(0, 0, 2));
      module.volatile.set("+CGEREP buffer", call.args.integer(1, 0, 1, 0));
      call.ok();
    },
  },
};
