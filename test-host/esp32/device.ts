import { spawn } from "node:child_process";
import { join } from "node:path";
import { defaultRoot } from "../xs/modules.js";
import { deviceProgram } from "./build.js";

/** Longest that a program of turns may take; each is a matter of milliseconds. */
const TIMEOUT_MS = 10_000;

/** JavaScript faces of the C files, by the names that a program imports them under. */
const MODULES = [
  "hosts/esp32/serial/buffered-serial",
  "hosts/esp32/entropy/hardware-random",
  "hosts/esp32/system/chip",
];

export interface DeviceRun {
  /** What the program told with `driver.report`, in order. */
  readonly reports: readonly unknown[];
  /**
   * 0: the program came to its end, and left neither memory nor a task behind; 6: the chip began to sleep
   * or to restart.
   */
  readonly code: number | null;
  /** What went wrong otherwise. */
  readonly failure: string;
}

/**
 * Runs a program on the device's C files, in XS. `source` is a module whose default export is a list of
 * functions: each is one turn of the machine, and all messages that wait are delivered behind it. It
 * imports the native classes by their names, and `driver`, the other side of the chip
 * (`host/main.c`).
 */
export async function runDevice(source: string): Promise<DeviceRun> {
  const program = await deviceProgram();
  const natives = MODULES.map(name => `${name}=${join(defaultRoot, name)}.js`);
  return new Promise((resolve, reject) => {
    const child = spawn(program, natives, { timeout: TIMEOUT_MS, killSignal: "SIGKILL" });
    let output = "";
    let failure = "";
    child.stdout.setEncoding("utf8").on("data", (text: string) => (output += text));
    child.stderr.setEncoding("utf8").on("data", (text: string) => (failure += text));
    // A program that ends before it has read all is told by its exit code.
    child.stdin.on("error", () => {});
    child.on("error", reject);
    child.on("close", code => {
      const lines = output.split("\n").filter(line => line !== "");
      resolve({ reports: lines.map(line => JSON.parse(line) as unknown), code, failure });
    });
    child.stdin.end(source);
  });
}
