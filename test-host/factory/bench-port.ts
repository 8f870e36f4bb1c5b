import { createServer, type AddressInfo, type Server, type Socket } from "node:net";
import type { SimDevice } from "./sim-device.js";

/** What becomes of bytes on their way; `toDevice` tells which way. */
export type CableFault = (bytes: Uint8Array, toDevice: boolean) => Uint8Array;

/**
 * One port of a line: a place that devices are put into, one after another, reached at a loopback TCP
 * port. The cable stays when the device is changed, as an adapter's does.
 */
export class BenchPort {
  /** Every byte that a tool has sent and every one that it was sent, before faults. */
  readonly heard: { readonly toDevice: Uint8Array[]; readonly toTool: Uint8Array[] } = {
    toDevice: [],
    toTool: [],
  };
  /** Tools that have connected so far. */
  sessions = 0;
  fault: CableFault = bytes => bytes;
  readonly #server: Server;
  #sockets = new Set<Socket>();
  #device: SimDevice | undefined;

  private constructor(server: Server) {
    this.#server = server;
    server.on("connection", socket => this.#connected(socket));
  }

  static async open(device?: SimDevice): Promise<BenchPort> {
    const server = createServer({ noDelay: true });
    await new Promise<void>(resolve => server.listen(0, "127.0.0.1", resolve));
    const port = new BenchPort(server);
    if (device) port.insert(device);
    return port;
  }

  /** As a tool is given it. */
  get address(): string {
    const { port } = this.#server.address() as AddressInfo;
    return `tcp:127.0.0.1:${String(port)}`;
  }

  get device(): SimDevice | undefined {
    return this.#device;
  }

  /** Puts a device there in place of the one before. */
  insert(device: SimDevice): void {
    this.remove();
    this.#device = device;
    device.onOutput = bytes => this.#toTool(bytes);
  }

  /** Nothing is there: nothing answers. */
  remove(): void {
    if (this.#device) this.#device.onOutput = () => undefined;
    this.#device = undefined;
  }

  /** The cable is pulled out of the workstation, and is there again for who opens it next. */
  pull(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  /** Text that is none of the protocol's. */
  log(text: string): void {
    this.#toTool(Buffer.from(text, "latin1"));
  }

  async close(): Promise<void> {
    this.remove();
    this.pull();
    await new Promise(resolve => this.#server.close(resolve));
  }

  #connected(socket: Socket): void {
    // A serial port has one holder; the one before it was killed.
    this.pull();
    this.sessions++;
    this.#sockets.add(socket);
    socket.on("close", () => this.#sockets.delete(socket));
    socket.on("error", () => undefined);
    socket.on("data", (bytes: Buffer) => {
      this.heard.toDevice.push(bytes);
      const arriving = this.fault(bytes, true);
      if (arriving.length > 0) this.#device?.input(arriving);
    });
  }

  #toTool(bytes: Uint8Array): void {
    this.heard.toTool.push(bytes);
    const arriving = this.fault(bytes, false);
    if (arriving.length > 0) for (const socket of this.#sockets) socket.write(arriving);
  }
}
