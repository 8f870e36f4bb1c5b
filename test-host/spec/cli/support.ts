import { spawn, type ChildProcessWithoutNullStreams } from "node:child_process";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { once } from "node:events";
import { createServer, type AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

export const root = join(dirname(fileURLToPath(import.meta.url)), "..", "..", "..");
const program = join(root, "bin", "xs-cellular.js");

/** How a run of the command line ended, and all that it printed. */
export interface Ended {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunOptions {
  readonly env?: NodeJS.ProcessEnv;
  readonly cwd?: string;
}

/** `xs-cellular ARGS` as a process of its own. */
export function start(args: readonly string[], options: RunOptions = {}): ChildProcessWithoutNullStreams {
  return spawn(process.execPath, [program, ...args], {
    cwd: options.cwd ?? root,
    env: { ...process.env, ...options.env },
  });
}

/** Collects what a process prints until it ends. */
export async function ended(child: ChildProcessWithoutNullStreams): Promise<Ended> {
  let stdout = "";
  let stderr = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => (stdout += text));
  child.stderr.setEncoding("utf8").on("data", (text: string) => (stderr += text));
  await once(child, "close");
  return { code: child.exitCode, signal: child.signalCode, stdout, stderr };
}

/** Resolves with what a stream has said from now on, once that matches. */
export function hear(stream: NodeJS.ReadableStream, awaited: RegExp): Promise<string> {
  let text = "";
  return new Promise((resolve, reject) => {
    const listen = (piece: Buffer | string): void => {
      text += String(piece);
      if (!awaited.test(text)) return;
      stream.off("data", listen);
      resolve(text);
    };
    stream.on("data", listen);
    stream.on("end", () => {
      reject(new Error(`ended without ${String(awaited)}: ${text}`));
    });
  });
}

export function xsCellular(args: readonly string[], options: RunOptions = {}): Promise<Ended> {
  return ended(start(args, options));
}

/** Processes that run at the same time; more would only wait for one another. */
const AT_ONCE = 3;

/** Runs `work` for every item, a few at a time; results in the items' order. */
export async function together<T, R>(
  items: readonly T[],
  work: (item: T) => Promise<R>,
): Promise<readonly R[]> {
  const results: R[] = [];
  const queue = items.map((item, index) => ({ item, index }));
  const lane = async (): Promise<void> => {
    for (let next = queue.shift(); next !== undefined; next = queue.shift())
      results[next.index] = await work(next.item);
  };
  await Promise.all(Array.from({ length: AT_ONCE }, lane));
  return results;
}

/** A folder for the files of one suite, removed by `remove`. */
export class Folder {
  readonly path = mkdtempSync(join(tmpdir(), "xs-cellular-"));

  file(name: string): string {
    return join(this.path, name);
  }

  remove(): void {
    rmSync(this.path, { recursive: true });
  }
}

/** A port on which nothing listens. */
export async function freePort(): Promise<number> {
  const probe = createServer();
  await new Promise<void>(resolve => probe.listen(0, "127.0.0.1", resolve));
  const { port } = probe.address() as AddressInfo;
  await new Promise<void>(resolve => probe.close(() => resolve()));
  return port;
}

/** Where a program is installed, if it is. */
export function which(name: string): string | undefined {
  const folders = [
    ...(process.env["PATH"] ?? "").split(":"),
    "/usr/sbin",
    "/usr/local/sbin",
    "/opt/homebrew/sbin",
  ];
  return folders.map(folder => join(folder, name)).find(path => existsSync(path));
}

/**
 * For `before`: where a program is that the suite needs. Without it the suite is skipped, or fails
 * where `XS_CELLULAR_REQUIRE_PEERS` says that it must be there.
 */
export function peer(suite: Mocha.Context, name: string): string {
  const path = which(name);
  if (path !== undefined) return path;
  if (process.env["XS_CELLULAR_REQUIRE_PEERS"] === "1") throw new Error(`${name} is not installed`);
  return suite.skip();
}
