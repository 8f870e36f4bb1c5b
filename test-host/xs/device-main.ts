import Serial from "embedded:io/serial";
import Restart from "restart";
import services from "services";
import { deviceVault } from "../../hosts/esp32/vault.js";
import type { Host, Watchdog } from "../../hosts/firmware/host.js";
import { keys } from "./device-keys.js";
import type { Entry } from "./host.js";
import main from "./main.js";

/**
 * The main module of a device with more than its modem: what the engine's options ask for goes into the
 * host record. A module of its own, so that figures of a device without these do not hold them.
 */

const { board } = services;

/** Pins as on most boards; the simulated UART has none. */
const console =
  board?.console &&
  Object.freeze({
    io: Serial,
    port: 0,
    receive: 3,
    transmit: 1,
    baud: board.console.baud,
    format: "buffer",
  });

function watchdogOf(timeoutMs: number): Watchdog {
  return Object.freeze({ timeoutMs, feed: () => Restart.feed(timeoutMs) });
}

const watchdog = board?.watchdogMs === undefined ? undefined : watchdogOf(board.watchdogMs);

const extras = {
  console,
  unit: board?.unit,
  keys: services.keys && keys,
  watchdog,
  sleep: board?.restarts && ((ms: number) => Restart.sleep(ms)),
  restart: board?.restarts && (() => Restart.now()),
};

/** The ESP32's own, over the partitions that it looks for. */
function stored({ report }: Host): Pick<Host, "vault"> & Partial<Pick<Host, "credentials">> {
  const vault = board?.vault && deviceVault(report);
  return vault ? { vault, credentials: vault } : {};
}

/** `start` is the entry module's default export. */
export default function deviceMain(start: Entry): void {
  // The platform arms it; from then on the firmware has to feed it.
  watchdog?.feed();
  main(host => start({ ...host, ...extras, ...stored(host) }));
}
