import type { Link } from "../link.js";
import type { Network, TlsClient } from "../network.js";
import type { Scheduler } from "../scheduler.js";
import { segmentOverheadBytes } from "./delivery.js";
import type { MqttOpenFailure, MqttStreamHandlers, MqttStreams, MqttTarget } from "./mqtt-clients.js";
import type { MqttStream } from "./mqtt-session.js";
import type { ModuleSocket } from "./socket.js";
import { SocketTable, type OpenFailure } from "./socket-table.js";

/** TLS for one connection. */
export interface MqttTls {
  /** Longest time for connection and handshake. */
  readonly limitMs: number;
  /** May throw a `TlsSetupError`. */
  readonly client: () => TlsClient;
}

export interface MqttStreamsHost {
  readonly scheduler: Scheduler;
  readonly network: Network;
  readonly link: Link;
  /** Unanswered connection attempts end after this. */
  readonly connectTimeoutMs: number;
  /** A TLS record around application data. */
  readonly recordOverheadBytes: number;
  /** Calls on with true once the context carries data, with false when it cannot. */
  useContext(context: number, ready: (isActive: boolean) => void): void;
  tls(target: MqttTarget): MqttTls;
  /** Bytes of a client's connection that the peer's side has taken. */
  sent(socket: number, before: number, after: number): void;
}

/** In faults and records the connection of client n stands as socket 100 + n: it has no connect id. */
export const firstMqttSocket = 100;

const windowBytes = 8_192;

const failures: Readonly<Record<OpenFailure["kind"], MqttOpenFailure>> = {
  name: "name",
  connection: "connection",
  setup: "tls",
  limit: "tls",
  handshake: "tls",
};

/** The connections of a module's MQTT clients: beside its sockets, over the same link and network. */
export class ModuleMqttStreams implements MqttStreams {
  readonly sockets: SocketTable;
  readonly #host: MqttStreamsHost;
  readonly #handlers = new Map<ModuleSocket, MqttStreamHandlers>();

  constructor(host: MqttStreamsHost) {
    this.#host = host;
    this.sockets = new SocketTable({
      scheduler: host.scheduler,
      network: host.network,
      link: host.link,
      connectTimeoutMs: host.connectTimeoutMs,
      tlsSharesIds: false,
      receiveWindowBytes: windowBytes,
      recordOverheadBytes: host.recordOverheadBytes,
      received: (socket, bytes) => {
        socket.readBytes += bytes.length;
        this.#handlers.get(socket)?.data(bytes);
      },
      peerEnded: socket => this.#handlers.get(socket)?.ended(),
      sent: (id, before, after) => host.sent(id, before, after),
      receivedPacket: () => undefined,
      lostContext: () => undefined,
      incoming: () => undefined,
    });
  }

  open(target: MqttTarget, handlers: MqttStreamHandlers): MqttStream {
    const socket = this.sockets.create({
      id: firstMqttSocket + target.client,
      kind: target.tls.enabled ? "SSLClient" : "TCP",
      context: target.pdpContext,
      mode: 0,
      host: target.host,
      remotePort: target.port,
      localPort: 0,
      ...(target.tls.enabled ? { sslContext: target.tls.context } : {}),
    });
    this.#handlers.set(socket, handlers);
    this.#host.useContext(target.pdpContext, isActive => {
      if (socket.isGone) return;
      if (!isActive) this.#fail(socket, "context");
      else if (target.host === "") this.#fail(socket, "parameter");
      else this.#connect(socket, target);
    });
    return this.#stream(socket);
  }

  /** The context is down, and the module knows. */
  contextDown(context: number): void {
    for (const socket of this.sockets.all) {
      if (socket.context !== context) continue;
      if (socket.state === 2) this.#handlers.get(socket)?.linkDead();
      else this.#fail(socket, "connection");
    }
  }

  #connect(socket: ModuleSocket, target: MqttTarget): void {
    const done = (failure?: OpenFailure): void => {
      if (failure) this.#fail(socket, failures[failure.kind]);
      else {
        this.sockets.connected(socket);
        this.#handlers.get(socket)?.opened();
      }
    };
    if (!target.tls.enabled) {
      this.sockets.connect(socket, done);
      return;
    }
    const { limitMs, client } = this.#host.tls(target);
    this.sockets.connectSecure(socket, limitMs, client, done);
  }

  #fail(socket: ModuleSocket, failure: MqttOpenFailure): void {
    const handlers = this.#handlers.get(socket);
    this.#remove(socket);
    handlers?.failed(failure);
  }

  #remove(socket: ModuleSocket): void {
    this.#handlers.delete(socket);
    this.sockets.remove(socket);
  }

  #stream(socket: ModuleSocket): MqttStream {
    const { sockets } = this;
    return {
      get unackedBytes() {
        return socket.unackedBytes;
      },
      write: bytes => {
        if (socket.isConnected) sockets.send(socket, Uint8Array.from(bytes));
      },
      end: () =>
        this.#host.link.send(segmentOverheadBytes, () => {
          if (!socket.isGone && !socket.isSilent) socket.stream?.end();
        }),
      destroy: () => this.#remove(socket),
    };
  }
}
