import { existsSync } from "node:fs";
import { join, resolve } from "node:path";
import process from "node:process";
import type { Command } from "commander";
import { checkConfig, type ConfigFault } from "../../firmware/check-config.js";
import { boards } from "../../esp32/boards/index.js";
import type { ChipName } from "../../esp32/chips.js";
import type { DeviceConfig } from "../../esp32/device-config.js";
import { prepare } from "../../esp32/prepare.js";
import { choice, CHOICE_OF } from "../choice.js";
import { guarded } from "../guarded.js";
import { refuse } from "../simulate/check.js";
import { printSentences } from "../simulate/print.js";
import { buildManifest, configOf, lastManifest } from "./build-manifest.js";
import { lookAround } from "./environment.js";
import { build, commandOf, deploy, hasFirmware, manifestOf } from "./mcconfig.js";
import { PRODUCTS, TARGETS, type BuildOptions, type BuildTarget } from "./options.js";

interface RawBuild {
  readonly product?: string;
  readonly board?: string;
  readonly manifest: string;
  readonly out: string;
  readonly debug?: boolean;
  readonly instrument?: boolean;
  readonly deploy?: boolean;
  readonly port?: string;
  readonly dryRun?: boolean;
}

/** The environment lacks something. */
const ENVIRONMENT = 3;
const USAGE = 2;

const boardNames = boards.map(({ name }) => name);

/** Options that say something about a build, where none is made. */
function refuseVain(option: string, why: string, fix: string): never {
  return refuse(option, `${option} has no meaning here`, why, fix);
}

function checkTogether(target: BuildTarget, settings: readonly string[], raw: RawBuild): void {
  if (raw.debug && raw.instrument)
    refuse(
      "--debug",
      "--debug and --instrument were both given",
      "They are two kinds of build.",
      "Give one of them.",
    );
  if (raw.board !== undefined && target === "lin")
    refuseVain("--board", "This machine has no board.", "Leave it out, or build for esp32.");
  if (raw.deploy && target === "lin")
    refuseVain("--deploy", "What is built for lin runs on this machine.", "Leave it out.");
  if (raw.deploy !== true) return;
  const [vain] = [raw.product && "--product", raw.board && "--board", ...settings].filter(
    one => one !== undefined,
  );
  if (vain !== undefined && vain !== "")
    refuseVain(
      vain,
      "--deploy writes the last build to the device and builds nothing.",
      "Build with it first.",
    );
}

function checked(given: string, settings: readonly string[], raw: RawBuild): BuildOptions {
  const target = choice("target", given, TARGETS, CHOICE_OF.built);
  const wrong = settings.find(setting => !/^[\w.]+=/.test(setting));
  if (wrong !== undefined)
    return refuse(
      wrong,
      `${wrong} is no KEY=VALUE`,
      "What stands behind the target replaces members of the configuration.",
      "For example: apn=internet broker.host=broker.example.com",
    );
  checkTogether(target, settings, raw);
  const kind = raw.debug ? "debug" : raw.instrument ? "instrumented" : "release";
  return {
    target,
    product:
      raw.product === undefined ? undefined : choice("--product", raw.product, PRODUCTS, CHOICE_OF.built),
    board: raw.board === undefined ? undefined : choice("--board", raw.board, boardNames, CHOICE_OF.built),
    manifest: raw.manifest,
    folder: join(resolve(raw.out), `${target}-${kind}`),
    kind,
    deploy: raw.deploy ?? false,
    port: raw.port,
    dryRun: raw.dryRun ?? false,
    settings,
  };
}

interface Looked {
  readonly faults: readonly ConfigFault[];
  /** What the device would warn of. */
  readonly warnings: readonly string[];
  readonly chip: ChipName;
}

/** What the firmware would say at its start, said before it is built; and the chip that it runs on. */
function look(target: BuildTarget, config: Readonly<Record<string, unknown>>): Looked {
  if (target === "lin") return { faults: checkConfig(config), warnings: [], chip: "esp32" };
  const faults: ConfigFault[] = [];
  const warnings: string[] = [];
  // Types are what `prepare` looks at; nothing is taken for granted before it.
  const board = prepare(config as unknown as DeviceConfig, (event, ...values) => {
    const text = values.filter(value => value !== undefined).join(" ");
    if (event === "failure") faults.push({ member: "", why: text });
    else if (event === "warning") warnings.push(text);
  });
  return { faults, warnings, chip: board?.chip ?? "esp32" };
}

/** Whatever is missing is told; `undefined` when a build cannot be. */
function environment(
  { target, dryRun }: BuildOptions,
  told: readonly string[],
): NodeJS.ProcessEnv | undefined {
  const around = lookAround(target, process.env);
  const isWhole = "variables" in around;
  if (!isWhole) for (const missing of around) process.stderr.write(printSentences(missing));
  if (!isWhole && !dryRun) return undefined;
  for (const note of [...told, ...(isWhole ? around.notes : [])]) process.stderr.write(`note: ${note}\n`);
  return isWhole ? around.variables : process.env;
}

/** Writes the last build, as its own manifest says, to the device. */
function write(options: BuildOptions): number {
  const { folder, dryRun } = options;
  const isThere = existsSync(manifestOf(options));
  if (!dryRun && !(isThere && hasFirmware(options)))
    return refuse(
      "--deploy",
      isThere ? `the last build in ${folder} failed` : `there is no build in ${folder}`,
      "--deploy writes the last build to the device and builds nothing.",
      "Build first: xs-cellular build esp32",
    );
  const config = isThere ? configOf(lastManifest(folder), "esp32") : {};
  const { chip } = isThere ? look("esp32", config) : { chip: "esp32" as const };
  const variables = environment(options, []);
  if (variables === undefined) return ENVIRONMENT;
  if (dryRun) {
    process.stdout.write(`${commandOf(options, chip).join(" ")}\n`);
    return 0;
  }
  return deploy(options, chip, variables) ? 0 : 1;
}

function make(options: BuildOptions): number {
  const made = buildManifest(options);
  const { faults, warnings, chip } = look(options.target, made.config);
  for (const { member, why } of faults)
    process.stderr.write(
      printSentences({
        what: `${options.manifest}: ${member === "" ? why : `${member} ${why}`}`,
        why: "The device would report this at its start and do nothing else.",
        fix: "Correct config in the manifest, or give it as KEY=VALUE.",
      }),
    );
  if (faults.length > 0) return USAGE;
  const variables = environment(options, [...made.notes, ...warnings]);
  if (variables === undefined) return ENVIRONMENT;
  if (options.dryRun) {
    const text = JSON.stringify(made.manifest, null, 2);
    process.stdout.write(`${commandOf(options, chip).join(" ")}\n${text}\n`);
    return 0;
  }
  if (!build(options, chip, made, variables)) return 1;
  process.stdout.write(`built: ${options.folder}\n`);
  return 0;
}

/** `xs-cellular build`: the firmware for a device, by Moddable's `mcconfig`. */
export function addBuildCommand(program: Command, done: (exitCode: number) => void): void {
  program
    .command("build")
    .description(
      "build the firmware with Moddable's SDK, or write it to a device; says what is missing and how to get it",
    )
    .argument("<target>", "esp32, or lin: this machine, with a modem on a serial port")
    .argument(
      "[settings...]",
      "KEY=VALUE: members of the manifest's config, replaced (apn=internet, broker.host=mqtt.example.com, device=/dev/ttyUSB0)",
    )
    .option(
      "--product <name>",
      `what the firmware contains: ${PRODUCTS.join(", ")} (default: as the manifest says)`,
    )
    .option("--board <name>", `instead of the manifest's board and wiring: ${boardNames.join(", ")}`)
    .option("--manifest <file>", "manifest of the application", "manifest.json")
    .option("--out <folder>", "where the build goes", "build")
    .option("--debug", "with Moddable's debugger")
    .option("--instrument", "with Moddable's instruments: memory, once a second")
    .option("--deploy", "write the last build to the device; builds nothing")
    .option("--port <path>", "serial port that --deploy writes to")
    .option("--dry-run", "print the command and the manifest, and do nothing")
    .action((target: string, settings: readonly string[], raw: RawBuild) =>
      guarded(false, done, () => {
        const options = checked(target, settings, raw);
        return Promise.resolve(options.deploy ? write(options) : make(options));
      }),
    );
}
