import { Cellular, Connection } from "../../drivers/quectel/interface.js";
import {
  chooseRoute,
  isModuleTlsFailure,
  type Route,
  type RouteChoice,
  type RouteFacts,
} from "../../drivers/quectel/route.js";
import { latin1 } from "../../modules/at/line.js";
import { failure, type Failure } from "../../modules/diagnosis/failure.js";
import type { MQTTLink } from "../../modules/mqtt/link.js";
import type { MessageInfo } from "../../modules/mqtt/options.js";
import { ReconnectingMQTTClient } from "../../modules/mqtt/reconnect.js";
import { Session } from "../../modules/mqtt/session.js";
import { fieldLength } from "../../modules/mqtt/text.js";
import type { Host } from "./host.js";
import type { ModuleKit, Product } from "./product.js";
import { TemplateMessage, templateParts } from "./template.js";
import type { Token } from "./token.js";

/** Messages that are made ahead of their acknowledgement. */
const AHEAD = 4;

/** Bytes of UTF-8. */
function byteLength(text = ""): number {
  return fieldLength(text) - 2;
}

/**
 * The application: attaches, chooses its way to the broker, connects, publishes, takes commands. It
 * reports each step, and either goes on for ever or ends when the configured work is done. Which
 * messages it publishes is what a product may have otherwise (`Reports`).
 */
export class Application {
  protected readonly host: Host;
  protected readonly kit: ModuleKit;
  protected readonly cellular: Cellular;
  private readonly session = new Session({ window: AHEAD, capacity: AHEAD + 1 });
  protected readonly template: readonly Uint8Array[];
  /** Lives while the network is there; the session outlives it. */
  protected broker: ReconnectingMQTTClient<MQTTLink> | undefined;
  private token: Token | undefined;
  /** The way that is used now. */
  private route: Route | undefined;
  /** The way whose TLS, done by the module, failed. */
  private failedRoute: Route | undefined;
  /** The connection is being ended because its token will not last much longer: nothing new is published on it. */
  protected renewing = false;
  private renewal: unknown;
  protected published = 0;
  protected delivered = 0;
  protected commands = 0;
  protected failures = 0;
  protected linger: unknown;
  private turn: unknown;
  protected over = false;

  constructor(host: Host, kit: ModuleKit, product: Product) {
    this.host = host;
    this.kit = kit;
    const config = host.config;
    this.template = templateParts(config.message);
    this.cellular = new Cellular({
      profile: host.adapt?.(kit.profile) ?? kit.profile,
      serial: host.serial,
      timer: host.timer,
      clock: host.clock,
      power: host.power,
      apn: config.apn,
      apnUser: config.apnUser,
      apnPassword: config.apnPassword,
      pin: config.pin,
      timeServer: config.timeServer,
      sleep: config.sleep !== undefined,
      onState: state => host.report("state", state),
      onEvent: host.report,
      onFailure: (reason, rung, waitMs) => this.failed("modem", reason, rung, waitMs),
      onChanged: () => this.onChanged(),
      trace: host.trace,
    });
    if (config.jwt !== undefined && product.Token !== undefined)
      this.token = new product.Token(host, config.jwt, reason => this.onToken(reason));
  }

  start(): void {
    this.cellular.connect();
  }

  private onChanged(): void {
    if (this.cellular.connection !== Connection.addressed) {
      this.broker?.close();
      this.broker = undefined;
    } else if (this.broker === undefined && !this.over) {
      if (this.token === undefined || this.token.text.length > 0) this.connect();
      else this.token.renew();
    }
  }

  private onToken(reason: Failure | undefined): void {
    if (reason !== undefined) {
      this.failed("broker", reason);
      return;
    }
    this.host.report("token", this.host.config.jwt?.lifetimeS);
    if (this.broker !== undefined) this.renewConnection();
    else if (this.cellular.connection === Connection.addressed && !this.over) this.connect();
  }

  /** Comes back with the new token, before the broker throws out the old one. */
  private renewConnection(): void {
    const timer = this.host.timer;
    const client = this.broker?.client;
    // A token may come while the one before it still waits for a pause.
    timer.clear(this.renewal);
    this.renewing = client?.connectedAt !== undefined;
    if (this.renewing && !client?.disconnect()) this.renewal = timer.set(() => this.renewConnection(), 1_000);
  }

  private choose(): RouteChoice {
    const host = this.host;
    const config = host.config;
    const broker = config.broker;
    const facts: RouteFacts = {
      profile: this.kit.profile,
      secure: broker.secure,
      credentials: host.credentials,
      engine: host.tls,
      suites: broker.suites,
      hostLength: byteLength(broker.host),
      clientIdLength: byteLength(config.clientId),
      userLength: byteLength(config.user),
      passwordLength: this.token?.text.length ?? byteLength(config.password),
      topicLength: byteLength(config.topic),
      payloadLength: this.payloadLength,
    };
    return chooseRoute(this.kit.routes, facts, config.route ?? "auto", this.failedRoute?.name);
  }

  /** Bytes of the longest message. */
  protected get payloadLength(): number {
    return new TemplateMessage(this.template, this.host.config.count).byteLength;
  }

  private connect(): void {
    const host = this.host;
    const config = host.config;
    const broker = config.broker;
    const token = this.token;
    const choice = this.choose();
    const route = (this.route = choice.route);
    if (route === undefined) {
      this.failed("broker", failure("route", undefined, undefined, choice.passed));
      this.finish("gave-up");
      return;
    }
    host.report("route", route.name, choice.reason, choice.passed);
    host.report("connecting", broker.host, broker.port);
    const client = (this.broker = new ReconnectingMQTTClient<MQTTLink>({
      ...route.record({
        modem: this.cellular,
        credentials: host.credentials,
        verify: broker.verify,
        secure: broker.secure,
        engine: host.tls,
        report: host.report,
      }),
      host: broker.host,
      port: broker.port,
      id: config.clientId,
      // MQTT 3.1.1 has no password without a user name; brokers that take tokens do not look at it.
      user: config.user ?? (token === undefined ? undefined : "unused"),
      password: token === undefined ? config.password : () => token.text,
      keepAlive: config.keepAlive,
      // Who sleeps gets what came meanwhile.
      clean: config.sleep === undefined,
      // The module's own limit for opening a connection is longer than MQTT's usual one.
      connectTimeout: 180_000,
      session: this.session,
      timer: host.timer,
      clock: host.clock,
      random: host.random,
      onControl: message => {
        if (message.operation !== 2 /* CONNACK */ || message.returnCode !== 0) return;
        host.report("mqtt", message.sessionPresent);
        // At once: subscription and messages leave in one send.
        this.publish();
      },
      onReadable: (count, info) => this.onReadable(count, info),
      failure: reason => this.onFailure(reason),
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

  private onFailure(reason: Failure): void {
    if (this.renewing) {
      this.renewing = false;
      this.host.timer.clear(this.renewal);
      return;
    }
    const mayFallBack = (this.host.config.route ?? "auto") === "auto" && this.failedRoute === undefined;
    if (mayFallBack && isModuleTlsFailure(reason)) {
      this.failedRoute = this.route;
      // Verification stays as it was configured: the other way is another TLS, not a laxer one.
      if (this.choose().route !== undefined) {
        this.reportFailure("broker", reason, "route", 0);
        this.broker?.close();
        this.connect();
        return;
      }
    }
    this.failed("broker", reason, undefined, this.broker?.delay);
  }

  /** In a turn of its own: in the call that brought the acknowledgement, it would stand on all of MQTT and the driver in the stack. */
  protected publishLater(): void {
    this.turn ??= this.host.timer.set(() => {
      this.turn = undefined;
      this.publish();
    }, 0);
  }

  /** Keeps a few messages on their way, until the configured number is reached. */
  protected publish(): void {
    const config = this.host.config;
    while (
      !this.renewing &&
      this.published < config.count &&
      this.published - this.delivered < AHEAD &&
      this.broker
    ) {
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
    this.publishLater();
  }

  private onReadable(count: number, info: MessageInfo): void {
    const bytes = new Uint8Array(this.broker?.client?.read(count) ?? []);
    // Latin-1 carries any byte; who displays it decodes it.
    this.onMessage(latin1(bytes, 0, bytes.length), info);
  }

  /** A piece of a message has come. */
  protected onMessage(text: string, info: MessageInfo): void {
    this.host.report("received", info.topic, text, info.more);
    if (info.more) return;
    this.commands++;
    this.checkDone();
  }

  protected checkDone(): void {
    const config = this.host.config;
    if (config.count > 0 && this.delivered >= config.count && this.commands >= config.commands)
      this.linger ??= this.host.timer.set(() => this.finish("done"), config.lingerMs);
  }

  protected finish(event: string): void {
    const report = this.host.report;
    if (this.over) return;
    this.over = true;
    this.token?.close();
    this.broker?.close();
    this.cellular.reportBuffers((name, size, highWater) => report("buffer", name, size, highWater));
    report(event);
  }

  protected failed(stage: string, reason: Failure, rung?: string, waitMs?: number): void {
    if (this.over) return;
    this.failures++;
    this.reportFailure(stage, reason, rung, waitMs);
    const attempts = this.host.config.attempts;
    if (attempts > 0 && this.failures >= attempts) this.finish("gave-up");
  }

  private reportFailure(stage: string, reason: Failure, rung?: string, waitMs?: number): void {
    const place = reason.handshake;
    this.host.report(
      "failure",
      stage,
      reason.kind,
      reason.code,
      reason.command,
      reason.detail,
      rung,
      waitMs,
      place?.flight,
      place?.message,
      place?.confirmedBytes,
      place?.totalBytes,
    );
  }
}
