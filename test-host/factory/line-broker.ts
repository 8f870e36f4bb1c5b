import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Issued } from "../../certs/issue.js";

/** Name that the line's broker has in its certificate. */
export const BROKER_HOST = "broker.example.com";

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

/** mosquitto as a line has it: nobody without a certificate of the factory, whose common name is the user's. */
export class LineBroker {
  readonly #folder: string;
  readonly #child: ChildProcess;

  private constructor(folder: string, child: ChildProcess) {
    this.#folder = folder;
    this.#child = child;
  }

  /** `path`: of the program. `factory`: certificate of the authority, PEM. */
  static async start(path: string, port: number, server: Issued, factory: string): Promise<LineBroker> {
    const folder = mkdtempSync(join(tmpdir(), "line-broker-"));
    // The broker gives up root's rights before it reads its files.
    chmodSync(folder, 0o777);
    const write = (name: string, text: string): string => {
      writeFileSync(join(folder, name), text);
      return join(folder, name);
    };
    const settings = [
      `listener ${String(port)} 127.0.0.1`,
      `cafile ${write("ca.pem", factory)}`,
      `certfile ${write("server.pem", server.chainPem)}`,
      `keyfile ${write("server.key", server.keyPem)}`,
      "require_certificate true",
      "use_identity_as_username true",
      "persistence false",
      `log_dest file ${join(folder, "log")}`,
      "log_type all",
    ];
    const child = spawn(path, ["-c", write("mosquitto.conf", `${settings.join("\n")}\n`)], {
      stdio: "ignore",
    });
    const broker = new LineBroker(folder, child);
    while (!(await reachable(port))) {
      if (child.exitCode !== null) throw new Error(`mosquitto ended with ${String(child.exitCode)}`);
      await new Promise(resolve => setTimeout(resolve, 20));
    }
    return broker;
  }

  /** Common names of those who have connected, by the client identifier that they gave. */
  users(): ReadonlyMap<string, string> {
    const log = readFileSync(join(this.#folder, "log"), "latin1");
    return new Map(
      [...log.matchAll(/New client connected from \S+ as (\S+) \(.*u'([^']*)'/g)].map(
        ([, client = "", user = ""]) => [client, user],
      ),
    );
  }

  async stop(): Promise<void> {
    const gone = once(this.#child, "exit");
    this.#child.kill();
    await gone;
    rmSync(this.#folder, { recursive: true });
  }
}
