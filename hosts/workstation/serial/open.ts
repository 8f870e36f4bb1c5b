import { connect } from "node:net";
import type { Duplex } from "node:stream";
import { ClosingPort } from "./closing-port.js";
import { portError } from "./port-error.js";

export interface PortOptions {
  /** Default 115,200. Of no meaning on TCP. */
  readonly baud?: number | undefined;
  /** RTS and CTS, where both are wired and the module was told so (`AT+IFC=2,2`). */
  readonly flowControl?: boolean | undefined;
}

/** A port that answers to nobody after so long is not there. */
const CONNECT_MS = 5_000;

/**
 * Opens a serial port (8N1, raw, locked against other programs), a pseudo terminal, or `tcp:HOST:PORT`.
 * Rejects with a FactoryError `port-missing`, `port-busy`, `port-denied` or `port-refused`; the end of
 * the port is told by the stream's `close`.
 */
export async function openPort(port: string, options: PortOptions = {}): Promise<Duplex> {
  const tcp = /^tcp:(.+):(\d{1,5})$/.exec(port);
  try {
    return await (tcp ? dial(tcp[1] ?? "", Number(tcp[2])) : plug(port, options));
  } catch (error) {
    throw portError(port, error);
  }
}

function dial(host: string, port: number): Promise<Duplex> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host, port, noDelay: true });
    const timeout = setTimeout(() => {
      socket.destroy(Object.assign(new Error("no answer"), { code: "ETIMEDOUT" }));
    }, CONNECT_MS);
    socket.once("error", error => {
      clearTimeout(timeout);
      reject(error);
    });
    socket.once("connect", () => {
      clearTimeout(timeout);
      socket.removeAllListeners("error");
      // Told by `close`, which follows.
      socket.on("error", () => undefined);
      resolve(socket);
    });
  });
}

function plug(path: string, options: PortOptions): Promise<Duplex> {
  return new Promise((resolve, reject) => {
    const serial = new ClosingPort({
      path,
      baudRate: options.baud ?? 115_200,
      rtscts: options.flowControl === true,
      lock: true,
      // Ending a session must not drop DTR, which powers some boards down.
      hupcl: false,
      autoOpen: false,
    });
    serial.open(error => {
      if (error) {
        reject(error);
        return;
      }
      serial.on("error", () => serial.destroy());
      resolve(serial);
    });
  });
}
