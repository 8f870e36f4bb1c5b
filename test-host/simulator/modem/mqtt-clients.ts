import type { Scheduler, Task } from "../scheduler.js";
import type { Call } from "./call.js";
import {
  freshMqttConfiguration,
  type MqttConfiguration,
  type MqttItems,
  type MqttTlsChoice,
} from "./mqtt-configuration.js";
import { MqttInbox } from "./mqtt-inbox.js";
import type { MqttMessage } from "./mqtt-packets.js";
import { MqttSession, type MqttStream, type RepeatedPacket } from "./mqtt-session.js";
import type { MqttDialect, MqttSettings } from "./mqtt-settings.js";

export interface MqttTarget {
  readonly client: number;
  readonly host: string;
  readonly port: number;
  readonly pdpContext: number;
  readonly tls: MqttTlsChoice;
}

/** Why a connection was not made; each module has codes for it. */
export type MqttOpenFailure = "parameter" | "context" | "name" | "connection" | "tls";

/** Events of the connection below a client. */
export interface MqttStreamHandlers {
  opened(): void;
  /** Instead of `opened`. */
  failed(failure: MqttOpenFailure): void;
  data(bytes: Uint8Array): void;
  /** The peer has ended or reset the connection. */
  ended(): void;
  /** The way to the network is gone, and the module knows. */
  linkDead(): void;
}

/** How a module opens connections from inside: charged with link time, of its PDP contexts. */
export interface MqttStreams {
  open(target: MqttTarget, handlers: MqttStreamHandlers): MqttStream;
}

export interface MqttClientsHost {
  readonly scheduler: Scheduler;
  readonly dialect: MqttDialect;
  readonly settings: MqttSettings;
  readonly items: MqttItems;
  readonly streams: MqttStreams;
  /** A packet handed over until the stack has taken it. */
  sendMs(): number;
  urc(text: string): void;
}

/** How long the module waits for the broker's FIN after its own, or for its close after DISCONNECT, ms. */
const closeLimitMs = 10_000;

const openResults: Readonly<Record<MqttOpenFailure, number>> = {
  parameter: 1,
  context: 3,
  name: 4,
  connection: 5,
  tls: -1,
};

/** Result of +QMTOPEN for a client that is open already. */
const occupied = 2;

/** One of the module's six clients. */
export class MqttClient {
  configuration: MqttConfiguration;
  /** From AT+QMTOPEN until it has failed or the client is closed. */
  target: MqttTarget | undefined;
  session: MqttSession | undefined;
  readonly inbox: MqttInbox;
  /** The last life of this client ended with AT+QMTDISC. */
  wasDisconnected = false;
  readonly id: number;
  readonly #host: MqttClientsHost;
  #stream: MqttStream | undefined;
  #limit: Task | undefined;
  #closing: (() => void) | undefined;

  constructor(host: MqttClientsHost, id: number) {
    this.#host = host;
    this.id = id;
    this.configuration = freshMqttConfiguration(host.dialect, host.settings);
    this.inbox = new MqttInbox(host.settings);
  }

  get isOpen(): boolean {
    return this.target !== undefined;
  }

  /** AT+QMTOPEN; the command has been checked and not yet answered. */
  open(call: Call, host: string, port: number): void {
    const { settings, dialect, streams, scheduler } = this.#host;
    if (this.isOpen) {
      if (settings.openUsedClient === "error") call.error();
      else this.#openFailed(call, dialect.openCodes === "causes" ? occupied : -1);
      return;
    }
    const { pdpContext, tls } = this.configuration;
    const target = { client: this.id, host, port, pdpContext, tls };
    this.target = target;
    this.wasDisconnected = false;
    const answersLate = settings.openFailure === "final";
    if (!answersLate) call.ok();
    const report = (failure: MqttOpenFailure | undefined): void => {
      this.#limit?.cancel();
      if (failure === undefined) {
        if (answersLate) call.ok();
        this.#urc("OPEN", 0);
        return;
      }
      this.#drop();
      this.#openFailed(answersLate ? call : undefined, this.#openResult(failure));
    };
    if (dialect.openLimitMs !== Infinity)
      this.#limit = scheduler.after(dialect.openLimitMs, () => report("connection"));
    this.#stream = streams.open(target, {
      opened: () => {
        if (!this.#stream) return;
        this.session = this.#makeSession(this.#stream);
        report(undefined);
      },
      failed: report,
      data: bytes => this.session?.data(bytes),
      ended: () => this.#peerEnded(),
      linkDead: () => this.#linkDead(),
    });
  }

  /** AT+QMTCLOSE. */
  close(call: Call): void {
    const { settings } = this.#host;
    const isAfterDisconnect = this.wasDisconnected || this.session?.state === 4;
    if (isAfterDisconnect) {
      this.wasDisconnected = false;
      this.#drop();
      if (settings.closeAfterDisconnect === "error") call.error();
      else {
        call.ok();
        if (settings.closeAfterDisconnect === "result") this.#urc("CLOSE", 0);
      }
      return;
    }
    if (!this.isOpen) {
      if (settings.closeUnopened === "error") {
        call.error();
        return;
      }
      call.ok();
      this.#urc("CLOSE", -1);
      return;
    }
    call.ok();
    if (!this.session) {
      this.#drop();
      this.#urc("CLOSE", 0);
      return;
    }
    this.session.abandon();
    this.#awaitEnd(() => {
      this.#drop();
      this.#urc("CLOSE", 0);
    });
    this.#stream?.end();
  }

  /** AT+QMTDISC of a client that has a session. */
  disconnect(call: Call, session: MqttSession): void {
    call.ok();
    const isSent = session.disconnect();
    this.#urc("DISC", isSent ? 0 : -1);
    this.wasDisconnected = true;
    // A broker that does not close is left after a while.
    this.#awaitEnd(() => this.#drop());
  }

  /** Power is gone, or the host has taken the context down. */
  reset(): void {
    this.#drop();
    this.wasDisconnected = false;
    this.configuration = freshMqttConfiguration(this.#host.dialect, this.#host.settings);
  }

  #awaitEnd(done: () => void): void {
    this.#closing = done;
    this.#limit?.cancel();
    this.#limit = this.#host.scheduler.after(closeLimitMs, done);
  }

  #peerEnded(): void {
    const closing = this.#closing;
    const session = this.session;
    if (closing && session?.state !== 4) closing();
    else session?.peerClosed();
  }

  #linkDead(): void {
    const closing = this.#closing;
    if (closing && this.session?.state !== 4) closing();
    else if (this.session) this.session.close(7);
  }

  #makeSession(stream: MqttStream): MqttSession {
    const { scheduler, dialect, settings } = this.#host;
    const { packetTimeoutS, retries } = this.configuration;
    return new MqttSession(
      {
        scheduler,
        dialect,
        settings,
        closed: status => {
          const isWanted = status !== 5 || settings.statAfterDisconnect;
          this.#drop();
          if (isWanted) this.#urc("STAT", status);
        },
        received: message => this.#received(message),
        repeated: (packet, id, times) => this.#repeated(packet, id, times),
      },
      stream,
      { packetTimeoutMs: packetTimeoutS * 1000, retries },
    );
  }

  #received(message: MqttMessage): void {
    const { receiveStored } = this.configuration;
    if (!receiveStored) {
      this.#host.urc(`+QMTRECV: ${this.describe(message)}`);
      return;
    }
    const place = this.inbox.store(message);
    if (place !== undefined) this.#urc("RECV", place);
  }

  /** A message as +QMTRECV shows it; quotes and line ends in it stand as they are. */
  describe({ id, topic, payload }: MqttMessage): string {
    const { receiveLength, receiveHex } = this.configuration;
    const bytes = Buffer.from(payload);
    const text = receiveHex ? bytes.toString("hex").toUpperCase() : bytes.toString("latin1");
    const length = receiveLength ? `${String(bytes.length)},` : "";
    return `${String(this.id)},${String(id)},"${topic}",${length}"${text}"`;
  }

  #repeated(packet: RepeatedPacket, id: number, times: number): void {
    if (!this.configuration.notices) return;
    const own = this.#host.dialect.ownNotices;
    switch (packet) {
      case "connect":
        this.#urc("CONN", 1);
        break;
      case "subscribe":
        this.#urc("SUB", id, 1, times);
        break;
      case "unsubscribe":
        this.#urc("UNS", id, 1, times);
        break;
      case "publish":
        this.#urc("PUB", id, 1, times);
        break;
      case "pubrel":
        this.#urc(own ? "PUBREL" : "PUB", id, 1, times);
        break;
      case "pingreq":
        if (own) this.#urc("PING");
        break;
    }
  }

  #openResult(failure: MqttOpenFailure): number {
    return this.#host.dialect.openCodes === "causes" ? openResults[failure] : -1;
  }

  /** With the call of the command where it has not been answered yet. */
  #openFailed(call: Call | undefined, result: number): void {
    if (this.#host.settings.openFailure === "final" && call) {
      call.info(`+QMTOPEN: ${String(this.id)},${String(result)}`);
      call.error();
      return;
    }
    call?.ok();
    this.#urc("OPEN", result);
  }

  /** The connection is gone without a word and the client can be opened anew. */
  #drop(): void {
    this.#limit?.cancel();
    this.#limit = undefined;
    this.#closing = undefined;
    this.target = undefined;
    this.session?.abandon();
    this.session = undefined;
    this.#stream?.destroy();
    this.#stream = undefined;
    this.inbox.clear();
  }

  #urc(name: string, ...values: readonly number[]): void {
    this.#host.urc(`+QMT${name}: ${[this.id, ...values].join(",")}`);
  }
}

/** The MQTT clients 0 to 5 of a module. */
export class MqttClients {
  readonly host: MqttClientsHost;
  readonly all: readonly MqttClient[];

  constructor(host: MqttClientsHost) {
    this.host = host;
    this.all = Array.from({ length: 6 }, (_, id) => new MqttClient(host, id));
  }

  /** An open client keeps a module out of deep sleep. */
  get isAnyOpen(): boolean {
    return this.all.some(client => client.isOpen);
  }

  /** Power is gone. */
  reset(): void {
    for (const client of this.all) client.reset();
  }

  urc(text: string): void {
    this.host.urc(text);
  }
}
