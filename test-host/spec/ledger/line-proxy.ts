import { once } from "node:events";
import { connect, createServer, type Server, type Socket } from "node:net";

/** What becomes of what a client says: passed on, passed on and its answer lost with the connection, or lost from now on. */
export type Fate = "pass" | "lose-answer" | "silence";

/** The line between a station and its server, which may break at any word. */
export class LineProxy {
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  /** Asked for everything that a client says. */
  fate: (text: string) => Fate = () => "pass";

  private constructor(port: number) {
    this.#server = createServer(client => this.#serve(client, port));
  }

  static async start(port: number): Promise<LineProxy> {
    const proxy = new LineProxy(port);
    proxy.#server.listen(0, "127.0.0.1");
    await once(proxy.#server, "listening");
    return proxy;
  }

  get port(): number {
    const address = this.#server.address();
    if (address === null || typeof address === "string") throw new Error("no port");
    return address.port;
  }

  #serve(client: Socket, port: number): void {
    const server = connect(port, "127.0.0.1");
    let isLost = false;
    let isSilent = false;
    for (const socket of [client, server]) {
      this.#sockets.add(socket);
      socket.on("error", () => undefined);
      socket.on("close", () => {
        this.#sockets.delete(socket);
        client.destroy();
        server.destroy();
      });
    }
    client.on("data", data => {
      const fate = isSilent ? "silence" : this.fate(data.toString("latin1"));
      if (fate === "lose-answer") isLost = true;
      if (fate === "silence") isSilent = true;
      else server.write(data);
    });
    server.on("data", data => {
      if (isLost) client.destroy();
      else client.write(data);
    });
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    this.#server.close();
    await once(this.#server, "close");
  }
}
