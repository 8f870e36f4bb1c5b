import { bg95, Cellular, Connection } from "../../drivers/index.js";
import { latin1 } from "../../modules/at/line.js";
import type { Failure } from "../../modules/diagnosis/failure.js";
import { MQTTClient } from "../../modules/mqtt/client.js";
import type { MessageInfo } from "../../modules/mqtt/options.js";
import { Session } from "../../modules/mqtt/session.js";
import { fieldLength, putField } from "../../modules/mqtt/text.js";
import type { Host } from "./host.js";
import { findNumber, TemplateMessage } from "./template.js";

/** Messages that are made ahead of their acknowledgement. */
const AHEAD = 4;
/** The module's own limit for opening a connection is longer than MQTT's usual one. */
const CONNECT_MS = 180_000;
/** First wait after a failed connection; the waits that follow are drawn from twice as much each time. */
const RETRY_MS = 1_000;
const RETRY_LIMIT_MS = 60_000;

/**
 * The application: attaches, connects to the broker, publishes, takes commands. It reports each
 * step, and either goes on for ever or ends when the configured work is done.
 */
export class Application {
  readonly #host: Host;
  readonly #cellular: Cellular;
  readonly #session = new Session({ window: AHEAD, capacity: AHEAD + 1 });
  readonly #template: Uint8Array;
  readonly #numberAt: number;
  #client: MQTTClient | undefined;
  #published = 0;
  #delivered = 0;
  #commands = 0;
  #failures = 0;
  #retry: unknown;
  #linger: unknown;
  #over = false;

  constructor(host: Host) {
    this.#host = host;
    const { config } = host;
    const field = new Uint8Array(fieldLength(config.message));
    putField(field, 0, config.message);
    this.#template = field.subarray(2);
    this.#numberAt = findNumber(this.#template);
    this.#cellular = new Cellular({
      profile: bg95,
      serial: host.serial,
      timer: host.timer,
      clock: host.clock,
      power: host.power,
      ...(config.apn === undefined ? undefined : { apn: config.apn }),
      ...(config.apnUser === undefined ? undefined : { apnUser: config.apnUser }),
      ...(config.apnPassword === undefined ? undefined : { apnPassword: config.apnPassword }),
      ...(config.pin === undefined ? undefined : { pin: config.pin }),
      ...(config.timeServer === undefined ? undefined : { timeServer: config.timeServer }),
      onState: state => {
        host.report("state", state);
      },
      onEvent: (name, ...values) => {
        host.report(name, ...values);
      },
      onFailure: (reason, rung, waitMs) => {
        this.#failed("modem", reason, rung, waitMs);
      },
      onChanged: () => {
        this.#onChanged();
      },
      ...(config.trace
        ? {
            trace: (ticks, direction, text) => {
              host.report("trace", ticks, direction, text);
            },
          }
        : undefined),
    });
  }

  start(): void {
    this.#cellular.connect();
  }

  #onChanged(): void {
    if (this.#over || this.#client !== undefined || this.#retry !== undefined) return;
    // Not inside the modem's own state change.
    if (this.#cellular.connection === Connection.addressed) this.#connectAfter(0);
  }

  #connectAfter(ms: number): void {
    this.#retry = this.#host.timer.set(() => {
      this.#retry = undefined;
      if (!this.#over && this.#cellular.connection === Connection.addressed) this.#connect();
    }, ms);
  }

  #connect(): void {
    const { config, timer, clock, credentials } = this.#host;
    const { broker } = config;
    const records = this.#cellular.records(credentials, { verify: broker.verify });
    this.#host.report("connecting", broker.host, broker.port);
    this.#client = new MQTTClient({
      ...(broker.secure ? records.tls : records.tcp),
      host: broker.host,
      port: broker.port,
      id: config.clientId,
      ...(config.user === undefined ? undefined : { user: config.user }),
      ...(config.password === undefined ? undefined : { password: config.password }),
      keepAlive: config.keepAlive,
      connectTimeout: CONNECT_MS,
      session: this.#session,
      timer,
      clock,
      onControl: message => {
        if (message.operation === MQTTClient.CONNACK) this.#online(message.sessionPresent === true);
      },
      onReadable: (count, info) => {
        this.#onReadable(count, info);
      },
      failure: reason => {
        this.#client = undefined;
        this.#failed("broker", reason);
      },
    });
  }

  #online(sessionPresent: boolean): void {
    this.#host.report("mqtt", sessionPresent);
    const { subscribe } = this.#host.config;
    if (subscribe !== undefined && subscribe !== "" && !sessionPresent)
      this.#client?.subscribe([
        {
          topic: subscribe,
          QoS: 1,
          done: (reason, granted) => {
            if (reason === undefined) this.#host.report("subscribed", subscribe, granted);
            else this.#failed("broker", reason);
          },
        },
      ]);
    this.#publish();
  }

  /** Keeps a few messages on their way, until the configured number is reached. */
  #publish(): void {
    const { topic, count, qos } = this.#host.config;
    while (
      this.#published < count &&
      this.#published - this.#delivered < AHEAD &&
      this.#client !== undefined
    ) {
      const n = ++this.#published;
      this.#client.publish({
        topic,
        qos,
        payload: new TemplateMessage(this.#template, this.#numberAt, n),
        done: reason => {
          if (reason === undefined) this.#onDelivered(n);
          else this.#failed("broker", reason);
        },
      });
      this.#host.report("published", n);
    }
    this.#checkDone();
  }

  #onDelivered(n: number): void {
    this.#delivered++;
    this.#failures = 0;
    this.#host.report("acknowledged", n);
    this.#publish();
  }

  #onReadable(count: number, info: MessageInfo): void {
    const buffer = this.#client?.read(count);
    if (buffer === undefined) return;
    const bytes = new Uint8Array(buffer);
    // Latin-1 carries any byte; who displays it decodes it.
    this.#host.report("received", info.topic, latin1(bytes, 0, bytes.length), info.more);
    if (info.more) return;
    this.#commands++;
    this.#checkDone();
  }

  #checkDone(): void {
    const { count, commands, lingerMs } = this.#host.config;
    if (count === 0 || this.#delivered < count || this.#commands < commands || this.#linger !== undefined)
      return;
    this.#linger = this.#host.timer.set(() => {
      this.#done();
    }, lingerMs);
  }

  #done(): void {
    this.#client?.write(null, { operation: MQTTClient.DISCONNECT });
    this.#client?.close();
    this.#finish("done");
  }

  #finish(event: string): void {
    if (this.#over) return;
    this.#over = true;
    this.#host.timer.clear(this.#retry);
    const { counters, receiveBytes } = this.#cellular.modem.channel;
    this.#host.report("buffer", "AT receive", receiveBytes, counters.receiveHighWater);
    this.#host.report(event);
  }

  #failed(stage: string, reason: Failure, rung?: string, waitMs?: number): void {
    if (this.#over) return;
    this.#failures++;
    this.#host.report(
      "failure",
      stage,
      reason.kind,
      reason.code,
      reason.command,
      reason.detail,
      rung,
      waitMs,
    );
    const { attempts } = this.#host.config;
    if (attempts > 0 && this.#failures >= attempts) {
      this.#client?.close();
      this.#finish("gave-up");
    } else if (stage === "broker" && this.#client === undefined) {
      const limit = Math.min(RETRY_LIMIT_MS, RETRY_MS << Math.min(this.#failures, 16));
      this.#connectAfter(RETRY_MS + this.#host.random() * limit);
    }
  }
}
