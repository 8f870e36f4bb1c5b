import type { StreamSocket } from "../io/socket.js";
import type { Liveness } from "./liveness.js";
import { encodeFilters, encodePublish, encodeShort } from "./packets.js";
import { Sender } from "./sender.js";
import type { Delivery, Session } from "./session.js";

/** Chooses what one connection writes next: acknowledgements, ping, subscriptions, messages. */
export class Outbox extends Sender {
  /** The message that the packet under way belongs to. */
  delivery: Delivery | undefined;
  /** Waiting acknowledgements: operation * 65536 + identifier. */
  private readonly acknowledgements: number[] = [];
  private readonly session: Session;
  private readonly liveness: Liveness;

  /** `capacity`: bytes of the buffer that packets are put together in. */
  constructor(session: Session, liveness: Liveness, capacity: number) {
    super(capacity);
    this.session = session;
    this.liveness = liveness;
  }

  acknowledge(operation: number, id: number): void {
    this.acknowledgements.push((operation << 16) | id);
  }

  /** So many acknowledgements wait for room that nothing more is to be read that would need one. */
  get full(): boolean {
    return this.acknowledgements.length > 7;
  }

  /**
   * Writes what is due and fits the room; before CONNACK (`connected` false) no more than the
   * packet under way. Returns a message of QoS 0 that is out, after which it wants to be called
   * again, or `undefined` when nothing more can be written now.
   */
  pump(socket: StreamSocket, connected: boolean): Delivery | undefined {
    while (this.left || (connected && !this.tail && this.compose())) {
      const before = this.left;
      const whole = this.flush(socket, 0);
      if (this.left !== before) this.liveness.sent();
      if (!whole) break;
      const delivery = this.delivery;
      this.delivery = undefined;
      if (delivery) {
        if (!delivery.qos) return delivery;
        // Awaiting from now on.
        delivery.state |= 1;
      }
      this.liveness.progress();
    }
    return undefined;
  }

  /** Begins the packet that is due next. Returns whether there is one. */
  private compose(): boolean {
    const session = this.session;
    const acknowledgement = this.acknowledgements.shift();
    let request, delivery, message;
    let length;
    if (acknowledgement) {
      length = encodeShort(acknowledgement >> 16, acknowledgement & 0xffff, this);
    } else if (this.liveness.ping) {
      this.liveness.pinging();
      length = encodeShort(12 /* PINGREQ */, 0, this);
    } else if ((request = session.request())) {
      length = encodeFilters(request.operation, request.id, request.interests, this);
    } else if ((delivery = session.next())) {
      this.delivery = delivery;
      message = delivery.state === 2 ? delivery.message : undefined;
      if (message) {
        const flags = (delivery.duplicate ? 8 : 0) | (message.retain ? 1 : 0);
        length = encodePublish(
          message.topic,
          delivery.qos,
          flags,
          delivery.id,
          message.payload.byteLength,
          this,
        );
        delivery.duplicate = delivery.qos > 0;
      } else {
        length = encodeShort(6 /* PUBREL */, delivery.id, this);
      }
    } else {
      return false;
    }
    this.begin(length, message?.payload, 0);
    return true;
  }
}
