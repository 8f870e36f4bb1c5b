import type { Modem } from "./modem/modem.js";
import type { Scheduler } from "./scheduler.js";
import { serveBytes, type ByteService } from "./serve-bytes.js";
import { LineTrace } from "./trace.js";

export { ServeError } from "./serve-bytes.js";

export interface ServeOptions {
  /** In mode `realtime`. */
  readonly scheduler: Scheduler;
  readonly modem: Modem;
  /** `127.0.0.1:PORT` or `PORT` for TCP (0: a free one); anything else is the path of a pty. */
  readonly at: string;
  /** Every session begins with a power-up, so that the client sees the banner. */
  readonly cold?: boolean;
  /** A line of the trace; payload and secrets are shown by their length only. */
  readonly trace?: (line: string) => void;
}

export type ModemService = Omit<ByteService, "write">;

/**
 * Serves a modem to any AT client, one session after another, until stopped. The module lives on
 * between sessions, as hardware does when a port is closed and opened again; what it says meanwhile
 * is lost. Without `cold` it is powered and booted from the start.
 */
export async function serveModem(options: ServeOptions): Promise<ModemService> {
  const { scheduler, modem } = options;
  if (options.trace) modem.onTap = new LineTrace({ nowMs: () => scheduler.nowMs, print: options.trace }).tap;
  const service = await serveBytes({
    at: options.at,
    // A module that was powered down or sleeps is woken by its power key, as its user would.
    begin: () => {
      if (options.cold || !modem.status) scheduler.post(() => modem.powerUp());
    },
    receive: bytes => scheduler.post(() => modem.receive(bytes)),
    inUse: "The simulated modem is in use by another client",
  });
  modem.onOutput = bytes => service.write(bytes);
  if (!options.cold) modem.bootNow();
  const running = scheduler.run();
  return {
    address: service.address,
    get sessions() {
      return service.sessions;
    },
    stop: async () => {
      await service.stop();
      scheduler.stop();
      await running;
    },
  };
}
