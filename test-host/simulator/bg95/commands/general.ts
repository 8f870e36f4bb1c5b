import type { Call, CommandEntry, CommandTable, Handler } from "../../modem/call.js";
import type { Bg95Module } from "../module.js";
import { registrationDomains } from "../registration.js";

const rates = [
  9_600, 19_200, 38_400, 57_600, 115_200, 230_400, 460_800, 921_600, 2_900_000, 3_000_000, 3_200_000,
  3_686_400, 4_000_000,
];

function text(value: (module: Bg95Module) => string): CommandEntry<Bg95Module> {
  return {
    test: [],
    execute: (call, module) => {
      call.info(value(module));
      call.ok();
    },
  };
}

function flag(set: (module: Bg95Module, value: number) => void, most = 1): CommandEntry<Bg95Module> {
  return {
    execute: (call, module) => {
      set(module, call.args.integer(0, 0, most, 0));
      call.ok();
    },
  };
}

function register(
  name: string,
  read: (module: Bg95Module) => number,
  set: (module: Bg95Module, value: number) => void,
) {
  const entry: CommandEntry<Bg95Module> = {
    read: (call, module) => {
      call.info(String(read(module)).padStart(3, "0"));
      call.ok();
    },
    write: (call, module) => {
      set(module, call.args.integer(0, 0, 255));
      call.ok();
    },
  };
  return { [name]: entry };
}

function identify(call: Call, module: Bg95Module): void {
  const { model, revision } = module.settings;
  call.info("Quectel", model, `Revision: ${revision}`);
  call.ok();
}

/** AT&F: the factory profile; the rate stays. */
function factory(module: Bg95Module): void {
  const { baud } = module;
  Object.assign(module.profile, {
    echo: true,
    verbose: true,
    quiet: false,
    carriageReturn: 13,
    lineFeed: 10,
    backspace: 8,
  });
  module.profile.errors = 1;
  for (const domain of registrationDomains) module.registration.modes[domain] = 0;
  module.baud = baud;
}

const setRate: Handler<Bg95Module> = (call, module) => {
  call.args.atMost(1);
  const rate = call.args.integer(0, 0, 4_000_000);
  if (!rates.includes(rate)) {
    call.error();
    return;
  }
  // The result of the line still leaves at the old rate.
  call.ok();
  module.baud = rate;
};

/** AT Commands Manual, chapters 2 and 3: identification, profile, interface to the terminal. */
export const generalCommands: CommandTable<Bg95Module> = {
  I: { execute: identify },
  "+CGMI": text(() => "Quectel"),
  "+GMI": text(() => "Quectel"),
  "+CGMM": text(module => module.settings.model),
  "+GMM": text(module => module.settings.model),
  "+CGMR": text(module => module.settings.revision),
  "+GMR": text(module => module.settings.revision),
  "+QGMR": text(module => module.settings.firmware),
  "+CGSN": text(module => module.settings.imei),
  "+GSN": text(module => module.settings.imei),
  E: flag((module, value) => (module.profile.echo = value === 1)),
  V: flag((module, value) => (module.profile.verbose = value === 1)),
  Q: flag((module, value) => (module.profile.quiet = value === 1)),
  X: flag(() => undefined, 4),
  "&C": flag(() => undefined),
  "&D": flag(() => undefined, 2),
  ...register(
    "S0",
    () => 0,
    () => undefined,
  ),
  ...register(
    "S7",
    () => 0,
    () => undefined,
  ),
  ...register(
    "S10",
    () => 15,
    () => undefined,
  ),
  ...register(
    "S3",
    module => module.profile.carriageReturn,
    (module, value) => (module.profile.carriageReturn = value),
  ),
  ...register(
    "S4",
    module => module.profile.lineFeed,
    (module, value) => (module.profile.lineFeed = value),
  ),
  ...register(
    "S5",
    module => module.profile.backspace,
    (module, value) => (module.profile.backspace = value),
  ),
  "&F": flag(factory),
  "&W": flag(module => {
    const { echo, verbose, quiet } = module.profile;
    Object.assign(module.stored, {
      echo,
      verbose,
      quiet,
      baud: module.baud,
      modes: { ...module.registration.modes },
    });
  }),
  Z: flag(module => {
    factory(module);
    const { echo, verbose, quiet, modes } = module.stored;
    Object.assign(module.profile, { echo, verbose, quiet });
    Object.assign(module.registration.modes, modes);
  }),
  O: {
    execute: (call, module) => {
      const socket = module.data.resumable;
      if (!socket) {
        call.final("NO CARRIER", false);
        return;
      }
      call.final("CONNECT", false);
      module.data.enter(socket);
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
      module.profile.errors = level === 2 ? 2 : level === 1 ? 1 : 0;
      call.ok();
    },
  },
  "+IPR": {
    test: [`+IPR: (),(${rates.join(",")})`],
    read: (call, module) => {
      call.info(`+IPR: ${String(module.baud)}`);
      call.ok();
    },
    write: setRate,
  },
  "+ICF": {
    test: ["+ICF: (3),(3)"],
    read: call => {
      call.info("+ICF: 3,3");
      call.ok();
    },
    write: call => {
      call.args.integer(0, 3, 3);
      call.ok();
    },
  },
  "+IFC": {
    test: ["+IFC: (0,2),(0,2)"],
    read: (call, module) => {
      call.info(`+IFC: ${String(module.flow.byHost)},${String(module.flow.byModule)}`);
      call.ok();
    },
    write: (call, module) => {
      call.args.atMost(2);
      // First: the terminal holds the module's data back by RTS; second: the module does it by CTS.
      const byHost = call.args.integer(0, 0, 2);
      const byModule = call.args.integer(1, 0, 2, 0);
      if (byHost === 1 || byModule === 1) {
        call.error();
        return;
      }
      module.flow = { byHost, byModule };
      call.ok();
    },
  },
};
