import type { Call, CommandTable, Handler } from "../../modem/call.js";
import { socketErrors } from "../errors.js";
import type { Bg95Module } from "../module.js";
import type { ModuleSocket } from "../../modem/socket.js";
import { openCode } from "../open-codes.js";
import { tlsClient, type SslContext } from "../ssl-contexts.js";
import { allSuites, isSuiteCode, moduleSuites } from "../suites.js";
import { refuse } from "./internet.js";
import { abandon, accessMode, answerRead, readLimit, sendAfterPrompt, sendLimit } from "./sockets.js";

interface Item {
  readonly range: string;
  readonly show: (context: SslContext) => string;
  readonly set: (context: SslContext, call: Call) => boolean;
}

type NumberKey = { [K in keyof SslContext]: SslContext[K] extends number ? K : never }[keyof SslContext];
type FileKey = "caCertificate" | "clientCertificate" | "clientKey";

function number(key: NumberKey, least: number, most: number, range: string): Item {
  return {
    range,
    show: context => String(context[key]),
    set: (context, call) => {
      context[key] = call.args.integer(2, least, most);
      return true;
    },
  };
}

function file(key: FileKey, range: string): Item {
  return {
    range,
    show: context => `"${context[key]}"`,
    set: (context, call) => {
      const name = call.args.string(2);
      if (name.length > 80) return false;
      context[key] = name;
      return true;
    },
  };
}

// The comma and space in the middle stand so in the answer of a real BG95-M3.
const suiteRange = moduleSuites.map(suite => (suite.code === "0XC007" ? " " : "") + suite.code).join(",");

/** In the order of a BG95-M3's test answer. */
const items: Readonly<Record<string, Item>> = {
  sslversion: number("version", 0, 4, "(0-4)"),
  ciphersuite: {
    range: `(${suiteRange},${allSuites})`,
    show: context => context.suite,
    set: (context, call) => {
      // In quotes it is refused.
      const code = call.args.bare(2).toUpperCase();
      if (!isSuiteCode(code)) return false;
      context.suite = code;
      return true;
    },
  },
  cacert: file("caCertificate", "<cacertpath>"),
  clientcert: file("clientCertificate", "<clientcertpath>"),
  clientkey: file("clientKey", "<clientkeypath>"),
  seclevel: number("securityLevel", 0, 2, "(0-2)"),
  session: number("session", 0, 1, "(0,1)"),
  sni: number("sni", 0, 1, "(0,1)"),
  checkhost: number("checkHost", 0, 1, "(0,1)"),
  ignorelocaltime: number("ignoreLocalTime", 0, 1, "(0,1)"),
  negotiatetime: number("negotiateTime", 10, 300, "(10-300)"),
  dtls: number("dtls", 0, 1, "(0,1)"),
  dtlsversion: number("dtlsVersion", 0, 2, "(0-2)"),
};

const configure: Handler<Bg95Module> = (call, module) => {
  call.args.atMost(3);
  const name = call.args.string(0).toLowerCase();
  const item = items[name];
  const id = call.args.integer(1, 0, 5);
  const context = module.ssl[id];
  if (!item || !context) {
    refuse(call, module, socketErrors.invalidParameters);
    return;
  }
  // Without a value it is a question, whatever the host meant.
  if (call.args.count === 2) {
    call.info(`+QSSLCFG: "${name}",${String(id)},${item.show(context)}`);
    call.ok();
  } else if (item.set(context, call)) call.ok();
  else refuse(call, module, socketErrors.invalidParameters);
};

const open: Handler<Bg95Module> = (call, module) => {
  call.args.atMost(6);
  const pdp = module.contexts.get(call.args.integer(0, 1, 16));
  const sslContext = call.args.integer(1, 0, 5);
  const id = call.args.integer(2, 0, 11);
  const host = call.args.string(3);
  const remotePort = call.args.integer(4, 1, 65535);
  const mode = accessMode(call.args.integer(5, 0, 2, 0));
  const context = module.ssl[sslContext];
  if (!context) return;
  const failed = (code: number): void => {
    module.lastError = code;
    if (mode === 2) {
      call.error();
      return;
    }
    call.ok();
    module.urc(`+QSSLOPEN: ${String(id)},${String(code)}`);
  };
  if (pdp.state !== "active") {
    if (module.settings.openWithoutContext === "error") refuse(call, module, socketErrors.openContextFailed);
    else failed(socketErrors.openContextFailed);
    return;
  }
  if (module.sockets.isTaken(id, true)) {
    if (module.settings.openUsedId === "error") refuse(call, module, socketErrors.identityUsed);
    else failed(socketErrors.identityUsed);
    return;
  }
  const options = {
    id,
    kind: "SSLClient" as const,
    context: pdp.id,
    mode,
    host,
    remotePort,
    localPort: 0,
    sslContext,
  };
  const socket = module.sockets.create(options);
  if (mode !== 2) call.ok();
  // The settings of this moment: later changes are for later connections.
  const chosen = { ...context };
  module.sockets.connectSecure(
    socket,
    chosen.negotiateTime * 1000,
    () => tlsClient(chosen, host, module.files, module.settings, () => module.clock.nowMs),
    failure => finish(call, module, socket, openCode(failure, module.settings)),
  );
};

function finish(call: Call, module: Bg95Module, socket: ModuleSocket, code: number): void {
  const isTlsFailure = code === module.settings.tlsFailureCode && !module.settings.tlsErrorReported;
  module.lastError = isTlsFailure ? socketErrors.success : code;
  if (code !== 0) abandon(module, socket);
  if (socket.mode === 2) {
    if (code !== 0) {
      module.sockets.remove(socket);
      call.error();
      return;
    }
    call.final("CONNECT", false);
    module.sockets.connected(socket);
    module.data.enter(socket);
    return;
  }
  module.urc(`+QSSLOPEN: ${String(socket.id)},${String(code)}`);
  if (code === 0) module.sockets.connected(socket);
}

const send: Handler<Bg95Module> = (call, module) => {
  call.args.atMost(2);
  const socket = module.sockets.get(call.args.integer(0, 0, 11), true);
  const length = call.args.has(1) ? call.args.integer(1, 1, sendLimit) : undefined;
  if (!socket?.isConnected || socket.mode === 2) {
    refuse(call, module, socketErrors.socketClosed);
    return;
  }
  sendAfterPrompt(call, module, socket, length);
};

const receive: Handler<Bg95Module> = (call, module) => {
  call.args.atMost(2);
  const socket = module.sockets.get(call.args.integer(0, 0, 11), true);
  const most = call.args.integer(1, 1, readLimit);
  // What is unread stays readable until QSSLCLOSE.
  if (!socket || socket.mode === 1 || socket.state < 2) {
    refuse(call, module, socketErrors.socketClosed);
    return;
  }
  answerRead(call, module, socket, "+QSSLRECV", most);
};

const close: Handler<Bg95Module> = (call, module) => {
  call.args.atMost(2);
  const id = call.args.integer(0, 0, 11);
  const timeoutMs = call.args.integer(1, 0, 65535, 10) * 1000;
  const socket = module.sockets.get(id, true);
  if (!socket) {
    call.ok();
    return;
  }
  module.sockets.close(socket, timeoutMs, () => {
    call.ok();
    if (module.settings.closedUrcAfterLocalClose) module.urc(`+QSSLURC: "closed",${String(id)}`);
  });
};

const state: Handler<Bg95Module> = (call, module) => {
  let shown = module.sockets.all.filter(socket => socket.isSecure);
  if (call.form === "write") {
    call.args.atMost(1);
    const id = call.args.integer(0, 0, 11);
    shown = shown.filter(socket => socket.id === id);
  }
  call.info(
    ...shown.map(socket => {
      const fields = [
        socket.remotePort,
        socket.localPort,
        socket.state,
        socket.context,
        socket.serverId,
        socket.mode,
      ];
      return `+QSSLSTATE: ${String(socket.id)},"SSLClient","${socket.address}",${fields.join(",")},"uart1",${String(socket.sslContext ?? 0)}`;
    }),
  );
  call.ok();
};

/** SSL Application Note. */
export const tlsCommands: CommandTable<Bg95Module> = {
  "+QSSLCFG": {
    test: Object.entries(items).map(([name, item]) => `+QSSLCFG: "${name}",(0-5),${item.range}`),
    write: configure,
  },
  "+QSSLOPEN": { test: ["+QSSLOPEN: (1-16),(0-5),(0-11),<serveraddr>,<server_port>,(0-2)"], write: open },
  "+QSSLSEND": { test: ["+QSSLSEND: (0-11),(1-1460)"], write: send },
  "+QSSLRECV": { test: ["+QSSLRECV: (0-11),(1-1500)"], write: receive },
  "+QSSLCLOSE": { test: ["+QSSLCLOSE: (0-11),(0-65535)"], write: close },
  "+QSSLSTATE": { test: ["+QSSLSTATE: (0-11)"], execute: state, read: state, write: state },
};
