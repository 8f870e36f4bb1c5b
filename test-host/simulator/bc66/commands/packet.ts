import type { CommandTable, Handler } from "../../modem/call.js";
import type { Bc66Module } from "../module.js";

const types = ["IP", "IPV6", "IPV4V6"];
const longestApn = 99;

function apnOf(module: Bc66Module): string {
  return module.values.effective("+QCGDEFCONT");
}

const setDefault: Handler<Bc66Module> = (call, module) => {
  call.args.atMost(4);
  const type = call.args.string(0);
  const apn = call.args.string(1, "");
  if (!types.includes(type) || apn.length > longestApn) {
    call.cme(50);
    return;
  }
  module.values.set("+QCGDEFCONT", apn === "" ? `"${type}"` : `"${type}","${apn}"`);
  call.ok();
};

const defineContext: Handler<Bc66Module> = (call, module) => {
  const id = call.args.integer(0, 1, 15);
  if (call.args.count === 1) module.contexts.delete(id);
  else {
    const type = call.args.string(1);
    if (!types.includes(type)) {
      call.cme(50);
      return;
    }
    module.contexts.set(id, `"${type}","${call.args.string(2, "")}"`);
  }
  call.ok();
};

const listContexts: Handler<Bc66Module> = (call, module) => {
  const all = new Map([[1, apnOf(module)], ...module.contexts]);
  call.info(
    ...[...all].map(([id, text]) => {
      const [type = '"IP"', apn = '""'] = text.split(",");
      const address = id === 1 && module.bearer.isActive ? module.bearer.address : "0.0.0.0";
      return `+CGDCONT: ${String(id)},${type},${apn},"${address}",0,0,0,,,,,,0,,0`;
    }),
  );
  call.ok();
};

const activate: Handler<Bc66Module> = (call, module) => {
  call.args.atMost(2);
  const isWanted = call.args.integer(0, 0, 1) === 1;
  const id = call.args.integer(1, 1, 15, 1);
  const { bearer, link, registration } = module;
  if (id !== 1) {
    call.cme(596);
    return;
  }
  if (isWanted && !registration.isRegistered) {
    call.cme(30);
    return;
  }
  const isChange = isWanted !== bearer.isActive;
  const delayMs = isChange ? link.spread(isWanted ? link.profile.activateMs : link.profile.deactivateMs) : 0;
  call.later(delayMs, () => {
    if (isWanted) {
      call.ok();
      module.activate();
    } else {
      module.deactivate();
      call.final("NO CARRIER", false);
    }
  });
};

const quectelActivate: Handler<Bc66Module> = (call, module) => {
  call.args.atMost(5);
  const isWanted = call.args.integer(0, 0, 1) === 1;
  const id = isWanted ? 1 : call.args.integer(1, 1, 3);
  const { bearer, link, registration } = module;
  if (isWanted) {
    call.args.integer(1, 1, 3);
    call.args.string(2);
  }
  if (id !== 1 || (isWanted && !registration.isRegistered)) {
    call.cme(id === 1 ? 30 : 596);
    return;
  }
  call.info(`+QGACT: ${String(id)}`);
  call.ok();
  const isChange = isWanted !== bearer.isActive;
  const delayMs = isChange ? link.spread(isWanted ? link.profile.activateMs : link.profile.deactivateMs) : 0;
  module.whileUp(delayMs, () => {
    if (isWanted) module.activate();
    else module.deactivate();
    module.urc(isWanted ? `+QGACT: ${String(id)},1,1,1` : `+QGACT: ${String(id)},0,1`);
  });
};

const showAddress: Handler<Bc66Module> = (call, module) => {
  call.args.atMost(1);
  const isFirst = call.form !== "write" || call.args.integer(0, 1, 15) === 1;
  if (isFirst && module.bearer.isActive) call.info(`+CGPADDR: 1,${module.bearer.address}`);
  call.ok();
};

/** AT Commands Manual V2.1, chapter 5: contexts. Number 1 comes up by itself. */
export const packetCommands: CommandTable<Bc66Module> = {
  "+QCGDEFCONT": {
    test: ['+QCGDEFCONT: ("IP","IPV6","IPV4V6"),<APN>,<username>,<password>'],
    read: (call, module) => {
      call.info(`+QCGDEFCONT: ${module.values.get("+QCGDEFCONT")}`);
      call.ok();
    },
    write: setDefault,
  },
  "+CGDCONT": {
    test: ['+CGDCONT: (1-15),("IP","IPV6","IPV4V6"),,,(0),(0),(0-1),(0-2),(0),(0,1),(0,1)'],
    read: listContexts,
    write: defineContext,
  },
  "+CGACT": {
    test: ["+CGACT: (0,1)"],
    read: (call, module) => {
      call.info(`+CGACT: 1,${module.bearer.isActive ? "1" : "0"}`);
      call.ok();
    },
    write: activate,
  },
  "+QGACT": { test: ["+QGACT: (0,1),(1-3),<APN>,<username>,<password>"], write: quectelActivate },
  "+CGPADDR": { test: ["+CGPADDR: (1)"], execute: showAddress, read: showAddress, write: showAddress },
  "+QIPADDR": {
    test: [],
    execute: (call, module) => {
      if (module.bearer.isActive) call.info(`+QIPADDR: ${module.bearer.address}`);
      call.info("+QIPADDR: 127.0.0.1");
      call.ok();
    },
  },
};
