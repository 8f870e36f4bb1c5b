import type { Line } from "../../modules/at/line.js";
import type { Transfer } from "../../modules/at/request.js";
import { failure, type Failure } from "../../modules/diagnosis/failure.js";
import { MQTTError, refuse } from "../../modules/mqtt/error.js";
import type { Session } from "../../modules/mqtt/session.js";
import { isTopic } from "../../modules/mqtt/text.js";
import * as mqtt from "./commands/mqtt.js";
import { losesBurst } from "./uart.js";
import type { Modem } from "./modem.js";
import type { MqttClients, MqttReceiver } from "./mqtt-clients.js";
import type { MqttDialect, MqttItem } from "./mqtt-dialect.js";
import { MqttInbox } from "./mqtt-inbox.js";
import { mqttItems, mqttLogin, type ModuleMQTTOptions, type MqttLogin } from "./mqtt-options.js";
import { TextSource } from "./mqtt-source.js";

/** What the timer calls. */
type Step = "begin" | "setUp" | "work" | "tellFailure";

/** How long the module may take to end a connection: it waits up to 10 s for the other side. */
const CLOSE_MS = 12_000;

/**
 * The way of one connection by the module's own MQTT, from a free id over settings, TLS and CONNACK to
 * its end. What it carries is the subclass's.
 */
export abstract class MqttOpening implements MqttReceiver {
  readonly session: Session;
  readonly target: unknown;
  readonly inbox: MqttInbox;
  /** The clock's ticks at CONNACK; absent before. */
  connectedAt: number | undefined;
  protected readonly modem: Modem;
  protected readonly dialect: MqttDialect;
  /** Seconds that the module waits for one answer; it sends twice. */
  protected readonly answerS: number;
  protected phase: "begin" | "clear" | "set up" | "open" | "CONNACK" | "connected" | "DISCONNECT" | "closed" =
    "begin";
  /** Its id on the module; -1: none. */
  protected id = -1;
  /** Why it has ended, until that is told. */
  protected report: Failure | undefined;
  private readonly settings: ModuleMQTTOptions<unknown>;
  private readonly clients: MqttClients;
  /** The id was freed on the module before. */
  private cleared = false;
  /** Until they are sent. */
  private items: readonly MqttItem[] = [];
  private login: MqttLogin | undefined;
  private timer: unknown;
  private turn: unknown;

  /** Begins to connect. Throws when a required option is missing or the will's topic is not allowed. */
  constructor(options: ModuleMQTTOptions<unknown>, session: Session) {
    const modem = options.socket.modem ?? refuse("CONNECT", "modem");
    const dialect = options.socket.dialect ?? refuse("CONNECT", "dialect");
    if (!options.host) refuse("CONNECT", "host");
    if (options.clean === false && !options.id) refuse("CONNECT", "id");
    if (options.will && !isTopic(options.will.topic, false)) refuse("CONNECT", "will topic");
    this.settings = options;
    this.session = session;
    this.target = options.target;
    this.modem = modem;
    this.dialect = dialect;
    this.clients = modem.extension(dialect.Clients);
    this.inbox = new MqttInbox(options.receiveLength ?? dialect.receiveBytes);
    // Half of the whole, because each packet is sent twice: with shorter times and more repetitions a
    // slow network would see a second CONNECT, for which a broker hangs up.
    this.answerS = Math.min(Math.ceil((options.acknowledgeTimeout ?? 60_000) / 2_000) || 60, 60);
    // The module's own limit for opening a connection is longer than MQTT's usual one.
    this.limit(options.connectTimeout ?? 180_000);
    this.later("begin");
  }

  /** CONNACK came. */
  protected abstract answered(returnCode: number): void;
  /** Has done what can be done now. */
  protected abstract work(): void;
  /** Tells why it has ended. */
  protected abstract tellFailure(): void;
  abstract onMessage(whole: boolean): void;
  abstract wake(): void;

  /** Ends the connection at once, without DISCONNECT. Nothing calls back afterwards. */
  close(): void {
    this.report = this.login = undefined;
    this.cancel();
    if (this.phase === "closed") return;
    this.session.disconnected();
    this.phase = "closed";
    this.limit(this.id < 0 ? 0 : CLOSE_MS);
    if (this.id < 0) return;
    // Also after the broker's end: what the module still holds of it would be in the next one's way.
    this.modem.channel.run(mqtt.closeMqtt, [this.id], reason => {
      if (reason) this.detach();
    });
  }

  /** Takes leave of the broker with DISCONNECT. False when there is no connection to be left. */
  disconnect(): boolean {
    if (this.phase !== "connected") return false;
    this.phase = "DISCONNECT";
    this.limit(CLOSE_MS);
    this.modem.channel.run(mqtt.disconnectMqtt, [this.id], reason => {
      if (reason) this.stop(reason);
    });
    return true;
  }

  // Connecting

  private begin(): void {
    const modem = this.modem;
    const options = this.settings;
    const limits = this.dialect.limits;
    const id = this.clients.attach(this);
    let reason = modem.unreachable();
    if (id === undefined) {
      this.stop(reason ?? failure("limit", "AT+QMTOPEN", undefined, "all clients are in use"));
      return;
    }
    try {
      this.items = this.dialect.items(id, modem.context).concat(mqttItems(id, options, limits, this.answerS));
      this.login = mqttLogin(options, limits);
    } catch (error) {
      reason ??= error instanceof MQTTError ? error.report : failure("argument", "CONNECT");
    }
    if (reason) {
      this.clients.detach(id);
      this.stop(reason);
      return;
    }
    this.id = id;
    // Shorter messages do come through: no reason to refuse.
    if (losesBurst(this.dialect.burstBytes, modem.channel.receiveHeadroom, modem.baud))
      modem.event("uart", this.dialect.burstBytes);
    modem.channel.run(mqtt.isMqttOpen(id), [], (refused, open) => {
      if (this.over(refused)) return;
      // From before a restart on this side.
      if (open) this.clear();
      else this.setUp();
    });
  }

  /** Frees the id on the module, once. */
  private clear(): void {
    this.cleared = true;
    this.phase = "clear";
    this.cancel();
    this.modem.channel.run(mqtt.closeMqtt, [this.id], reason => {
      if (this.phase !== "clear") return;
      if (reason) this.setUp();
      else this.later("setUp", CLOSE_MS);
    });
  }

  private setUp(): void {
    const secure = this.settings.socket.secure;
    this.cancel();
    this.phase = "set up";
    if (secure)
      this.dialect.secure(this.modem, this.id, secure, (reason, values) => {
        if (!this.over(reason)) this.set({ values: ["ssl", this.id, 1].concat(values) }, 0);
      });
    else this.set({ values: ["ssl", this.id, 0] }, 0);
  }

  /** Sets an item and then those from `next` on. Each time, because the module forgets them with each start. */
  private set(item: MqttItem, next: number): void {
    this.modem.channel.run(
      mqtt.setMqttItem,
      item.values,
      reason => {
        if (this.over(reason && failure(reason.kind, reason.command, reason.code, String(item.values[0]))))
          return;
        const following = this.items[next];
        if (following) this.set(following, next + 1);
        else this.open();
      },
      this.transfer(item.text),
    );
  }

  private transfer(text: string | undefined): Transfer | undefined {
    return text === undefined ? undefined : { source: new TextSource(text) };
  }

  private open(): void {
    const options = this.settings;
    this.phase = "open";
    this.modem.channel.run(mqtt.openMqtt, [this.id, options.host, options.port ?? 1883], reason => {
      if (reason && this.phase === "open") this.openFailed(reason);
    });
  }

  private onOpened(code: number): void {
    const login = this.login;
    if (this.phase !== "open") return;
    if (code === 2 && !this.cleared) {
      // The id is taken on the module.
      this.clear();
    } else if (code || !login) {
      const kind =
        code === 4 ? "dns" : code === 3 ? "pdp" : code < 0 && this.settings.socket.secure ? "tls" : "connect";
      this.openFailed(failure(kind, "AT+QMTOPEN", code));
    } else {
      this.modem.opened(true);
      this.login = undefined;
      this.phase = "CONNACK";
      this.modem.channel.run(
        mqtt.connectMqtt,
        [this.id, login.id, login.user],
        reason => {
          if (reason && this.phase === "CONNACK") this.stop(reason);
        },
        this.transfer(login.password),
      );
    }
  }

  private openFailed(reason: Failure): void {
    this.modem.opened(false, reason);
    this.stop(reason);
  }

  /** The broker's answer, or that there was none. `code`: of CONNACK, `NaN` when not told. */
  private onConnected(result: number, code: number): void {
    // 1: CONNECT is sent again.
    if (this.phase !== "CONNACK" || result === 1) return;
    const returnCode = code || 0;
    if (result && !returnCode) {
      this.stop(failure("mqtt-timeout", "CONNECT", undefined, "CONNACK"));
      return;
    }
    if (!returnCode) {
      this.phase = "connected";
      this.limit(0);
      this.connectedAt = this.settings.clock.ticks;
      // Whether the broker has kept its half is not told.
      this.session.connected(false);
    }
    this.answered(returnCode);
    if (returnCode) this.stop(failure("mqtt-refused", "CONNECT", returnCode));
  }

  // Reports

  onReport(name: string, line: Line): void {
    const first = line.int(1);
    switch (name) {
      case "QMTOPEN":
        this.onOpened(first);
        break;
      case "QMTCONN":
        this.onConnected(first, line.int(2));
        break;
      case "QMTDISC":
        if (this.phase === "DISCONNECT") this.left();
        break;
      case "QMTCLOSE":
        if (this.phase === "clear") this.setUp();
        else if (this.phase === "closed") this.detach();
        break;
      case "QMTSTAT":
        this.onStatus(first);
    }
  }

  /** The module has closed the client. */
  private onStatus(code: number): void {
    const phase = this.phase;
    if (phase === "closed") this.detach();
    else if (phase === "DISCONNECT") this.left();
    else if (phase === "CONNACK" || phase === "connected")
      this.stop(
        failure(
          code > 5 ? "network-lost" : code > 1 && code < 5 ? "mqtt-timeout" : "peer-closed",
          "+QMTSTAT",
          code,
        ),
      );
  }

  /** The broker was left. */
  private left(): void {
    this.stop(failure("peer-closed", "DISCONNECT"));
  }

  onLost(reason: Failure): void {
    this.id = -1;
    this.limit(0);
    this.stop(reason);
  }

  // Time

  /** Has something done in a turn of its own. */
  protected later(step: Step, ms = 0): void {
    if (this.phase === "closed") return;
    this.turn ??= this.settings.timer.set(() => {
      this.turn = undefined;
      this[step]();
    }, ms);
  }

  /** Has that not done. */
  private cancel(): void {
    this.settings.timer.clear(this.turn);
    this.turn = undefined;
  }

  /** Sets the one limit that holds at a time; 0: none. */
  protected limit(ms: number): void {
    const timer = this.settings.timer;
    timer.clear(this.timer);
    this.timer = ms ? timer.set(() => this.expired(), ms) : undefined;
  }

  private expired(): void {
    const phase = this.phase;
    this.timer = undefined;
    if (phase === "closed") this.detach();
    else if (phase === "DISCONNECT") this.left();
    else if (phase === "open") this.openFailed(failure("timeout", "AT+QMTOPEN"));
    else {
      const step = phase === "CONNACK" ? phase : "connect";
      this.stop(
        phase === "connected"
          ? failure("mqtt-timeout", "PUBLISH", undefined, "acknowledgement")
          : failure("mqtt-timeout", "CONNECT", undefined, step),
      );
    }
  }

  // Ending

  /** The id is free on the module. */
  private detach(): void {
    this.limit(0);
    if (this.id >= 0) this.clients.detach(this.id);
    this.id = -1;
  }

  /** Whether there is nothing to go on with. */
  protected over(reason: Failure | undefined): boolean {
    if (reason) this.stop(reason);
    return this.phase === "closed";
  }

  /** Ends the connection and has the reason told in a turn of its own. */
  protected stop(reason: Failure): void {
    if (this.phase === "closed") return;
    this.close();
    this.report = reason;
    this.turn = this.settings.timer.set(() => this.tellFailure(), 0);
  }
}
