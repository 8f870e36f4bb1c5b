import { spawn } from "node:child_process";
import { build } from "esbuild";
import { once } from "node:events";
import { rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { createInterface } from "node:readline";
import type { Readable } from "node:stream";
import { fileURLToPath } from "node:url";
import { KEYS_DESCRIPTOR, type JobPoint, type LineJob } from "./line-job.js";

const here = dirname(fileURLToPath(import.meta.url));

/** Compiled parts, which are loaded as they are. */
const NATIVE = ["better-sqlite3", "pg", "pg-native", "pkcs11js", "serialport"];

/** How a run of the line in a process of its own ended. */
export interface JobResult {
  readonly killed: boolean;
  readonly code: number | null;
  /** All that it printed. */
  readonly stdout: string;
  readonly stderr: string;
  /** Lines of stdout, parsed. */
  readonly lines: readonly unknown[];
  /** Points that it has passed; the last one is where it was killed. */
  readonly points: readonly string[];
  /** PKCS#8 of all keys that it made. */
  readonly keys: readonly Uint8Array[];
}

function isPoint(value: unknown): value is JobPoint {
  return typeof value === "object" && value !== null && "point" in value;
}

async function collected(stream: Readable | null | undefined): Promise<Buffer> {
  const pieces: Buffer[] = [];
  stream?.on("data", (piece: Buffer) => pieces.push(piece));
  if (stream) await once(stream, "close");
  return Buffer.concat(pieces);
}

function* keysIn(bytes: Buffer): Generator<Uint8Array> {
  for (let at = 0; at + 4 <= bytes.length;) {
    const length = bytes.readUInt32LE(at);
    yield Uint8Array.from(bytes.subarray(at + 4, at + 4 + length));
    at += 4 + length;
  }
}

/**
 * The line as a program of its own, bundled once, so that a process takes a fraction of the time that
 * compiling each of its modules would.
 */
export class JobProgram {
  readonly #folder: string;

  private constructor(folder: string) {
    this.#folder = folder;
  }

  static async build(): Promise<JobProgram> {
    // Beneath the package, where its libraries are found.
    const folder = join(here, "..", "..", ".cache", `killed-line-${String(process.pid)}`);
    await build({
      entryPoints: [join(here, "killed-line.ts")],
      outdir: folder,
      bundle: true,
      splitting: true,
      platform: "node",
      format: "esm",
      target: "node20",
      outExtension: { ".js": ".mjs" },
      external: NATIVE,
      banner: {
        js: 'import { createRequire as requireFor } from "node:module"; const require = requireFor(import.meta.url);',
      },
      logLevel: "silent",
    });
    return new JobProgram(folder);
  }

  remove(): void {
    rmSync(this.#folder, { recursive: true, force: true });
  }

  /** `onLine`: what it prints, parsed, as it comes. */
  async run(
    job: LineJob,
    onLine: (line: unknown) => void = () => undefined,
    nodeOptions: readonly string[] = [],
  ): Promise<JobResult> {
    const child = spawn(
      process.execPath,
      [...nodeOptions, join(this.#folder, "killed-line.mjs"), JSON.stringify(job)],
      { stdio: ["ignore", "pipe", "pipe", "pipe"] },
    );
    const keys = child.stdio[KEYS_DESCRIPTOR];
    if (child.stdout)
      createInterface({ input: child.stdout }).on("line", text => {
        if (text.endsWith("}")) onLine(JSON.parse(text));
      });
    const [stdout, stderr, made] = await Promise.all([
      collected(child.stdout),
      collected(child.stderr),
      collected(keys !== null && keys !== undefined && "on" in keys && "read" in keys ? keys : undefined),
      once(child, "close"),
    ]);
    // A killed process may leave half a line.
    const lines = stdout
      .toString("utf8")
      .split("\n")
      .slice(0, -1)
      .map((line): unknown => JSON.parse(line));
    return {
      killed: child.signalCode === "SIGKILL",
      code: child.exitCode,
      stdout: stdout.toString("utf8"),
      stderr: stderr.toString("utf8"),
      lines,
      points: lines.filter(isPoint).map(({ point }) => point),
      keys: [...keysIn(made)],
    };
  }
}
