import mqttPacket from "mqtt-packet";
import type { Failure } from "../../../modules/diagnosis/failure.js";
import type {
  Resolver,
  ResolverCallbacks,
  SocketFormat,
  SocketOptions,
  StreamSocket,
  WriteOptions,
} from "../../../modules/io/socket.js";
import type { Clock, Timer } from "../../../modules/io/timer.js";
import { MQTTClient } from "../../../modules/mqtt/client.js";
import type { ControlMessage, MessageInfo, MQTTClientOptions } from "../../../modules/mqtt/options.js";

export type Packet = mqttPacket.Packet;

/** A packet as bytes, by mqtt-packet. */
export function wire(packet: Packet): Uint8Array {
  return new Uint8Array(mqttPacket.generate(packet));
}

/** Bytes as packets, by mqtt-packet. */
export function parse(bytes: Uint8Array): Packet[] {
  const parser = mqttPacket.parser({ protocolVersion: 4 });
  const packets: Packet[] = [];
  parser.on("packet", packet => packets.push(packet));
  parser.on("error", error => {
    throw error;
  });
  parser.parse(Buffer.from(bytes));
  return packets;
}

export function join(pieces: readonly Uint8Array[]): Uint8Array {
  return new Uint8Array(Buffer.concat(pieces));
}

interface Alarm {
  readonly due: number;
  readonly order: number;
  readonly callback: () => void;
  readonly repeatMs: number | undefined;
}

/** Time that moves only when told to. */
export class FakeTime {
  private alarms: Alarm[] = [];
  private count = 0;
  /** Milliseconds since the start. */
  elapsed = 0;
  readonly timer: Timer<Alarm> = {
    set: (callback, ms = 0, repeatMs) => {
      const alarm = { due: this.elapsed + ms, order: this.count++, callback, repeatMs };
      this.alarms.push(alarm);
      return alarm;
    },
    clear: alarm => {
      this.alarms = this.alarms.filter(other => other !== alarm);
    },
  };
  readonly clock: Clock;

  /** `offset`: what `ticks` shows at the start; it wraps at 2^32. */
  constructor(offset = 0) {
    const ticks = (): number => (offset + this.elapsed) % 2 ** 32;
    this.clock = {
      get ticks() {
        return ticks();
      },
      delta: (start, end = ticks()) => (end - start + 2 ** 32) % 2 ** 32,
      set: () => undefined,
      now: () => this.elapsed,
    };
  }

  get pending(): number {
    return this.alarms.length;
  }

  /** Runs what is due within `ms`, in order. */
  advance(ms: number): void {
    const end = this.elapsed + ms;
    for (let i = 0; i < 100_000; i++) {
      const [next] = this.alarms
        .filter(alarm => alarm.due <= end)
        .sort((a, b) => a.due - b.due || a.order - b.order);
      if (!next) {
        this.elapsed = end;
        return;
      }
      this.elapsed = Math.max(this.elapsed, next.due);
      this.timer.clear(next);
      if (next.repeatMs !== undefined) this.timer.set(next.callback, next.repeatMs, next.repeatMs);
      next.callback();
    }
    throw new Error("never comes to rest");
  }

  /** Runs what is due now. */
  settle(): void {
    this.advance(0);
  }
}

export interface Group {
  readonly bytes: Uint8Array;
  /** What its first write announced; the length of a single write. */
  readonly announced: number;
  readonly writes: number;
}

/** The other end of a connection, in memory, with the manners of an ECMA-419 socket. */
export class ScriptedSocket implements StreamSocket {
  format: SocketFormat = "buffer";
  closed = false;
  room = 0;
  /** What left: a group ends with a write without `more`. */
  readonly groups: Group[] = [];
  private held: Uint8Array[] = [];
  private announced = 0;
  private received: Uint8Array<ArrayBuffer> = new Uint8Array(0);

  constructor(readonly options: SocketOptions) {}

  read(): ArrayBuffer | number | undefined;
  read(count: number): ArrayBuffer | undefined;
  read(view: Uint8Array): number | undefined;
  read(into?: number | Uint8Array): ArrayBuffer | number | undefined {
    if (this.closed) throw new SyntaxError("closed");
    if (this.received.length === 0) return undefined;
    const count = into === undefined ? this.received.length : typeof into === "number" ? into : into.length;
    if (count > this.received.length) throw new Error("invalid");
    const bytes = this.received.slice(0, count);
    this.received = this.received.slice(count);
    if (typeof into !== "object") return bytes.buffer;
    into.set(bytes);
    return count;
  }

  write(bytes: ArrayBuffer | Uint8Array, options?: WriteOptions): number {
    if (this.closed) throw new SyntaxError("closed");
    if (bytes.byteLength > this.room) throw new Error("would block");
    if (this.held.length === 0) this.announced = options?.byteLength ?? bytes.byteLength;
    this.held.push(new Uint8Array(bytes instanceof Uint8Array ? bytes : new Uint8Array(bytes)));
    this.room -= bytes.byteLength;
    if (!options?.more) this.release();
    return this.room;
  }

  close(): void {
    this.closed = true;
  }

  private release(): void {
    if (this.held.length === 0) return;
    this.groups.push({ bytes: join(this.held), announced: this.announced, writes: this.held.length });
    this.held = [];
  }

  /** Bytes that were held for a continuation which never came. */
  get stuck(): number {
    return this.held.reduce((sum, piece) => sum + piece.length, 0);
  }

  /** Takes what was sent since the last call. */
  sent(): Uint8Array {
    return join(this.groups.splice(0).map(group => group.bytes));
  }

  packets(): Packet[] {
    return parse(this.sent());
  }

  writable(room: number): void {
    this.room = room;
    this.options.onWritable?.call(this, room);
  }

  receive(bytes: Uint8Array): void {
    if (this.closed) return;
    this.received = new Uint8Array(join([this.received, bytes]));
    this.options.onReadable?.call(this, this.received.length);
  }

  receivePacket(packet: Packet): void {
    this.receive(wire(packet));
  }

  get unread(): number {
    return this.received.length;
  }

  end(report?: Failure): void {
    if (this.closed) return;
    if (report) this.options.failure?.(report);
    this.options.onError?.call(this);
  }
}

export interface Bench {
  readonly time: FakeTime;
  readonly client: MQTTClient;
  /** The socket of the present connection. */
  readonly socket: ScriptedSocket;
  readonly sockets: ScriptedSocket[];
  readonly failures: Failure[];
  readonly controls: ControlMessage[];
  readonly messages: { info: MessageInfo; bytes: Uint8Array }[];
  readonly rooms: number[];
  readonly errors: number[];
}

/** The records that construct scripted sockets, which are collected, and a resolver that answers at once. */
export function records(time: FakeTime, sockets: ScriptedSocket[]) {
  class CollectedSocket extends ScriptedSocket {
    constructor(options: SocketOptions) {
      super(options);
      sockets.push(this);
    }
  }
  class InstantResolver implements Resolver {
    resolve(request: ResolverCallbacks): void {
      time.timer.set(() => request.onResolved.call(this, request.host, "192.0.2.1"));
    }
  }
  return {
    socket: { io: CollectedSocket },
    dns: { io: InstantResolver },
    timer: time.timer,
    clock: time.clock,
  };
}

/** A client whose socket exists and has announced nothing yet; messages are read whole, piece by piece. */
export function bench(options: Partial<MQTTClientOptions<MQTTClient>> = {}, time = new FakeTime()): Bench {
  const sockets: ScriptedSocket[] = [];
  const failures: Failure[] = [];
  const controls: ControlMessage[] = [];
  const messages: { info: MessageInfo; bytes: Uint8Array }[] = [];
  const rooms: number[] = [];
  const errors: number[] = [];
  const client = new MQTTClient({
    host: "broker.example",
    id: "device",
    ...records(time, sockets),
    onControl: message => controls.push(message),
    onReadable(count, info) {
      messages.push({ info, bytes: new Uint8Array(this.read(count) ?? new ArrayBuffer(0)) });
    },
    onWritable: count => rooms.push(count),
    failure: report => failures.push(report),
    onError: () => errors.push(time.elapsed),
    ...options,
  });
  time.settle();
  const socket = sockets[0];
  if (!socket) throw new Error("no socket");
  return { time, client, socket, sockets, failures, controls, messages, rooms, errors };
}

/** A client behind CONNACK. */
export function connected(
  options: Partial<MQTTClientOptions<MQTTClient>> = {},
  { present = false, room = 4096, time = new FakeTime() } = {},
): Bench {
  const made = bench(options, time);
  made.socket.writable(4096);
  made.socket.sent();
  made.socket.writable(room);
  made.socket.receivePacket({ cmd: "connack", returnCode: 0, sessionPresent: present });
  made.time.settle();
  made.controls.length = 0;
  return made;
}

export function text(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString();
}

export function bytes(content: string | number): Uint8Array {
  if (typeof content === "string") return new Uint8Array(Buffer.from(content));
  return Uint8Array.from({ length: content }, (_, i) => (i * 7) & 0xff);
}
