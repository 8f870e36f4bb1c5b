import type { Duplex } from "node:stream";
import { createServer, type TlsOptions, type TLSSocket } from "node:tls";
import { isIPv4 } from "node:net";
import { PipeEnd, Settler } from "./memory-duplex.js";
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
import { MemoryPeer, peerOver, stream as peerStream } from "./memory-peer.js";
import type { Scheduler } from "./scheduler.js";
import { startTls } from "./tls-stream.js";

export interface MemoryOptions {
  readonly scheduler: Scheduler;
  /** Name to IPv4 address. */
  readonly names?: Readonly<Record<string, string>>;
}

type Server =
  | { readonly kind: "peer"; readonly accept: (peer: MemoryPeer) => void }
  | { readonly kind: "duplex"; readonly accept: (far: Duplex) => void };

/** Answers datagrams in memory. `reply` sends back to where the datagram came from. */
export type DatagramService = (bytes: Uint8Array, reply: (bytes: Uint8Array) => void) => void;

/** Peers in this process; a run never touches the wall clock and repeats by seed. */
export class MemoryNetwork implements Network {
  readonly kind = "memory";
  readonly #scheduler: Scheduler;
  readonly #settler: Settler;
  readonly #names = new Map<string, string>([["localhost", "127.0.0.1"]]);
  readonly #servers = new Map<number, Server>();
  readonly #services = new Map<number, DatagramService>();
  readonly #listeners = new Map<number, (stream: AcceptedStream) => void>();
  readonly #datagrams = new Map<number, DatagramHandler>();
  readonly #open = new Set<PipeEnd>();
  #nextPort = 49152;

  constructor(options: MemoryOptions) {
    this.#scheduler = options.scheduler;
    this.#settler = new Settler(options.scheduler);
    for (const [name, address] of Object.entries(options.names ?? {}))
      this.#names.set(name.toLowerCase(), address);
  }

  /** A server as callbacks, at the port of every address. */
  serve(port: number, accept: (peer: MemoryPeer) => void): void {
    this.#servers.set(port, { kind: "peer", accept });
  }

  /** A server that wants a stream, such as a broker. */
  serveDuplex(port: number, accept: (stream: Duplex) => void): void {
    this.#servers.set(port, { kind: "duplex", accept });
  }

  /** A TLS server on Node's OpenSSL. `failed` hears of handshakes that did not complete. */
  serveTls(
    port: number,
    options: TlsOptions,
    accept: (socket: TLSSocket) => void,
    failed?: (error: Error) => void,
  ): void {
    const server = createServer(options, accept);
    if (failed) server.on("tlsClientError", failed);
    this.serveDuplex(port, far => {
      far.on("error", () => undefined);
      server.emit("connection", far);
    });
  }

  serveDatagrams(port: number, service: DatagramService): void {
    this.#services.set(port, service);
  }

  /** Nobody listens at the port any more. */
  unserve(port: number): void {
    this.#servers.delete(port);
    this.#services.delete(port);
  }

  /** Connects to a listener of the module; undefined when there is none. */
  dial(port: number): MemoryPeer | undefined {
    const accept = this.#listeners.get(port);
    if (!accept) return undefined;
    const remotePort = this.#nextPort++;
    const peer = new MemoryPeer(this.#scheduler, remotePort);
    this.#scheduler.post(() =>
      accept({
        remoteAddress: "198.51.100.7",
        remotePort,
        attach: handlers => {
          peer.handlers = handlers;
          return peerStream(peer);
        },
      }),
    );
    return peer;
  }

  resolve(host: string): readonly string[] | undefined {
    if (isIPv4(host)) return [host];
    const address = this.#names.get(host.toLowerCase());
    return address === undefined ? undefined : [address];
  }

  reaches(): boolean {
    return true;
  }

  connect(address: string, port: number, handlers: StreamHandlers): Stream {
    const server = this.#servers.get(port);
    if (!server) return this.#refuse(handlers);
    const opened = { remoteAddress: address, remotePort: port, localPort: this.#nextPort++ };
    if (server.kind === "peer") {
      const peer = new MemoryPeer(this.#scheduler, opened.localPort);
      peer.handlers = handlers;
      this.#scheduler.post(() => server.accept(peer));
      this.#scheduler.post(() => handlers.opened(opened));
      return peerStream(peer);
    }
    const [near, far] = this.#pair();
    const post = this.#poster(near);
    post(() => handlers.opened(opened));
    near.on("data", (bytes: Buffer) => post(() => handlers.data(bytes)));
    near.on("end", () => post(() => handlers.ended()));
    near.on("error", (error: Error) => post(() => handlers.failed({ kind: "reset", detail: error.message })));
    this.#scheduler.post(() => server.accept(far));
    return this.#stream(near, () => near);
  }

  connectSecure(address: string, port: number, tls: TlsClient, handlers: StreamHandlers): Stream {
    const server = this.#servers.get(port);
    if (!server) return this.#refuse(handlers);
    const localPort = this.#nextPort++;
    const [near, far] = this.#pair();
    const post = this.#poster(near);
    if (server.kind === "peer") server.accept(peerOver(far, this.#scheduler, localPort));
    else server.accept(far);
    const transport = {
      socket: near,
      sentBytes: () => near.sentBytes,
      receivedBytes: () => near.receivedBytes,
    };
    const socket = startTls(transport, tls, {
      secure: opened =>
        post(() => handlers.opened({ remoteAddress: address, remotePort: port, localPort, tls: opened })),
      data: bytes => {
        this.#settler.touch();
        post(() => handlers.data(bytes));
      },
      ended: () => post(() => handlers.ended()),
      failed: failure => post(() => handlers.failed(failure)),
    });
    return this.#stream(near, () => socket ?? near);
  }

  listen(port: number, accept: (stream: AcceptedStream) => void): Promise<Listener | undefined> {
    if (this.#listeners.has(port)) return Promise.resolve(undefined);
    this.#listeners.set(port, accept);
    return Promise.resolve({ close: () => this.#listeners.delete(port) });
  }

  openDatagrams(port: number, receive: DatagramHandler): Promise<DatagramPort | undefined> {
    const local = port === 0 ? this.#nextPort++ : port;
    if (this.#datagrams.has(local)) return Promise.resolve(undefined);
    this.#datagrams.set(local, receive);
    return Promise.resolve({
      port: local,
      send: (bytes, address, remotePort) => {
        const copy = Uint8Array.from(bytes);
        this.#scheduler.post(() =>
          this.#services.get(remotePort)?.(copy, reply => {
            const answer = Uint8Array.from(reply);
            this.#scheduler.post(() => this.#datagrams.get(local)?.(answer, address, remotePort));
          }),
        );
      },
      close: () => this.#datagrams.delete(local),
    });
  }

  close(): void {
    for (const end of this.#open) end.destroy();
    this.#open.clear();
    this.#servers.clear();
    this.#listeners.clear();
  }

  #refuse(handlers: StreamHandlers): Stream {
    let wanted = true;
    this.#scheduler.post(() => {
      if (wanted) handlers.failed({ kind: "refused", detail: "nobody listens at the port" });
    });
    return {
      write: () => undefined,
      end: () => undefined,
      destroy: () => (wanted = false),
      setPaused: () => undefined,
    };
  }

  #pair(): [PipeEnd, PipeEnd] {
    const [near, far] = PipeEnd.pair(this.#settler);
    this.#open.add(near);
    near.on("close", () => this.#open.delete(near));
    near.on("error", () => undefined);
    return [near, far];
  }

  /** Handlers hear nothing more once the module has destroyed its end. */
  #poster(near: PipeEnd): (action: () => void) => void {
    return action =>
      this.#scheduler.post(() => {
        if (!discarded.has(near)) action();
      });
  }

  #stream(near: PipeEnd, socket: () => Duplex): Stream {
    return {
      write: (bytes, taken) => {
        const target = socket();
        if (target.destroyed || target.writableEnded) return;
        this.#settler.touch();
        target.write(Uint8Array.from(bytes), error => {
          if (!error) this.#scheduler.post(taken);
        });
      },
      end: () => {
        this.#settler.touch();
        socket().end();
      },
      destroy: () => {
        discarded.add(near);
        socket().destroy();
        near.destroy();
      },
      setPaused: paused => {
        if (paused) socket().pause();
        else socket().resume();
      },
    };
  }
}

const discarded = new WeakSet<PipeEnd>();
