import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { connect, createServer, type AddressInfo, type Socket } from "node:net";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { createSecureContext, TLSSocket } from "node:tls";
import type { ModuleName } from "../../hosts/firmware/config.js";
import { root, work, type Toolchain } from "./toolchain.js";

/** The path of the pseudo terminal, which every build has in its configuration. */
export const PTY = join(work, "modem");

const running = new Set<ChildProcess>();

function keep(child: ChildProcess): ChildProcess {
  running.add(child);
  child.once("exit", () => running.delete(child));
  return child;
}

async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = once(child, "exit");
  child.kill("SIGTERM");
  await gone;
}

/** Ends what is still running; for the end of everything. */
export async function stopAll(): Promise<void> {
  await Promise.all([...running].map(stop));
}

export async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, "close");
  return port;
}

function reachable(port: number): Promise<boolean> {
  return new Promise(resolve => {
    const socket = connect(port, "127.0.0.1");
    socket.once("connect", () => {
      socket.destroy();
      resolve(true);
    });
    socket.once("error", () => resolve(false));
  });
}

async function until(what: string, holds: () => boolean | Promise<boolean>): Promise<void> {
  for (let i = 0; i < 300; i++) {
    if (await holds()) return;
    await wait(50);
  }
  throw new Error(`${what} does not come up`);
}

export interface Server {
  readonly port: number;
  stop(): Promise<void>;
}

export interface BrokerOptions {
  /** PEM of chain and key; absent: no TLS. */
  readonly server?: { readonly chainPem: string; readonly keyPem: string } | undefined;
  /** PEM of whom clients' certificates must come from; absent: none is asked for. */
  readonly clients?: string | undefined;
  /** Further lines of its configuration for the listener. */
  readonly lines?: readonly string[] | undefined;
  /** The only user. */
  readonly user?: { readonly name: string; readonly password: string } | undefined;
}

let brokers = 0;

/** mosquitto on a loopback port of its own. */
export async function broker(tools: Toolchain, options: BrokerOptions): Promise<Server & { log(): string }> {
  const port = await freePort();
  const folder = join(work, "broker", String(brokers++));
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  const file = (name: string, text: string): string => {
    writeFileSync(join(folder, name), text);
    return join(folder, name);
  };
  const { server, clients, lines = [], user } = options;
  const text = ["per_listener_settings true", `listener ${port} 127.0.0.1`, "persistence false"];
  if (server)
    text.push(
      `certfile ${file("server.pem", server.chainPem)}`,
      `keyfile ${file("server.key", server.keyPem)}`,
    );
  if (clients !== undefined) text.push(`cafile ${file("ca.pem", clients)}`, "require_certificate true");
  text.push(`allow_anonymous ${user === undefined ? "true" : "false"}`);
  if (user) text.push(`password_file ${file("users", `${user.name}:${user.password}\n`)}`);
  text.push(...lines);
  if (user) await once(spawn("mosquitto_passwd", ["-U", join(folder, "users")]), "exit");
  const log = join(folder, "log");
  // It would give up root's rights, and then could not read its files.
  const child = keep(
    spawn(
      tools.mosquitto,
      [
        "-v",
        "-c",
        file("broker.conf", [...text, `log_dest file ${log}`, "log_type all", "user root", ""].join("\n")),
      ],
      {
        stdio: "ignore",
      },
    ),
  );
  await until("mosquitto", () => reachable(port));
  return { port, stop: () => stop(child), log: () => (existsSync(log) ? readFileSync(log, "utf8") : "") };
}

/** A TLS server that cuts its messages into records of so many bytes, before another server. */
export async function fragmenting(
  options: Required<Pick<BrokerOptions, "server" | "clients">>,
  port: number,
  bytes: number,
): Promise<Server> {
  const { server, clients } = options;
  const secureContext = createSecureContext({
    cert: server?.chainPem,
    key: server?.keyPem,
    ca: clients,
    maxVersion: "TLSv1.2",
  });
  const open = new Set<Socket>();
  const listening = createServer(raw => {
    const near = new TLSSocket(raw, {
      isServer: true,
      secureContext,
      requestCert: true,
      rejectUnauthorized: true,
    });
    // Before the handshake begins: its messages are what is long.
    near.setMaxSendFragment(bytes);
    const far = connect(port, "127.0.0.1");
    open.add(raw).add(far);
    near.pipe(far).pipe(near);
    for (const stream of [near, far])
      stream.on("error", () => {
        raw.destroy();
        far.destroy();
      });
  }).listen(0, "127.0.0.1");
  await once(listening, "listening");
  return {
    port: (listening.address() as AddressInfo).port,
    stop: async () => {
      for (const socket of open) socket.destroy();
      listening.close();
      await once(listening, "close");
    },
  };
}

/** The simulated module on the pseudo terminal. */
export class Modem {
  readonly #child: ChildProcess;

  private constructor(child: ChildProcess) {
    this.#child = child;
  }

  static async start(module: ModuleName, resolve: Readonly<Record<string, string>>): Promise<Modem> {
    rmSync(PTY, { force: true });
    const names = Object.entries(resolve).flatMap(([name, address]) => ["--resolve", `${name}=${address}`]);
    // On a link without a rate a server is faster than a BC66, which has no flow control, can be read.
    const link = ["--link", module === "bc66" ? "nb-iot" : "none"];
    const trace = ["--trace", join(work, "modem.trace")];
    const child = keep(
      spawn(
        process.execPath,
        [
          join(root, "bin", "xs-cellular.js"),
          "modem",
          "--module",
          module,
          "--pty",
          PTY,
          ...names,
          ...link,
          ...trace,
        ],
        {
          stdio: ["ignore", "ignore", "inherit"],
        },
      ),
    );
    await until("the modem", () => existsSync(PTY) || child.exitCode !== null);
    return new Modem(child);
  }

  async stop(): Promise<void> {
    await stop(this.#child);
  }
}

/** For a log of what failed. */
export function lastLines(text: string): string {
  return text.split("\n").slice(-60).join("\n") + "\n";
}

/**
 * What a program said until `end`, its own end, or the end of its time. The next terminal stands a moment
 * after a session: a program that found none, and so said nothing but that it gave up, is started again.
 */
export async function run(
  launcher: string,
  library: string,
  end: (text: string) => boolean,
  seconds: number,
): Promise<string> {
  for (let tries = 0; ; tries++) {
    await until("the terminal", () => existsSync(PTY));
    const text = await runOnce(launcher, library, end, seconds);
    if (tries === 5 || !/^(XS abort.*\n)?LAUNCHER abort/.test(text)) return text;
    await wait(200);
  }
}

async function runOnce(
  launcher: string,
  library: string,
  end: (text: string) => boolean,
  seconds: number,
): Promise<string> {
  const child = keep(spawn(launcher, [library, String(seconds)], { stdio: ["ignore", "pipe", "inherit"] }));
  let text = "";
  child.stdout?.setEncoding("utf8");
  await new Promise<void>(resolve => {
    child.stdout?.on("data", (piece: string) => {
      text += piece;
      if (end(text)) resolve();
    });
    child.once("exit", () => resolve());
  });
  await stop(child);
  return text;
}
