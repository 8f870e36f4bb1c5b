import assert from "node:assert/strict";
import { once } from "node:events";
import {
  connect,
  createServer as createTcpServer,
  type AddressInfo,
  type Server,
  type Socket,
} from "node:net";
import { createServer, type TlsOptions } from "node:tls";
import { Authority, type Issued, type KeyKind } from "../../../certs/issue.js";
import { clock, timer } from "../../../hosts/workstation/services.js";
import { NodeResolver, NodeTCP } from "../../../hosts/workstation/sockets.js";
import { nodeTls } from "../../../hosts/workstation/tls-engine.js";
import type { Failure } from "../../../modules/diagnosis/failure.js";
import { MQTTConnection } from "../../../modules/mqtt/connection.js";
import { Session } from "../../../modules/mqtt/session.js";
import { BytesSource } from "../../../modules/mqtt/source.js";
import { flightLines } from "../../../modules/tls/flights.js";
import type { TLSSocketOptions } from "../../../modules/tls/options.js";
import { TLSSocket } from "../../../modules/tls/socket.js";
import { Mosquitto } from "../cli/mosquitto.js";
import { deviceProfile, store, type Stored } from "./support.js";

interface World {
  readonly root: Authority;
  readonly server: Issued;
  readonly device: Issued;
}

/** Root, `length` - 1 authorities one under the other, and a server under the last. */
async function world(kind: KeyKind, length: number): Promise<World> {
  const root = await Authority.create({ commonName: "Root", key: kind });
  let issuer = root;
  for (let i = 2; i <= length; i++) issuer = await issuer.authority({ commonName: `CA ${i}`, key: kind });
  const names = ["localhost", "127.0.0.1"];
  return {
    root,
    server: await issuer.server({ commonName: "localhost", names, key: kind }),
    device: await root.client({ commonName: "device", key: kind }),
  };
}

const stored = ({ root, device }: World): Stored => ({
  ca: root.certificate,
  certificate: device.certificate,
  key: device.key,
});

async function listening(server: Server): Promise<number> {
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return (server.address() as AddressInfo).port;
}

function options(port: number, credentials: Stored): TLSSocketOptions {
  return {
    host: "localhost",
    address: "127.0.0.1",
    port,
    TCP: { io: NodeTCP },
    engine: nodeTls({ profile: deviceProfile }),
    timer,
    secure: { credentials: store(credentials) },
  };
}

interface Outcome {
  readonly lines: string[];
  readonly echoed: string;
  readonly reason: Failure | undefined;
}

/** Connects, has `text` echoed where that works, and tells how it went. */
function converse(port: number, credentials: Stored, text: string): Promise<Outcome> {
  return new Promise(resolve => {
    let echoed = "";
    let sent = 0;
    const socket = new TLSSocket({
      ...options(port, credentials),
      onWritable(count) {
        const piece = Buffer.from(text.slice(sent, sent + count));
        sent += piece.length;
        if (piece.length > 0) this.write(piece);
      },
      onReadable() {
        const bytes = this.read();
        assert.ok(bytes instanceof ArrayBuffer);
        echoed += Buffer.from(bytes).toString();
        if (echoed.length < text.length) return;
        this.close();
        resolve({ lines: flightLines(socket.recorder), echoed, reason: undefined });
      },
      failure: reason => resolve({ lines: flightLines(socket.recorder, reason), echoed, reason }),
    });
  });
}

/** Passes on what both sides send until `limit` bytes of the client came, then ends the client's connection. */
async function cutting(port: number, limit: number, way: "FIN" | "RST"): Promise<Server> {
  const proxy = createTcpServer((near: Socket) => {
    const far = connect(port, "127.0.0.1");
    let rest = limit;
    near.on("error", () => undefined);
    far.on("error", () => undefined);
    near.on("data", bytes => {
      far.write(bytes.subarray(0, rest));
      rest -= bytes.length;
      if (rest > 0) return;
      far.removeAllListeners("data");
      far.destroy();
      if (way === "FIN") near.end();
      else near.resetAndDestroy();
    });
    far.on("data", bytes => near.write(bytes));
    near.on("close", () => far.destroy());
  });
  await listening(proxy);
  return proxy;
}

describe("TLSSocket over a network", () => {
  const open: Server[] = [];

  afterEach(() => {
    for (const server of open.splice(0)) server.close();
  });

  async function echo({ root, server }: World, tls: TlsOptions = {}): Promise<number> {
    const mine = { cert: server.chainPem, key: server.keyPem, ca: root.certificatePem };
    const made = createServer({ ...mine, requestCert: true, rejectUnauthorized: true, ...tls }, socket => {
      socket.on("error", () => undefined);
      socket.pipe(socket);
    });
    made.on("tlsClientError", () => undefined);
    open.push(made);
    return listening(made);
  }

  for (const kind of ["RSA-2048", "P-256"] as const)
    for (const length of [2, 3, 4])
      it(`talks to a server with a chain of ${length}, ${kind}, and a client key of the same kind`, async function () {
        this.timeout(30_000);
        const text = "0123456789".repeat(3_000);
        const made = await world(kind, length);
        const { reason, echoed, lines } = await converse(await echo(made), stored(made), text);
        assert.equal(reason, undefined);
        assert.equal(echoed, text);
        assert.match(lines[1] ?? "", /^flight 2 server: ServerHello \d+, Certificate \d+, ServerKeyExchange/);
        assert.match(
          lines[2] ?? "",
          new RegExp(`^flight 3 client: Certificate ${made.device.certificate.length + 15}, `),
        );
      });

  describe("cut by", () => {
    let made: World;
    before(async function () {
      this.timeout(30_000);
      made = await world("RSA-2048", 2);
    });

    for (const way of ["FIN", "RST"] as const)
      it(`${way} after 877 bytes of our second flight`, async () => {
        const port = await echo(made);
        const { lines } = await converse(port, stored(made), "x");
        const hello = Number(/ClientHello (\d+)/.exec(lines[0] ?? "")?.[1]);
        const proxy = await cutting(port, hello + 877, way);
        open.push(proxy);
        const { reason } = await converse((proxy.address() as AddressInfo).port, stored(made), "x");
        assert.ok(reason);
        // The operating system took the whole flight: nobody tells what arrived of it.
        assert.equal(reason.detail, way === "FIN" ? "closed after Finished" : "lost after Finished");
        assert.equal(reason.handshake?.flight, 3);
      });
  });

  describe("against mosquitto", () => {
    let made: World;
    before(async function () {
      this.timeout(30_000);
      made = await world("RSA-2048", 2);
    });

    async function broker(suite: Mocha.Context, work: (port: number) => Promise<void>): Promise<void> {
      const { server, root } = made;
      const tls = { server, ca: root.certificatePem, requireCertificate: true };
      const running = await Mosquitto.start(suite, { tls });
      try {
        await work(running.port);
      } finally {
        await running.stop();
      }
    }

    it("carries our MQTT client", async function () {
      await broker(this, async port => {
        const received = await new Promise<string>((resolve, reject) => {
          const socket = { ...options(port, stored(made)), io: TLSSocket };
          const client = new MQTTConnection(
            {
              host: "localhost",
              port,
              id: "device",
              dns: { io: NodeResolver },
              socket,
              timer,
              clock,
              onReadable(count) {
                const bytes = this.read(count);
                client.disconnect();
                client.close();
                resolve(bytes === undefined ? "" : Buffer.from(bytes).toString());
              },
              failure: reason => reject(new Error(JSON.stringify(reason))),
            },
            new Session(),
          );
          client.subscribe([{ topic: "echo", QoS: 1 }]);
          client.publish({ topic: "echo", qos: 1, payload: new BytesSource(Buffer.from("hello")) });
        });
        assert.equal(received, "hello");
      });
    });

    it("is told why by the alert, when it does not know our CA", async function () {
      const other = await world("RSA-2048", 2);
      await broker(this, async port => {
        const strange = { ...stored(other), ca: made.root.certificate };
        const { reason, lines } = await converse(port, strange, "x");
        assert.deepEqual([reason?.kind, reason?.code, reason?.detail], ["tls", 48, "alert received"]);
        assert.ok(lines.includes("alert received: fatal 48"), lines.join("\n"));
      });
    });

    it("is told by the alert, when we have no certificate", async function () {
      await broker(this, async port => {
        const { reason } = await converse(port, { ca: made.root.certificate }, "x");
        assert.deepEqual([reason?.code, reason?.detail], [40, "alert received"]);
      });
    });
  });
});
