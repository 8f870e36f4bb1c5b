import { Duplex } from "node:stream";
import { createServer, type Server, type TLSSocket, type TlsOptions } from "node:tls";
import { Authority, type Issued } from "../../../certs/issue.js";

/** One end of a stream in memory, as a server's socket. */
class Line extends Duplex {
  readonly #sent: (bytes: Uint8Array) => void;

  constructor(sent: (bytes: Uint8Array) => void) {
    super();
    this.#sent = sent;
  }

  override _read(): void {
    // Bytes are pushed as they come.
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, callback: (error?: Error | null) => void): void {
    this.#sent(chunk);
    callback();
  }
}

/** A TLS server of Node at the other end of a line; what happens there is kept. */
export class TlsPeer {
  readonly #server: Server;
  readonly #line: Line;
  socket: TLSSocket | undefined;
  errors: string[] = [];
  ended = false;
  receivedBytes = 0;
  /** Called with what the client sent; set to answer. */
  onData: ((bytes: Buffer, socket: TLSSocket) => void) | undefined;

  /** `toClient` is called with every piece that the server writes. */
  constructor(options: TlsOptions, toClient: (bytes: Uint8Array) => void) {
    this.#server = createServer({ allowHalfOpen: true, ...options }, socket => {
      this.socket = socket;
      socket.on("data", (bytes: Buffer) => {
        this.receivedBytes += bytes.length;
        this.onData?.(bytes, socket);
      });
      socket.on("end", () => {
        this.ended = true;
      });
      socket.on("error", (error: Error) => this.errors.push(error.message));
    });
    this.#server.on("tlsClientError", (error: Error) => this.errors.push(error.message));
    this.#line = new Line(toClient);
    this.#server.emit("connection", this.#line);
  }

  receive(bytes: Uint8Array): void {
    if (!this.#line.destroyed) this.#line.push(Buffer.from(bytes));
  }

  close(): void {
    this.socket?.destroy();
    this.#line.destroy();
    this.#server.close();
  }
}

/** What the specs of TLS need of certificates; made once. */
export interface Identities {
  readonly root: Authority;
  readonly intermediate: Authority;
  readonly server: Issued;
  readonly client: Issued;
}

export const SERVER_NAME = "broker.example";

async function issue(): Promise<Identities> {
  const root = await Authority.create({ commonName: "Root", key: "RSA-2048" });
  const intermediate = await root.authority({ commonName: "Intermediate", key: "RSA-2048" });
  const [server, client] = await Promise.all([
    intermediate.server({ commonName: SERVER_NAME, key: "RSA-2048" }),
    root.client({ commonName: "device", key: "RSA-2048" }),
  ]);
  return { root, intermediate, server, client };
}

let made: Promise<Identities> | undefined;

export function identities(): Promise<Identities> {
  return (made ??= issue());
}

/** A server that wants a certificate of the client, with the leaf and the intermediate as its chain. */
export function mutual({ root, server }: Identities): TlsOptions {
  return {
    cert: server.chainPem,
    key: server.keyPem,
    ca: root.certificatePem,
    requestCert: true,
    rejectUnauthorized: true,
  };
}
