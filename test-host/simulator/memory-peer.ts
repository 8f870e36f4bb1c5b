import type { Duplex } from "node:stream";
import type { Stream, StreamHandlers } from "./network.js";
import type { Scheduler } from "./scheduler.js";

/** The far end of a connection in memory, held by a test or a scripted server. */
export class MemoryPeer {
  /** Called with what the module sent. */
  onData: ((bytes: Uint8Array) => void) | undefined;
  /** The module has ended its direction. The default answers with a FIN of its own. */
  onEnd: () => void = () => this.end();
  /** The module has broken the connection. */
  onReset: (() => void) | undefined;
  /** The module's port. */
  readonly remotePort: number;
  receivedBytes = 0;
  /** Set by the network. */
  handlers: StreamHandlers | undefined;
  readonly #scheduler: Scheduler;
  #outgoing: Uint8Array[] = [];
  #incoming: { bytes: Uint8Array; taken: () => void }[] = [];
  #reading = true;
  #modulePaused = false;
  #over = false;
  #ended = false;
  #endReported = false;

  constructor(scheduler: Scheduler, remotePort: number) {
    this.#scheduler = scheduler;
    this.remotePort = remotePort;
  }

  write(bytes: Uint8Array | string): void {
    if (this.#over || this.#ended) return;
    this.#outgoing.push(typeof bytes === "string" ? Buffer.from(bytes, "latin1") : Uint8Array.from(bytes));
    this.#scheduler.post(() => this.#flush());
  }

  /** FIN, after what was written. */
  end(): void {
    if (this.#over || this.#ended) return;
    this.#ended = true;
    this.#scheduler.post(() => this.#flush());
  }

  /** RST at once; what was not delivered is lost. */
  reset(): void {
    if (this.#over) return;
    this.#over = true;
    this.#scheduler.post(() => this.handlers?.failed({ kind: "reset", detail: "reset by the peer" }));
  }

  /** With `false` the module's bytes pile up unacknowledged. */
  setReading(reading: boolean): void {
    this.#reading = reading;
    if (!reading) return;
    for (const { bytes, taken } of this.#incoming.splice(0)) this.receive(bytes, taken);
  }

  /** From the module. */
  receive(bytes: Uint8Array, taken: () => void): void {
    if (this.#over) return;
    if (!this.#reading) {
      this.#incoming.push({ bytes, taken });
      return;
    }
    this.#scheduler.post(() => {
      if (this.#over) return;
      taken();
      this.receivedBytes += bytes.length;
      this.onData?.(bytes);
    });
  }

  receiveEnd(): void {
    this.#scheduler.post(() => {
      if (!this.#over) this.onEnd();
    });
  }

  receiveReset(): void {
    if (this.#over) return;
    this.#over = true;
    this.#scheduler.post(() => this.onReset?.());
  }

  setModulePaused(paused: boolean): void {
    this.#modulePaused = paused;
    if (!paused) this.#scheduler.post(() => this.#flush());
  }

  #flush(): void {
    if (this.#over) return;
    while (!this.#modulePaused) {
      const bytes = this.#outgoing.shift();
      if (!bytes) break;
      this.handlers?.data(bytes);
    }
    if (this.#ended && !this.#endReported && this.#outgoing.length === 0) {
      this.#endReported = true;
      this.handlers?.ended();
    }
  }
}

/** The module's end. */
export function stream(peer: MemoryPeer): Stream {
  return {
    write: (bytes, taken) => peer.receive(Uint8Array.from(bytes), taken),
    end: () => peer.receiveEnd(),
    destroy: () => {
      peer.handlers = undefined;
      peer.receiveReset();
    },
    setPaused: paused => peer.setModulePaused(paused),
  };
}

/** A peer over one end of a pair of streams: what a callback server gets when the module speaks TLS to it. */
export function peerOver(far: Duplex, scheduler: Scheduler, remotePort: number): MemoryPeer {
  const peer = new MemoryPeer(scheduler, remotePort);
  far.on("data", (bytes: Buffer) => peer.receive(bytes, () => undefined));
  far.on("end", () => peer.receiveEnd());
  far.on("error", () => peer.receiveReset());
  peer.handlers = {
    opened: () => undefined,
    data: bytes => void far.write(bytes),
    ended: () => void far.end(),
    failed: () => void far.destroy(),
  };
  return peer;
}
