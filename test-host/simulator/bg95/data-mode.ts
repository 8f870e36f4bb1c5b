import { EscapeDetector } from "../modem/escape.js";
import type { DataSink } from "../modem/call.js";
import type { Scheduler, Task } from "../scheduler.js";
import type { ModuleSocket } from "../modem/socket.js";
import type { SocketTable } from "../modem/socket-table.js";

interface DataModeHost {
  readonly scheduler: Scheduler;
  readonly sockets: SocketTable;
  readonly port: {
    raw(bytes: Uint8Array): void;
    occupy(sink: DataSink): void;
    release(sink: DataSink, result: string | undefined): void;
  };
  readonly volatile: ReadonlyMap<string, number>;
}

/** Transparent access mode: the port is a pipe to one socket until `+++` or the peer ends it. */
export class DataMode {
  readonly #host: DataModeHost;
  #pipe: Pipe | undefined;
  /** The socket that ATO returns to. */
  #resumable: ModuleSocket | undefined;

  constructor(host: DataModeHost) {
    this.#host = host;
  }

  /** The socket that ATO would return to, if it is still connected. */
  get resumable(): ModuleSocket | undefined {
    return this.#resumable?.state === 2 ? this.#resumable : undefined;
  }

  /** Enters data mode after CONNECT was answered; what came meanwhile is passed on. */
  enter(socket: ModuleSocket): void {
    socket.mode = 2;
    this.#resumable = socket;
    const pipe = new Pipe(this.#host, socket, () => {
      this.#pipe = undefined;
    });
    this.#pipe = pipe;
    this.#host.port.occupy(pipe);
    const waiting = socket.read(Infinity);
    if (waiting.length > 0) this.#host.port.raw(waiting);
    this.#host.sockets.drained(socket);
  }

  /** Passes the peer's bytes to the host when the port is in data mode on the socket. */
  deliver(socket: ModuleSocket, bytes: Uint8Array): boolean {
    if (this.#pipe?.socket !== socket) return false;
    this.#host.port.raw(bytes);
    return true;
  }

  peerClosed(socket: ModuleSocket): void {
    const pipe = this.#pipe;
    if (pipe?.socket !== socket) return;
    this.#pipe = undefined;
    pipe.abort();
    this.#host.port.release(pipe, "NO CARRIER");
  }

  reset(): void {
    this.#pipe?.abort();
    this.#pipe = undefined;
    this.#resumable = undefined;
  }
}

class Pipe implements DataSink {
  readonly socket: ModuleSocket;
  readonly #host: DataModeHost;
  readonly #escape: EscapeDetector;
  #gathered: number[] = [];
  #task: Task | undefined;

  constructor(host: DataModeHost, socket: ModuleSocket, left: () => void) {
    this.#host = host;
    this.socket = socket;
    this.#escape = new EscapeDetector(
      host.scheduler,
      () => {
        this.#flush();
        left();
        host.port.release(this, "OK");
      },
      bytes => this.#gather(bytes),
    );
  }

  take(bytes: Uint8Array): number {
    this.#gather(this.#escape.feed(bytes));
    return bytes.length;
  }

  abort(): void {
    this.#escape.stop();
    this.#task?.cancel();
  }

  #gather(bytes: Uint8Array): void {
    this.#gathered.push(...bytes);
    const size = this.#host.volatile.get("transpktsize") ?? 1024;
    while (this.#gathered.length >= size) this.#send(size);
    this.#task?.cancel();
    if (this.#gathered.length > 0) {
      this.#task = this.#host.scheduler.after((this.#host.volatile.get("transwaittm") ?? 2) * 100, () =>
        this.#flush(),
      );
    }
  }

  #flush(): void {
    if (this.#gathered.length > 0) this.#send(this.#gathered.length);
  }

  #send(count: number): void {
    const bytes = Uint8Array.from(this.#gathered.splice(0, count));
    if (this.socket.isConnected) this.#host.sockets.send(this.socket, bytes);
  }
}
