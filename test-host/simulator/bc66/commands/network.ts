import type { Call, CommandTable, Handler } from "../../modem/call.js";
import type { Bc66Module } from "../module.js";
import { cellName } from "../registration.js";
import { valueCommand } from "./values.js";

/** [estimate] A scan of all bands, where there is a radio at all; the manual allows 900 s. */
const scanMs = 60_000;
const bands = [1, 2, 3, 4, 5, 8, 12, 13, 17, 18, 19, 20, 25, 26, 28, 66];

const readOperator: Handler<Bc66Module> = (call, module) => {
  const mode = module.values.get("cops");
  if (!module.registration.isRegistered) call.info(`+COPS: ${mode}`);
  else {
    const { longName, shortName, numeric } = module.settings.operator;
    const format = module.values.number("cops format");
    const name = [longName, shortName, numeric][format] ?? numeric;
    call.info(`+COPS: ${mode},${String(format)},"${name}",9`);
  }
  call.ok();
};

const scanOperators: Handler<Bc66Module> = (call, module) => {
  call.later(module.link.profile.name === "none" ? 0 : scanMs, () => {
    const { numeric } = module.settings.operator;
    const state = module.registration.isRegistered ? 2 : 1;
    call.info(`+COPS: (${String(state)},"${numeric}","${numeric}","${numeric}",9),,(0-4),(0-2)`);
    call.ok();
  });
};

const setOperator: Handler<Bc66Module> = (call, module) => {
  call.args.atMost(4);
  const mode = call.args.integer(0, 0, 4);
  const { values, settings } = module;
  if (mode === 3) {
    values.set("cops format", call.args.integer(1, 0, 2));
    call.ok();
    return;
  }
  if (mode === 2) {
    values.set("cops", 2);
    module.detach();
    call.ok();
    return;
  }
  let isKnown = true;
  if (mode !== 0) {
    call.args.integer(1, 0, 2);
    isKnown = call.args.string(2) === settings.operator.numeric;
  }
  if (!isKnown && mode === 1) {
    call.cme(30);
    return;
  }
  // An operator that is not there makes mode 4 fall back to automatic.
  values.set("cops", isKnown ? mode : 0);
  module.attach();
  call.ok();
};

const setAttach: Handler<Bc66Module> = (call, module) => {
  call.args.atMost(1);
  const isWanted = call.args.integer(0, 0, 1) === 1;
  const { registration, link } = module;
  if (!isWanted) {
    call.later(registration.isRegistered ? link.profile.detachMs : 0, () => {
      module.detach();
      call.ok();
    });
    return;
  }
  // As reported: while it searches it refuses to be told to.
  if (registration.state === 2 || module.functionality !== 1) call.error();
  else {
    module.attach();
    call.later(link.spread(link.profile.attachMs), () => {
      if (registration.isRegistered) call.ok();
      else call.error();
    });
  }
};

const setBands: Handler<Bc66Module> = (call, module) => {
  const count = call.args.integer(0, 0, bands.length);
  call.args.atMost(count + 1);
  const chosen = Array.from({ length: count }, (_, index) => call.args.integer(index + 1, 1, 66));
  if (chosen.some(band => !bands.includes(band))) {
    call.cme(50);
    return;
  }
  module.values.set("+QBAND", [count, ...chosen].join(","));
  call.ok();
};

function quality(call: Call, module: Bc66Module): void {
  const { csq } = module.settings.signal;
  call.info(module.registration.isRegistered ? `+CSQ: ${String(csq)},0` : "+CSQ: 99,99");
  call.ok();
}

function extendedQuality(call: Call, module: Bc66Module): void {
  const { rxlev, rsrq, rsrp } = module.settings.signal;
  const values = module.registration.isRegistered ? [rxlev, 0, 255, 255, rsrq, rsrp] : [0, 0, 255, 255, 0, 0];
  call.info(`+CESQ: ${values.join(",")}`);
  call.ok();
}

const engineering: Handler<Bc66Module> = (call, module) => {
  call.args.atMost(1);
  const mode = call.args.integer(0, 0, 2);
  const { registration, sleep, settings } = module;
  if (!registration.isRegistered || sleep.isInPsm || (mode === 1 && !sleep.isConnected)) {
    call.error();
    return;
  }
  const tail = settings.cellValues === 14 ? "0,,0" : "0,230";
  if (mode === 0)
    call.info(`+QENG: 0,1839,2,481,"${cellName.cell}",-85,-6,-78,5,3,"${cellName.area}",${tail}`);
  else if (mode === 1) call.info("+QENG: 2,0,0,0,0,0,0,0,0");
  else {
    const tenths = Math.floor(module.scheduler.nowMs / 100);
    call.info(`+QENG: 3,0,${String(tenths)},0`);
  }
  call.ok();
};

/** AT Commands Manual V2.1, chapter 4: network service. There is no +CREG. */
export const networkCommands: CommandTable<Bc66Module> = {
  "+CEREG": {
    test: ["+CEREG: (0-5)"],
    read: (call, module) => {
      call.info(module.registration.describe());
      call.ok();
    },
    write: (call, module) => {
      call.args.atMost(1);
      module.values.set("+CEREG", call.args.integer(0, 0, 5));
      call.ok();
    },
  },
  "+CGATT": {
    test: ["+CGATT: (0,1)"],
    read: (call, module) => {
      call.info(`+CGATT: ${module.registration.isRegistered ? "1" : "0"}`);
      call.ok();
    },
    write: setAttach,
  },
  "+COPS": { test: scanOperators, read: readOperator, write: setOperator },
  "+QBAND": {
    test: [`+QBAND: (0-${String(bands.length)}),(${bands.join(",")})`],
    read: (call, module) => {
      const [count = "0", ...chosen] = module.values.get("+QBAND").split(",");
      call.info(`+QBAND: ${(count === "0" ? bands.map(String) : chosen).join(",")}`);
      call.ok();
    },
    write: setBands,
  },
  "+CSCON": {
    ...valueCommand({ name: "+CSCON", least: 0, most: 1 }),
    read: (call, module) => {
      call.info(`+CSCON: ${module.values.get("+CSCON")},${module.sleep.isConnected ? "1" : "0"}`);
      call.ok();
    },
  },
  "+CSQ": { test: ["+CSQ: (0-31,99),(0-7,99)"], execute: quality },
  "+CESQ": {
    test: ["+CESQ: (0-63,99),(0-7,99),(255),(255),(0-34,255),(0-97,255)"],
    execute: extendedQuality,
  },
  "+QENG": { test: ["+QENG: (0-2)"], write: engineering },
  "+QSPCHSC": {
    write: call => {
      call.args.atMost(1);
      call.args.integer(0, 0, 1);
      call.ok();
    },
  },
};
