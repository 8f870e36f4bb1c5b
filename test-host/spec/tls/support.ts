import { TLSSocket as NodeSocket, createSecureContext, type SecureContextOptions } from "node:tls";
import { Duplex } from "node:stream";
import {
  fullProfile,
  deviceProfile,
  nodeTls,
  sdkProfile,
  type NodeTlsRecord,
  type TlsEngineProfile,
} from "../../../hosts/workstation/tls-engine.js";
import { failure, type Failure } from "../../../modules/diagnosis/failure.js";
import type { Credentials } from "../../../modules/io/credentials.js";
import type { SocketOptions, StreamSocket } from "../../../modules/io/socket.js";
import { Stream } from "../../../modules/io/stream.js";
import type { Timer } from "../../../modules/io/timer.js";
import { BytesCredential } from "../../../modules/pki/bytes.js";
import type { TlsEngineRecord } from "../../../modules/tls/engine.js";
import type { TLSSocketOptions } from "../../../modules/tls/options.js";
import type { FlightRecorder } from "../../../modules/tls/recorder.js";
import { TLSSocket } from "../../../modules/tls/socket.js";
import type { Identities } from "../xs/tls-peer.js";

export { fullProfile, deviceProfile, sdkProfile };

/** A clock that goes on by being told to. */
export class ManualTimer implements Timer {
  nowMs = 0;
  #pending: { callback: () => void; atMs: number }[] = [];

  set(callback: () => void, ms = 0): unknown {
    const entry = { callback, atMs: this.nowMs + ms };
    this.#pending.push(entry);
    return entry;
  }

  clear(handle: unknown): void {
    this.#pending = this.#pending.filter(entry => entry !== handle);
  }

  get pending(): number {
    return this.#pending.length;
  }

  /** Calls back what is due, in order, also what becomes due thereby. Returns whether anything was. */
  advance(ms = 0): boolean {
    let any = false;
    this.nowMs += ms;
    for (;;) {
      const due = this.#pending
        .filter(({ atMs }) => atMs <= this.nowMs)
        .sort((one, other) => one.atMs - other.atMs)[0];
      if (!due) return any;
      this.clear(due);
      due.callback();
      any = true;
    }
  }
}

/** The server's end of a line: takes what the client sent, and answers through `reply`. */
export interface Peer {
  receive(bytes: Uint8Array): void;
  /** The client's connection has ended. */
  ended?(): void;
}

export interface LineOptions {
  /** Bytes of one send of the module, and of its ring. */
  readonly sendMax?: number;
  readonly room?: number;
  /** Bytes of one read of the module. */
  readonly readMax?: number;
  /** The TCP class tells of confirmations. Default true. */
  readonly confirms?: boolean;
  /** Client bytes that get through; a send that does not get through whole is not confirmed. */
  readonly cutAfter?: number;
  readonly cut?: (line: Line) => void;
}

/** A module's TCP connection in memory: gathers a turn's writes, confirms sends, reads in pieces. */
export class Line {
  readonly timer: ManualTimer;
  readonly options: Required<Omit<LineOptions, "cut">> & Pick<LineOptions, "cut">;
  peer: Peer | undefined;
  tcp: LineTCP | undefined;
  /** Lengths of the module's sends that were confirmed. */
  readonly sends: number[] = [];
  /** Everything that the client sent, and what came for it, in order. */
  readonly passed: { readonly sent: boolean; readonly bytes: Uint8Array }[] = [];
  /** Extras that the TCP class was made with. */
  extras: object | undefined;
  closed = 0;
  #through = 0;
  #coming: Uint8Array[] = [];
  #end: Failure | undefined;

  constructor(timer: ManualTimer, options: LineOptions = {}) {
    this.timer = timer;
    this.options = {
      sendMax: 1460,
      room: 2920,
      readMax: 1500,
      confirms: true,
      cutAfter: Infinity,
      ...options,
    };
  }

  /** From the client's module to the peer; whether it got through whole. */
  carry(bytes: Uint8Array): boolean {
    const rest = this.options.cutAfter - this.#through;
    const part = bytes.subarray(0, Math.max(0, rest));
    this.passed.push({ sent: true, bytes: part });
    this.#through += part.length;
    const whole = part.length === bytes.length;
    if (whole) this.sends.push(part.length);
    // Cut at its end: the peer answers no more.
    if (this.#through < this.options.cutAfter && part.length > 0) this.peer?.receive(part);
    if (rest > 0 && this.#through >= this.options.cutAfter) this.timer.set(() => this.options.cut?.(this), 1);
    return whole;
  }

  /** From the peer. */
  reply(bytes: Uint8Array): void {
    if (this.#through >= this.options.cutAfter && !this.#end) return;
    this.inject(bytes);
  }

  inject(bytes: Uint8Array): void {
    this.passed.push({ sent: false, bytes: Uint8Array.from(bytes) });
    this.#coming.push(Uint8Array.from(bytes));
    this.feed();
  }

  /** The connection ends, behind what has come. */
  end(reason: Failure): void {
    this.#end ??= reason;
    this.feed();
  }

  feed(): void {
    this.timer.set(() => {
      const next = this.#coming[0];
      const tcp = this.tcp;
      if (!tcp) return;
      if (!next) {
        if (this.#end && tcp.drained) tcp.finish(this.#end);
        return;
      }
      const count = Math.min(next.length, tcp.incoming.free, this.options.readMax);
      if (count === 0) return;
      if (count === next.length) this.#coming.shift();
      else this.#coming[0] = next.subarray(count);
      tcp.deliver(next.subarray(0, count));
      this.feed();
    });
  }
}

/** The TCP class over a {@link Line}, with the stream that the drivers have. */
export class LineTCP extends Stream {
  readonly #line: Line;
  #due = false;

  constructor(options: SocketOptions & { readonly line?: Line }) {
    const line = options.line;
    if (!line) throw new Error("line is required");
    super(options, line.options.readMax, line.options.room);
    this.#line = line;
    line.tcp = this;
    line.extras = options;
    if (line.options.confirms) Object.defineProperty(this, "confirms", { value: true });
    line.timer.set(() => {
      if (this.closed) return;
      this.connected = true;
      this.announceWritable();
    });
  }

  get drained(): boolean {
    return this.available === 0;
  }

  protected taken(): void {
    this.#line.feed();
  }

  protected written(): void {
    if (this.#due) return;
    this.#due = true;
    this.#line.timer.set(() => {
      this.#due = false;
      this.#send();
    });
  }

  #send(): void {
    const { sendMax, confirms } = this.#line.options;
    while (this.outgoing.length > 0 && (!this.held || this.closed || this.outgoing.length >= sendMax)) {
      const bytes = new Uint8Array(Math.min(this.outgoing.length, sendMax));
      this.outgoing.read(bytes, 0);
      if (!this.#line.carry(bytes)) return;
      this.outgoing.skip(bytes.length);
      if (confirms) this.account(true, bytes.length);
    }
    if (this.connected && !this.closed) this.announceWritable();
  }

  deliver(bytes: Uint8Array): void {
    if (this.closed) return;
    this.incoming.write(bytes);
    this.available = this.incoming.length;
    this.account(false, bytes.length);
    this.announceReadable();
  }

  finish(reason: Failure): void {
    if (!this.closed) this.announceFailure(reason);
  }

  protected ended(): void {
    this.#line.closed++;
    this.written();
  }

  protected fail(reason: Failure): void {
    throw new Error(`a callback of TLSSocket threw: ${reason.detail ?? ""}`);
  }
}

/** A TLS server of OpenSSL at the far end of a line. */
export class OpenSslPeer implements Peer {
  readonly socket: NodeSocket;
  readonly errors: string[] = [];
  received = "";
  closeNotified = false;
  onData: ((text: string) => void) | undefined;
  readonly #stream: Duplex;

  constructor(
    line: Line,
    context: SecureContextOptions & { readonly requestCert?: boolean; readonly maxFragment?: number },
  ) {
    this.#stream = new Duplex({
      read: () => undefined,
      write: (chunk: Buffer, _encoding, done) => {
        line.reply(chunk);
        done();
      },
    });
    this.#stream.on("error", () => undefined);
    const { requestCert = true, maxFragment } = context;
    this.socket = new NodeSocket(this.#stream, {
      isServer: true,
      requestCert,
      rejectUnauthorized: requestCert,
      secureContext: createSecureContext({ maxVersion: "TLSv1.2", ...context }),
    });
    if (maxFragment !== undefined) this.socket.setMaxSendFragment(maxFragment);
    this.socket.on("data", (bytes: Buffer) => {
      this.received += bytes.toString("latin1");
      this.onData?.(bytes.toString("latin1"));
    });
    this.socket.on("end", () => (this.closeNotified = true));
    this.socket.on("error", (error: Error) => this.errors.push(error.message));
    line.peer = this;
  }

  receive(bytes: Uint8Array): void {
    if (!this.#stream.destroyed) this.#stream.push(Buffer.from(bytes));
  }

  destroy(): void {
    this.socket.removeAllListeners();
    this.socket.on("error", () => undefined);
    this.socket.destroy();
    this.#stream.destroy();
  }
}

export interface Stored {
  readonly ca?: Uint8Array | undefined;
  readonly certificate?: Uint8Array | undefined;
  readonly key?: Uint8Array | undefined;
}

export function store(stored: Stored): Credentials {
  return {
    open(role) {
      const bytes = stored[role];
      return bytes && new BytesCredential(bytes);
    },
  };
}

export function ownCredentials({ root, client }: Identities): Stored {
  return { ca: root.certificate, certificate: client.certificate, key: client.key };
}

export interface SceneOptions {
  readonly stored: Stored;
  readonly profile?: TlsEngineProfile;
  /** Instead of OpenSSL's. */
  readonly engine?: TlsEngineRecord;
  readonly line?: LineOptions;
  readonly socket?: Partial<TLSSocketOptions>;
  readonly onReadable?: (this: StreamSocket, count: number) => void;
  readonly onWritable?: (this: StreamSocket, count: number) => void;
}

/** A `TLSSocket` over a line; what it told is kept. */
export class Scene {
  readonly timer = new ManualTimer();
  readonly line: Line;
  readonly engine: NodeTlsRecord;
  readonly socket: TLSSocket;
  readonly told: string[] = [];
  readonly failures: Failure[] = [];
  recorder: FlightRecorder | undefined;
  received = "";
  /** A callback came while a call of the application was running. */
  nested = false;
  #calling = false;

  constructor(options: SceneOptions) {
    const { stored, profile = sdkProfile } = options;
    this.line = new Line(this.timer, options.line);
    this.engine = nodeTls({ profile });
    const tell = (what: string): void => {
      this.nested ||= this.#calling;
      this.told.push(what);
    };
    const take = (count: number): void => {
      tell(`readable ${count}`);
      const bytes = this.socket.read(count);
      if (bytes) this.received += Buffer.from(bytes).toString("latin1");
    };
    const { onReadable, onWritable } = options;
    const settings: TLSSocketOptions & { TCP: { line: Line } } = {
      host: "broker.example",
      port: 8883,
      timer: this.timer,
      engine: options.engine ?? this.engine,
      secure: { credentials: store(stored) },
      onReadable(count) {
        if (onReadable) onReadable.call(this, count);
        else take(count);
      },
      onWritable(count) {
        tell("writable");
        onWritable?.call(this, count);
      },
      onError: () => tell("error"),
      failure: reason => {
        tell("failure");
        this.failures.push(reason);
      },
      onHandshake: recorder => {
        tell("handshake");
        this.recorder = recorder;
      },
      onHandshakeFailed: recorder => {
        tell("handshake failed");
        this.recorder = recorder;
      },
      ...options.socket,
      TCP: { io: LineTCP, line: this.line },
    };
    this.socket = new TLSSocket(settings);
  }

  /** Runs a call of the application and notices callbacks inside it. */
  call<T>(work: () => T): T {
    this.#calling = true;
    try {
      return work();
    } finally {
      this.#calling = false;
    }
  }

  /** Until neither timers of this moment nor OpenSSL, on either side, have anything to do. */
  async settle(): Promise<void> {
    do await this.engine.settled();
    while (this.timer.advance());
  }

  /** Lets time go by in small steps until the socket has failed. */
  async fail(withinMs = 130_000): Promise<Failure> {
    await this.settle();
    for (let passed = 0; this.failures.length === 0 && passed < withinMs; passed += 50) {
      if (this.timer.advance(50)) await this.settle();
    }
    const [reason] = this.failures;
    if (!reason) throw new Error(`no failure; told: ${this.told.join(", ")}`);
    return reason;
  }
}

/** Runs `work` with a scene and, where `server` is given, OpenSSL at its other end. */
export async function withScene(
  options: SceneOptions & {
    readonly server?: ConstructorParameters<typeof OpenSslPeer>[1];
    /** Takes the place of OpenSSL. */
    readonly peer?: (line: Line) => Peer;
    /** Before anything runs. */
    readonly onScene?: (scene: Scene) => void;
  },
  work: (scene: Scene, peer: OpenSslPeer) => Promise<void>,
): Promise<void> {
  const scene = new Scene(options);
  options.onScene?.(scene);
  const peer = new OpenSslPeer(scene.line, options.server ?? {});
  if (options.peer) scene.line.peer = options.peer(scene.line);
  try {
    await scene.settle();
    await work(scene, peer);
  } finally {
    scene.socket.close();
    scene.timer.advance(10_000);
    peer.destroy();
  }
}

export const closed = failure("peer-closed");
export const reset = failure("network-lost", undefined, undefined, "ECONNRESET");
