import { Command, CommanderError } from "commander";
import { addBuildCommand } from "./build/command.js";
import { addCertsCommand } from "./certs/command.js";
import { addDeviceCommand } from "./device-command/command.js";
import { addModemCommand } from "./modem/command.js";
import { outputFaults } from "./output-faults.js";
import { addProvisionCommand } from "./provision/command.js";
import { Output, tellFailure } from "./provision/output.js";
import { addSimulateCommand } from "./simulate/command.js";
import { InputError } from "../../certs/input-error.js";
import { printInputError } from "./simulate/print.js";
import { packageVersion } from "./version.js";

/** Exit codes: 0 done, 1 it failed, 2 wrong usage or input; 3 of some commands: the machine lacks something. */
export const EXIT = { done: 0, failed: 1, usage: 2 } as const;

/** `error: unknown option '--x'` and the like, as every other failure is told. */
function wrongUsage(text: string): InputError {
  const what = text
    .replace(/^error: /, "")
    .trim()
    .replace(/\s*\n\s*/g, " ");
  const option = /'(-[^\s']+)/.exec(what)?.[1];
  return new InputError({
    what,
    why: "The command line could not be understood; nothing was started.",
    fix: "xs-cellular --help lists the commands, and each lists its options with --help.",
    file: option ?? "",
  });
}

/** Runs the command line; returns its exit code. */
export async function main(argv: readonly string[]): Promise<number> {
  outputFaults.watch([
    { name: "stdout", stream: process.stdout },
    { name: "stderr", stream: process.stderr },
  ]);
  let exitCode: number = EXIT.done;
  const program = new Command("xs-cellular")
    .description(
      "Cellular modems for Moddable XS: run the firmware against a simulated module, serve the module, look at certificates.",
    )
    .version(packageVersion())
    .configureOutput({
      outputError: text => {
        const json = argv.includes("--json");
        if (argv[0] === "provision") tellFailure(wrongUsage(text), new Output(json));
        else printInputError(wrongUsage(text), json);
      },
    })
    .exitOverride();
  const done = (code: number): void => {
    exitCode = code;
  };
  addSimulateCommand(program, done);
  addModemCommand(program, done);
  addDeviceCommand(program, done);
  addCertsCommand(program, done);
  addProvisionCommand(program, done);
  addBuildCommand(program, done);
  try {
    await program.parseAsync(argv, { from: "user" });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    // Help and version end with 0; commander has printed what was wrong otherwise.
    return error.exitCode === 0 ? EXIT.done : EXIT.usage;
  }
  return exitCode;
}
