import { bg95Mqtt } from "../../../drivers/bg95/mqtt.js";
import type { MqttDialect } from "../../../drivers/quectel/mqtt-dialect.js";
import { ModuleMQTT } from "../../../drivers/quectel/mqtt.js";
import type { ModuleMQTTOptions } from "../../../drivers/quectel/mqtt-options.js";
import { NamePassing } from "../../../drivers/quectel/name-passing.js";
import type { SecureOptions } from "../../../drivers/quectel/tls.js";
import { TCP } from "../../../drivers/quectel/tcp.js";
import type { Failure } from "../../../modules/diagnosis/failure.js";
import type { ControlMessage, MessageInfo } from "../../../modules/mqtt/options.js";
import type { QoS } from "../../../modules/mqtt/packets.js";
import { ReconnectingMQTTClient } from "../../../modules/mqtt/reconnect.js";
import type { Message, Session, Subscription } from "../../../modules/mqtt/session.js";
import { BytesSource } from "../../../modules/mqtt/source.js";
import type { AnyBench } from "./bench.js";

export interface Scene extends Partial<ModuleMQTTOptions<ModuleMQTT>> {
  /** There is no `onReadable`. */
  readonly unread?: true;
  readonly secure?: SecureOptions;
  readonly session?: Session;
  readonly dialect?: MqttDialect;
}

type What = Partial<Pick<Message, "topic" | "retain">> & { readonly qos?: QoS };

/** An application over the module's MQTT: keeps what it was told. */
export class App {
  readonly bench: AnyBench;
  readonly controls: ControlMessage[] = [];
  readonly failures: Failure[] = [];
  readonly messages: { info: MessageInfo; bytes: Uint8Array }[] = [];
  readonly results: (Failure | undefined)[] = [];
  readonly grants: (Failure | QoS | undefined)[] = [];
  errors = 0;
  rooms = 0;
  /** Whether `onReadable` reads. */
  reading = true;
  readonly #options: ModuleMQTTOptions<ModuleMQTT>;

  constructor(bench: AnyBench, { secure, unread, dialect = bg95Mqtt, ...scene }: Scene = {}) {
    const app = this;
    this.bench = bench;
    this.#options = {
      host: "broker.test",
      id: "device",
      dns: { io: NamePassing },
      timer: bench.timer,
      clock: bench.clock,
      onControl(message) {
        app.#told();
        app.controls.push(message);
      },
      ...(unread
        ? {}
        : {
            onReadable(count, info) {
              app.#told();
              if (app.reading)
                app.messages.push({ info, bytes: new Uint8Array(this.read(count) ?? new ArrayBuffer(0)) });
            },
          }),
      onWritable() {
        app.#told();
        app.rooms++;
      },
      failure(report) {
        app.#told();
        app.failures.push(report);
      },
      onError() {
        app.#told();
        app.errors++;
      },
      ...scene,
      socket: { io: TCP, modem: bench.modem, dialect, ...(secure && { secure }) },
    };
  }

  #told(): void {
    if (this.bench.calling) throw new Error("a callback inside a call of the application");
  }

  /** One connection. */
  open(): ModuleMQTT {
    return this.bench.call(() => new ModuleMQTT(this.#options));
  }

  /** One connection, connected. */
  async connect(): Promise<ModuleMQTT> {
    const client = this.open();
    await this.bench.until("connection", () => this.connected || this.errors > 0);
    if (this.errors > 0) throw new Error(JSON.stringify(this.failures));
    return client;
  }

  /** Connections without end. */
  stay(): ReconnectingMQTTClient<ModuleMQTT> {
    return this.bench.call(
      () => new ReconnectingMQTTClient<ModuleMQTT>({ ...this.#options, io: ModuleMQTT, random: () => 0.5 }),
    );
  }

  get connected(): boolean {
    return this.controls.some(({ operation, returnCode }) => operation === 2 && returnCode === 0);
  }

  publish(
    client: { publish(message: Message): void },
    payload: string | Uint8Array,
    { topic = "t", ...more }: What = {},
  ): void {
    const bytes = typeof payload === "string" ? Uint8Array.from(Buffer.from(payload, "latin1")) : payload;
    this.bench.call(() => {
      client.publish({
        topic,
        ...more,
        payload: new BytesSource(bytes),
        done: report => this.results.push(report),
      });
    });
  }

  subscribe(client: { subscribe(list: readonly Subscription[]): void }, topic: string, qos: QoS = 1): void {
    this.bench.call(() => {
      client.subscribe([{ topic, QoS: qos, done: (report, granted) => this.grants.push(report ?? granted) }]);
    });
  }
}
