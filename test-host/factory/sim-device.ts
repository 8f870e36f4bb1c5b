import type { SerialCallbacks, SerialPort, SerialRecord } from "../../modules/io/serial.js";
import type { Timer } from "../../modules/io/timer.js";
import { SlotVault } from "../../modules/pki/vault.js";
import { ProvisioningSession } from "../../modules/provisioning/session.js";
import { SlotPartition, Supply } from "../spec/pki/slot-flash.js";
import { TestKeys } from "./test-keys.js";

const BLOCKS = 2;
const BLOCK_BYTES = 4096;

/** Bytes that the buffered serial class takes in one burst. */
const HEADROOM = 4096;

/**
 * What the device waits for on its own account passes so many times faster than the wall clock. What a
 * tool waits for is not changed: its timeouts are what is tested.
 */
const HASTE = 50;

/** What the application finds after a restart. */
export type Broker = "accepts" | "refuses" | "absent";

export interface SimDeviceOptions {
  /** 12 capital hexadecimal digits. */
  readonly mac: string;
  readonly imei?: string;
  readonly module?: "bg95" | "bc66";
  /** Flash under encryption. Default: plain. */
  readonly encrypted?: boolean;
  /** Default: absent; the application never connects. */
  readonly broker?: Broker;
  /** It makes keys. Default: yes. */
  readonly generates?: boolean;
  /** Default: the buffered serial class; `stock`: the FIFO of 128 bytes and no more. */
  readonly serial?: "buffered" | "stock";
}

/** Tells when it fails, wherever that is. */
class WatchedSupply extends Supply {
  onDeath: () => void = () => undefined;

  override die(): never {
    this.onDeath();
    super.die();
  }
}

/**
 * A device on a bench: the firmware's session and vault over modelled NOR flash, which it keeps over
 * restarts, lost power and whatever becomes of those who speak to it. Its console is two functions.
 */
export class SimDevice {
  readonly mac: string;
  readonly supply = new WatchedSupply();
  readonly a: SlotPartition;
  readonly b: SlotPartition;
  /** Sees every private key that this device has ever held. */
  readonly keys: TestKeys;
  restarts = 0;
  /** What the firmware does with a broker after its next start. */
  broker: Broker;
  onOutput: (bytes: Uint8Array) => void = () => undefined;
  /** Called when power goes at a step of flash. */
  set onDeath(call: () => void) {
    this.supply.onDeath = call;
  }

  vault: SlotVault;
  readonly #options: SimDeviceOptions;
  #port: ConsolePort | undefined;
  #life = 0;
  #connections = 0;
  #failures = 0;

  constructor(options: SimDeviceOptions) {
    this.#options = options;
    this.mac = options.mac;
    this.broker = options.broker ?? "absent";
    const partition = (): SlotPartition =>
      new SlotPartition(this.supply, options.encrypted ?? false, BLOCKS, BLOCK_BYTES);
    this.a = partition();
    this.b = partition();
    this.keys = new TestKeys(() => this.supply.dead, options.generates ?? true);
    this.vault = this.#boot();
  }

  /** It has lost its power, and does nothing until {@link powerCycle}. */
  isDead(): boolean {
    return this.supply.dead;
  }

  /** Programmed bytes and erases since it was made: equal counts, and nothing was written between. */
  get writes(): number {
    return this.supply.steps;
  }

  /** The certificate that the application takes from its next start on. */
  get certificate(): Uint8Array | undefined {
    return this.#read("certificate");
  }

  get ca(): Uint8Array | undefined {
    return this.#read("ca");
  }

  /** SubjectPublicKeyInfo of the key that it takes then. */
  get publicKey(): Uint8Array | undefined {
    const key = this.vault.peek("key");
    return key && this.keys.open(key)?.publicKey;
  }

  /** Raw bytes of both slots, as somebody with a flash reader finds them. */
  get flash(): Uint8Array {
    return Buffer.concat([this.a.view, this.b.view]);
  }

  /** Bytes from the cable. */
  input(bytes: Uint8Array): void {
    if (this.isDead()) return;
    this.#port?.arrive(bytes);
  }

  /** The supply fails after so many further steps of flash. */
  cutAfter(steps: number, seed: number): void {
    this.supply.cutAfter(steps, seed % 2 === 0 ? "prefix" : "scatter", seed);
  }

  /** The supply goes and comes back: memory is gone, flash stays. */
  powerCycle(): void {
    this.supply.restore();
    this.vault = this.#boot();
  }

  #boot(): SlotVault {
    const life = ++this.#life;
    const alive = (): boolean => life === this.#life && !this.supply.dead;
    this.#port?.close();
    this.#connections = 0;
    this.#failures = 0;
    const vault = new SlotVault({ flash: this.a, view: this.a.view }, { flash: this.b, view: this.b.view });
    const timer: Timer<NodeJS.Timeout> = {
      set: (work, ms = 0) =>
        setTimeout(() => {
          if (alive()) work();
        }, ms / HASTE),
      clear: handle => clearTimeout(handle),
    };
    const { module = "bg95", imei, serial } = this.#options;
    const send = (bytes: Uint8Array): void => {
      if (alive()) this.onOutput(bytes);
    };
    const opened = (port: ConsolePort): void => {
      this.#port = port;
    };
    class Port extends ConsolePort {
      constructor(callbacks: SerialCallbacks) {
        super(callbacks, serial === "stock" ? undefined : HEADROOM, send);
        opened(this);
      }
    }
    const record: SerialRecord = { io: Port, baud: 115_200 };
    new ProvisioningSession({
      console: record,
      vault,
      keys: this.keys.service,
      timer,
      restart: () => {
        this.restarts++;
        this.vault = this.#boot();
      },
      facts: () =>
        ` module=${module} firmware=1.2.3 unit=${this.mac}${imei === undefined ? "" : ` imei=${imei}`}`,
      progress: () => this.#progress(),
    });
    this.#start(vault, alive);
    return vault;
  }

  /** What the firmware's application does with its credentials after a start: see rotation. */
  #start(vault: SlotVault, alive: () => boolean): void {
    if (vault.state === "none") return;
    const onTrial = vault.state === "trial" ? vault.slot : undefined;
    if (this.broker === "absent") {
      if (onTrial !== undefined) vault.failed();
      return;
    }
    setTimeout(() => {
      if (!alive()) return;
      if (this.broker === "accepts") {
        this.#connections = 1;
        if (vault.state === "trial" && vault.slot === onTrial) vault.confirm();
      } else {
        this.#failures++;
        if (vault.state === "trial" && vault.slot === onTrial) vault.failed();
      }
    }, 20);
  }

  #progress(): string {
    if (this.#connections > 0) return ` event=mqtt connections=${this.#connections} failures=0`;
    if (this.#failures > 0)
      return ` event=failure connections=0 failures=${this.#failures} stage=broker kind=tls code=48`;
    return " event=provisioning connections=0 failures=0";
  }

  #read(role: "ca" | "certificate"): Uint8Array | undefined {
    const stored = this.vault.peek(role);
    if (stored === undefined) return undefined;
    const bytes = new Uint8Array(stored.byteLength);
    stored.read(bytes, 0);
    return bytes;
  }
}

const FIFO = 128;

/** The firmware's end of the cable. What finds the receive buffer full is lost. */
class ConsolePort implements SerialPort {
  readonly receiveHeadroom?: number;
  #callbacks: SerialCallbacks | undefined;
  #received: Uint8Array = new Uint8Array(0);
  readonly #size: number;
  readonly #send: (bytes: Uint8Array) => void;

  constructor(callbacks: SerialCallbacks, headroom: number | undefined, send: (bytes: Uint8Array) => void) {
    this.#callbacks = callbacks;
    this.#send = send;
    this.#size = headroom ?? FIFO;
    if (headroom !== undefined) this.receiveHeadroom = headroom;
    setImmediate(() => this.#callbacks?.onWritable?.call(this, FIFO));
  }

  arrive(bytes: Uint8Array): void {
    this.#received = Buffer.concat([this.#received, bytes]).subarray(0, this.#size);
    if (this.#received.length > 0) this.#callbacks?.onReadable?.call(this, this.#received.length);
  }

  read(view: Uint8Array): number | undefined {
    const piece = this.#received.subarray(0, view.length);
    view.set(piece);
    this.#received = this.#received.subarray(piece.length);
    return piece.length || undefined;
  }

  write(data: ArrayBuffer | Uint8Array): void {
    if (!this.#callbacks) return;
    this.#send(Uint8Array.from(data instanceof Uint8Array ? data : new Uint8Array(data)));
    setImmediate(() => this.#callbacks?.onWritable?.call(this, FIFO));
  }

  close(): void {
    this.#callbacks = undefined;
  }
}
