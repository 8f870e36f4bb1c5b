import { Aedes, type Client } from "aedes";
import { createServer as createPlainServer, type Server, type Socket } from "node:net";
import type { Duplex } from "node:stream";
import { createServer as createTlsServer, TLSSocket, type TlsOptions } from "node:tls";
import { Authority, type Issued, type KeyKind } from "../../certs/issue.js";
import { toPem } from "../../certs/pem-text.js";
import { matchesTopic } from "./topic-filter.js";
import { refusalReason } from "./refusal.js";

/** A message that a client published. */
export interface BrokerMessage {
  /** The client identifier. */
  readonly client: string;
  readonly topic: string;
  readonly payload: Uint8Array;
  readonly qos: 0 | 1 | 2;
  readonly retain: boolean;
  readonly duplicate: boolean;
}

/** A connection that the broker did not let in, or threw out. */
export interface BrokerRefusal {
  /** In the TLS handshake, or in the conversation of MQTT. */
  readonly stage: "tls" | "mqtt";
  /** Code of Node or OpenSSL where there is one: `ERR_SSL_PEER_DID_NOT_RETURN_A_CERTIFICATE`. */
  readonly code: string;
  /** A sentence for people. */
  readonly reason: string;
  /** The client identifier, once it is known. */
  readonly client?: string;
}

/** CONNACK return codes with which a broker refuses a client (MQTT 3.1.1, 3.2.2.3). */
export type ConnectRefusal = 2 | 3 | 4 | 5;

export interface BrokerOptions {
  /**
   * `mutual` (default): TLS, the client must show a certificate of the authority. `server`: TLS
   * without client certificates. `none`: plain TCP.
   */
  readonly security?: "mutual" | "server" | "none";
  /** Default: 0, any free port. The broker listens on 127.0.0.1 alone. */
  readonly port?: number;
  /** Issues the certificates. Default: a new one. */
  readonly authority?: Authority;
  /** Default: a new certificate of the authority for localhost, 127.0.0.1 and `names`. */
  readonly server?: Issued;
  /** More names that clients may call the broker by. */
  readonly names?: readonly string[];
  /** Kind of the keys made here. Default: P-256. */
  readonly key?: KeyKind;
  /** CA certificates (DER) whose clients are let in too. */
  readonly trust?: readonly Uint8Array[];
  readonly tls?: Pick<TlsOptions, "minVersion" | "maxVersion" | "ciphers">;
  readonly onConnect?: (client: string) => void;
  readonly onDisconnect?: (client: string) => void;
  readonly onSubscribe?: (client: string, filter: string) => void;
  readonly onMessage?: (message: BrokerMessage) => void;
  readonly onRefusal?: (refusal: BrokerRefusal) => void;
  /** A queued command was sent to a subscribed client. */
  readonly onCommandSent?: (client: string, topic: string) => void;
  /** The client acknowledged a message of QoS 1 or 2 to its end. */
  readonly onAcknowledged?: (client: string) => void;
  /** Refuses a client by a CONNACK return code. */
  readonly refuseConnect?: (
    client: string,
    user: string | undefined,
    password: string | undefined,
  ) => ConnectRefusal | undefined;
  /** Refuses a subscription (SUBACK 0x80). */
  readonly refuseSubscription?: (client: string, filter: string) => boolean;
}

interface Command {
  readonly topic: string;
  readonly payload: Uint8Array;
  readonly qos: 0 | 1 | 2;
}

/** A client that is connected, or that will find its subscriptions again when it is. */
interface Session {
  readonly filters: Set<string>;
  /** The connection; `undefined` while there is none. */
  client: Client | undefined;
}

/** Errors of aedes carry the CONNACK return code beside the text. */
class ConnectError extends Error {
  readonly returnCode: ConnectRefusal;

  constructor(returnCode: ConnectRefusal) {
    super(`connection refused with CONNACK code ${returnCode}`);
    this.returnCode = returnCode;
  }
}

/**
 * An MQTT 3.1.1 broker in this process (aedes) behind mutual TLS on the loopback interface.
 *
 * One difference to most brokers: Node finishes the handshake before it looks at a client
 * certificate, so that one of a foreign authority is thrown out right after the handshake; a client
 * without any is refused inside it.
 */
export class EmbeddedBroker {
  readonly address = "127.0.0.1";
  readonly authority: Authority;
  readonly server: Issued;
  readonly #aedes: Aedes;
  readonly #options: BrokerOptions;
  readonly #listener: Server;
  readonly #connections = new Set<Duplex>();
  /** By client identifier. */
  readonly #sessions = new Map<string, Session>();
  #commands: Command[] = [];
  #closing: Promise<void> | undefined;

  private constructor(aedes: Aedes, authority: Authority, server: Issued, options: BrokerOptions) {
    this.#aedes = aedes;
    this.#options = options;
    this.authority = authority;
    this.server = server;
    this.#listener = this.#listen();
    this.#observe();
  }

  /** Starts a broker; resolves once it listens. */
  static async start(options: BrokerOptions = {}): Promise<EmbeddedBroker> {
    const kind = options.key ?? "P-256";
    const authority =
      options.authority ?? (await Authority.create({ commonName: "Embedded broker CA", key: kind }));
    const names = ["localhost", "127.0.0.1", ...(options.names ?? [])];
    const server =
      options.server ?? (await authority.server({ commonName: "Embedded broker", key: kind, names }));
    const aedes = await Aedes.createBroker();
    const broker = new EmbeddedBroker(aedes, authority, server, options);
    await new Promise<void>((resolve, reject) => {
      broker.#listener.once("error", reject);
      broker.#listener.listen(options.port ?? 0, broker.address, resolve);
    });
    return broker;
  }

  /** The TCP port that the broker listens on. */
  get port(): number {
    const address = this.#listener.address();
    return address !== null && typeof address === "object" ? address.port : 0;
  }

  /** A new client certificate of the broker's authority. */
  issueClient(commonName: string, key: KeyKind = this.#options.key ?? "P-256"): Promise<Issued> {
    return this.authority.client({ commonName, key });
  }

  /** Serves a connection that did not come through the port: one end of a pair in memory. */
  accept(stream: Duplex): void {
    this.#listener.emit("connection", stream);
  }

  /** Connected clients with a subscription that matches the topic. */
  subscribers(topic: string): readonly string[] {
    return [...this.#sessions]
      .filter(([, { client, filters }]) => client && [...filters].some(filter => matchesTopic(filter, topic)))
      .map(([client]) => client);
  }

  /** Publishes to whoever is subscribed now, or once the first client has subscribed. Order is kept. */
  command(topic: string, payload: Uint8Array | string, qos: 0 | 1 | 2 = 1): void {
    const bytes = typeof payload === "string" ? Buffer.from(payload) : payload;
    this.#commands.push({ topic, payload: bytes, qos });
    this.#sendCommands();
  }

  /** Cuts every connection without a word, as a broker that crashes. */
  dropConnections(): void {
    for (const one of this.#connections) one.destroy();
  }

  /** Ends every connection and stops listening. May be called again. */
  close(): Promise<void> {
    this.#closing ??= this.#shutDown();
    return this.#closing;
  }

  async #shutDown(): Promise<void> {
    await new Promise<void>(resolve => this.#aedes.close(resolve));
    this.dropConnections();
    await new Promise<void>(resolve => this.#listener.close(() => resolve()));
  }

  #listen(): Server {
    const security = this.#options.security ?? "mutual";
    if (security === "none") {
      const plain = createPlainServer(socket => this.#serve(socket));
      plain.on("connection", socket => this.#track(socket));
      return plain;
    }
    const clientAuthorities = [
      this.authority.certificatePem,
      ...(this.#options.trust ?? []).map(der => toPem(der, "CERTIFICATE")),
    ];
    const secure = createTlsServer({
      minVersion: "TLSv1.2",
      ...this.#options.tls,
      cert: this.server.chainPem,
      key: this.server.keyPem,
      ...(security === "mutual"
        ? { ca: clientAuthorities, requestCert: true, rejectUnauthorized: true }
        : undefined),
    });
    secure.on("connection", (socket: Socket) => this.#track(socket));
    secure.on("secureConnection", socket => this.#serve(socket));
    secure.on("tlsClientError", (error, socket) => this.#refuseTls(error, socket));
    return secure;
  }

  #track(stream: Duplex): void {
    this.#connections.add(stream);
    stream.on("close", () => this.#connections.delete(stream));
    // What a broken connection means is told by aedes or by the TLS server.
    stream.on("error", () => undefined);
  }

  #serve(stream: Socket | TLSSocket): void {
    if (this.#aedes.closed) stream.destroy();
    else this.#aedes.handle(stream);
  }

  #refuseTls(error: Error, socket: TLSSocket): void {
    // Node ends the connection of an untrusted client without an error of its own.
    const untrusted: unknown = socket.authorizationError;
    const code = typeof untrusted === "string" ? untrusted : "code" in error ? String(error.code) : "";
    this.#options.onRefusal?.({ stage: "tls", code, reason: refusalReason(code, error.message) });
  }

  #refuseMqtt(client: Client, error: Error): void {
    const code = "code" in error ? String(error.code) : "";
    const refusal = { stage: "mqtt", code, reason: error.message } as const;
    this.#options.onRefusal?.(client.id ? { ...refusal, client: client.id } : refusal);
  }

  #observe(): void {
    const aedes = this.#aedes;
    const { onConnect, onDisconnect, onSubscribe, onMessage, onAcknowledged } = this.#options;
    aedes.on("clientReady", client => {
      // aedes tells of new subscriptions, not of those of a session that continues.
      const before = client.clean ? undefined : this.#sessions.get(client.id)?.filters;
      this.#sessions.set(client.id, { filters: before ?? new Set(), client });
      onConnect?.(client.id);
      this.#sendCommands();
    });
    aedes.on("clientDisconnect", client => {
      const session = this.#sessions.get(client.id);
      // Another connection may have taken the identifier over.
      if (session?.client === client) {
        if (client.clean) this.#sessions.delete(client.id);
        else session.client = undefined;
      }
      onDisconnect?.(client.id);
    });
    aedes.on("clientError", (client, error) => this.#refuseMqtt(client, error));
    aedes.on("connectionError", (client, error) => this.#refuseMqtt(client, error));
    aedes.on("subscribe", (subscriptions, client) => {
      for (const one of subscriptions) {
        if (one.qos > 2) continue;
        this.#sessions.get(client.id)?.filters.add(one.topic);
        onSubscribe?.(client.id, one.topic);
      }
      this.#sendCommands();
    });
    aedes.on("unsubscribe", (filters, client) => {
      for (const filter of filters) this.#sessions.get(client.id)?.filters.delete(filter);
    });
    aedes.on("publish", (packet, client) => {
      if (client === null) return;
      onMessage?.({
        client: client.id,
        topic: packet.topic,
        payload: Uint8Array.from(Buffer.from(packet.payload)),
        qos: packet.qos,
        retain: packet.retain,
        duplicate: packet.dup,
      });
    });
    aedes.on("ack", (_packet, client) => onAcknowledged?.(client.id));
    const { refuseConnect, refuseSubscription } = this.#options;
    if (refuseConnect !== undefined) {
      aedes.authenticate = (client, user, password, done) => {
        const code = refuseConnect(client.id, user, password?.toString());
        if (code === undefined) done(null, true);
        else done(new ConnectError(code), null);
      };
    }
    if (refuseSubscription !== undefined) {
      aedes.authorizeSubscribe = (client, subscription, done) => {
        done(null, refuseSubscription(client.id, subscription.topic) ? null : subscription);
      };
    }
  }

  #sendCommands(): void {
    const waiting: Command[] = [];
    for (const command of this.#commands) {
      const [client] = this.subscribers(command.topic);
      if (client === undefined) {
        waiting.push(command);
        continue;
      }
      const { topic, payload, qos } = command;
      this.#aedes.publish(
        { cmd: "publish", topic, payload: Buffer.from(payload), qos, retain: false, dup: false },
        () => {
          this.#options.onCommandSent?.(client, topic);
        },
      );
    }
    this.#commands = waiting;
  }
}
