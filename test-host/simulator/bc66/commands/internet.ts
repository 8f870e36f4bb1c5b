import { isIPv4 } from "node:net";
import type { Call, CommandTable, Handler } from "../../modem/call.js";
import { ping } from "../../modem/ping.js";
import { socketErrors } from "../../modem/socket-errors.js";
import { socketErrorText } from "../errors.js";
import type { Bc66Module } from "../module.js";
import { valueCommand } from "./values.js";

/** TCP/IP commands answer plain ERROR; the code is told by QIGETERROR. */
export function refuse(call: Call, module: Bc66Module, code: number): void {
  module.lastError = code;
  call.error();
}

/** Answers ERROR and returns true where context 1 is not up, or another one is asked for. */
function lacksBearer(call: Call, module: Bc66Module, context: number): boolean {
  const isReady = module.bearer.isActive && context === 1;
  if (!isReady) refuse(call, module, socketErrors.openContextFailed);
  return !isReady;
}

const nameServers: Handler<Bc66Module> = (call, module) => {
  call.args.atMost(3);
  const context = call.args.integer(0, 1, 3);
  if (call.args.count === 1) {
    const [primary = "", secondary = ""] = module.values.get("dns").split(",");
    call.info(`+QIDNSCFG: ${String(context)},"${primary}","${secondary}","::","::"`);
    call.ok();
    return;
  }
  const servers = [call.args.string(1), call.args.string(2, "0.0.0.0")];
  if (servers.some(server => !isIPv4(server))) {
    refuse(call, module, socketErrors.invalidParameters);
    return;
  }
  module.values.set("dns", servers.join(","));
  call.ok();
};

const lookUp: Handler<Bc66Module> = (call, module) => {
  call.args.atMost(2);
  const context = call.args.integer(0, 1, 3);
  const host = call.args.string(1);
  if (lacksBearer(call, module, context)) return;
  call.ok();
  const boot = module.power.boots;
  module.link.exchange(1, 70, 120, () => {
    if (boot !== module.power.boots || !module.bearer.isActive) return;
    const addresses = module.network.resolve(host);
    if (!addresses) {
      module.lastError = socketErrors.dnsFailed;
      module.urc(`+QIURC: "dnsgip",${String(socketErrors.dnsFailed)}`);
      return;
    }
    module.urc(`+QIURC: "dnsgip",0,${String(addresses.length)},0`);
    for (const address of addresses) module.urc(`+QIURC: "dnsgip","${address}"`);
  });
};

const sendEchoes: Handler<Bc66Module> = (call, module) => {
  call.args.atMost(5);
  const context = call.args.integer(0, 1, 3);
  const host = call.args.string(1);
  const timeoutMs = call.args.integer(2, 1, 255, 4) * 1000;
  const count = call.args.integer(3, 1, 10, 4);
  call.args.integer(4, 32, 200, 32);
  if (lacksBearer(call, module, context)) return;
  call.ok();
  ping(module, { host, timeoutMs, count });
};

/** Items of AT+QICFG, kept in flash: how many flags each has. */
const socketOptions: Readonly<Record<string, number>> = {
  dataformat: 2,
  viewmode: 1,
  showlength: 1,
  echomode: 1,
};

const configureSockets: Handler<Bc66Module> = (call, module) => {
  const name = call.args.string(0).toLowerCase();
  const count = socketOptions[name];
  if (count === undefined) {
    refuse(call, module, socketErrors.invalidParameters);
    return;
  }
  if (call.args.count === 1) call.info(`+QICFG: "${name}",${module.values.get(name)}`);
  else {
    call.args.atMost(count + 1);
    const flags = Array.from({ length: count }, (_, index) => call.args.integer(index + 1, 0, 1));
    module.values.set(name, flags.join(","));
  }
  call.ok();
};

/** TCP/IP commands that are not about a single socket. */
export const internetCommands: CommandTable<Bc66Module> = {
  "+QIDNSCFG": { test: ["+QIDNSCFG: (1-3),<pridnsaddr>,<secdnsaddr>"], write: nameServers },
  "+QIDNSGIP": { test: ["+QIDNSGIP: (1-3),<hostname>"], write: lookUp },
  "+QPING": { test: ["+QPING: (1-3),<host>,(1-255),(1-10),(32-200)"], write: sendEchoes },
  "+QICFG": {
    test: Object.entries(socketOptions).map(
      ([name, count]) => `+QICFG: "${name}",${Array.from({ length: count }, () => "(0,1)").join(",")}`,
    ),
    write: configureSockets,
  },
  "+QISDE": valueCommand({ name: "+QISDE", least: 0, most: 1 }),
  "+QIKALIVE": {
    read: (call, module) => {
      call.info(`+QIKALIVE: ${module.values.get("+QIKALIVE")}`);
      call.ok();
    },
    write: (call, module) => {
      call.args.atMost(4);
      const values = [0, 1, 2, 3].map(index => call.args.integer(index, 0, 65_535, 0));
      module.values.set("+QIKALIVE", values.join(","));
      call.ok();
    },
  },
  "+QIGETERROR": {
    test: [],
    execute: (call, module) => {
      call.info(`+QIGETERROR: ${String(module.lastError)},${socketErrorText(module.lastError)}`);
      call.ok();
    },
  },
};

/** Payload is echoed after a send prompt; either of two settings silences it. */
export function echoesData(module: Bc66Module): boolean {
  return module.values.number("+QISDE") === 1 && module.values.number("echomode") === 1;
}
