import { ByteRing } from "../../modules/buffer/ring.js";

/** A message that is here whole. */
interface Received {
  readonly topic: string;
  /** 0: QoS 0. Otherwise QoS 1 or 2; which of them, modules do not tell. */
  readonly id: number;
  /** Bytes that the application has not read. */
  left: number;
  announced: boolean;
}

/**
 * Messages that the module has handed over, one behind the other in one ring of fixed size. Modules
 * hand messages over whole, so one that does not fit is lost: `overflow` tells.
 */
export class MqttInbox {
  /** Bytes of the coming message that are here. */
  filled = 0;
  /** Of those, some found no room. */
  overflow = false;
  readonly ring: ByteRing;
  private readonly messages: Received[] = [];

  constructor(byteLength: number) {
    this.ring = new ByteRing(byteLength);
  }

  /** The message to be read now. */
  get first(): Received | undefined {
    return this.messages[0];
  }

  /** A message begins; its payload follows by `write`. */
  begin(): void {
    this.filled = 0;
    this.overflow = false;
  }

  write(bytes: Uint8Array, start: number, end: number): void {
    this.filled += end - start;
    this.overflow ||= end - start > this.ring.free;
    if (!this.overflow) this.ring.write(bytes, start, end);
  }

  /** The message that began has come whole. */
  end(topic: string, id: number): void {
    if (!this.overflow) this.messages.push({ topic, id, left: this.filled, announced: false });
  }

  /** Bytes of the first message; `into`: the most, or a view to fill; by default all. */
  read(into: number | Uint8Array | undefined): ArrayBuffer | number | undefined {
    const left = this.first?.left ?? 0;
    const count = Math.min(left, typeof into === "object" ? into.length : (into ?? left));
    if (count < 1) return undefined;
    if (typeof into === "object") return this.take(into.subarray(0, count)).length;
    return this.take(new Uint8Array(count)).buffer;
  }

  private take<T extends Uint8Array>(view: T): T {
    this.ring.read(view, 0);
    this.skip(view.length);
    return view;
  }

  /** Drops bytes of the first message. */
  skip(count: number): void {
    const first = this.first;
    if (first === undefined) return;
    this.ring.skip(count);
    first.left -= count;
  }

  /** The first message has been read. */
  next(): void {
    this.messages.shift();
  }
}
