import assert from "node:assert/strict";
import type { ChildProcessWithoutNullStreams } from "node:child_process";
import { once } from "node:events";
import { readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { createAuthority } from "../../../certs/authority/file-authority.js";
import { Authority } from "../../../certs/issue.js";
import { assertForPeople } from "./result.js";
import { ended, Folder, hear, start, type Ended } from "./support.js";

const DAY_MS = 86_400_000;
const PASSPHRASE = "correct horse battery";

/** One JSON line of `provision --json`. */
export type Line = Readonly<Record<string, unknown>> & { readonly event: string };

/** A factory floor: a folder with an authority, the broker's CA, profiles and lists, and devices on ports. */
export class Floor {
  readonly folder = new Folder();
  readonly #running: ChildProcessWithoutNullStreams[] = [];

  /** For `before`. */
  async open(): Promise<void> {
    const now = Date.now();
    await createAuthority(this.folder.file("factory-ca"), {
      subject: { commonName: "Factory CA" },
      key: "P-256",
      notBefore: new Date(now - DAY_MS),
      notAfter: new Date(now + 3_650 * DAY_MS),
      passphrase: PASSPHRASE,
    });
    const broker = await Authority.create({
      commonName: "Broker CA",
      notAfter: new Date(now + 3_650 * DAY_MS),
    });
    this.write("broker-ca.pem", broker.certificatePem);
    this.write("passphrase", `${PASSPHRASE}\n`);
    this.write("wrong", "battery staple horse\n");
    this.profile("profile.json");
  }

  /** For `afterEach`: devices of a test. */
  async stopDevices(): Promise<void> {
    for (const child of this.#running.splice(0)) {
      if (child.exitCode !== null || child.signalCode !== null) continue;
      const exit = once(child, "exit");
      // A loss of power: what a device has answered is in its files.
      child.kill("SIGKILL");
      await exit;
    }
  }

  /** For `after`. */
  close(): void {
    this.folder.remove();
  }

  write(name: string, text: string): string {
    writeFileSync(this.folder.file(name), text);
    return name;
  }

  /** A profile for images, with other members where they are given. */
  profile(name: string, members: Readonly<Record<string, unknown>> = {}): string {
    const usual = {
      version: 1,
      name: "demo",
      module: "bg95",
      target: "image",
      key: { made: "host", kind: "P-256" },
      issuer: { kind: "authority", folder: "factory-ca", passphraseFile: "passphrase" },
      brokerCa: "broker-ca.pem",
      certificate: { days: 365 },
    };
    return this.write(name, JSON.stringify({ ...usual, ...members }));
  }

  units(name: string, ...serials: readonly string[]): string {
    return this.write(name, `serial\n${serials.join("\n")}\n`);
  }

  read(name: string): string {
    return readFileSync(this.folder.file(name), "latin1");
  }

  /** Names, sizes and times of everything in the folder, the folder's own time first. */
  snapshot(): readonly string[] {
    const told = (path: string): string => {
      const { mtimeMs, size } = statSync(path);
      return `${path} ${mtimeMs} ${size}`;
    };
    const names = readdirSync(this.folder.path, { recursive: true }).map(String).sort();
    return [told(this.folder.path), ...names.map(name => told(this.folder.file(name)))];
  }

  start(args: readonly string[], env: NodeJS.ProcessEnv = {}): ChildProcessWithoutNullStreams {
    return start(["provision", ...args], { cwd: this.folder.path, env });
  }

  /** `provision ARGS`; what it says can be shown to people. `input`: file that its stdin gets. */
  async provision(args: readonly string[], env: NodeJS.ProcessEnv = {}, input?: string): Promise<Ended> {
    const child = this.start(args, env);
    child.stdin.end(input === undefined ? "" : this.read(input));
    const run = await ended(child);
    assertForPeople(run.stdout + run.stderr);
    return run;
  }

  /** It must end well. */
  async good(args: readonly string[], env: NodeJS.ProcessEnv = {}, input?: string): Promise<Ended> {
    const run = await this.provision(args, env, input);
    assert.equal(run.code, 0, `${run.stdout}${run.stderr}`);
    return run;
  }

  /** `provision ARGS --json`: its lines, the last of which is the summary. */
  async json(
    args: readonly string[],
  ): Promise<{ readonly code: number | null; readonly lines: readonly Line[]; readonly summary: Line }> {
    const { code, stdout } = await this.provision([...args, "--json"]);
    const lines = stdout
      .split("\n")
      .filter(line => line !== "")
      .map(line => JSON.parse(line) as Line);
    const summary = lines.at(-1);
    assert.ok(summary?.event === "summary", stdout);
    assert.equal(summary["exitCode"], code);
    assert.equal(summary["ok"], code === 0);
    return { code, lines, summary };
  }

  /** A simulated device on a TCP port, as `--port` names it. Its flash stays under its name. */
  async device(name: string, ...args: readonly string[]): Promise<string> {
    const child = start(["device", "--console", "127.0.0.1:0", "--flash", this.folder.file(name), ...args], {
      cwd: this.folder.path,
    });
    this.#running.push(child);
    const first = await hear(child.stdout.setEncoding("utf8"), /console on .*\n/);
    child.stdout.resume();
    return `tcp:${/console on (\S+)\n/.exec(first)?.[1] ?? ""}`;
  }

  /** A simulated module on a TCP port, as `--port` names it. */
  async modem(...args: readonly string[]): Promise<string> {
    const child = start(["modem", "--listen", "127.0.0.1:0", ...args]);
    this.#running.push(child);
    const first = await hear(child.stdout.setEncoding("utf8"), /\n/);
    return `tcp:${/listening on (\S+)\n/.exec(first)?.[1] ?? ""}`;
  }

  /** A process of the floor that is ended with the devices. */
  keep(child: ChildProcessWithoutNullStreams): ChildProcessWithoutNullStreams {
    this.#running.push(child);
    return child;
  }
}

/** Three sentences, and the exit code of wrong input. */
export function assertRefused(run: Ended, about: RegExp): void {
  assert.equal(run.code, 2, `${run.stdout}${run.stderr}`);
  assert.match(run.stderr, about);
  assert.match(run.stderr, /^ {2}why: .+\n {2}fix: .+/m);
  assertForPeople(run.stderr);
}
