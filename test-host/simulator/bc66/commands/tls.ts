import { HandshakeWatch } from "../../handshake-watch.js";
import type { Call, CommandTable, Handler } from "../../modem/call.js";
import { SendSink } from "../../modem/send-sink.js";
import type { ModuleSocket } from "../../modem/socket.js";
import type { Bc66Module } from "../module.js";
import type { CredentialName, TlsItem } from "../tls-connections.js";

const lastContext = 3;
const lastConnection = 5;
const sendLimit = { text: 1_460, hex: 730 } as const;
const longestHost = 150;
const credentialNames: readonly CredentialName[] = ["cacert", "clientcert", "clientkey"];

interface Item {
  readonly range: string;
  readonly show: (item: TlsItem) => string;
  readonly set: (item: TlsItem, call: Call) => void;
}

const flagText = (value: boolean): string => (value ? "1" : "0");

const items: Readonly<Record<string, Item>> = {
  seclevel: {
    range: "(0-2)",
    show: item => String(item.securityLevel),
    set: (item, call) => {
      call.args.atMost(4);
      item.securityLevel = call.args.integer(3, 0, 2);
    },
  },
  dataformat: {
    range: "(0,1),(0,1)",
    show: item => `${flagText(item.sendHex)},${flagText(item.receiveHex)}`,
    set: (item, call) => {
      call.args.atMost(5);
      const [sendHex, receiveHex] = [call.args.integer(3, 0, 1) === 1, call.args.integer(4, 0, 1) === 1];
      Object.assign(item, { sendHex, receiveHex });
    },
  },
  timeout: {
    range: "(10-300)",
    show: item => String(item.timeoutS),
    set: (item, call) => {
      call.args.atMost(4);
      item.timeoutS = call.args.integer(3, 10, 300);
    },
  },
  debug: {
    range: "(0-4)",
    show: item => String(item.debug),
    set: (item, call) => {
      call.args.atMost(4);
      item.debug = call.args.integer(3, 0, 4);
    },
  },
};

const sni: Item = {
  range: "(0,1)",
  show: item => flagText(item.sni),
  set: (item, call) => {
    call.args.atMost(4);
    item.sni = call.args.integer(3, 0, 1) === 1;
  },
};

function upload(call: Call, module: Bc66Module, head: string, item: TlsItem, name: CredentialName): void {
  const { settings, faults } = module;
  call.prompt();
  call.collect(
    new SendSink({
      call,
      length: undefined,
      most: Infinity,
      echo: settings.uploadEcho,
      done: typed => {
        const bytes = faults.uploaded(typed);
        if (bytes.length > settings.uploadLimitBytes && settings.uploadOverflow === "error") {
          call.error();
          return;
        }
        const kept = bytes.slice(0, settings.uploadLimitBytes);
        item.credentials.set(name, kept);
        call.info(`${head},"${name}",${String(kept.length)}`);
        call.ok();
      },
      cancelled: () => call.ok(),
    }),
  );
}

const configure: Handler<Bc66Module> = (call, module) => {
  const context = call.args.integer(0, 1, lastContext);
  const connection = call.args.integer(1, 0, lastConnection);
  const item = module.tls.item(connection);
  const head = `+QSSLCFG: ${String(context)},${String(connection)}`;
  const known = module.settings.sniItem ? { ...items, sni } : items;
  if (call.args.count === 2) {
    call.info(
      ...Object.entries(known).map(([name, { show }]) => `${head},"${name}",${show(item)}`),
      ...credentialNames.map(name => `${head},"${name}",${String(item.credentials.get(name)?.length ?? 0)}`),
    );
    call.ok();
    return;
  }
  const name = call.args.string(2).toLowerCase();
  const credential = credentialNames.find(candidate => candidate === name);
  const entry = known[name];
  if (credential) {
    call.args.atMost(3);
    upload(call, module, head, item, credential);
  } else if (!entry) {
    call.error();
  } else if (call.args.count === 3) {
    call.info(`${head},"${name}",${entry.show(item)}`);
    call.ok();
  } else {
    entry.set(item, call);
    call.ok();
  }
};

const open: Handler<Bc66Module> = (call, module) => {
  call.args.atMost(5);
  const context = call.args.integer(0, 1, lastContext);
  const connection = call.args.integer(1, 0, lastConnection);
  const host = call.args.string(2);
  const remotePort = call.args.integer(3, 1, 65535);
  call.args.integer(4, 0, 0, 0);
  if (host.length === 0 || host.length > longestHost || !module.bearer.isActive) {
    call.error();
    return;
  }
  call.ok();
  const report = (code: number): void => module.urc(`+QSSLOPEN: ${[context, connection, code].join(",")}`);
  if (module.sockets.isTaken(connection, true)) {
    report(module.tls.codeOf("state"));
    return;
  }
  const socket = module.sockets.create({
    id: connection,
    kind: "SSLClient",
    context: 1,
    sslContext: context,
    mode: 1,
    host,
    remotePort,
    localPort: 0,
  });
  const watch = new HandshakeWatch();
  const { timeoutS } = module.tls.item(connection);
  module.sockets.connectSecure(
    socket,
    timeoutS * 1000,
    () => module.tls.client(context, connection, host, watch),
    failure => {
      if (socket.isGone) return;
      if (failure) module.sockets.remove(socket);
      report(module.tls.code(failure, watch));
      if (!failure) module.sockets.connected(socket);
    },
  );
};

function submit(call: Call, module: Bc66Module, socket: ModuleSocket, bytes: Uint8Array): void {
  call.ok();
  const { sslContext = 1, id } = socket;
  const boot = module.power.boots;
  module.scheduler.after(module.link.spread(module.link.profile.sendMs), () => {
    if (boot !== module.power.boots) return;
    const isFull = socket.unackedBytes + bytes.length > module.settings.sendBufferBytes;
    const hasFailed = module.faults.failsSend() || isFull;
    const isOpen = socket.isConnected && !socket.isGone;
    if (isOpen && !hasFailed) module.sockets.send(socket, bytes);
    const code = !isOpen ? module.tls.codeOf("connection") : hasFailed ? module.tls.codeOf("exception") : 0;
    module.urc(`+QSSLSEND: ${[sslContext, id, code].join(",")}`);
  });
}

/** The open connection that the first two arguments name. */
function opened(call: Call, module: Bc66Module): ModuleSocket | undefined {
  const context = call.args.integer(0, 1, lastContext);
  const socket = module.sockets.get(call.args.integer(1, 0, lastConnection), true);
  return socket?.sslContext === context ? socket : undefined;
}

const send: Handler<Bc66Module> = (call, module) => {
  call.args.atMost(3);
  const socket = opened(call, module);
  if (!socket?.isConnected) {
    call.error();
    return;
  }
  const isHex = module.tls.item(socket.id).sendHex;
  const most = isHex ? sendLimit.hex : sendLimit.text;
  const scale = isHex ? 2 : 1;
  const length = call.args.has(2) ? call.args.integer(2, 1, most) : undefined;
  call.prompt();
  call.collect(
    new SendSink({
      call,
      length: length === undefined ? undefined : length * scale,
      most: most * scale,
      endsAtMost: module.settings.sendEndsAtLimit,
      echo: module.settings.uploadEcho,
      done: typed => {
        const text = Buffer.from(typed).toString("latin1");
        if (!isHex) submit(call, module, socket, typed);
        else if (/^([0-9a-f]{2})+$/i.test(text)) submit(call, module, socket, Buffer.from(text, "hex"));
        else call.error();
      },
      cancelled: () => call.ok(),
    }),
  );
};

const close: Handler<Bc66Module> = (call, module) => {
  call.args.atMost(2);
  const socket = opened(call, module);
  const names = [call.args.integer(0, 1, lastContext), call.args.integer(1, 0, lastConnection)];
  if (!socket && module.settings.closeUnopened === "error") {
    call.error();
    return;
  }
  call.ok();
  const done = (): void => module.urc(`+QSSLCLOSE: ${[...names, 0].join(",")}`);
  if (socket) module.sockets.close(socket, module.settings.closeTimeoutMs, done);
  else done();
};

/** The read forms of these commands answer OK and nothing else. */
const nothing: Handler<Bc66Module> = call => call.ok();

/** SSL Application Note V1.0. What comes from the server is pushed: there is no QSSLRECV. */
export const tlsCommands: CommandTable<Bc66Module> = {
  "+QSSLCFG": {
    test: [
      ...Object.entries(items).map(([name, { range }]) => `+QSSLCFG: (1-3),(0-5),"${name}",${range}`),
      ...credentialNames.map(name => `+QSSLCFG: (1-3),(0-5),"${name}"`),
    ],
    read: nothing,
    write: configure,
  },
  "+QSSLOPEN": { test: ["+QSSLOPEN: (1-3),(0-5),<host>,(1-65535),(0)"], read: nothing, write: open },
  "+QSSLSEND": { test: ["+QSSLSEND: (1-3),(0-5),(1-1460)"], read: nothing, write: send },
  "+QSSLCLOSE": { test: ["+QSSLCLOSE: (1-3),(0-5)"], read: nothing, write: close },
};
