import { createSocket } from "node:dgram";
import { connect, createServer, isIPv4, type Socket } from "node:net";
import type { Duplex } from "node:stream";
import type {
  AcceptedStream,
  DatagramHandler,
  DatagramPort,
  Listener,
  Network,
  Stream,
  StreamHandlers,
  TlsClient,
} from "./network.js";
import type { Hold, Scheduler } from "./scheduler.js";
import { startTls } from "./tls-stream.js";

export interface LoopbackOptions {
  readonly scheduler: Scheduler;
  /** Entries `NAME=ADDRESS[:PORT]`; the port, when given, replaces whatever port is asked for. */
  readonly resolve?: readonly string[];
}

interface Target {
  readonly address: string;
  readonly port?: number;
}

/** Real sockets, to this machine's loopback addresses and nowhere else. */
export class LoopbackNetwork implements Network {
  readonly kind = "loopback";
  readonly #scheduler: Scheduler;
  readonly #names = new Map<string, string>([["localhost", "127.0.0.1"]]);
  /** A name with a port gets an address of its own, so that the port survives the look-up. */
  readonly #aliases = new Map<string, Target>();
  readonly #open = new Set<{ destroy(): void }>();

  /** Throws on an entry that is not `NAME=ADDRESS[:PORT]` with a loopback address. */
  constructor(options: LoopbackOptions) {
    this.#scheduler = options.scheduler;
    for (const entry of options.resolve ?? []) this.#addName(entry);
  }

  resolve(host: string): readonly string[] | undefined {
    if (isIPv4(host)) return [host];
    const address = this.#names.get(host.toLowerCase());
    return address === undefined ? undefined : [address];
  }

  reaches(address: string): boolean {
    return isLoopback(address);
  }

  connect(address: string, port: number, handlers: StreamHandlers): Stream {
    const scheduler = this.#scheduler;
    const socket = this.#dial(address, port, handlers);
    if (!socket) return silentStream;
    const guard = new StreamGuard(scheduler, handlers);
    socket.on("connect", () => {
      guard.answered();
      guard.post(() =>
        handlers.opened({ remoteAddress: address, remotePort: port, localPort: socket.localPort ?? 0 }),
      );
    });
    this.#deliver(socket, guard);
    return new SocketStream(socket, guard);
  }

  connectSecure(address: string, port: number, tls: TlsClient, handlers: StreamHandlers): Stream {
    const scheduler = this.#scheduler;
    const socket = this.#dial(address, port, handlers);
    if (!socket) return silentStream;
    const guard = new StreamGuard(scheduler, handlers);
    const stream = new SocketStream(socket, guard);
    socket.on("error", (error: NodeJS.ErrnoException) => guard.fail(connectFailure(error)));
    socket.on("connect", () => {
      // A handshake takes several answers; each sign of life renews the patience.
      socket.prependListener("data", () => guard.expect());
      guard.expect();
      const transport = {
        socket,
        sentBytes: () => socket.bytesWritten,
        receivedBytes: () => socket.bytesRead,
      };
      const secured = startTls(transport, tls, {
        secure: opened => {
          guard.answered();
          guard.post(() =>
            handlers.opened({
              remoteAddress: address,
              remotePort: port,
              localPort: socket.localPort ?? 0,
              tls: opened,
            }),
          );
        },
        data: bytes => guard.data(bytes),
        ended: () => guard.end(),
        failed: failure => guard.fail(failure),
      });
      if (secured) stream.socket = secured;
      else socket.destroy();
    });
    return stream;
  }

  listen(port: number, accept: (stream: AcceptedStream) => void): Promise<Listener | undefined> {
    return new Promise(resolve => {
      const server = createServer({ allowHalfOpen: true }, socket => {
        const peer = { remoteAddress: socket.remoteAddress ?? "", remotePort: socket.remotePort ?? 0 };
        this.#track(socket);
        socket.pause();
        const attach = (handlers: StreamHandlers): Stream => {
          const guard = new StreamGuard(this.#scheduler, handlers);
          this.#deliver(socket, guard);
          socket.resume();
          return new SocketStream(socket, guard);
        };
        this.#scheduler.post(() => accept({ ...peer, attach }));
      });
      const source = this.#scheduler.openSource();
      const tracked = { destroy: () => void server.close() };
      server.on("close", () => source.release());
      server.on("error", () => {
        source.release();
        resolve(undefined);
      });
      server.listen(port, "127.0.0.1", () => {
        this.#open.add(tracked);
        resolve({ close: () => void server.close(() => this.#open.delete(tracked)) });
      });
    });
  }

  openDatagrams(port: number, receive: DatagramHandler): Promise<DatagramPort | undefined> {
    return new Promise(resolve => {
      const socket = createSocket("udp4");
      const source = this.#scheduler.openSource();
      let expected: Hold | undefined;
      const tracked = { destroy: () => socket.close() };
      socket.on("message", (bytes, from) => {
        expected?.release();
        this.#scheduler.post(() => receive(bytes, from.address, from.port));
      });
      socket.on("close", () => {
        expected?.release();
        source.release();
        this.#open.delete(tracked);
      });
      socket.on("error", () => {
        socket.close();
        resolve(undefined);
      });
      socket.bind(port, "127.0.0.1", () => {
        this.#open.add(tracked);
        resolve({
          port: socket.address().port,
          send: (bytes, address, remotePort) => {
            const target = this.#target(address, remotePort);
            if (!target) return;
            expected?.release();
            expected = this.#scheduler.expect();
            socket.send(bytes, target.port, target.address);
          },
          close: () => socket.close(),
        });
      });
    });
  }

  close(): void {
    for (const open of [...this.#open]) open.destroy();
    this.#open.clear();
  }

  #addName(entry: string): void {
    const match = /^([^=\s]+)=([\d.]+)(?::(\d{1,5}))?$/.exec(entry);
    const [, name, address, port] = match ?? [];
    if (name === undefined || address === undefined || !isLoopback(address)) {
      throw new Error(`"${entry}" is not NAME=ADDRESS[:PORT] with an address in 127.0.0.0/8`);
    }
    if (port === undefined) {
      this.#names.set(name.toLowerCase(), address);
      return;
    }
    const alias = `127.77.${this.#aliases.size >> 8}.${(this.#aliases.size & 0xff) + 1}`;
    this.#aliases.set(alias, { address, port: Number(port) });
    this.#names.set(name.toLowerCase(), alias);
  }

  #target(address: string, port: number): { address: string; port: number } | undefined {
    const alias = this.#aliases.get(address);
    if (alias) return { address: alias.address, port: alias.port ?? port };
    return isLoopback(address) ? { address, port } : undefined;
  }

  #dial(address: string, port: number, handlers: StreamHandlers): Socket | undefined {
    const target = this.#target(address, port);
    if (!target) {
      this.#scheduler.post(() =>
        handlers.failed({ kind: "unreachable", detail: `${address} is not a loopback address` }),
      );
      return undefined;
    }
    const socket = connect({ host: target.address, port: target.port, allowHalfOpen: true });
    socket.setNoDelay(true);
    this.#track(socket);
    return socket;
  }

  #track(socket: Socket): void {
    const source = this.#scheduler.openSource();
    this.#open.add(socket);
    socket.on("close", () => {
      source.release();
      this.#open.delete(socket);
    });
  }

  #deliver(socket: Socket, guard: StreamGuard): void {
    socket.on("data", bytes => guard.data(bytes));
    socket.on("end", () => guard.end());
    socket.on("error", (error: NodeJS.ErrnoException) => guard.fail(connectFailure(error)));
    socket.on("close", () => guard.fail({ kind: "reset", detail: "the connection is gone" }));
  }
}

/** Wall milliseconds after a sign of life in which a peer may have more to say. */
const moreWithinMs = 250;

/** Turns what a real socket tells into scheduler events, and keeps time back while it owes an answer. */
class StreamGuard {
  readonly #scheduler: Scheduler;
  readonly #handlers: StreamHandlers;
  #expected: Hold | undefined;
  #over = false;
  #ended = false;

  constructor(scheduler: Scheduler, handlers: StreamHandlers) {
    this.#scheduler = scheduler;
    this.#handlers = handlers;
    this.expect();
  }

  expect(patienceMs?: number): void {
    this.#expected?.release();
    this.#expected = this.#over ? undefined : this.#scheduler.expect(patienceMs);
  }

  answered(): void {
    this.#expected?.release();
    this.#expected = undefined;
  }

  post(action: () => void): void {
    this.#scheduler.post(() => {
      if (!this.#over) action();
    });
  }

  data(bytes: Uint8Array): void {
    // A peer may answer one request in several pieces, some of them later than others.
    this.expect(moreWithinMs);
    this.post(() => this.#handlers.data(bytes));
  }

  end(): void {
    this.answered();
    if (this.#ended) return;
    this.#ended = true;
    this.post(() => this.#handlers.ended());
  }

  fail(failure: Parameters<StreamHandlers["failed"]>[0]): void {
    this.answered();
    this.post(() => {
      this.#over = true;
      // After the peer's FIN the end of the socket is no news.
      if (!this.#ended) this.#handlers.failed(failure);
    });
  }

  silence(): void {
    this.#over = true;
    this.answered();
  }
}

class SocketStream implements Stream {
  /** The TLS socket once there is one. */
  socket: Duplex;
  readonly #transport: Socket;
  readonly #guard: StreamGuard;

  constructor(socket: Socket, guard: StreamGuard) {
    this.socket = socket;
    this.#transport = socket;
    this.#guard = guard;
  }

  write(bytes: Uint8Array, taken: () => void): void {
    if (this.socket.destroyed || this.socket.writableEnded) return;
    this.#guard.expect();
    this.socket.write(bytes, error => {
      if (!error) this.#guard.post(taken);
    });
  }

  end(): void {
    if (this.socket.destroyed || this.socket.writableEnded) return;
    this.#guard.expect();
    this.socket.end();
  }

  destroy(): void {
    this.#guard.silence();
    this.socket.destroy();
    if (this.#transport.connecting || this.#transport.destroyed) this.#transport.destroy();
    else this.#transport.resetAndDestroy();
  }

  setPaused(paused: boolean): void {
    if (paused) this.socket.pause();
    else this.socket.resume();
  }
}

const silentStream: Stream = {
  write: () => undefined,
  end: () => undefined,
  destroy: () => undefined,
  setPaused: () => undefined,
};

function isLoopback(address: string): boolean {
  return isIPv4(address) && address.startsWith("127.");
}

function connectFailure(error: NodeJS.ErrnoException): Parameters<StreamHandlers["failed"]>[0] {
  if (error.code === "ECONNREFUSED") return { kind: "refused", detail: error.message };
  if (error.code === "ECONNRESET" || error.code === "EPIPE") return { kind: "reset", detail: error.message };
  return { kind: "unreachable", detail: error.message };
}
