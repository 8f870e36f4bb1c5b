import type { Call, CommandTable, Handler } from "../../modem/call.js";
import { socketErrors } from "../errors.js";
import type { Bg95Module } from "../module.js";
import { SendSink } from "../../modem/send-sink.js";
import type { AccessMode, ModuleSocket, SocketKind } from "../../modem/socket.js";
import { openCode } from "../open-codes.js";
import { echoesData, refuse } from "./internet.js";

/** Most bytes of one send. */
export const sendLimit = 1460;
/** Most bytes of one read. */
export const readLimit = 1500;

const kinds: readonly SocketKind[] = ["TCP", "UDP", "TCP LISTENER", "UDP SERVICE"];

export function accessMode(value: number): AccessMode {
  return value === 0 ? 0 : value === 1 ? 1 : 2;
}

const open: Handler<Bg95Module> = (call, module) => {
  call.args.atMost(7);
  const context = module.contexts.get(call.args.integer(0, 1, 16));
  const id = call.args.integer(1, 0, 11);
  const kind = kinds.find(candidate => candidate === call.args.string(2).toUpperCase());
  const host = call.args.string(3);
  const remotePort = call.args.integer(4, 0, 65535);
  const localPort = call.args.integer(5, 0, 65535, 0);
  const mode = accessMode(call.args.integer(6, 0, 2, 0));
  const isServer = kind === "TCP LISTENER" || kind === "UDP SERVICE";
  if (!kind || (isServer ? localPort === 0 || mode === 2 : remotePort === 0)) {
    refuse(call, module, socketErrors.invalidParameters);
    return;
  }
  const failed = (code: number): void => reportOpening(call, module, id, mode, code);
  if (context.state !== "active") {
    if (module.settings.openWithoutContext === "error") refuse(call, module, socketErrors.openContextFailed);
    else failed(socketErrors.openContextFailed);
    return;
  }
  if (module.sockets.isTaken(id, false)) {
    if (module.settings.openUsedId === "error") refuse(call, module, socketErrors.identityUsed);
    else failed(socketErrors.identityUsed);
    return;
  }
  const socket = module.sockets.create({ id, kind, context: context.id, mode, host, remotePort, localPort });
  if (mode !== 2) call.ok();
  const opened = (code: number): void => finishOpening(call, module, socket, code);
  if (kind === "TCP") module.sockets.connect(socket, failure => opened(openCode(failure, module.settings)));
  else {
    const opening =
      kind === "TCP LISTENER" ? module.sockets.listen(socket) : module.sockets.openDatagrams(socket);
    const hold = module.scheduler.block();
    void opening.then(code =>
      module.scheduler.post(() => {
        hold.release();
        if (!socket.isGone) opened(code);
      }),
    );
  }
};

/** The outcome of an opening that never began. */
function reportOpening(call: Call, module: Bg95Module, id: number, mode: AccessMode, code: number): void {
  module.lastError = code;
  if (mode === 2) {
    call.error();
    return;
  }
  call.ok();
  module.urc(`+QIOPEN: ${String(id)},${String(code)}`);
}

/** After a failed opening the id is free at once, or waits for QICLOSE as after a lost connection. */
export function abandon(module: Bg95Module, socket: ModuleSocket): void {
  if (module.settings.failedOpenKeepsId) socket.state = 4;
  else module.sockets.remove(socket);
}

function finishOpening(call: Call, module: Bg95Module, socket: ModuleSocket, code: number): void {
  module.lastError = code;
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
  module.urc(`+QIOPEN: ${String(socket.id)},${String(code)}`);
  if (code === 0) module.sockets.connected(socket);
}

/** Prompt, payload, SEND OK or SEND FAIL; shared with TLS. */
export function sendAfterPrompt(
  call: Call,
  module: Bg95Module,
  socket: ModuleSocket,
  length: number | undefined,
  to?: { address: string; port: number },
): void {
  call.prompt();
  call.collect(
    new SendSink({
      call,
      length,
      most: sendLimit,
      echo: echoesData(module),
      done: bytes => submit(call, module, socket, decode(module, bytes), to),
      cancelled: () => call.ok(),
    }),
  );
}

function decode(module: Bg95Module, bytes: Uint8Array): Uint8Array {
  return module.socketOptions.sendHex === 1
    ? Buffer.from(Buffer.from(bytes).toString("latin1"), "hex")
    : bytes;
}

function submit(
  call: Call,
  module: Bg95Module,
  socket: ModuleSocket,
  bytes: Uint8Array,
  to?: { address: string; port: number },
): void {
  call.later(module.link.spread(module.link.profile.sendMs), () => {
    if (!socket.isConnected || socket.isGone) {
      refuse(call, module, socketErrors.socketClosed);
      return;
    }
    const isFull = socket.unackedBytes + bytes.length > module.settings.sendBufferBytes;
    if (module.faults.failsSend() || isFull) {
      call.final("SEND FAIL", false);
      return;
    }
    module.sockets.send(socket, bytes, to);
    module.lastError = socketErrors.success;
    call.final("SEND OK", true);
  });
}

const send: Handler<Bg95Module> = (call, module) => {
  call.args.atMost(4);
  const socket = module.sockets.get(call.args.integer(0, 0, 11), false);
  const length = call.args.has(1) ? call.args.integer(1, 0, sendLimit) : undefined;
  if (socket && length === 0) {
    const { sentBytes, ackedBytes, unackedBytes } = socket;
    call.info(`+QISEND: ${[sentBytes, ackedBytes, unackedBytes].join(",")}`);
    call.ok();
    return;
  }
  if (!socket?.isConnected || socket.mode === 2) {
    refuse(call, module, socketErrors.socketClosed);
    return;
  }
  if (socket.kind === "UDP SERVICE") {
    const address = call.args.string(2);
    const port = call.args.integer(3, 1, 65535);
    sendAfterPrompt(call, module, socket, length, { address, port });
    return;
  }
  call.args.atMost(2);
  sendAfterPrompt(call, module, socket, length);
};

const sendHex: Handler<Bg95Module> = (call, module) => {
  call.args.atMost(3);
  const socket = module.sockets.get(call.args.integer(0, 0, 11), false);
  const hex = call.args.string(1);
  call.args.integer(2, 0, 2, 0);
  if (hex.length === 0 || hex.length > 512 || !/^([0-9a-f]{2})+$/i.test(hex)) {
    refuse(call, module, socketErrors.invalidParameters);
    return;
  }
  if (!socket?.isConnected || socket.kind === "UDP SERVICE") {
    refuse(call, module, socketErrors.socketClosed);
    return;
  }
  submit(call, module, socket, Buffer.from(hex, "hex"));
};

const receive: Handler<Bg95Module> = (call, module) => {
  call.args.atMost(2);
  const socket = module.sockets.get(call.args.integer(0, 0, 11), false);
  const most = call.args.integer(1, 0, readLimit, readLimit);
  if (!socket || socket.mode === 1 || socket.kind === "TCP LISTENER" || socket.state < 2) {
    refuse(call, module, socketErrors.socketClosed);
    return;
  }
  if (socket.isDatagram) {
    receiveDatagram(call, module, socket);
    return;
  }
  if (call.args.has(1) && most === 0) {
    const { receivedBytes, readBytes, unreadBytes } = socket;
    call.info(`+QIRD: ${[receivedBytes, readBytes, unreadBytes].join(",")}`);
    call.ok();
    return;
  }
  answerRead(call, module, socket, "+QIRD", most);
};

/** Shared with TLS. */
export function answerRead(
  call: Call,
  module: Bg95Module,
  socket: ModuleSocket,
  name: string,
  most: number,
): void {
  const bytes = socket.read(most);
  const header = `${name}: ${String(bytes.length)}`;
  if (bytes.length === 0) call.info(header);
  else call.data(header, encode(module, bytes));
  call.ok();
  module.sockets.drained(socket);
}

function encode(module: Bg95Module, bytes: Uint8Array): Uint8Array {
  if (module.socketOptions.receiveHex === 0) return bytes;
  return Buffer.from(Buffer.from(bytes).toString("hex").toUpperCase());
}

function receiveDatagram(call: Call, module: Bg95Module, socket: ModuleSocket): void {
  const packet = socket.packets.shift();
  if (socket.packets.length === 0) socket.isReported = false;
  if (!packet) call.info("+QIRD: 0");
  else {
    socket.readBytes += packet.bytes.length;
    const origin = socket.kind === "UDP SERVICE" ? `,"${packet.address}",${String(packet.port)}` : "";
    call.data(`+QIRD: ${String(packet.bytes.length)}${origin}`, encode(module, packet.bytes));
  }
  call.ok();
}

const close: Handler<Bg95Module> = (call, module) => {
  call.args.atMost(2);
  const id = call.args.integer(0, 0, 11);
  const timeoutMs = call.args.integer(1, 0, 65535, 10) * 1000;
  const socket = module.sockets.get(id, false);
  if (!socket) {
    call.ok();
    return;
  }
  module.sockets.close(socket, timeoutMs, () => {
    module.lastError = socketErrors.success;
    call.ok();
    if (module.settings.closedUrcAfterLocalClose) module.urc(`+QIURC: "closed",${String(id)}`);
  });
};

function describe(module: Bg95Module, socket: ModuleSocket): string {
  const state =
    socket.state === 2 ? module.settings.connectedState : socket.kind === "UDP SERVICE" ? 2 : socket.state;
  const fields = [
    socket.remotePort,
    socket.localPort,
    state,
    socket.context,
    socket.serverId,
    socket.mode,
  ].join(",");
  return `+QISTATE: ${String(socket.id)},"${socket.kind}","${socket.address}",${fields},"uart1"`;
}

const state: Handler<Bg95Module> = (call, module) => {
  call.args.atMost(2);
  let shown = module.sockets.all.filter(socket => !socket.isSecure);
  if (call.form === "write") {
    const query = call.args.integer(0, 0, 1);
    const value = call.args.integer(1, 0, query === 0 ? 16 : 11);
    shown = shown.filter(socket => (query === 0 ? socket.context : socket.id) === value);
  }
  call.info(...shown.map(socket => describe(module, socket)));
  call.ok();
};

const switchMode: Handler<Bg95Module> = (call, module) => {
  call.args.atMost(2);
  const id = call.args.integer(0, 0, 11);
  const mode = accessMode(call.args.integer(1, 0, 2));
  const socket = module.sockets.get(id, false) ?? module.sockets.get(id, true);
  if (!socket?.isConnected) {
    refuse(call, module, socketErrors.socketClosed);
    return;
  }
  if (mode === 2) {
    call.final("CONNECT", false);
    module.data.enter(socket);
    return;
  }
  socket.mode = mode;
  call.ok();
};

/** TCP(IP) Application Note: sockets. */
export const socketCommands: CommandTable<Bg95Module> = {
  "+QIOPEN": {
    test: [
      '+QIOPEN: (1-16),(0-11),"TCP/UDP/TCP LISTENER/UDP SERVICE",<IP_address>/<domain_name>,<remote_port>,<local_port>,(0-2)',
    ],
    write: open,
  },
  "+QISEND": { test: ["+QISEND: (0-11),(0-1460)"], write: send },
  "+QISENDEX": { test: ["+QISENDEX: (0-11),<hex_string>,(0-2)"], write: sendHex },
  "+QIRD": { test: ["+QIRD: (0-11),(0-1500)"], write: receive },
  "+QICLOSE": { test: ["+QICLOSE: (0-11),(0-65535)"], write: close },
  "+QISTATE": {
    test: ["+QISTATE: (0,1),<contextID>/<connectID>"],
    execute: state,
    read: state,
    write: state,
  },
  "+QISWTMD": { test: ["+QISWTMD: (0-11),(0-2)"], write: switchMode },
};
