import { generate, parser, type IPublishPacket, type Packet, type Parser } from "mqtt-packet";
import type { Scheduler, Task } from "../scheduler.js";
import {
  connectPacket,
  publishPacket,
  returnCode,
  subscribePacket,
  toLatin1,
  unsubscribePacket,
  type MqttConnectOptions,
  type MqttMessage,
  type MqttPublication,
  type SubscriptionList,
} from "./mqtt-packets.js";
import type { MqttDialect, MqttSettings } from "./mqtt-settings.js";

/** +QMTSTAT: why the module has closed a client. */
export const mqttStatus = {
  closedByPeer: 1,
  pingFailed: 2,
  connectFailed: 3,
  connackFailed: 4,
  closedAfterDisconnect: 5,
  sendFailed: 6,
  linkDead: 7,
} as const;

export type MqttStatus = (typeof mqttStatus)[keyof typeof mqttStatus];

/** AT+QMTCONN? */
export const mqttStates = { initial: 1, connecting: 2, connected: 3, disconnecting: 4 } as const;

export type MqttState = (typeof mqttStates)[keyof typeof mqttStates];

/** What a session needs of the connection below. */
export interface MqttStream {
  /** Bytes that the peer's side has not acknowledged. */
  readonly unackedBytes: number;
  write(bytes: Uint8Array): void;
  /** FIN. */
  end(): void;
  /** RST; nothing is reported any more. */
  destroy(): void;
}

export interface MqttTiming {
  readonly packetTimeoutMs: number;
  readonly retries: number;
}

/** What is sent again: the packet that an answer is missing to. */
export type RepeatedPacket = "connect" | "subscribe" | "unsubscribe" | "publish" | "pubrel" | "pingreq";

export interface MqttSessionHost {
  readonly scheduler: Scheduler;
  readonly dialect: MqttDialect;
  readonly settings: MqttSettings;
  /** The module has closed the client. Nothing follows. */
  closed(status: MqttStatus): void;
  received(message: MqttMessage): void;
  /** `packet` goes out once more, for the `times`th time beyond the first. */
  repeated(packet: RepeatedPacket, id: number, times: number): void;
}

/** The broker's answer; `failed` after all retries, `closed` when the client went away meanwhile. */
export type MqttAnswer = { readonly packet: Packet } | "failed" | "closed";

interface Exchange {
  readonly answered: (answer: MqttAnswer) => void;
  task: Task | undefined;
}

/** At most so many publications of QoS 1 and 2 without their answers. */
export const mqttWindow = 5;

/**
 * MQTT 3.1 and 3.1.1 as a module's own client speaks it: answers awaited and packets sent again by the
 * module's timers, keep-alive, acknowledgement of what is received. Begins on an open connection.
 */
export class MqttSession {
  state: MqttState = mqttStates.initial;
  readonly #host: MqttSessionHost;
  readonly #stream: MqttStream;
  readonly #timing: MqttTiming;
  readonly #parser: Parser = parser();
  readonly #exchanges = new Map<string, Exchange>();
  /** QoS 2 messages delivered and not yet released. */
  readonly #unreleased = new Set<number>();
  readonly #window = new Set<number>();
  #keepAliveMs = 0;
  #keepAlive: Task | undefined;
  #isOver = false;

  constructor(host: MqttSessionHost, stream: MqttStream, timing: MqttTiming) {
    this.#host = host;
    this.#stream = stream;
    this.#timing = timing;
    this.#parser.on("packet", packet => {
      if (!this.#isOver) this.#take(packet);
    });
    // A broker that breaks the protocol is as good as none.
    this.#parser.on("error", () => this.close(mqttStatus.linkDead));
  }

  get isOver(): boolean {
    return this.#isOver;
  }

  /** Publications of QoS 1 and 2 under way. */
  get inFlight(): number {
    return this.#window.size;
  }

  isInFlight(id: number): boolean {
    return this.#window.has(id);
  }

  connect(options: MqttConnectOptions, answered: (answer: MqttAnswer) => void): void {
    this.state = mqttStates.connecting;
    this.#keepAliveMs = options.keepAliveS * 1000;
    const packet = connectPacket(options);
    const { settings } = this.#host;
    this.#exchange({
      key: "connack",
      packet: times => (times === 0 || settings.retransmitsConnect ? packet : undefined),
      name: "connect",
      id: 0,
      answered: answer => {
        const accepted = answer !== "failed" && answer !== "closed" && returnCode(answer.packet) === 0;
        if (accepted) {
          this.state = mqttStates.connected;
          this.#restartKeepAlive();
        } else if (!this.#isOver) this.state = mqttStates.initial;
        // TCP has delivered the CONNECT or it has not: the two have codes of their own.
        const isSent = this.#stream.unackedBytes === 0;
        answered(answer);
        if (answer === "failed") this.close(isSent ? mqttStatus.connackFailed : mqttStatus.connectFailed);
      },
    });
  }

  subscribe(id: number, list: SubscriptionList, answered: (answer: MqttAnswer) => void): void {
    const packet = subscribePacket(id, list);
    this.#request(`suback ${String(id)}`, "subscribe", id, () => packet, answered);
  }

  unsubscribe(id: number, topics: readonly string[], answered: (answer: MqttAnswer) => void): void {
    const packet = unsubscribePacket(id, topics);
    this.#request(`unsuback ${String(id)}`, "unsubscribe", id, () => packet, answered);
  }

  /** With QoS 0 false means that the connection takes no more. */
  publishOnce(publication: MqttPublication): boolean {
    return this.#send(publishPacket(publication, false));
  }

  /** QoS 1 and 2. */
  publish(publication: MqttPublication, answered: (answer: MqttAnswer) => void): void {
    const { id, qos } = publication;
    const key = `${qos === 1 ? "puback" : "pubrec"} ${String(id)}`;
    this.#window.add(id);
    const finish = (answer: MqttAnswer): void => {
      this.#window.delete(id);
      answered(answer);
    };
    const packet = (times: number): Packet => publishPacket(publication, times > 0);
    this.#request(key, "publish", id, packet, answer => {
      if (qos === 1 || answer === "failed" || answer === "closed") finish(answer);
      else this.#release(id, finish);
    });
  }

  /** False when not even the DISCONNECT could be handed over. */
  disconnect(): boolean {
    this.state = mqttStates.disconnecting;
    this.#keepAlive?.cancel();
    return this.#send({ cmd: "disconnect" });
  }

  /** From the broker. */
  data(bytes: Uint8Array): void {
    if (!this.#isOver) this.#parser.parse(Buffer.from(bytes));
  }

  /** The broker has closed, in good order or not. */
  peerClosed(): void {
    const isAnswer = this.state === mqttStates.disconnecting;
    this.close(isAnswer ? mqttStatus.closedAfterDisconnect : mqttStatus.closedByPeer);
  }

  /** The module gives the client up. */
  close(status: MqttStatus): void {
    if (this.#isOver) return;
    this.#stop(this.#host.settings.pendingAtClose === "failed");
    this.#stream.destroy();
    this.#host.closed(status);
  }

  /** No timers any more and no events; the connection is left to the caller. */
  abandon(): void {
    this.#stop(false);
  }

  #stop(tellsPending: boolean): void {
    this.#isOver = true;
    this.#keepAlive?.cancel();
    const pending = [...this.#exchanges.values()];
    this.#exchanges.clear();
    for (const exchange of pending) exchange.task?.cancel();
    if (tellsPending) for (const exchange of pending) exchange.answered("closed");
  }

  /** An exchange whose failure closes the client, if set so. */
  #request(
    key: string,
    name: RepeatedPacket,
    id: number,
    packet: (times: number) => Packet,
    answered: (answer: MqttAnswer) => void,
  ): void {
    this.#exchange({
      key,
      packet,
      name,
      id,
      answered: answer => {
        answered(answer);
        if (answer === "failed" && this.#host.settings.failedSendCloses) this.close(mqttStatus.sendFailed);
      },
    });
  }

  #release(id: number, finish: (answer: MqttAnswer) => void): void {
    this.#request(
      `pubcomp ${String(id)}`,
      "pubrel",
      id,
      () => ({ cmd: "pubrel", messageId: id }),
      answer => finish(answer),
    );
  }

  /** Sends a packet until its answer has come, as often as retries allow. */
  #exchange(options: {
    readonly key: string;
    /** The packet, or nothing where it is only waited for longer. */
    readonly packet: (times: number) => Packet | undefined;
    readonly name: RepeatedPacket;
    readonly id: number;
    readonly answered: (answer: MqttAnswer) => void;
  }): void {
    const { key, packet, name, id, answered } = options;
    const { scheduler, dialect } = this.#host;
    const isShort = name === "connect" && dialect.connectWaits === "one-timeout";
    const transmissions = isShort ? 1 : dialect.transmissions(this.#timing.retries);
    // With an identifier that is in use already the broker's one answer, or its lack, is that of both.
    const before = this.#exchanges.get(key);
    before?.task?.cancel();
    const exchange: Exchange = {
      answered: answer => {
        before?.answered(answer);
        answered(answer);
      },
      task: undefined,
    };
    const fail = (): void => {
      this.#exchanges.delete(key);
      exchange.answered("failed");
    };
    const transmit = (times: number): void => {
      const next = packet(times);
      if (next && times > 0) this.#host.repeated(name, id, times);
      exchange.task = scheduler.after(this.#timing.packetTimeoutMs, () => {
        if (times + 1 < transmissions) transmit(times + 1);
        else fail();
      });
      // A full send buffer is waited for like a lost packet.
      if (next) this.#send(next);
    };
    this.#exchanges.set(key, exchange);
    transmit(0);
  }

  #answer(key: string, packet: Packet): boolean {
    const exchange = this.#exchanges.get(key);
    if (!exchange) return false;
    this.#exchanges.delete(key);
    exchange.task?.cancel();
    exchange.answered({ packet });
    return true;
  }

  #send(packet: Packet): boolean {
    const bytes = generate(packet);
    if (this.#stream.unackedBytes + bytes.length > this.#host.settings.sendBufferBytes) return false;
    this.#stream.write(bytes);
    if (this.state === mqttStates.connected) this.#restartKeepAlive();
    return true;
  }

  #take(packet: Packet): void {
    const id = packet.messageId ?? 0;
    switch (packet.cmd) {
      case "connack":
      case "pingresp":
        this.#answer(packet.cmd, packet);
        break;
      case "suback":
      case "unsuback":
      case "puback":
      case "pubcomp":
        this.#answer(`${packet.cmd} ${String(id)}`, packet);
        break;
      case "pubrec":
        // Once more for a PUBREC that was sent again.
        if (!this.#answer(`pubrec ${String(id)}`, packet)) this.#send({ cmd: "pubrel", messageId: id });
        break;
      case "publish":
        this.#received(packet, id);
        break;
      case "pubrel":
        this.#unreleased.delete(id);
        this.#send({ cmd: "pubcomp", messageId: id });
        break;
      default:
        this.close(mqttStatus.linkDead);
    }
  }

  #received(packet: IPublishPacket, id: number): void {
    const { qos, topic, payload } = packet;
    if (qos === 1) this.#send({ cmd: "puback", messageId: id });
    if (qos === 2) {
      this.#send({ cmd: "pubrec", messageId: id });
      if (this.#unreleased.has(id)) return;
      this.#unreleased.add(id);
    }
    this.#host.received({
      id,
      topic: toLatin1(topic),
      payload: typeof payload === "string" ? Buffer.from(payload) : payload,
    });
  }

  /** PINGREQ when nothing was sent for the keep-alive time. */
  #restartKeepAlive(): void {
    this.#keepAlive?.cancel();
    if (this.#keepAliveMs === 0 || this.#isOver) return;
    this.#keepAlive = this.#host.scheduler.after(this.#keepAliveMs, () => {
      if (this.#exchanges.has("pingresp")) {
        this.#restartKeepAlive();
        return;
      }
      this.#exchange({
        key: "pingresp",
        packet: () => ({ cmd: "pingreq" }),
        name: "pingreq",
        id: 0,
        answered: answer => {
          if (answer === "failed") this.close(mqttStatus.pingFailed);
        },
      });
    });
  }
}
