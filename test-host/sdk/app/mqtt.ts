/**
 * `mqtt`, the SDK's older client that its tests use, over the one of ECMA-419 that `device.network` holds.
 */

interface Message {
  readonly operation: number;
  readonly returnCode?: number;
}

interface Info {
  readonly topic?: string;
  readonly more: boolean;
}

interface Link {
  read(count: number): ArrayBuffer;
  write(data: ArrayBuffer | null, options: object): number;
  close(): void;
}

interface Options {
  readonly host: string;
  readonly port?: number;
  readonly user?: string;
  readonly password?: string;
  readonly timeout?: number;
  readonly Socket?: unknown;
  readonly secure?: object;
  readonly will?: {
    readonly topic: string;
    readonly message: string;
    readonly retain?: boolean;
    readonly quality?: number;
  };
}

interface Record {
  readonly io: new (options: object) => Link;
  readonly socket: object;
}

declare const device: { readonly network: { readonly mqtt: Record; readonly mqtts: Record } };

interface XSArrayBuffer {
  fromString(text: string): ArrayBuffer;
  prototype: { concat(this: ArrayBuffer, ...others: ArrayBuffer[]): ArrayBuffer };
}

// XS's own additions to the language.
const Bytes = ArrayBuffer as unknown as XSArrayBuffer;

// Operations of ECMA-419.
const CONNACK = 2;
const SUBSCRIBE = 8;
const UNSUBSCRIBE = 10;
const DISCONNECT = 14;

export default class Client {
  onReady: (() => void) | undefined;
  onMessage: ((topic: string, body: ArrayBuffer) => void) | undefined;
  onClose: (() => void) | undefined;
  closed: unknown;
  private link: Link | undefined;

  constructor(options: Options) {
    const record = options.Socket === undefined ? device.network.mqtt : device.network.mqtts;
    const { host, port, user, password, will, timeout, secure } = options;
    let topic = "";
    let pieces: ArrayBuffer[] = [];
    this.link = new record.io({
      ...record,
      ...(secure && { socket: { ...record.socket, secure } }),
      host,
      ...(port !== undefined && { port }),
      id: `test-${String(Math.random()).slice(2, 10)}`,
      ...(user !== undefined && { user, password }),
      ...(will && {
        will: {
          topic: will.topic,
          message: Bytes.fromString(will.message),
          QoS: will.quality ?? 0,
          retain: will.retain ?? false,
        },
      }),
      keepAlive: timeout,
      onControl: ({ operation, returnCode }: Message) => {
        if (operation === CONNACK && returnCode === 0) this.onReady?.();
      },
      onReadable: (count: number, info: Info) => {
        if (info.topic !== undefined) topic = info.topic;
        if (count > 0 && this.link) pieces.push(this.link.read(count));
        if (info.more) return;
        const [first = new ArrayBuffer(0), ...others] = pieces;
        pieces = [];
        this.onMessage?.(topic, Bytes.prototype.concat.apply(first, others));
      },
      onError: () => {
        this.link = undefined;
        this.onClose?.();
      },
    });
  }

  subscribe(topic: string): void {
    this.link?.write(null, { operation: SUBSCRIBE, items: [{ topic, QoS: 0 }] });
  }

  unsubscribe(topic: string): void {
    this.link?.write(null, { operation: UNSUBSCRIBE, items: [{ topic }] });
  }

  publish(topic: string, body: string): void {
    this.link?.write(Bytes.fromString(body), { topic });
  }

  /** `immediate`: without taking leave, as if the connection had broken. */
  close(immediate?: boolean): void {
    const link = this.link;
    this.link = undefined;
    try {
      if (immediate !== true) link?.write(null, { operation: DISCONNECT });
    } catch {
      // It was not connected yet.
    }
    link?.close();
  }
}
