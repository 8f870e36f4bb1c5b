import { bg95, Cellular, Connection, networkRecords } from "../../../drivers/index.js";
import { MQTTClient } from "../../../modules/mqtt/client.js";
import { BytesSource } from "../../../modules/mqtt/source.js";
import type { SimulationHost } from "../../xs/index.js";

/** An MQTT client on the real driver, told by messages what to do: `["publish",topic,byteLength,qos]`. */
class MqttProgram {
  private readonly host: SimulationHost;
  private readonly cellular: Cellular;
  private client: MQTTClient | undefined;

  constructor(host: SimulationHost) {
    this.host = host;
    const { serial, timer, clock, power } = host;
    this.cellular = new Cellular({
      profile: bg95,
      serial,
      timer,
      clock,
      power,
      onFailure: reason => {
        host.report("failure", reason.kind, reason.command, reason.code);
      },
      onChanged: () => {
        if (this.cellular.connection === Connection.addressed) this.connect();
      },
    });
    host.listen(text => {
      const [topic, byteLength, qos] = JSON.parse(text) as [string, number, 0 | 1 | 2];
      this.client?.publish({
        topic,
        qos,
        payload: new BytesSource(new Uint8Array(byteLength)),
        done: reason => {
          host.report("published", reason?.kind);
        },
      });
    });
    this.cellular.connect();
  }

  private connect(): void {
    const { host } = this;
    const { timer, clock, credentials, config } = host;
    const records = networkRecords(this.cellular, credentials);
    const { broker } = config;
    this.client = new MQTTClient({
      ...(broker.secure ? records.tls : records.tcp),
      host: broker.host,
      port: broker.port,
      id: config.clientId,
      connectTimeout: 180_000,
      timer,
      clock,
      onControl: message => {
        if (message.operation === MQTTClient.CONNACK) host.report("connected");
      },
      failure: reason => {
        host.report("failure", reason.kind, reason.command, reason.code);
      },
    });
  }
}

export default function start(host: SimulationHost): void {
  new MqttProgram(host);
}
