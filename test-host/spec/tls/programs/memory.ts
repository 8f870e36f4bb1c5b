import { Stream } from "../../../../modules/io/stream.js";
import type { SocketOptions, SocketRecord } from "../../../../modules/io/socket.js";
import type { Timer } from "../../../../modules/io/timer.js";
import type { TlsEngine, TlsEngineOptions, TlsEngineRecord } from "../../../../modules/tls/engine.js";
import { FlightRecorder } from "../../../../modules/tls/recorder.js";
import { TLSSocket } from "../../../../modules/tls/socket.js";
import type { SimulationHost } from "../../../xs/host.js";

/*
 * Recorder and socket in the engine of a device, with the engine of TLS and TCP played: what they
 * hold and what garbage they make is all their own.
 */

interface Order {
  readonly run: "recorder" | "handshake" | "tcp" | "socket" | "exchange";
  readonly count?: number;
}

/** Messages of a mutual handshake: direction, type, bytes on the wire; 20 is ChangeCipherSpec, 0 a protected Finished. */
const HANDSHAKE = Object.freeze([
  ..."s1:147 r2:94 r11:3910 r12:338 r13:61 r14:9".split(" "),
  ..."s11:876 s16:75 s15:269 s20:6 s0:45 r20:6 r0:45".split(" "),
]);

/** Callbacks that run behind the order that caused them. */
class Turns implements Timer {
  private due: { readonly callback: () => void }[] = [];

  set(callback: () => void, ms = 0): unknown {
    const entry = { callback };
    if (ms === 0) this.due.push(entry);
    return entry;
  }

  clear(handle: unknown): void {
    this.due = this.due.filter(entry => entry !== handle);
  }

  run(): void {
    for (let entry = this.due.shift(); entry !== undefined; entry = this.due.shift()) entry.callback();
  }
}

class PlayedTCP extends Stream {
  readonly confirms = true;

  constructor(options: SocketOptions & { readonly stage?: Stage }) {
    super(options, 1500, 2920);
    if (options.stage) options.stage.tcp = this;
  }

  open(): void {
    this.connected = true;
    this.announceWritable();
  }

  deliver(bytes: Uint8Array): void {
    this.incoming.write(bytes);
    this.available = this.incoming.length;
    this.account(false, bytes.length);
    this.announceReadable();
  }

  protected taken(): void {
    // Comes by deliver.
  }

  protected written(): void {
    const count = this.outgoing.length;
    this.outgoing.skip(count);
    this.account(true, count);
  }

  protected ended(): void {
    // Nothing is held.
  }

  protected fail(): void {
    // Played by no order.
  }
}

class PlayedEngine implements TlsEngine {
  private readonly options: TlsEngineOptions;
  private readonly record = new Uint8Array(64);
  private connected = false;

  constructor(options: TlsEngineOptions) {
    this.options = options;
    this.record.set([22, 3, 3, 0, 59, 1, 0, 0, 55]);
  }

  start(): void {
    this.options.transmit(this.record);
  }

  receive(bytes: Uint8Array): void {
    if (this.connected) this.options.received(bytes);
    else {
      this.connected = true;
      this.record[0] = 23;
      this.options.connected(0xc02f);
    }
  }

  write(): void {
    this.options.transmit(this.record);
  }

  end(): void {
    // Takes no leave.
  }

  close(): void {
    // Holds nothing.
  }
}

interface Stage {
  tcp?: PlayedTCP;
}

class Program {
  private readonly host: SimulationHost;
  private readonly turns = new Turns();
  private readonly stage: Stage = {};
  private recorder: FlightRecorder | undefined;
  private socket: TLSSocket | undefined;
  private readonly bytes = new Uint8Array(64);
  private received = 0;

  constructor(host: SimulationHost) {
    this.host = host;
  }

  order({ run, count = 1 }: Order): void {
    if (run === "recorder") this.recorder = new FlightRecorder();
    else if (run === "handshake") for (let i = 0; i < count; i++) this.handshake();
    else if (run === "tcp") new PlayedTCP({ port: 1, stage: this.stage });
    else if (run === "socket") this.open();
    else for (let i = 0; i < count; i++) this.exchange();
    this.turns.run();
    this.host.report(run, this.recorder?.count, this.received);
  }

  /** Feeds the records of a handshake in small pieces, with confirmations. */
  private handshake(): void {
    const recorder = this.recorder;
    const bytes = this.bytes;
    if (recorder === undefined) return;
    for (let i = 0; i < HANDSHAKE.length; i++) {
      const [type = 0, size = 0] = (HANDSHAKE[i] ?? "").slice(1).split(":").map(Number);
      const sent = (HANDSHAKE[i] ?? "").startsWith("s");
      bytes.fill(0);
      bytes.set([type === 20 ? 20 : 22, 3, 3, (size - 5) >> 8, (size - 5) & 0xff]);
      bytes.set([type, 0, (size - 9) >> 8, (size - 9) & 0xff, 3, 3], 5);
      for (let at = 0; at < size; at += 50) {
        const piece = bytes.subarray(0, Math.min(50, size - at));
        if (sent) recorder.onSent(piece);
        else recorder.onReceived(piece);
        recorder.onTransfer(sent, piece.length);
        bytes.fill(0);
      }
    }
    recorder.place();
  }

  private open(): void {
    const program = this;
    const engine: TlsEngineRecord = {
      io: PlayedEngine,
      clientKeys: ["rsa"],
      splitMessages: true,
      leafAlone: true,
      suites: [0xc02f],
    };
    const TCP: SocketRecord & { stage: Stage } = { io: PlayedTCP, stage: this.stage };
    this.socket = new TLSSocket({
      host: "broker.example",
      port: 8883,
      TCP,
      timer: this.turns,
      engine,
      secure: { verify: false },
      onReadable(count) {
        program.received += count;
        this.read(program.bytes.subarray(0, count));
      },
    });
    this.turns.run();
    this.stage.tcp?.open();
    this.turns.run();
    this.bytes.fill(0);
    this.bytes.set([22, 3, 3, 0, 4, 14, 0, 0, 0]);
    this.stage.tcp?.deliver(this.bytes.subarray(0, 9));
  }

  /** A record each way. */
  private exchange(): void {
    const bytes = this.bytes;
    this.socket?.write(bytes);
    bytes.set([23, 3, 3, 0, 59]);
    this.stage.tcp?.deliver(bytes);
    this.turns.run();
  }
}

export default function main(host: SimulationHost): void {
  const program = new Program(host);
  host.listen(text => {
    const order = JSON.parse(text) as Order;
    program.order(order);
  });
}
