import Serial from "embedded:io/serial";
import services from "services";
import { keys } from "./device-keys.js";
import type { Entry } from "./host.js";
import main from "./main.js";

/**
 * The main module of a device with more than its modem: what the engine's options ask for goes into the
 * host record. A module of its own, so that figures of a device without these do not hold them.
 */

const { board } = services;
const madeKeys = services.keys && keys;

/** Pins as on most boards; the simulated UART has none. */
const port =
  board?.console &&
  Object.freeze({
    io: Serial,
    port: 0,
    receive: 3,
    transmit: 1,
    baud: board.console.baud,
    format: "buffer",
  });

/** `start` is the entry module's default export. */
export default function deviceMain(start: Entry): void {
  main(host => start(Object.assign(host, { console: port, keys: madeKeys })));
}
