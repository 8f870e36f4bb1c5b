import type { Command } from "commander";
import { BG95 } from "../../../test-host/simulator/bg95/bg95.js";
import type { LinkName } from "../../../test-host/simulator/link.js";
import { LoopbackNetwork } from "../../../test-host/simulator/loopback.js";
import { Scheduler } from "../../../test-host/simulator/scheduler.js";
import { ServeError, serveModem } from "../../../test-host/simulator/serve.js";
import { InputError } from "../input-error.js";
import { printInputError, printSentences } from "../simulate/print.js";
import { TraceFile } from "../simulate/trace-file.js";

interface RawModemOptions {
  readonly module: string;
  readonly listen?: string;
  readonly pty?: string;
  readonly resolve: readonly string[];
  readonly link: string;
  readonly cold?: boolean;
  readonly trace?: string;
}

const LINKS: readonly LinkName[] = ["none", "lte-m", "nb-iot"];

/** `xs-cellular modem`: the simulated module for any AT client. `done` gets the exit code. */
export function addModemCommand(program: Command, done: (exitCode: number) => void): void {
  program
    .command("modem")
    .description("serve the simulated module to any AT client, one session after another, until stopped")
    .option("--module <name>", "module: bg95", "bg95")
    .option("--listen <address>", "127.0.0.1:PORT (port 0: any free one)")
    .option("--pty <path>", "path of a pseudo terminal; needs the program socat")
    .option(
      "--resolve <entry>",
      "NAME=ADDRESS[:PORT] that the module's DNS knows, a loopback address; may be repeated",
      (entry: string, entries: readonly string[]) => [...entries, entry],
      [] as readonly string[],
    )
    .option("--link <profile>", "radio link: none, lte-m or nb-iot", "none")
    .option("--cold", "each session begins with the power key: boot, banner first")
    .option("--trace <file>", "write every line in both directions to a file")
    .action(async (raw: RawModemOptions) => {
      try {
        done(await serve(raw));
      } catch (error) {
        if (!(error instanceof InputError)) throw error;
        printInputError(error, false);
        done(2);
      }
    });
}

function refuse(option: string, what: string, why: string, fix: string): never {
  throw new InputError({ what, why, fix, file: option });
}

function isLoopbackPort(text: string): boolean {
  const port = /^(?:127\.0\.0\.1|localhost):(\d{1,5})$/.exec(text)?.[1];
  return port !== undefined && Number(port) <= 65_535;
}

function endpoint({ listen, pty }: RawModemOptions): string {
  if ((listen === undefined) === (pty === undefined)) {
    return refuse(
      "--listen",
      listen === undefined ? "neither --listen nor --pty is given" : "--listen and --pty are both given",
      "The module has one serial port.",
      "Give --listen 127.0.0.1:PORT or --pty PATH.",
    );
  }
  if (listen !== undefined && !isLoopbackPort(listen)) {
    return refuse(
      "--listen",
      `--listen ${listen} is no loopback address with a port`,
      "A simulated module must not be reachable from other machines.",
      "Write 127.0.0.1:PORT, with a port up to 65535.",
    );
  }
  return listen ?? pty ?? "";
}

async function serve(raw: RawModemOptions): Promise<number> {
  const link = LINKS.find(one => one === raw.link);
  if (raw.module !== "bg95")
    refuse(
      "--module",
      `--module ${raw.module} is not known`,
      "Only what is listed can be simulated.",
      "Use bg95.",
    );
  if (link === undefined)
    return refuse(
      "--link",
      `--link ${raw.link} is not known`,
      "Only what is listed can be simulated.",
      `Use one of: ${LINKS.join(", ")}.`,
    );
  const at = endpoint(raw);
  const scheduler = new Scheduler({ mode: "realtime" });
  let network: LoopbackNetwork;
  try {
    network = new LoopbackNetwork({ scheduler, resolve: raw.resolve });
  } catch (error) {
    return refuse(
      "--resolve",
      error instanceof Error ? error.message : String(error),
      "The module's DNS answers with loopback addresses only.",
      "Write NAME=127.0.0.1 or NAME=127.0.0.1:PORT.",
    );
  }
  const modem = new BG95({ scheduler, network, link, settings: { epochMs: Date.now() } });
  const trace =
    raw.trace === undefined
      ? undefined
      : new TraceFile(raw.trace, sentence => {
          process.stderr.write(`${sentence}\n`);
        });
  try {
    const service = await serveModem({
      scheduler,
      modem,
      at,
      ...(raw.cold === true ? { cold: true } : undefined),
      ...(trace === undefined ? undefined : { trace: trace.print }),
    });
    process.stdout.write(`listening on ${service.address}\n`);
    await stopSignal();
    await service.stop();
    return 0;
  } catch (error) {
    if (!(error instanceof ServeError)) throw error;
    process.stderr.write(
      printSentences({
        what: error.message,
        why: "The simulated module could not be served there.",
        fix: "Choose another port or path.",
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
    process.once("SIGINT", () => {
      resolve();
    });
    process.once("SIGTERM", () => {
      resolve();
    });
  });
}
