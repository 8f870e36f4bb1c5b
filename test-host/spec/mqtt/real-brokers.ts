import { Aedes } from "aedes";
import { spawn, type ChildProcess } from "node:child_process";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { connect, createServer, type AddressInfo, type Server } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createServer as createTLSServer } from "node:tls";
import { Authority, type Issued } from "../../../certs/issue.js";
import { NodeTCP, NodeTLS } from "../../../hosts/workstation/sockets.js";
import type { SocketRecord } from "../../../modules/io/socket.js";

/** A running broker and what a client needs to reach it. */
export interface RealBroker {
  readonly port: number;
  readonly socket: SocketRecord;
  /** For mqtt.js. */
  readonly url: string;
  readonly options: object;
  stop(): Promise<void>;
}

async function listen(server: Server, port = 0): Promise<number> {
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, "127.0.0.1", resolve);
  });
  return (server.address() as AddressInfo).port;
}

async function stopAedes(aedes: Aedes, server: Server): Promise<void> {
  await new Promise<void>(resolve => aedes.close(() => resolve()));
  await new Promise<void>(resolve => server.close(() => resolve()));
}

export async function aedesTCP(options: { port?: number; password?: string } = {}): Promise<RealBroker> {
  const aedes = await Aedes.createBroker({
    authenticate: (_client, _user, password, done) => {
      done(null, options.password === undefined || String(password) === options.password);
    },
  });
  const server = createServer(aedes.handle);
  const port = await listen(server, options.port);
  return {
    port,
    socket: { io: NodeTCP },
    url: `mqtt://127.0.0.1:${port}`,
    options: {},
    stop: () => stopAedes(aedes, server),
  };
}

export interface Certificates {
  readonly authority: Authority;
  readonly server: Issued;
  readonly client: Issued;
}

export async function certificates(): Promise<Certificates> {
  const authority = await Authority.create({ commonName: "Test Root" });
  return {
    authority,
    server: await authority.server({ commonName: "localhost", names: ["localhost", "127.0.0.1"] }),
    client: await authority.client({ commonName: "device" }),
  };
}

/** TLS with mutual authentication. */
export async function aedesTLS(): Promise<RealBroker> {
  const { authority, server: mine, client } = await certificates();
  const ca = authority.certificatePem;
  const aedes = await Aedes.createBroker();
  const server = createTLSServer(
    { key: mine.keyPem, cert: mine.chainPem, ca, requestCert: true, rejectUnauthorized: true },
    aedes.handle,
  );
  const port = await listen(server);
  const secure = { ca, cert: client.certificatePem, key: client.keyPem };
  class SecureSocket extends NodeTLS {
    constructor(options: ConstructorParameters<typeof NodeTLS>[0]) {
      super({ ...options, secure });
    }
  }
  return {
    port,
    socket: { io: SecureSocket },
    url: `mqtts://127.0.0.1:${port}`,
    options: secure,
    stop: () => stopAedes(aedes, server),
  };
}

const PLACES = [
  "/usr/sbin/mosquitto",
  "/usr/local/sbin/mosquitto",
  "/opt/homebrew/sbin/mosquitto",
  "/usr/bin/mosquitto",
];

/** Where mosquitto is installed, if it is. */
export const mosquittoPath = PLACES.find(place => existsSync(place));

async function reachable(port: number): Promise<boolean> {
  return new Promise(resolve => {
    const socket = connect(port, "127.0.0.1");
    socket.once("connect", () => resolve(true));
    socket.once("error", () => resolve(false));
    socket.once("close", () => socket.destroy());
    socket.once("connect", () => socket.end());
  });
}

export async function mosquitto(): Promise<RealBroker> {
  if (!mosquittoPath) throw new Error("mosquitto is not installed");
  const probe = createServer();
  const port = await listen(probe);
  await new Promise<void>(resolve => probe.close(() => resolve()));
  const folder = mkdtempSync(join(tmpdir(), "mosquitto-"));
  const file = join(folder, "mosquitto.conf");
  writeFileSync(file, `listener ${port} 127.0.0.1\nallow_anonymous true\npersistence false\n`);
  const child: ChildProcess = spawn(mosquittoPath, ["-c", file], { stdio: "ignore" });
  const ended = new Promise<void>(resolve => child.once("exit", () => resolve()));
  while (child.exitCode === null && !(await reachable(port))) {
    await new Promise(resolve => setTimeout(resolve, 20));
  }
  return {
    port,
    socket: { io: NodeTCP },
    url: `mqtt://127.0.0.1:${port}`,
    options: {},
    async stop() {
      child.kill();
      await ended;
      rmSync(folder, { recursive: true });
    },
  };
}
