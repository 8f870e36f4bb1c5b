import mqttPacket from "mqtt-packet";
import { wire, type Packet } from "./support.js";

type QoS = 0 | 1 | 2;

interface Outgoing {
  readonly id: number;
  readonly qos: QoS;
  readonly payload: string;
  state: "publish" | "pubrel";
  sent: boolean;
}

/** A broker's half of one kept session, as MQTT 3.1.1 describes it; its own reading of the standard. */
export class ModelBroker {
  /** What reached it, in the order in which a subscriber would get it. */
  readonly delivered: string[] = [];
  /** Violations of the client. */
  readonly complaints: string[] = [];
  connection: BrokerConnection | undefined;
  private readonly received = new Set<number>();
  private outgoing: Outgoing[] = [];
  private present = false;
  private id = 0;

  accept(): BrokerConnection {
    this.connection = new BrokerConnection(this);
    return this.connection;
  }

  publish(payload: string, qos: QoS): void {
    if (qos === 0) {
      const to = this.connection?.established ? this.connection : undefined;
      to?.send({ cmd: "publish", topic: "down", payload, qos, retain: false, dup: false });
      return;
    }
    this.id = (this.id % 65535) + 1;
    const entry: Outgoing = { id: this.id, qos, payload, state: "publish", sent: false };
    this.outgoing.push(entry);
    if (this.connection?.established) this.write(entry, this.connection);
  }

  private write(entry: Outgoing, connection: BrokerConnection): void {
    const { id: messageId, qos, payload } = entry;
    if (entry.state === "pubrel") connection.send({ cmd: "pubrel", messageId });
    else
      connection.send({
        cmd: "publish",
        topic: "down",
        payload,
        qos,
        retain: false,
        dup: entry.sent,
        messageId,
      });
    entry.sent = true;
  }

  /** A packet of the client. */
  take(packet: Packet, connection: BrokerConnection): void {
    if (packet.cmd === "connect") {
      if (connection.established) this.complaints.push("CONNECT twice");
      connection.established = true;
      connection.send({ cmd: "connack", returnCode: 0, sessionPresent: this.present });
      this.present = true;
      for (const entry of this.outgoing) this.write(entry, connection);
      return;
    }
    if (!connection.established) this.complaints.push(`${packet.cmd} before CONNECT`);
    const messageId = packet.messageId ?? 0;
    switch (packet.cmd) {
      case "publish": {
        const payload = String(packet.payload);
        if (packet.qos === 0) this.delivered.push(payload);
        if (packet.qos === 1) {
          this.delivered.push(payload);
          connection.send({ cmd: "puback", messageId });
        }
        if (packet.qos === 2) {
          if (!this.received.has(messageId)) this.delivered.push(payload);
          this.received.add(messageId);
          connection.send({ cmd: "pubrec", messageId });
        }
        break;
      }
      case "pubrel":
        this.received.delete(messageId);
        connection.send({ cmd: "pubcomp", messageId });
        break;
      case "puback":
      case "pubrec":
      case "pubcomp": {
        const index = this.outgoing.findIndex(entry => entry.id === messageId);
        const entry = this.outgoing[index];
        const expected =
          entry && (entry.state === "pubrel" ? "pubcomp" : entry.qos === 1 ? "puback" : "pubrec");
        if (!entry || packet.cmd !== expected) this.complaints.push(`${packet.cmd} ${messageId}`);
        else if (packet.cmd === "pubrec") {
          entry.state = "pubrel";
          this.write(entry, connection);
        } else this.outgoing.splice(index, 1);
        break;
      }
      case "pingreq":
        connection.send({ cmd: "pingresp" });
        break;
      case "disconnect":
        break;
      default:
        this.complaints.push(packet.cmd);
    }
  }

  get settled(): boolean {
    return this.outgoing.length === 0 && this.received.size === 0;
  }
}

/** One connection, seen from the broker. */
export class BrokerConnection {
  established = false;
  /** Bytes on their way to the client. */
  out: Uint8Array = new Uint8Array(0);
  private readonly parser = mqttPacket.parser({ protocolVersion: 4 });

  constructor(broker: ModelBroker) {
    this.parser.on("packet", packet => broker.take(packet, this));
    this.parser.on("error", (error: Error) => broker.complaints.push(error.message));
  }

  feed(bytes: Uint8Array): void {
    this.parser.parse(Buffer.from(bytes));
  }

  send(packet: Packet): void {
    this.out = new Uint8Array(Buffer.concat([this.out, wire(packet)]));
  }
}
