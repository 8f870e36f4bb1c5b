import type { Command } from "commander";
import { lstatSync } from "node:fs";
import type { LinkName } from "../../../test-host/simulator/link.js";
import type { ModuleName } from "../../firmware/config.js";
import { checkFiles } from "../check-files.js";
import { checkLink } from "../check-link.js";
import { choice, CHOICE_OF } from "../choice.js";
import { guarded } from "../guarded.js";
import { refuse } from "../simulate/check.js";
import type { ModemOptions } from "./serve.js";

interface RawModemOptions {
  readonly module: string;
  readonly listen?: string;
  readonly pty?: string;
  readonly resolve: readonly string[];
  readonly link: string;
  readonly cold?: boolean;
  readonly trace?: string;
  readonly files?: string;
}

const MODULES: readonly ModuleName[] = ["bg95", "bc66"];
const LINKS: readonly LinkName[] = ["none", "lte-m", "nb-iot"];

/** `xs-cellular modem`: the simulated module for any AT client. `done` gets the exit code. */
export function addModemCommand(program: Command, done: (exitCode: number) => void): void {
  program
    .command("modem")
    .description("serve the simulated module to any AT client, one session after another, until stopped")
    .option("--module <name>", "module: bg95 or bc66", "bg95")
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
    .option("--files <folder>", "keep the file system of a BG95 there, over restarts of this command")
    .action((raw: RawModemOptions) =>
      guarded(false, done, async () => {
        const options = checkOptions(raw);
        // Not before it is needed: the simulation takes longer to load than a mistake to tell.
        const { serve } = await import("./serve.js");
        return serve(options);
      }),
    );
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
  return listen ?? terminal(pty ?? "");
}

/** A path that may become a pseudo terminal. What a stopped run has left is a symbolic link. */
function terminal(path: string): string {
  const found = lstatSync(path, { throwIfNoEntry: false });
  if (path === "" || (found !== undefined && !found.isSymbolicLink()))
    return refuse(
      "--pty",
      path === "" ? "--pty is empty" : `--pty ${path} exists already`,
      "A pseudo terminal would take its place, and what is there would be lost.",
      "Name a path that is free, for example /tmp/bg95.",
    );
  // A number alone would be taken for a port.
  return path.includes("/") ? path : `./${path}`;
}

function checkOptions(raw: RawModemOptions): ModemOptions {
  const module = choice("--module", raw.module, MODULES, CHOICE_OF.simulated);
  const link = choice("--link", raw.link, LINKS, CHOICE_OF.simulated);
  checkLink(module, link);
  checkFiles(module, raw.files);
  return {
    module,
    at: endpoint(raw),
    resolve: raw.resolve,
    link,
    cold: raw.cold === true,
    ...(raw.trace === undefined ? undefined : { trace: raw.trace }),
    ...(raw.files === undefined ? undefined : { files: raw.files }),
  };
}
