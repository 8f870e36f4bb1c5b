import type { Call, CommandTable, Handler } from "../../modem/call.js";
import { socketErrors, socketErrorText } from "../errors.js";
import { ping as sendEchoes } from "../../modem/ping.js";
import type { Bg95Module } from "../module.js";
import { valueCommand } from "./values.js";

/** TCP/IP commands answer plain ERROR; the code is told by QIGETERROR. */
export function refuse(call: Call, module: Bg95Module, code: number): void {
  module.lastError = code;
  call.error();
}

const nameServers: Handler<Bg95Module> = (call, module) => {
  call.args.atMost(3);
  const context = module.contexts.get(call.args.integer(0, 1, 16));
  if (context.state !== "active") {
    refuse(call, module, socketErrors.openContextFailed);
    return;
  }
  if (call.args.count === 1) {
    call.info(`+QIDNSCFG: ${String(context.id)},"${context.dns[0]}","${context.dns[1]}"`);
  } else {
    context.dns = [call.args.string(1), call.args.string(2, "0.0.0.0")];
  }
  call.ok();
};

const lookUp: Handler<Bg95Module> = (call, module) => {
  call.args.atMost(2);
  const context = module.contexts.get(call.args.integer(0, 1, 16));
  const host = call.args.string(1);
  if (context.state !== "active") {
    refuse(call, module, socketErrors.openContextFailed);
    return;
  }
  call.ok();
  const boot = module.power.boots;
  module.link.exchange(1, 70, 120, () => {
    if (boot !== module.power.boots || context.state !== "active") return;
    const addresses = module.network.resolve(host);
    if (!addresses) {
      module.lastError = socketErrors.dnsFailed;
      module.urc(`+QIURC: "dnsgip",${String(socketErrors.dnsFailed)}`);
      return;
    }
    module.urc(`+QIURC: "dnsgip",0,${String(addresses.length)},600`);
    for (const address of addresses) module.urc(`+QIURC: "dnsgip","${address}"`);
  });
};

const ping: Handler<Bg95Module> = (call, module) => {
  call.args.atMost(4);
  const context = module.contexts.get(call.args.integer(0, 1, 16));
  const host = call.args.string(1);
  const timeoutMs = call.args.integer(2, 1, 255, 4) * 1000;
  const count = call.args.integer(3, 1, 10, 4);
  if (context.state !== "active") {
    refuse(call, module, socketErrors.openContextFailed);
    return;
  }
  call.ok();
  sendEchoes(module, { host, timeoutMs, count });
};

interface SocketOption {
  readonly range: string;
  readonly fields: readonly (readonly [least: number, most: number, initial: number])[];
  readonly changed?: (module: Bg95Module, values: readonly number[]) => void;
}

const socketOptions: Readonly<Record<string, SocketOption>> = {
  transpktsize: { range: "(1-1460)", fields: [[1, 1460, 1024]] },
  transwaittm: { range: "(0-20)", fields: [[0, 20, 2]] },
  dataformat: {
    range: "(0,1),(0,1)",
    fields: [
      [0, 1, 0],
      [0, 1, 0],
    ],
    changed: (module, [send = 0, receive = 0]) => {
      module.socketOptions.sendHex = send;
      module.socketOptions.receiveHex = receive;
    },
  },
  viewmode: {
    range: "(0,1)",
    fields: [[0, 1, 0]],
    changed: (module, [value = 0]) => (module.socketOptions.viewMode = value),
  },
  recvind: {
    range: "(0,1)",
    fields: [[0, 1, 0]],
    changed: (module, [value = 0]) => (module.socketOptions.recvLength = value),
  },
  sack: { range: "(0,1)", fields: [[0, 1, 0]] },
  "tcp/keepalive": {
    range: "(0-1),(1-120),(25-100),(3-10)",
    fields: [
      [0, 1, 0],
      [1, 120, 1],
      [25, 100, 25],
      [3, 10, 3],
    ],
  },
  "tcp/retranscfg": {
    range: "(3-20),(5-1000)",
    fields: [
      [3, 20, 12],
      [5, 1000, 600],
    ],
  },
};

const configureSockets: Handler<Bg95Module> = (call, module) => {
  const name = call.args.string(0).toLowerCase();
  const option = socketOptions[name];
  if (!option) {
    refuse(call, module, socketErrors.invalidParameters);
    return;
  }
  const key = (index: number): string => (index === 0 ? name : `${name} ${String(index)}`);
  if (call.args.count === 1) {
    const shown = option.fields.map(([, , initial], index) => module.volatile.get(key(index)) ?? initial);
    const visible = name === "tcp/keepalive" && shown[0] === 0 ? shown.slice(0, 1) : shown;
    call.info(`+QICFG: "${name}",${visible.join(",")}`);
    call.ok();
    return;
  }
  call.args.atMost(option.fields.length + 1);
  const values = option.fields.map(([least, most, initial], index) => {
    const present = module.volatile.get(key(index)) ?? initial;
    return index === 0
      ? call.args.integer(1, least, most)
      : call.args.integer(index + 1, least, most, present);
  });
  values.forEach((value, index) => module.volatile.set(key(index), value));
  option.changed?.(module, values);
  call.ok();
};

const echo = valueCommand({ name: "+QISDE", least: 0, most: 1, initial: 1, store: "volatile" });

/** TCP(IP) Application Note, what is not about a single socket: names, ping, options, errors. */
export const internetCommands: CommandTable<Bg95Module> = {
  "+QIDNSCFG": { test: ["+QIDNSCFG: (1-16),<pridnsaddr>,<secdnsaddr>"], write: nameServers },
  "+QIDNSGIP": { test: ["+QIDNSGIP: (1-16),<hostname>"], write: lookUp },
  "+QPING": { test: ["+QPING: (1-16),<host>,(1-255),(1-10)"], write: ping },
  "+QICFG": {
    test: Object.entries(socketOptions).map(([name, option]) => `+QICFG: "${name}",${option.range}`),
    write: configureSockets,
  },
  "+QISDE": {
    ...echo,
    read: (call, module) => {
      call.info(`+QISDE: ${echoesData(module) ? "1" : "0"}`);
      call.ok();
    },
  },
  "+QIGETERROR": {
    test: [],
    execute: (call, module) => {
      call.info(`+QIGETERROR: ${String(module.lastError)}, ${socketErrorText(module.lastError)}`);
      call.ok();
    },
  },
};

/** Whether payload is echoed after a send prompt. */
export function echoesData(module: Bg95Module): boolean {
  const value = module.volatile.get("+QISDE");
  return value === undefined ? module.settings.dataEcho : value === 1;
}
