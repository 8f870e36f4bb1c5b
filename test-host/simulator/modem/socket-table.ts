import type { AcceptedStream, Network, StreamFailure, StreamHandlers, TlsClient } from "../network.js";
import type { Scheduler } from "../scheduler.js";
import { Delivery, segmentOverheadBytes, type DeliveryHost } from "./delivery.js";
import { socketErrors } from "./socket-errors.js";
import { ModuleSocket, type SocketOptions } from "./socket.js";
import { TlsSetupError } from "./tls-setup.js";

export interface SocketTableHost extends DeliveryHost {
  readonly scheduler: Scheduler;
  readonly network: Network;
  /** Connection attempts that nothing answers end after this. */
  readonly connectTimeoutMs: number;
  /** A TCP socket and a TLS client cannot have the same id. */
  readonly tlsSharesIds: boolean;
  /** Payload of a socket that the peer's side has taken. */
  sent(socket: number, before: number, after: number): void;
  /** A socket of a context that the network took down. */
  lostContext(socket: ModuleSocket): void;
  /** A peer has connected to a listener; undefined when no id was free. */
  incoming(server: ModuleSocket, socket: ModuleSocket | undefined): void;
}

/** Why a connection was not made; every module has codes of its own for it. */
export type OpenFailure =
  | { readonly kind: "name" }
  /** Refused, or nothing answers. */
  | { readonly kind: "connection" }
  /** The TLS settings cannot be used. */
  | { readonly kind: "setup"; readonly error: TlsSetupError }
  /** Not complete within the time that the settings allow. */
  | { readonly kind: "limit" }
  | { readonly kind: "handshake"; readonly failure: StreamFailure };

/** Called once an opening has ended, with the failure if there is one. */
type Opened = (failure?: OpenFailure) => void;

/** The sockets of a module: opening, data both ways over the link, closing. */
export class SocketTable {
  readonly #host: SocketTableHost;
  readonly #delivery: Delivery;
  readonly #sockets = new Map<string, ModuleSocket>();
  /** Every socket ever opened, for tests. */
  readonly history: ModuleSocket[] = [];

  constructor(host: SocketTableHost) {
    this.#host = host;
    this.#delivery = new Delivery(host);
  }

  get all(): readonly ModuleSocket[] {
    return [...this.#sockets.values()].sort((left, right) => left.id - right.id);
  }

  /** A TCP/UDP socket, or a TLS client. */
  get(id: number, secure: boolean): ModuleSocket | undefined {
    return this.#sockets.get(key(id, secure));
  }

  isTaken(id: number, secure: boolean): boolean {
    if (this.get(id, secure)) return true;
    return this.#host.tlsSharesIds && this.get(id, !secure) !== undefined;
  }

  create(options: SocketOptions): ModuleSocket {
    const socket = new ModuleSocket(options);
    this.#sockets.set(key(socket.id, socket.isSecure), socket);
    this.history.push(socket);
    return socket;
  }

  /** Gives the id back. */
  remove(socket: ModuleSocket): void {
    socket.destroy();
    socket.state = 0;
    if (this.get(socket.id, socket.isSecure) === socket)
      this.#sockets.delete(key(socket.id, socket.isSecure));
  }

  /** Power is gone. */
  reset(): void {
    for (const socket of this.all) this.remove(socket);
  }

  /** TCP client: name, connection, and the result code in the end. */
  connect(socket: ModuleSocket, opened: Opened): void {
    this.#resolve(socket, opened, address => {
      this.#host.link.exchange(1, 60, 60, () => {
        if (socket.isGone || socket.isSilent) return;
        const handlers = this.#handlers(socket, opened, () => opened());
        socket.stream = this.#host.network.connect(address, socket.remotePort, handlers);
      });
    });
  }

  /** TLS client: name, connection, handshake. `setup` may throw a `TlsSetupError`. */
  connectSecure(socket: ModuleSocket, limitMs: number, setup: () => TlsClient, opened: Opened): void {
    const { network, link, scheduler } = this.#host;
    this.#resolve(socket, opened, address => {
      link.exchange(1, 60, 60, () => {
        if (socket.isGone || socket.isSilent) return;
        const limit = scheduler.after(limitMs, () => {
          if (socket.state !== 1 || socket.isGone) return;
          socket.stream?.destroy();
          opened({ kind: "limit" });
        });
        const handlers = this.#handlers(
          socket,
          failure => {
            limit.cancel();
            opened(failure);
          },
          info => {
            const { sentBytes = 0, receivedBytes = 0 } = info.tls ?? {};
            // Rounded: the length of an ECDSA signature varies, and a run must repeat by its seed.
            link.exchange(2, roundUp(sentBytes), roundUp(receivedBytes), () => {
              scheduler.after(link.profile.handshakeMs, () => {
                limit.cancel();
                if (!socket.isGone && socket.state === 1) opened();
              });
            });
          },
        );
        try {
          socket.stream = network.connectSecure(address, socket.remotePort, setup(), handlers);
        } catch (error) {
          limit.cancel();
          if (!(error instanceof TlsSetupError)) throw error;
          opened({ kind: "setup", error });
        }
      });
    });
  }

  /** UDP, as a client with a peer or as a service. */
  async openDatagrams(socket: ModuleSocket): Promise<number> {
    const { network } = this.#host;
    const addresses = socket.kind === "UDP" ? network.resolve(socket.host) : [socket.host];
    if (!addresses?.[0]) return socketErrors.dnsFailed;
    socket.address = addresses[0];
    const port = await network.openDatagrams(socket.localPort, (bytes, address, remotePort) => {
      this.#host.link.receive(bytes.length + 28, () =>
        this.#delivery.packet(socket, { bytes, address, port: remotePort }),
      );
    });
    if (!port) return socketErrors.bindFailed;
    socket.datagrams = port;
    socket.localPort = port.port;
    return socketErrors.success;
  }

  async listen(socket: ModuleSocket): Promise<number> {
    const listener = await this.#host.network.listen(socket.localPort, stream =>
      this.#accept(socket, stream),
    );
    if (!listener) return socketErrors.bindFailed;
    socket.listener = listener;
    return socketErrors.success;
  }

  /** Hands payload to the peer. The caller has checked state and room. */
  send(socket: ModuleSocket, bytes: Uint8Array, to?: { address: string; port: number }): void {
    const { link } = this.#host;
    const before = socket.sentBytes;
    socket.sentBytes += bytes.length;
    // Nobody acknowledges a datagram; the counters of a log show it as done.
    if (socket.isDatagram) socket.ackedBytes += bytes.length;
    link.send(bytes.length + this.#delivery.overheadBytes(socket), () => {
      if (socket.isGone || socket.isSilent) return;
      if (socket.datagrams) {
        socket.datagrams.send(bytes, to?.address ?? socket.address, to?.port ?? socket.remotePort);
      } else {
        socket.stream?.write(bytes, () => {
          link.receive(0, () => {
            if (!socket.isSilent) socket.ackedBytes += bytes.length;
          });
        });
      }
      this.#host.sent(socket.id, before, before + bytes.length);
    });
  }

  /** After reading: lets more in. */
  drained(socket: ModuleSocket): void {
    this.#delivery.pump(socket);
  }

  /** Closes and frees; `done` when the peer's FIN has come or the time is over. */
  close(socket: ModuleSocket, timeoutMs: number, done: () => void): void {
    const finish = (): void => {
      this.remove(socket);
      done();
    };
    if (!socket.stream || socket.state !== 2) {
      if (socket.state === 4) socket.stream?.end();
      finish();
      return;
    }
    if (timeoutMs === 0) {
      finish();
      return;
    }
    socket.state = 4;
    const limit = this.#host.scheduler.after(timeoutMs, () => {
      socket.onPeerEnd = undefined;
      finish();
    });
    socket.onPeerEnd = () => {
      limit.cancel();
      finish();
    };
    this.#host.link.send(segmentOverheadBytes, () => {
      if (!socket.isSilent) socket.stream?.end();
    });
  }

  /** The peer ends the connection, in good order or not. */
  breakOff(id: number): void {
    for (const socket of this.all) {
      if (socket.id !== id || socket.state !== 2) continue;
      socket.stream?.destroy();
      this.#host.link.receive(segmentOverheadBytes, () => this.#delivery.ended(socket));
    }
  }

  /** Radio dead: connections stay as they look, and nothing passes. */
  silence(context: number): void {
    for (const socket of this.all) if (socket.context === context) socket.isSilent = true;
  }

  /** Sockets of a deactivated context: by the host they are gone, by the network they are dead. */
  contextDown(context: number, byHost: boolean): void {
    for (const socket of this.all) {
      if (socket.context !== context) continue;
      if (byHost) this.remove(socket);
      else {
        socket.destroy();
        socket.isGone = false;
        const wasOpen = socket.state === 2;
        socket.state = 4;
        if (wasOpen) this.#host.lostContext(socket);
      }
    }
  }

  #resolve(socket: ModuleSocket, opened: Opened, found: (address: string) => void): void {
    const { link, network, connectTimeoutMs, scheduler } = this.#host;
    socket.state = 1;
    scheduler.after(link.spread(link.profile.openMs), () => {
      if (socket.isGone) return;
      if (socket.isSilent) {
        scheduler.after(connectTimeoutMs, () => {
          if (!socket.isGone) opened({ kind: "connection" });
        });
        return;
      }
      const address = network.resolve(socket.host)?.[0];
      const isName = address !== socket.host;
      const proceed = (): void => {
        if (socket.isGone) return;
        if (address === undefined) opened({ kind: "name" });
        else {
          socket.address = address;
          found(address);
        }
      };
      if (isName) link.exchange(1, 70, 120, proceed);
      else proceed();
    });
  }

  #handlers(
    socket: ModuleSocket,
    failed: Opened,
    opened: (info: Parameters<StreamHandlers["opened"]>[0]) => void,
  ): StreamHandlers {
    return {
      opened: info => {
        if (socket.isGone) return;
        socket.localPort = info.localPort;
        socket.tls = info.tls;
        opened(info);
      },
      data: bytes => {
        if (socket.isGone) return;
        socket.offer(bytes);
        this.#delivery.pump(socket);
      },
      ended: () => {
        if (socket.isGone) return;
        socket.ending();
        this.#delivery.pump(socket);
      },
      failed: failure => this.#failed(socket, failure, failed),
    };
  }

  #failed(socket: ModuleSocket, failure: StreamFailure, failed: Opened): void {
    socket.failure = failure;
    if (socket.isGone) return;
    if (socket.state !== 1) {
      this.#host.link.receive(segmentOverheadBytes, () => this.#delivery.ended(socket));
      return;
    }
    const { connectTimeoutMs, scheduler, link } = this.#host;
    if (failure.kind === "unreachable") {
      scheduler.after(connectTimeoutMs, () => {
        if (!socket.isGone) failed({ kind: "connection" });
      });
    } else if (failure.kind === "refused") {
      failed({ kind: "connection" });
    } else {
      link.exchange(1, 500, 4_000, () => {
        if (!socket.isGone) failed({ kind: "handshake", failure });
      });
    }
  }

  /** An opening has been reported: what the peer sent meanwhile may come in. */
  connected(socket: ModuleSocket): void {
    socket.state = socket.kind === "TCP LISTENER" || socket.kind === "UDP SERVICE" ? 3 : 2;
    this.#delivery.pump(socket);
  }

  #accept(server: ModuleSocket, stream: AcceptedStream): void {
    if (server.isGone) return;
    const id = [11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0].find(candidate => !this.isTaken(candidate, false));
    if (id === undefined) {
      this.#host.incoming(server, undefined);
      return;
    }
    const socket = this.create({
      id,
      kind: "TCP INCOMING",
      context: server.context,
      mode: server.mode,
      host: stream.remoteAddress,
      remotePort: stream.remotePort,
      localPort: server.localPort,
      serverId: server.id,
    });
    socket.stream = stream.attach(
      this.#handlers(
        socket,
        () => undefined,
        () => undefined,
      ),
    );
    this.#host.link.receive(60, () => {
      if (socket.isGone) return;
      this.#host.incoming(server, socket);
      this.connected(socket);
    });
  }
}

function key(id: number, secure: boolean): string {
  return `${secure ? "tls" : "tcp"} ${String(id)}`;
}

function roundUp(bytes: number): number {
  return Math.ceil(bytes / 64) * 64;
}
