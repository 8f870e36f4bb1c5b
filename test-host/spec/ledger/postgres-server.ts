import { execFileSync, spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import pg from "pg";

const USER = "factory";
const PASSWORD = "a password of 32 letters: hunter2";

/** Where Debian, Fedora and Homebrew put the server's programs. */
function programs(): string | undefined {
  const debian = "/usr/lib/postgresql";
  const folders = [
    ...(existsSync(debian)
      ? readdirSync(debian)
          .sort((a, b) => Number(b) - Number(a))
          .map(version => join(debian, version, "bin"))
      : []),
    ...(process.env["PATH"] ?? "").split(":"),
  ];
  return folders.find(folder => existsSync(join(folder, "initdb")) && existsSync(join(folder, "postgres")));
}

/** The server refuses to run as root. */
function otherUser(): { readonly uid: number; readonly gid: number } | undefined {
  if (process.getuid?.() !== 0) return undefined;
  const number = (flag: string): number => {
    for (const name of ["postgres", "nobody"])
      try {
        return Number(
          execFileSync("id", [flag, name], { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] }),
        );
      } catch {
        continue;
      }
    throw new Error("there is no user that the server could run as");
  };
  return { uid: number("-u"), gid: number("-g") };
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  server.close();
  await once(server, "close");
  if (address === null || typeof address === "string") throw new Error("no port");
  return address.port;
}

// Ends the server when its standard input ends: also when the tests are killed. Its data is of no use any more.
const KEEPER = '"$0" "$@" & server=$!; read -r _; kill -QUIT $server 2>/dev/null; wait $server';

/**
 * A real PostgreSQL server of this process alone: in a folder of its own, on a loopback port, with a password, without
 * waiting for the disk.
 */
export class PostgresServer {
  readonly port: number;
  readonly #folder: string;
  /** Folder of `psql`, `pg_dump` and the like. */
  readonly programs: string;
  readonly #user = otherUser();
  #keeper: ChildProcess | undefined;
  #databases = 0;

  private constructor(folder: string, path: string, port: number) {
    this.#folder = folder;
    this.programs = path;
    this.port = port;
  }

  /** For `before`: skips the suite where there is no server, or fails where `XS_CELLULAR_REQUIRE_PEERS` is 1. */
  static async start(suite: Mocha.Context): Promise<PostgresServer> {
    const path = programs();
    if (path === undefined) {
      if (process.env["XS_CELLULAR_REQUIRE_PEERS"] === "1") throw new Error("PostgreSQL is not installed");
      console.warn("      PostgreSQL is not installed: skipped");
      return suite.skip();
    }
    const folder = mkdtempSync(join(tmpdir(), "xs-postgres-"));
    const server = new PostgresServer(folder, path, await freePort());
    try {
      server.#create();
      await server.run();
    } catch (error) {
      await server.remove();
      throw error;
    }
    return server;
  }

  #create(): void {
    const passwordFile = join(this.#folder, "password");
    writeFileSync(passwordFile, PASSWORD);
    chmodSync(this.#folder, 0o700);
    if (this.#user !== undefined)
      for (const path of [this.#folder, passwordFile]) chownSync(path, this.#user.uid, this.#user.gid);
    const data = join(this.#folder, "data");
    const options = [
      "-A",
      "scram-sha-256",
      "-U",
      USER,
      "--pwfile",
      passwordFile,
      "-E",
      "UTF8",
      "--locale=C",
      "--no-sync",
    ];
    execFileSync(join(this.programs, "initdb"), ["-D", data, ...options], {
      ...this.#user,
      cwd: this.#folder,
      stdio: ["ignore", "ignore", "pipe"],
    });
  }

  /** Starts it, the first time or again after {@link halt}. */
  async run(): Promise<void> {
    const settings = {
      listen_addresses: "127.0.0.1",
      port: String(this.port),
      unix_socket_directories: this.#folder,
      fsync: "off",
      full_page_writes: "off",
      shared_buffers: "32MB",
      max_connections: "60",
    };
    const args = Object.entries(settings).flatMap(([name, value]) => ["-c", `${name}=${value}`]);
    const program = join(this.programs, "postgres");
    const keeper = spawn("sh", ["-c", KEEPER, program, "-D", join(this.#folder, "data"), ...args], {
      ...this.#user,
      cwd: this.#folder,
      stdio: ["pipe", "ignore", "pipe"],
    });
    this.#keeper = keeper;
    let log = "";
    await new Promise<void>((resolve, reject) => {
      keeper.stderr.setEncoding("utf8").on("data", (text: string) => {
        log = (log + text).slice(-2000);
        if (log.includes("ready to accept connections")) resolve();
      });
      keeper.once("close", () => reject(new Error(`PostgreSQL ended: ${log}`)));
    });
  }

  /** As when its machine goes: connections break, nothing is put in order. */
  async halt(): Promise<void> {
    const keeper = this.#keeper;
    if (keeper?.stdin == null) return;
    this.#keeper = undefined;
    const closed = once(keeper, "close");
    const [pid = ""] = readFileSync(join(this.#folder, "data", "postmaster.pid"), "utf8").split("\n");
    process.kill(Number(pid), "SIGQUIT");
    keeper.stdin.end();
    await closed;
  }

  /** Ends it and removes its folder. */
  async remove(): Promise<void> {
    const keeper = this.#keeper;
    this.#keeper = undefined;
    if (keeper?.stdin != null && keeper.exitCode === null) {
      const closed = once(keeper, "close");
      keeper.stdin.end();
      await closed;
    }
    rmSync(this.#folder, { recursive: true, force: true });
  }

  /** `postgres://` URL of a database; it need not be there. */
  url(database: string, password = PASSWORD): string {
    return `postgres://${USER}:${encodeURIComponent(password)}@127.0.0.1:${this.port}/${database}`;
  }

  /** A new empty database; returns its URL. */
  async database(): Promise<string> {
    const name = `ledger_${++this.#databases}`;
    await this.query("postgres", `CREATE DATABASE ${name}`);
    return this.url(name);
  }

  /** Raw SQL, as an administrator types it. */
  async query(database: string, sql: string): Promise<readonly Readonly<Record<string, unknown>>[]> {
    return rawQuery(this.url(database), sql);
  }
}

/** Raw SQL on a database by its URL, with the ledger's tables in the search path. */
export async function rawQuery(
  url: string,
  sql: string,
): Promise<readonly Readonly<Record<string, unknown>>[]> {
  const client = new pg.Client({ connectionString: url, options: "-c search_path=xs_cellular,public" });
  await client.connect();
  try {
    return (await client.query<Record<string, unknown>>(sql)).rows;
  } finally {
    await client.end();
  }
}
