import { bg95 } from "../../drivers/bg95/profile.js";
import { Cellular, Connection } from "../../drivers/quectel/interface.js";
import { latin1 } from "../../modules/at/line.js";
import type { Failure } from "../../modules/diagnosis/failure.js";
import { MQTTConnection } from "../../modules/mqtt/connection.js";
import type { MessageInfo } from "../../modules/mqtt/options.js";
import { ReconnectingMQTTClient } from "../../modules/mqtt/reconnect.js";
import { Session } from "../../modules/mqtt/session.js";
import type { Host } from "./host.js";
import { TemplateMessage, templateParts } from "./template.js";

/** Messages that are made ahead of their acknowledgement. */
const AHEAD = 4;

/**
 * The application: attaches, connects to the broker, publishes, takes commands. It reports each
 * step, and either goes on for ever or ends when the configured work is done.
 */
export class Application {
  private readonly host: Host;
  private readonly cellular: Cellular;
  private readonly session = new Session({ window: AHEAD, capacity: AHEAD + 1 });
  private readonly template: readonly Uint8Array[];
  /** Lives while the network is there; the session outlives it. */
  private broker: ReconnectingMQTTClient<MQTTConnection> | undefined;
  private published = 0;
  private delivered = 0;
  private commands = 0;
  private failures = 0;
  private linger: unknown;
  private over = false;

  constructor(host: Host) {
    this.host = host;
    const config = host.config;
    this.template = templateParts(config.message);
    this.cellular = new Cellular({
      profile: bg95,
      serial: host.serial,
      timer: host.timer,
      clock: host.clock,
      power: host.power,
      apn: config.apn,
      apnUser: config.apnUser,
      apnPassword: config.apnPassword,
      pin: config.pin,
      timeServer: config.timeServer,
      onState: state => host.report("state", state),
      onEvent: host.report,
      onFailure: (reason, rung, waitMs) => this.failed("modem", reason, rung, waitMs),
      onChanged: () => this.onChanged(),
      trace: host.trace,
    });
  }

  start(): void {
    this.cellular.connect();
  }

  private onChanged(): void {
    if (this.cellular.connection !== Connection.addressed) {
      this.broker?.close();
      this.broker = undefined;
    } else if (this.broker === undefined && !this.over) this.connect();
  }

  private connect(): void {
    const host = this.host;
    const config = host.config;
    const broker = config.broker;
    const records = this.cellular.records(host.credentials, { verify: broker.verify });
    host.report("connecting", broker.host, broker.port);
    const client = (this.broker = new ReconnectingMQTTClient({
      io: MQTTConnection,
      ...(broker.secure ? records.tls : records.tcp),
      host: broker.host,
      port: broker.port,
      id: config.clientId,
      user: config.user,
      password: config.password,
      keepAlive: config.keepAlive,
      // The module's own limit for opening a connection is longer than MQTT's usual one.
      connectTimeout: 180_000,
      session: this.session,
      timer: host.timer,
      clock: host.clock,
      random: host.random,
      onControl: message => {
        if (message.operation === 2 /* CONNACK */ && message.returnCode === 0)
          this.online(message.sessionPresent);
      },
      onReadable: (count, info) => this.onReadable(count, info),
      failure: reason => this.failed("broker", reason, undefined, this.broker?.delay),
    }));
    const topic = config.subscribe;
    // The session keeps the subscription over reconnects.
    if (topic)
      client.subscribe([
        {
          topic,
          QoS: 1,
          done: (reason, granted) => {
            if (reason === undefined) host.report("subscribed", topic, granted);
            else this.failed("broker", reason);
          },
        },
      ]);
  }

  private online(sessionPresent: boolean | undefined): void {
    this.host.report("mqtt", sessionPresent);
    this.publish();
  }

  /** Keeps a few messages on their way, until the configured number is reached. */
  private publish(): void {
    const config = this.host.config;
    while (this.published < config.count && this.published - this.delivered < AHEAD && this.broker) {
      const n = ++this.published;
      this.broker.publish({
        topic: config.topic,
        qos: config.qos,
        payload: new TemplateMessage(this.template, n),
        done: reason => {
          if (reason === undefined) this.onDelivered(n);
          else this.failed("broker", reason);
        },
      });
      this.host.report("published", n);
    }
    this.checkDone();
  }

  private onDelivered(n: number): void {
    this.delivered++;
    this.failures = 0;
    this.host.report("acknowledged", n);
    this.publish();
  }

  private onReadable(count: number, info: MessageInfo): void {
    const bytes = new Uint8Array(this.broker?.client?.read(count) ?? []);
    // Latin-1 carries any byte; who displays it decodes it.
    this.host.report("received", info.topic, latin1(bytes, 0, bytes.length), info.more);
    if (info.more) return;
    this.commands++;
    this.checkDone();
  }

  private checkDone(): void {
    const config = this.host.config;
    if (config.count > 0 && this.delivered >= config.count && this.commands >= config.commands)
      this.linger ??= this.host.timer.set(() => this.finish("done"), config.lingerMs);
  }

  private finish(event: string): void {
    const report = this.host.report;
    if (this.over) return;
    this.over = true;
    this.broker?.close();
    this.cellular.reportBuffers((name, size, highWater) => report("buffer", name, size, highWater));
    report(event);
  }

  private failed(stage: string, reason: Failure, rung?: string, waitMs?: number): void {
    if (this.over) return;
    this.failures++;
    this.host.report("failure", stage, reason.kind, reason.code, reason.command, reason.detail, rung, waitMs);
    const attempts = this.host.config.attempts;
    if (attempts > 0 && this.failures >= attempts) this.finish("gave-up");
  }
}
