import { execFileSync, spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { chmodSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import type { Issued } from "../../../certs/issue.js";
import { Folder, freePort, peer } from "./support.js";

export interface MosquittoOptions {
  /** TLS; `ca` (PEM) is whom clients' certificates must come from. */
  readonly tls?: {
    readonly server: Issued;
    readonly ca: string;
    readonly requireCertificate: boolean;
    /** The only ones that it takes, of TLS 1.2 and before. */
    readonly ciphers?: string;
    readonly version?: "tlsv1.2" | "tlsv1.3";
  };
  /** The only user that may connect. */
  readonly user?: { readonly name: string; readonly password: string };
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

/** The real broker, on a loopback port of its own. */
export class Mosquitto {
  readonly port: number;
  readonly #folder: Folder;
  readonly #child: ChildProcess;

  private constructor(port: number, folder: Folder, child: ChildProcess) {
    this.port = port;
    this.#folder = folder;
    this.#child = child;
  }

  static async start(suite: Mocha.Context, options: MosquittoOptions = {}): Promise<Mosquitto> {
    const path = peer(suite, "mosquitto");
    const folder = new Folder();
    // The broker gives up root's rights before it reads its files.
    chmodSync(folder.path, 0o755);
    const write = (name: string, text: string): string => {
      writeFileSync(folder.file(name), text);
      return folder.file(name);
    };
    const port = await freePort();
    const lines = [`listener ${port} 127.0.0.1`, "persistence false"];
    const { tls, user } = options;
    if (tls !== undefined) {
      lines.push(`cafile ${write("ca.pem", tls.ca)}`);
      lines.push(`certfile ${write("server.pem", tls.server.chainPem)}`);
      lines.push(`keyfile ${write("server.key", tls.server.keyPem)}`);
      lines.push(`require_certificate ${String(tls.requireCertificate)}`);
      if (tls.ciphers !== undefined) lines.push(`ciphers ${tls.ciphers}`);
      if (tls.version !== undefined) lines.push(`tls_version ${tls.version}`);
    }
    if (user === undefined) lines.push("allow_anonymous true");
    else {
      const passwords = write("passwords", `${user.name}:${user.password}\n`);
      execFileSync(peer(suite, "mosquitto_passwd"), ["-U", passwords]);
      chmodSync(passwords, 0o644);
      lines.push("allow_anonymous false", `password_file ${passwords}`);
    }
    const child = spawn(path, ["-c", write("mosquitto.conf", lines.join("\n") + "\n")], { stdio: "ignore" });
    const broker = new Mosquitto(port, folder, child);
    while (!(await reachable(port))) {
      if (child.exitCode !== null) throw new Error(`mosquitto ended with ${String(child.exitCode)}`);
      await new Promise(resolve => setTimeout(resolve, 10));
    }
    return broker;
  }

  async stop(): Promise<void> {
    const gone = once(this.#child, "exit");
    this.#child.kill();
    await gone;
    this.#folder.remove();
  }
}
