import type { Call, CommandTable, Handler } from "../../modem/call.js";
import { SendSink } from "../../modem/send-sink.js";
import { socketErrors } from "../../modem/socket-errors.js";
import type { OpenFailure } from "../../modem/socket-table.js";
import type { ModuleSocket, SocketKind } from "../../modem/socket.js";
import type { Bc66Module } from "../module.js";
import { hexadecimal } from "../receiver.js";
import { echoesData, refuse } from "./internet.js";

const lastId = 4;
/** Most bytes of one send, of one send in hexadecimal, of one read. */
const sendLimit = 1_024;
const hexLimit = 512;
const readLimit = 512;

const kinds: readonly SocketKind[] = ["TCP", "UDP"];

function codeOf(failure: OpenFailure | undefined): number {
  if (!failure) return socketErrors.success;
  return failure.kind === "name" ? socketErrors.dnsFailed : socketErrors.connectFailed;
}

const open: Handler<Bc66Module> = (call, module) => {
  call.args.atMost(8);
  const context = call.args.integer(0, 1, 3);
  const id = call.args.integer(1, 0, lastId);
  const kind = kinds.find(candidate => candidate === call.args.string(2).toUpperCase());
  const host = call.args.string(3);
  // Also in quotes.
  const remotePort = Number(call.args.text(4));
  const localPort = call.args.integer(5, 0, 65535, 0);
  const mode = call.args.integer(6, 0, 1, 0) === 1 ? 1 : 0;
  const isIPv6 = call.args.integer(7, 0, 1, 0) === 1;
  if (!kind || host === "" || !(Number.isInteger(remotePort) && remotePort >= 1 && remotePort <= 65535)) {
    refuse(call, module, socketErrors.invalidParameters);
    return;
  }
  const report = (code: number): void => {
    module.lastError = code;
    module.urc(`+QIOPEN: ${String(id)},${String(code)}`);
  };
  if (!module.bearer.isActive && module.settings.openWithoutBearer === "error") {
    refuse(call, module, socketErrors.openContextFailed);
    return;
  }
  if (module.sockets.isTaken(id, false)) {
    if (module.settings.openUsedId === "error") refuse(call, module, socketErrors.identityUsed);
    else {
      call.ok();
      report(socketErrors.identityUsed);
    }
    return;
  }
  const socket = module.sockets.create({ id, kind, context, mode, host, remotePort, localPort });
  const opened = (code: number): void => {
    if (socket.isGone) return;
    // After a failure the id waits for QICLOSE as after a lost connection.
    if (code !== 0) socket.state = 4;
    report(code);
    if (code === 0) module.sockets.connected(socket);
  };
  call.ok();
  if (!module.bearer.isActive || context !== 1) opened(socketErrors.openContextFailed);
  else if (isIPv6) opened(socketErrors.connectFailed);
  else if (kind === "TCP") module.sockets.connect(socket, failure => opened(codeOf(failure)));
  else {
    const hold = module.scheduler.block();
    void module.sockets.openDatagrams(socket).then(code =>
      module.scheduler.post(() => {
        hold.release();
        opened(code);
      }),
    );
  }
};

/** OK at once; SEND OK or SEND FAIL when the stack has it. */
function submit(call: Call, module: Bc66Module, socket: ModuleSocket, bytes: Uint8Array): void {
  call.ok();
  const boot = module.power.boots;
  module.scheduler.after(module.link.spread(module.link.profile.sendMs), () => {
    if (boot !== module.power.boots) return;
    const isFull = socket.unackedBytes + bytes.length > module.settings.sendBufferBytes;
    if (module.faults.failsSend() || isFull || !socket.isConnected || socket.isGone) {
      module.urc("SEND FAIL");
      return;
    }
    module.sockets.send(socket, bytes);
    module.lastError = socketErrors.success;
    module.urc("SEND OK");
  });
}

/** Payload as typed; in hexadecimal when AT+QICFG says so. Undefined when it is no hexadecimal text. */
function decode(isHex: boolean, typed: Uint8Array): Uint8Array | undefined {
  if (!isHex) return typed;
  const text = Buffer.from(typed).toString("latin1");
  return /^([0-9a-f]{2})+$/i.test(text) ? Buffer.from(text, "hex") : undefined;
}

const send: Handler<Bc66Module> = (call, module) => {
  const socket = module.sockets.get(call.args.integer(0, 0, lastId), false);
  const length = call.args.has(1) ? call.args.integer(1, 0, sendLimit) : undefined;
  if (socket && length === 0) {
    call.args.atMost(2);
    const { sentBytes, ackedBytes, unackedBytes } = socket;
    call.info(`+QISEND: ${[sentBytes, ackedBytes, unackedBytes].join(",")}`);
    call.ok();
    return;
  }
  if (!socket?.isConnected) {
    refuse(call, module, socketErrors.socketClosed);
    return;
  }
  const isHex = module.values.get("dataformat").startsWith("1");
  const scale = isHex ? 2 : 1;
  const finish = (typed: Uint8Array): void => {
    const bytes = decode(isHex, typed);
    if (bytes) submit(call, module, socket, bytes);
    else refuse(call, module, socketErrors.invalidParameters);
  };
  if (call.args.count > 2) {
    const typed = Buffer.from(call.args.rest(2), "latin1");
    const wanted = (length ?? 0) * scale;
    if (typed.length < wanted && module.settings.shortInline === "error")
      refuse(call, module, socketErrors.invalidParameters);
    else finish(typed.subarray(0, wanted));
    return;
  }
  call.prompt();
  call.collect(
    new SendSink({
      call,
      length: length === undefined ? undefined : length * scale,
      most: sendLimit * scale,
      endsAtMost: module.settings.sendEndsAtLimit,
      echo: echoesData(module),
      done: finish,
      cancelled: () => call.ok(),
    }),
  );
};

const sendHex: Handler<Bc66Module> = (call, module) => {
  call.args.atMost(3);
  const socket = module.sockets.get(call.args.integer(0, 0, lastId), false);
  const length = call.args.integer(1, 1, hexLimit);
  const hex = call.args.text(2);
  if (hex.length !== length * 2 || !/^[0-9a-f]+$/i.test(hex)) {
    refuse(call, module, socketErrors.invalidParameters);
    return;
  }
  if (!socket?.isConnected) {
    refuse(call, module, socketErrors.socketClosed);
    return;
  }
  submit(call, module, socket, Buffer.from(hex, "hex"));
};

const receive: Handler<Bc66Module> = (call, module) => {
  call.args.atMost(2);
  const socket = module.sockets.get(call.args.integer(0, 0, lastId), false);
  const most = call.args.integer(1, 1, readLimit, readLimit);
  if (!socket || socket.mode === 1 || socket.state < 2) {
    refuse(call, module, socketErrors.socketClosed);
    return;
  }
  const bytes = socket.read(most);
  if (bytes.length === 0) call.info("+QIRD: 0");
  else {
    const { values } = module;
    const remaining = values.number("showlength") === 1 ? `,${String(socket.unreadBytes)}` : "";
    const payload = values.get("dataformat").endsWith(",1") ? Buffer.from(hexadecimal(bytes)) : bytes;
    call.data(`+QIRD: ${String(bytes.length)}${remaining}`, payload, values.number("viewmode") === 1);
  }
  call.ok();
};

const close: Handler<Bc66Module> = (call, module) => {
  call.args.atMost(1);
  const socket = module.sockets.get(call.args.integer(0, 0, lastId), false);
  if (!socket && module.settings.closeUnopened === "error") {
    refuse(call, module, socketErrors.socketClosed);
    return;
  }
  call.ok();
  if (!socket) {
    module.urc("CLOSE OK");
    return;
  }
  module.sockets.close(socket, module.settings.closeTimeoutMs, () => {
    module.lastError = socketErrors.success;
    module.urc("CLOSE OK");
  });
};

const state: Handler<Bc66Module> = (call, module) => {
  call.args.atMost(2);
  let shown = module.sockets.all.filter(socket => !socket.isSecure);
  if (call.form === "write") {
    const query = call.args.integer(0, 0, 1);
    const value = call.args.integer(1, 0, query === 0 ? 3 : lastId);
    shown = shown.filter(socket => (query === 0 ? socket.context : socket.id) === value);
  }
  call.info(
    ...shown.map(socket => {
      const fields = [socket.remotePort, socket.localPort, socket.state, socket.context, socket.mode];
      return `+QISTATE: ${String(socket.id)},"${socket.kind}","${socket.address}",${fields.join(",")}`;
    }),
  );
  call.ok();
};

const switchMode: Handler<Bc66Module> = (call, module) => {
  call.args.atMost(2);
  const socket = module.sockets.get(call.args.integer(0, 0, lastId), false);
  const mode = call.args.integer(1, 0, 1) === 1 ? 1 : 0;
  if (!socket?.isConnected) {
    refuse(call, module, socketErrors.socketClosed);
    return;
  }
  socket.mode = mode;
  call.ok();
};

const freeRoom: Handler<Bc66Module> = (call, module) => {
  const unacked = module.sockets.all.reduce((sum, socket) => sum + socket.unackedBytes, 0);
  call.info(`+QITXCACHE: ${String(Math.max(0, module.settings.sendBufferBytes - unacked))}`);
  call.ok();
};

/** Sockets, as the firmware's own format strings have them: no application note is public. */
export const socketCommands: CommandTable<Bc66Module> = {
  "+QIOPEN": {
    test: [
      '+QIOPEN: (1-3),(0-4),"TCP/UDP","<IP_address>/<domain_name>",<remote_port>,<local_port>,(0-1)[,(0-1)]',
    ],
    write: open,
  },
  "+QISEND": { test: ["+QISEND: (0-4),(1-1024),<data>"], write: send },
  "+QISENDEX": { test: ["+QISENDEX: (0-4),(1-512),<hex_string>"], write: sendHex },
  "+QIRD": { test: ["+QIRD: (0-4),(1-512)"], write: receive },
  "+QICLOSE": { test: ["+QICLOSE: (0-4)"], write: close },
  "+QISTATE": {
    test: ["+QISTATE: (0,1),<contextID>/<connectID>"],
    execute: state,
    read: state,
    write: state,
  },
  "+QISWTMD": { test: ["+QISWTMD: (0-4),(0-1)"], write: switchMode },
  "+QITXCACHE": { test: [], execute: freeRoom, read: freeRoom },
};
