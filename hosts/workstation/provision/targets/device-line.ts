import type { Duplex } from "node:stream";
import { FactoryError } from "../../../../certs/factory-error.js";
import type { Timer } from "../../../../modules/io/timer.js";
import { ProvisioningClient, type DeviceFacts } from "../../provisioning/client.js";
import { ProvisioningError } from "../../provisioning/error.js";
import { openPort } from "../../serial/open.js";
import { timer as wallTimer } from "../../services.js";
import { asFactoryError, otherDevice } from "./device-fault.js";

export interface DeviceLineOptions {
  /** Opens the port, each time anew. Rejects with a {@link FactoryError}. Default: a serial port of 115,200 baud, or TCP. */
  readonly open?: ((port: string) => Promise<Duplex>) | undefined;
  readonly timer?: Timer | undefined;
  /** Milliseconds that only go forward, of the same clock as `timer`. */
  readonly now?: (() => number) | undefined;
  /** A request is sent again after so long without an answer, milliseconds. Default: 500. */
  readonly repeatMs?: number | undefined;
  /** How long a device may take to start and answer. Default: 10,000. */
  readonly startMs?: number | undefined;
  /** Since the line broke, so long it is tried to mend it. Default: 60,000. */
  readonly mendMs?: number | undefined;
  /** How often the line may break in one piece of work. Default: 5. */
  readonly mends?: number | undefined;
  /** What people should know and what stops nothing: `line-broken`, `handshake`. */
  readonly onNotice?: ((code: string, text: string) => void) | undefined;
  /** A line of the device's log. */
  readonly onText?: ((line: string) => void) | undefined;
}

/** Ways for a line to break that another try may mend. */
const BREAKS = ["order", "silent", "gone"] as const;
type Break = (typeof BREAKS)[number];

/** Between two tries to open a port that is away. */
const AWAY_MS = 250;

const NOTICES: Readonly<Record<Break, string>> = {
  order: "the device began anew in the middle of the work; going on where it was",
  silent: "the device stopped answering; the port is opened again",
  gone: "the port disappeared; waiting for it to come back",
};

function breakOf(error: unknown): Break | undefined {
  return error instanceof ProvisioningError ? BREAKS.find(one => one === error.code) : undefined;
}

/**
 * The line to one device, which is mended when it breaks: a restart, a lost supply, a pulled cable. The
 * same device has to be at its other end then, as far as it tells which one it is.
 */
export class DeviceLine {
  readonly #port: string;
  readonly #options: DeviceLineOptions;
  readonly #timer: Timer;
  readonly #now: () => number;
  #client: ProvisioningClient;
  #stream: Duplex;
  #broken: Break | undefined;
  #closed = false;
  #facts: DeviceFacts | undefined;
  /** The device's address, once it has told it: no other one is taken for it. */
  #unit: string | undefined;

  private constructor(port: string, stream: Duplex, options: DeviceLineOptions) {
    this.#port = port;
    this.#options = options;
    this.#timer = options.timer ?? wallTimer;
    this.#now = options.now ?? (() => performance.now());
    this.#stream = stream;
    this.#client = this.#clientOf(stream);
  }

  static async open(port: string, options: DeviceLineOptions): Promise<DeviceLine> {
    return new DeviceLine(port, await (options.open ?? openPort)(port), options);
  }

  /** What the device told of itself last. */
  get facts(): DeviceFacts | undefined {
    return this.#facts;
  }

  /** Tells people what stops nothing. */
  notice(code: string, text: string): void {
    this.#options.onNotice?.(code, text);
  }

  get now(): number {
    return this.#now();
  }

  wait(ms: number): Promise<void> {
    return new Promise(resolve => this.#timer.set(resolve, ms));
  }

  /** Begins anew with whatever device is there. Silence is told at once: there may be none. */
  greet(): Promise<DeviceFacts> {
    this.#unit = undefined;
    this.#facts = undefined;
    return this.run(() => this.hello(), ["order", "gone"]);
  }

  /** What the device tells of itself now. */
  look(): Promise<DeviceFacts> {
    return this.run(() => this.hello());
  }

  /** The same inside of work: breaks are the work's. */
  async hello(): Promise<DeviceFacts> {
    const facts = await this.#client.connect({ deadlineMs: this.#options.startMs });
    if (this.#unit !== undefined && facts.unit !== this.#unit) throw otherDevice(this.#unit, facts.unit);
    this.#unit = facts.unit;
    this.#broken = undefined;
    return (this.#facts = facts);
  }

  /**
   * Work that may be done again from its begin: after the line broke it is. Rejects with a {@link FactoryError}.
   */
  async run<Value>(
    work: (client: ProvisioningClient) => Promise<Value>,
    mended: readonly Break[] = BREAKS,
  ): Promise<Value> {
    const { mends = 5, mendMs = 60_000 } = this.#options;
    let deadline = this.#now() + mendMs;
    for (let breaks = 0; ;) {
      try {
        if (this.#broken) await this.#mend(deadline);
        return await work(this.#client);
      } catch (error) {
        const broken = breakOf(error);
        if (!broken) throw asFactoryError(error);
        if (breaks === 0) deadline = this.#now() + mendMs;
        this.#broken = broken;
        const isOver = ++breaks > mends || this.#now() + AWAY_MS >= deadline;
        if (isOver || this.#closed || !mended.includes(broken)) throw asFactoryError(error);
        this.notice("line-broken", NOTICES[broken]);
      }
    }
  }

  /** Restarts the device and waits until its next life answers. */
  async restart(): Promise<DeviceFacts> {
    const former = (await this.look()).boot;
    let asked = false;
    return this.run(async client => {
      // The line broke behind the request: by the restart itself, perhaps.
      if (asked && this.#facts?.boot !== former) return this.hello();
      asked = true;
      await client.restart();
      return this.hello();
    });
  }

  async close(): Promise<void> {
    this.#closed = true;
    await this.#hangUp();
  }

  #clientOf(stream: Duplex): ProvisioningClient {
    const { timer, repeatMs, onText } = this.#options;
    return new ProvisioningClient({ stream, timer, repeatMs, onText });
  }

  async #mend(deadline: number): Promise<void> {
    if (this.#broken !== "order") {
      await this.#hangUp();
      this.#stream = await this.#reopen(deadline);
      this.#client = this.#clientOf(this.#stream);
    }
    await this.hello();
  }

  /** The port may be away for a while: an adapter that starts again, a pty that is made anew. */
  async #reopen(deadline: number): Promise<Duplex> {
    for (;;)
      try {
        if (this.#closed) throw new ProvisioningError("gone", "hello");
        return await (this.#options.open ?? openPort)(this.#port);
      } catch (error) {
        if (!(error instanceof FactoryError)) throw error;
        if (this.#now() + AWAY_MS >= deadline) throw new ProvisioningError("gone", "hello");
        await this.wait(AWAY_MS);
      }
  }

  #hangUp(): Promise<void> {
    const stream = this.#stream;
    this.#client.close();
    if (stream.closed) return Promise.resolve();
    return new Promise(resolve => stream.once("close", () => resolve()));
  }
}
