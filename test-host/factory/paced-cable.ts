import { connect, createServer, type AddressInfo, type Server, type Socket } from "node:net";

/** Bits of a byte on a UART: start, 8, stop. */
const BITS = 10;

/** One way of a UART: bytes arrive no sooner than its rate lets them. */
class Lane {
  bytes = 0;
  readonly #byteMs: number;
  /** When the last byte that was taken has arrived. */
  #freeAt = 0;

  constructor(baud: number) {
    this.#byteMs = (BITS * 1000) / baud;
  }

  send(bytes: Buffer, to: Socket): void {
    const now = performance.now();
    this.bytes += bytes.length;
    this.#freeAt = Math.max(this.#freeAt, now) + bytes.length * this.#byteMs;
    setTimeout(() => {
      if (!to.destroyed) to.write(bytes);
    }, this.#freeAt - now);
  }

  /** Milliseconds that its bytes take at least. */
  get ms(): number {
    return this.bytes * this.#byteMs;
  }
}

/** A serial cable between a loopback TCP port and another: as slow as a UART, both ways at a time. */
export class PacedCable {
  readonly toUnit: Lane;
  readonly toTool: Lane;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();

  private constructor(server: Server, far: number, baud: number) {
    this.#server = server;
    this.toUnit = new Lane(baud);
    this.toTool = new Lane(baud);
    server.on("connection", tool => {
      const unit = connect(far, "127.0.0.1");
      unit.setNoDelay(true);
      for (const [socket, other, lane] of [
        [tool, unit, this.toUnit],
        [unit, tool, this.toTool],
      ] as const) {
        this.#sockets.add(socket);
        socket.on("data", (bytes: Buffer) => lane.send(bytes, other));
        socket.on("error", () => undefined);
        socket.on("close", () => {
          this.#sockets.delete(socket);
          other.end();
        });
      }
    });
  }

  /** `to`: `tcp:127.0.0.1:PORT`. */
  static async open(to: string, baud: number): Promise<PacedCable> {
    const server = createServer({ noDelay: true });
    await new Promise<void>(resolve => server.listen(0, "127.0.0.1", resolve));
    return new PacedCable(server, Number(to.split(":").at(-1)), baud);
  }

  get address(): string {
    return `tcp:127.0.0.1:${String((this.#server.address() as AddressInfo).port)}`;
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await new Promise(resolve => this.#server.close(resolve));
  }
}
