import type { Duplex } from "node:stream";
import mqttPacket from "mqtt-packet";

/**
 * The answers of an MQTT 3.1.1 broker and nothing more: what it costs to reach a broker is
 * measured, not the broker. Whether the client gets along with real ones is the specs' business.
 */
export class AnsweringBroker {
  /** Messages that came. */
  messages = 0;
  /** The connection that was accepted last. */
  #stream: Duplex | undefined;

  readonly accept = (stream: Duplex): void => {
    this.#stream = stream;
    const parser = mqttPacket.parser({ protocolVersion: 4 });
    const send = (packet: mqttPacket.Packet): void => {
      stream.write(mqttPacket.generate(packet));
    };
    parser.on("packet", packet => {
      this.#answer(packet, send);
      if (packet.cmd === "disconnect") stream.end();
    });
    parser.on("error", () => {
      stream.destroy();
    });
    stream.on("error", () => undefined);
    stream.on("data", (bytes: Buffer) => {
      parser.parse(bytes);
    });
    stream.on("end", () => {
      stream.end();
    });
  };

  /** Sends messages to the last connection, as many as `count`, all at once. */
  publish(topic: string, payload: Buffer, count: number): void {
    for (let i = 0; i < count; i++)
      this.#stream?.write(
        mqttPacket.generate({ cmd: "publish", topic, payload, qos: 0, retain: false, dup: false }),
      );
  }

  /** Ends the last connection, as a broker does that is restarted. */
  end(): void {
    this.#stream?.end();
  }

  #answer(packet: mqttPacket.Packet, send: (packet: mqttPacket.Packet) => void): void {
    const { messageId = 0 } = packet;
    switch (packet.cmd) {
      case "connect":
        send({ cmd: "connack", returnCode: 0, sessionPresent: false });
        break;
      case "publish":
        this.messages++;
        if (packet.qos === 1) send({ cmd: "puback", messageId });
        if (packet.qos === 2) send({ cmd: "pubrec", messageId });
        break;
      case "pubrel":
        send({ cmd: "pubcomp", messageId });
        break;
      case "subscribe":
        send({ cmd: "suback", messageId, granted: packet.subscriptions.map(({ qos }) => qos) });
        break;
      case "pingreq":
        send({ cmd: "pingresp" });
    }
  }
}
