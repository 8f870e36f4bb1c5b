import type { ConsoleLine } from "./console-line.js";
import type { Scheduler } from "./scheduler.js";
import { serveBytes, ServeError, type ByteService } from "./serve-bytes.js";

export interface ServeConsoleOptions {
  /** In mode `sockets` or `realtime`. */
  readonly scheduler: Scheduler;
  readonly line: ConsoleLine;
  /** `127.0.0.1:PORT` or `PORT` for TCP (0: a free one); anything else is the path of a pty. */
  readonly at: string;
}

/** Wall milliseconds; the longest that a timer takes, 24 days. */
const ALWAYS_MS = 0x7fffffff;

/**
 * Serves the console of a simulated device to any program of this machine, on a pty or a loopback TCP
 * port, until stopped. Simulated time follows the wall clock meanwhile, whether a client is there or
 * not: what the device waits for is the same for it as on a bench. Rejects with a {@link ServeError}.
 */
export async function serveConsole({ scheduler, line, at }: ServeConsoleOptions): Promise<ByteService> {
  if (scheduler.mode === "virtual")
    throw new ServeError("A console can be served only where simulated time follows the wall clock");
  const service = await serveBytes({
    at,
    begin: () => undefined,
    receive: bytes => line.write(bytes),
    inUse: "The console of the simulated device is in use by another client",
  });
  line.onData = bytes => service.write(bytes);
  const holds = [scheduler.expect(ALWAYS_MS), scheduler.openSource()];
  return {
    address: service.address,
    get sessions() {
      return service.sessions;
    },
    write: bytes => service.write(bytes),
    stop: async () => {
      line.onData = undefined;
      for (const hold of holds) hold.release();
      await service.stop();
    },
  };
}
