import type { LinkName } from "../../../test-host/simulator/link.js";
import { Scheduler } from "../../../test-host/simulator/scheduler.js";
import { ServeError, serveModem } from "../../../test-host/simulator/serve.js";
import type { ModuleName } from "../../firmware/config.js";
import { loopbackNetwork } from "../simulate/loopback.js";
import { keepFiles } from "../simulate/module-files.js";
import { printSentences } from "../simulate/print.js";
import { makeModule } from "../simulate/simulated-module.js";
import { TraceFile } from "../simulate/trace-file.js";

/** Checked options: nothing has been opened or started yet. */
export interface ModemOptions {
  readonly module: ModuleName;
  /** `127.0.0.1:PORT`, or the path of a pseudo terminal. */
  readonly at: string;
  readonly resolve: readonly string[];
  readonly link: LinkName;
  readonly cold: boolean;
  readonly trace?: string;
  /** Folder of a BG95's file system. */
  readonly files?: string;
}

/** Serves the module until a signal comes; returns the exit code. */
export async function serve(options: ModemOptions): Promise<number> {
  const scheduler = new Scheduler({ mode: "realtime" });
  const network = loopbackNetwork(scheduler, options.resolve);
  const modem = makeModule({ module: options.module, scheduler, network, link: options.link });
  if (options.files !== undefined) keepFiles(modem, options.files);
  const trace =
    options.trace === undefined
      ? undefined
      : new TraceFile(options.trace, sentence => {
          process.stderr.write(`${sentence}\n`);
        });
  const stopped = stopSignal();
  try {
    const service = await serveModem({
      scheduler,
      modem,
      at: options.at,
      cold: options.cold,
      ...(trace === undefined ? undefined : { trace: trace.print }),
    });
    process.stdout.write(`listening on ${service.address}\n`);
    await stopped;
    await service.stop();
    return 0;
  } catch (error) {
    if (!(error instanceof ServeError)) throw error;
    process.stderr.write(
      printSentences({
        what: error.message,
        why: "The simulated module could not be served there.",
        fix: "Choose another port or path, or do what the first line says.",
      }),
    );
    return 1;
  } finally {
    network.close();
    trace?.close();
  }
}

function stopSignal(): Promise<void> {
  return new Promise(resolve => {
    for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const)
      process.once(signal, () => {
        resolve();
      });
  });
}
