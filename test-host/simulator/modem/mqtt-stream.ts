import type { Link } from "../link.js";
import type { Network, Stream, StreamFailure, StreamHandlers, TlsClient } from "../network.js";
import type { Scheduler, Task } from "../scheduler.js";
import type { MqttOpenFailure, MqttStreamHandlers, MqttStreams, MqttTarget } from "./mqtt-clients.js";
import type { MqttStream } from "./mqtt-session.js";

/** TLS for one connection, and how long its handshake may take. */
export interface MqttTls {
  readonly client: TlsClient;
  readonly limitMs: number;
}

export interface MqttStreamsHost {
  readonly scheduler: Scheduler;
  readonly network: Network;
  readonly link: Link;
  /** Unanswered connection attempts end after this. */
  readonly connectTimeoutMs: number;
  /** Calls on with true once the context carries data, with false when it cannot. */
  useContext(context: number, ready: (isActive: boolean) => void): void;
  /** Undefined when the settings cannot even start a handshake. */
  tls(target: MqttTarget): MqttTls | undefined;
}

const segmentBytes = 1_400;
const headerBytes = 40;
/** A TLS record around application data: header, explicit nonce and tag of AES-GCM. */
const recordOverheadBytes = 29;
/** Bytes under way over the link before the peer is held back. */
const windowBytes = 8_192;

/** The connections of a module's MQTT clients: no connect ids, the same link and network as sockets. */
export class ModuleMqttStreams implements MqttStreams {
  readonly #host: MqttStreamsHost;
  readonly #open = new Set<Connection>();

  constructor(host: MqttStreamsHost) {
    this.#host = host;
  }

  open(target: MqttTarget, handlers: MqttStreamHandlers): MqttStream {
    const connection = new Connection(this.#host, target, handlers, () => this.#open.delete(connection));
    this.#open.add(connection);
    connection.start();
    return connection;
  }

  /** The context is down, and the module knows. */
  contextDown(context: number): void {
    for (const connection of this.#of(context)) connection.linkDead();
  }

  /** Radio dead: connections stay as they look, and nothing passes. */
  silence(context: number): void {
    for (const connection of this.#of(context)) connection.isSilent = true;
  }

  #of(context: number): Connection[] {
    return [...this.#open].filter(connection => connection.target.pdpContext === context);
  }
}

class Connection implements MqttStream {
  unackedBytes = 0;
  isSilent = false;
  readonly target: MqttTarget;
  readonly #host: MqttStreamsHost;
  readonly #handlers: MqttStreamHandlers;
  readonly #gone: () => void;
  readonly #waiting: Uint8Array[] = [];
  #state: "opening" | "open" | "gone" = "opening";
  #stream: Stream | undefined;
  #limit: Task | undefined;
  #underWay = 0;
  #isEnding = false;

  constructor(host: MqttStreamsHost, target: MqttTarget, handlers: MqttStreamHandlers, gone: () => void) {
    this.#host = host;
    this.target = target;
    this.#handlers = handlers;
    this.#gone = gone;
  }

  start(): void {
    const { scheduler, link } = this.#host;
    this.#host.useContext(this.target.pdpContext, isActive => {
      if (this.#state !== "opening") return;
      if (isActive)
        scheduler.after(link.spread(link.profile.openMs), () => {
          if (this.#state === "opening") this.#resolve();
        });
      else this.#fail("context");
    });
  }

  write(bytes: Uint8Array): void {
    if (this.#state !== "open") return;
    const copy = Uint8Array.from(bytes);
    this.unackedBytes += copy.length;
    this.#host.link.send(copy.length + this.#overheadBytes, () => {
      if (this.#state !== "open" || this.isSilent) return;
      this.#stream?.write(copy, () =>
        this.#host.link.receive(0, () => {
          if (!this.isSilent) this.unackedBytes -= copy.length;
        }),
      );
    });
  }

  end(): void {
    this.#host.link.send(headerBytes, () => {
      if (this.#state === "open" && !this.isSilent) this.#stream?.end();
    });
  }

  destroy(): void {
    if (this.#state === "gone") return;
    this.#state = "gone";
    this.#limit?.cancel();
    this.#stream?.destroy();
    this.#stream = undefined;
    this.#gone();
  }

  linkDead(): void {
    if (this.#state === "opening") this.#fail("connection");
    else if (this.#state === "open") this.#handlers.linkDead();
  }

  get #overheadBytes(): number {
    return this.target.tls.enabled ? headerBytes + recordOverheadBytes : headerBytes;
  }

  #fail(failure: MqttOpenFailure): void {
    if (this.#state !== "opening") return;
    this.destroy();
    this.#handlers.failed(failure);
  }

  #resolve(): void {
    const { network, link, scheduler, connectTimeoutMs } = this.#host;
    const { host } = this.target;
    if (this.isSilent) {
      this.#limit = scheduler.after(connectTimeoutMs, () => this.#fail("connection"));
      return;
    }
    if (host === "") {
      this.#fail("parameter");
      return;
    }
    const address = network.resolve(host)?.[0];
    const proceed = (): void => {
      if (this.#state !== "opening") return;
      if (address === undefined) this.#fail("name");
      else link.exchange(1, 60, 60, () => this.#connect(address));
    };
    if (address === host) proceed();
    else link.exchange(1, 70, 120, proceed);
  }

  #connect(address: string): void {
    if (this.#state !== "opening" || this.isSilent) return;
    const { network } = this.#host;
    const { port, tls } = this.target;
    if (!tls.enabled) {
      this.#stream = network.connect(
        address,
        port,
        this.#streamHandlers(() => this.#opened()),
      );
      return;
    }
    const secure = this.#host.tls(this.target);
    if (!secure) {
      this.#fail("tls");
      return;
    }
    this.#limit = this.#host.scheduler.after(secure.limitMs, () => this.#fail("tls"));
    const handlers = this.#streamHandlers(info =>
      this.#secured(info.tls?.sentBytes, info.tls?.receivedBytes),
    );
    this.#stream = network.connectSecure(address, port, secure.client, handlers);
  }

  /** Charges the link with the handshake that has taken place. */
  #secured(sentBytes = 0, receivedBytes = 0): void {
    const { link, scheduler } = this.#host;
    // Rounded: the length of an ECDSA signature varies, and a run must repeat by its seed.
    link.exchange(2, roundUp(sentBytes), roundUp(receivedBytes), () => {
      scheduler.after(link.profile.handshakeMs, () => this.#opened());
    });
  }

  #opened(): void {
    if (this.#state !== "opening" || this.isSilent) return;
    this.#limit?.cancel();
    this.#state = "open";
    this.#handlers.opened();
    this.#pump();
  }

  #streamHandlers(opened: StreamHandlers["opened"]): StreamHandlers {
    return {
      opened,
      data: bytes => {
        for (let at = 0; at < bytes.length; at += segmentBytes)
          this.#waiting.push(bytes.slice(at, at + segmentBytes));
        this.#pump();
      },
      ended: () => {
        this.#isEnding = true;
        this.#pump();
      },
      failed: failure => this.#broken(failure),
    };
  }

  #broken(failure: StreamFailure): void {
    const { scheduler, link, connectTimeoutMs } = this.#host;
    if (this.#state === "open") {
      this.#end();
    } else if (failure.kind === "unreachable") {
      this.#limit?.cancel();
      this.#limit = scheduler.after(connectTimeoutMs, () => this.#fail("connection"));
    } else if (failure.kind === "refused") {
      this.#fail("connection");
    } else if (this.target.tls.enabled) {
      link.exchange(1, 500, 4_000, () => this.#fail("tls"));
    } else {
      this.#fail("connection");
    }
  }

  /** Brings the broker's bytes over the link. */
  #pump(): void {
    if (this.#state !== "open" || this.isSilent) return;
    const { link } = this.#host;
    for (;;) {
      const segment = this.#waiting[0];
      if (!segment || (this.#underWay > 0 && this.#underWay + segment.length > windowBytes)) break;
      this.#waiting.shift();
      this.#underWay += segment.length;
      link.receive(segment.length + this.#overheadBytes, () => {
        this.#underWay -= segment.length;
        if (this.#state !== "open" || this.isSilent) return;
        this.#handlers.data(segment);
        this.#pump();
      });
    }
    this.#stream?.setPaused(this.#waiting.length > 0);
    if (this.#isEnding && this.#waiting.length === 0 && this.#underWay === 0) this.#end();
  }

  #end(): void {
    this.#host.link.receive(headerBytes, () => {
      if (this.#state === "open" && !this.isSilent) this.#handlers.ended();
    });
  }
}

function roundUp(bytes: number): number {
  return Math.ceil(bytes / 64) * 64;
}
