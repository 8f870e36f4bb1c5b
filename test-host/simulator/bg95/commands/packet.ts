import type { Call, CommandTable, Handler } from "../../modem/call.js";
import type { PdpContext } from "../contexts.js";
import type { Bg95Module } from "../module.js";

const contextTypes: Readonly<Record<string, 1 | 2 | 3>> = { IP: 1, IPV6: 2, IPV4V6: 3 };

const configure: Handler<Bg95Module> = (call, module) => {
  call.args.atMost(6);
  const context = module.contexts.get(call.args.integer(0, 1, 16));
  const { settings } = context;
  if (call.args.count === 1) {
    const { type, apn, user, password, authentication } = settings;
    call.info(`+QICSGP: ${String(type)},"${apn}","${user}","${password}",${String(authentication)}`);
    call.ok();
    return;
  }
  const type = call.args.integer(1, 1, 3);
  const changed = {
    type: type === 1 ? (1 as const) : type === 2 ? (2 as const) : (3 as const),
    apn: call.args.string(2, settings.apn),
    user: call.args.string(3, ""),
    password: call.args.string(4, ""),
    authentication: call.args.integer(5, 0, 3, 0),
  };
  if (context.state === "active") {
    call.error();
    return;
  }
  context.settings = changed;
  call.ok();
};

/** Activates or answers why not; shared by QIACT and CGACT. */
function activate(call: Call, module: Bg95Module, context: PdpContext): void {
  const { link, contexts } = module;
  const isFull = contexts.active.length >= link.profile.contexts;
  if (context.state !== "inactive" || isFull || !module.registration.isRegistered) {
    call.error();
    return;
  }
  context.state = "activating";
  link.touch();
  call.later(link.spread(link.profile.activateMs), () => {
    if (!module.registration.isRegistered) {
      context.state = "inactive";
      call.error();
      return;
    }
    context.state = "active";
    call.ok();
  });
}

function deactivate(call: Call, module: Bg95Module, context: PdpContext): void {
  const wasActive = context.state === "active";
  call.later(wasActive ? module.link.profile.deactivateMs : 0, () => {
    module.deactivate(context.id);
    call.ok();
  });
}

function describeActive(context: PdpContext): string {
  return `+QIACT: ${String(context.id)},1,${String(context.settings.type)},"${context.address}"`;
}

/** AT Commands Manual, chapter 9, and TCP(IP) Application Note 2.1: PDP contexts. */
export const packetCommands: CommandTable<Bg95Module> = {
  "+QICSGP": { test: ["+QICSGP: (1-16),(1-3),<apn>,<username>,<password>,(0-3)"], write: configure },
  "+QIACT": {
    test: ["+QIACT: (1-16)"],
    read: (call, module) => {
      call.info(...module.contexts.active.map(describeActive));
      call.ok();
    },
    write: (call, module) => {
      call.args.atMost(1);
      activate(call, module, module.contexts.get(call.args.integer(0, 1, 16)));
    },
  },
  "+QIDEACT": {
    test: ["+QIDEACT: (1-16)"],
    write: (call, module) => {
      call.args.atMost(1);
      deactivate(call, module, module.contexts.get(call.args.integer(0, 1, 16)));
    },
  },
  "+CGDCONT": {
    test: [
      '+CGDCONT: (1-15),"IP",,,(0),(0)',
      '+CGDCONT: (1-15),"PPP",,,(0),(0)',
      '+CGDCONT: (1-15),"IPV6",,,(0),(0)',
      '+CGDCONT: (1-15),"IPV4V6",,,(0),(0)',
    ],
    read: (call, module) => {
      call.info(
        ...module.contexts.defined.map(context => {
          const address = context.state === "active" ? context.address : "0.0.0.0";
          return `+CGDCONT: ${String(context.id)},"${context.typeName}","${context.settings.apn}","${address}",0,0,0`;
        }),
      );
      call.ok();
    },
    write: (call, module) => {
      const context = module.contexts.get(call.args.integer(0, 1, 15));
      const type = contextTypes[call.args.string(1, "IP").toUpperCase()];
      const apn = call.args.string(2, "");
      if (type === undefined || context.state === "active") {
        call.error();
        return;
      }
      context.settings = { ...context.settings, type, apn };
      call.ok();
    },
  },
  "+CGPADDR": {
    test: ["+CGPADDR: (1)"],
    execute: (call, module) => {
      call.info(
        ...module.contexts.active.map(context => `+CGPADDR: ${String(context.id)},${context.address}`),
      );
      call.ok();
    },
    write: (call, module) => {
      const context = module.contexts.get(call.args.integer(0, 1, 15));
      const address = context.state === "active" ? `,${context.address}` : "";
      call.info(`+CGPADDR: ${String(context.id)}${address}`);
      call.ok();
    },
  },
  "+CGACT": {
    test: ["+CGACT: (0,1)"],
    read: (call, module) => {
      call.info(
        ...module.contexts.defined.map(
          context => `+CGACT: ${String(context.id)},${context.state === "active" ? "1" : "0"}`,
        ),
      );
      call.ok();
    },
    write: (call, module) => {
      call.args.atMost(2);
      const wanted = call.args.integer(0, 0, 1);
      const context = module.contexts.get(call.args.integer(1, 1, 15, 1));
      if (wanted === 0) deactivate(call, module, context);
      else if (context.state === "active") call.ok();
      else activate(call, module, context);
    },
  },
};
