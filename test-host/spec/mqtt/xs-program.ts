import type { Host } from "../../../hosts/firmware/host.js";
import type {
  Resolver,
  ResolverCallbacks,
  SocketFormat,
  SocketOptions,
  StreamSocket,
} from "../../../modules/io/socket.js";
import { MQTTClient } from "../../../modules/mqtt/client.js";
import { ReconnectingMQTTClient } from "../../../modules/mqtt/reconnect.js";
import { BytesSource } from "../../../modules/mqtt/source.js";

/*
 * Runs in the XS engine: a client against answers that are played back, one step in each turn, so
 * that memory can be looked at in between.
 */

const CONNACK = [0x20, 2, 0, 0];
const SUBACK = [0x90, 3, 0, 1, 1];
const MESSAGE = [0x32, 12, 0, 5, 0x61, 0xc3, 0xa4, 0x2f, 0x62, 0, 7, 0x68, 0x69, 0x21];
const PUBACK = [0x40, 2, 0, 2];

/** Where a socket is found by the steps below. */
interface Stage {
  socket?: PlayedSocket;
}

class PlayedSocket implements StreamSocket {
  format: SocketFormat = "buffer";
  sent = 0;
  private bytes: number[] = [];
  private readonly callbacks: SocketOptions;

  constructor(options: SocketOptions & { readonly stage?: Stage }) {
    this.callbacks = options;
    if (options.stage) options.stage.socket = this;
  }

  read(): ArrayBuffer | number | undefined;
  read(count: number): ArrayBuffer | undefined;
  read(view: Uint8Array): number | undefined;
  read(into?: number | Uint8Array): ArrayBuffer | number | undefined {
    const view = typeof into === "object" ? into : new Uint8Array(into ?? this.bytes.length);
    view.set(this.bytes.splice(0, view.length));
    if (typeof into === "object") return view.length;
    const copy = new ArrayBuffer(view.length);
    new Uint8Array(copy).set(view);
    return copy;
  }

  write(bytes: ArrayBuffer | Uint8Array): number {
    this.sent += bytes.byteLength;
    return 2048;
  }

  close(): void {
    this.bytes = [];
  }

  open(): void {
    this.callbacks.onWritable?.call(this, 2048);
  }

  play(bytes: readonly number[]): void {
    this.bytes = bytes.slice();
    this.callbacks.onReadable?.call(this, bytes.length);
    this.bytes = [];
  }
}

class PlayedResolver implements Resolver {
  resolve(request: ResolverCallbacks): void {
    request.onResolved.call(this, request.host, "");
  }
}

export default function start(host: Host): void {
  const stage: Stage = {};
  const payload = new BytesSource(new Uint8Array(200));
  const dns = { io: PlayedResolver };
  const socket = { io: PlayedSocket, stage };
  let client: ReconnectingMQTTClient<MQTTClient> | undefined;
  let step = 0;
  const steps = [
    () => {
      client = new ReconnectingMQTTClient({
        io: MQTTClient,
        host: "broker.example",
        id: "device",
        keepAlive: 60_000,
        dns,
        socket,
        timer: host.timer,
        clock: host.clock,
        random: host.random,
        onReadable(count, info) {
          host.report("message", info.topic, count, this.read(count)?.byteLength);
        },
        failure: report => host.report("failure", report.kind, report.command, report.detail),
      });
    },
    () => stage.socket?.open(),
    () => stage.socket?.play(CONNACK),
    () =>
      client?.subscribe([{ topic: "a/#", QoS: 1, done: (_, granted) => host.report("granted", granted) }]),
    () => stage.socket?.play(SUBACK),
    () => client?.publish({ topic: "device/1/abc", qos: 1, payload, done: () => host.report("done") }),
    () => stage.socket?.play(PUBACK),
    () => stage.socket?.play(MESSAGE),
    () => host.report("sent", stage.socket?.sent),
  ];
  host.timer.set(
    () => {
      steps[step]?.();
      step += 1;
    },
    10,
    10,
  );
}
