import type { StreamSocket } from "../io/socket.js";
import type { Liveness } from "./liveness.js";
import { PINGREQ, PUBREL, encodeFilters, encodePublish, encodeShort } from "./packets.js";
import { Sender } from "./sender.js";
import { RELEASE, RELEASED, SENT, type Delivery, type Session } from "./session.js";

/** Acknowledgements that may wait for room; beyond that nothing more is to be read from the socket. */
const MAXIMUM_ACKNOWLEDGEMENTS = 8;

/** Chooses what one connection writes next: acknowledgements, ping, subscriptions, messages. */
export class Outbox {
  readonly sender: Sender;
  readonly #session: Session;
  readonly #liveness: Liveness;
  /** Waiting acknowledgements: operation * 65536 + identifier. */
  readonly #acknowledgements: number[] = [];
  /** The message that the packet under way belongs to. */
  delivery: Delivery | undefined;

  /** `capacity`: bytes of the buffer that packets are put together in. */
  constructor(session: Session, liveness: Liveness, capacity: number) {
    this.sender = new Sender(capacity);
    this.#session = session;
    this.#liveness = liveness;
  }

  acknowledge(operation: number, id: number): void {
    this.#acknowledgements.push((operation << 16) | id);
  }

  /** No further acknowledgement should be made necessary. */
  get full(): boolean {
    return this.#acknowledgements.length >= MAXIMUM_ACKNOWLEDGEMENTS;
  }

  /** Something waits for the end of what the application streams. */
  get waits(): boolean {
    return this.sender.tail === 0 && this.#acknowledgements.length > 0;
  }

  /**
   * Writes what is due and fits the room; before CONNACK (`connected` false) no more than the
   * packet under way. Returns a message of QoS 0 that is out, after which it wants to be called
   * again, or `undefined` when nothing more can be written now.
   */
  pump(socket: StreamSocket, connected: boolean): Delivery | undefined {
    const { sender } = this;
    for (;;) {
      if (sender.left) {
        const before = sender.left;
        const whole = sender.flush(socket);
        if (sender.left !== before) this.#liveness.sent();
        if (!whole) return undefined;
        const { delivery } = this;
        this.delivery = undefined;
        if (delivery?.state === RELEASE) delivery.state = RELEASED;
        else if (delivery?.qos) delivery.state = SENT;
        else if (delivery) return delivery;
        this.#liveness.progress();
      } else if (!connected || sender.tail || !this.#begin()) {
        return undefined;
      }
    }
  }

  /** Begins the packet that is due next. Returns whether there is one. */
  #begin(): boolean {
    const { sender } = this;
    const acknowledgement = this.#acknowledgements.shift();
    let request, delivery, source;
    let length;
    if (acknowledgement) {
      length = encodeShort(acknowledgement >> 16, acknowledgement & 0xffff, sender);
    } else if (this.#liveness.ping) {
      this.#liveness.pinging();
      length = encodeShort(PINGREQ, 0, sender);
    } else if ((request = this.#session.request())) {
      length = encodeFilters(request.operation, request.id, request.interests ?? [], sender);
    } else if ((delivery = this.#session.next())) {
      const { state, id, qos, duplicate, message } = delivery;
      this.delivery = delivery;
      if (state === RELEASE || !message) {
        length = encodeShort(PUBREL, id, sender);
      } else {
        source = message.payload;
        length = encodePublish(
          message.topic,
          qos,
          message.retain ?? false,
          duplicate,
          id,
          source.byteLength,
          sender,
        );
        delivery.duplicate = qos > 0;
      }
    } else {
      return false;
    }
    sender.begin(length, source, 0);
    return true;
  }
}
