import { compose, streamTail } from "./compose.js";
import { MQTTConnection, type ConnectionOwner } from "./connection.js";
import { refuse } from "./error.js";
import type { Resolver } from "../io/socket.js";
import type { MQTTClientOptions, WriteOptions } from "./options.js";
import type { Session } from "./session.js";

/**
 * An MQTT 3.1.1 client with the surface of Moddable's `embedded:network/mqtt/client`: `write`,
 * `read`, `onControl`, `onReadable`, `onWritable`, `onError`, so that existing code moves over.
 * What goes beyond it, tracked messages and typed failures, is that of `MQTTConnection`.
 */
export class MQTTClient extends MQTTConnection {
  static readonly CONNECT = 1;
  static readonly CONNACK = 2;
  static readonly PUBLISH = 3;
  static readonly PUBACK = 4;
  static readonly PUBREC = 5;
  static readonly PUBREL = 6;
  static readonly PUBCOMP = 7;
  static readonly SUBSCRIBE = 8;
  static readonly SUBACK = 9;
  static readonly UNSUBSCRIBE = 10;
  static readonly UNSUBACK = 11;
  static readonly PINGREQ = 12;
  static readonly PINGRESP = 13;
  static readonly DISCONNECT = 14;

  private resolver: Resolver | undefined;

  /** Begins to connect. Throws when a required option is missing or the will's topic is not allowed. */
  public constructor(options: MQTTClientOptions<MQTTClient>, session?: Session, owner?: ConnectionOwner) {
    super(options, session, owner);
  }

  override close(): void {
    const resolver = this.resolver;
    this.resolver = undefined;
    super.close();
    try {
      resolver?.close?.();
    } catch {
      // It is over in any case.
    }
  }

  protected override begin(): void {
    const dns = this.options.dns;
    if (dns === undefined) {
      super.begin();
      return;
    }
    this.resolver = new dns.io(dns);
    this.resolver.resolve({
      host: this.options.host,
      onResolved: (_, address) => {
        this.resolver = undefined;
        this.run("connect", 0, address);
      },
      onError: () => this.run("ended"),
      failure: report => (this.report ??= report),
    });
  }

  /**
   * Writes a packet, or the next bytes of a streamed payload (`options` absent). Returns the room
   * that is left. Throws a `MQTTError` when the packet is not allowed or does not fit the room,
   * and then has written nothing.
   */
  write(data?: ArrayBuffer | Uint8Array | null, options?: WriteOptions): number {
    const outbox = this.outbox;
    const socket = this.socket;
    let direct = data?.byteLength ?? 0;
    if (this.phase !== "connected" || !socket) return refuse("write", "not connected");
    if (outbox.left || direct > outbox.room) refuse("write", "overflow", "limit");
    if (!outbox.tail) {
      direct = compose(data, options ?? {}, this.session, outbox);
      if (options?.operation === 14) this.phase = "DISCONNECT";
    } else if (options || direct > outbox.tail) {
      refuse("PUBLISH", "streamed payload");
    }
    try {
      outbox.flush(socket, direct);
      if (data && direct) streamTail(data, outbox, socket);
    } catch (exception) {
      this.caught(exception);
      throw exception;
    }
    this.liveness.sent();
    this.liveness.progress();
    // Acknowledgements may wait for the end of a streamed payload, and the timer has to be looked after.
    this.later();
    return this.room;
  }
}
