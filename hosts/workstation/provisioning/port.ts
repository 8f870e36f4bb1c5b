import { spawnSync } from "node:child_process";
import { closeSync, constants, openSync } from "node:fs";
import { connect } from "node:net";
import { Duplex } from "node:stream";
import { isatty, ReadStream } from "node:tty";
import { InputError } from "../../../certs/input-error.js";

const BAUD = 115_200;

function refuse(port: string, what: string, why: string, fix: string): never {
  throw new InputError({ what: `--port ${port} ${what}`, why, fix, file: "--port" });
}

function reason(error: unknown): string {
  return error instanceof Error && "code" in error ? String(error.code) : "unknown error";
}

/**
 * A terminal as a stream. It is in raw mode already; Node's own class for terminals reads and writes it
 * without holding a thread, which files do, and there are few of those.
 */
function terminal(port: string, fd: number): Duplex {
  if (!isatty(fd)) {
    closeSync(fd);
    return refuse(port, "is no serial port", "A console is a terminal.", "Name the port of the adapter.");
  }
  const stream = new ReadStream(fd);
  // The loop must not live for the terminal alone: who waits for an answer has timers.
  stream.unref();
  return stream;
}

/**
 * Opens the port that a device's console is on: the path of a serial port or pseudo terminal, with
 * 115,200 baud, 8N1, raw; or `tcp:HOST:PORT`. Throws an `InputError`; what happens later is told by the stream.
 */
export function openPort(port: string): Duplex {
  const tcp = /^tcp:(.+):(\d{1,5})$/.exec(port);
  if (tcp) return connect({ host: tcp[1] ?? "", port: Number(tcp[2]), noDelay: true });
  let fd: number;
  try {
    // Without waiting for a carrier, and without becoming this process's own terminal.
    fd = openSync(port, constants.O_RDWR | constants.O_NOCTTY | constants.O_NONBLOCK);
  } catch (error) {
    return refuse(
      port,
      `cannot be opened (${reason(error)})`,
      "The device's console is not there, or this user may not use it.",
      "Check the path; on Linux users of serial ports are in the group dialout.",
    );
  }
  const settings = ["raw", "-echo", "-hupcl", "clocal", String(BAUD)];
  const flag = process.platform === "darwin" ? "-f" : "-F";
  const { status } = spawnSync("stty", [flag, port, ...settings], { stdio: "ignore" });
  if (status !== 0) {
    closeSync(fd);
    return refuse(
      port,
      "cannot be set to 115200 baud, 8N1, raw",
      "The program stty refused it, or is missing.",
      "Check that it is a serial port.",
    );
  }
  return terminal(port, fd);
}
