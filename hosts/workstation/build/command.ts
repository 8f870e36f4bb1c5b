import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import process from "node:process";
import type { Command } from "commander";
import { checkConfig, type ConfigFault } from "../../firmware/check-config.js";
import type { DeviceConfig } from "../../esp32/device-config.js";
import { prepare } from "../../esp32/prepare.js";
import { guarded } from "../certs/guarded.js";
import { choice, refuse } from "../simulate/check.js";
import { printSentences } from "../simulate/print.js";
import { buildManifest, type BuildManifest } from "./build-manifest.js";
import { lookAround } from "./environment.js";
import { PRODUCTS, TARGETS, type BuildOptions } from "./options.js";

interface RawBuild {
  readonly product?: string;
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

const SWITCH = { release: "-m", debug: "-dm", instrumented: "-im" } as const;

function checked(target: string, settings: readonly string[], raw: RawBuild): BuildOptions {
  const product = raw.product === undefined ? undefined : choice("--product", raw.product, PRODUCTS);
  const wrong = settings.find(setting => !/^[\w.]+=/.test(setting));
  if (wrong !== undefined)
    return refuse(
      wrong,
      `${wrong} is no KEY=VALUE`,
      "What stands behind the target replaces members of the configuration.",
      "For example: apn=internet broker.host=broker.example.com",
    );
  if (raw.debug && raw.instrument)
    return refuse(
      "--debug",
      "--debug and --instrument were both given",
      "They are two kinds of build.",
      "Give one of them.",
    );
  return {
    target: choice("target", target, TARGETS),
    product,
    manifest: raw.manifest,
    out: resolve(raw.out),
    kind: raw.debug ? "debug" : raw.instrument ? "instrumented" : "release",
    deploy: raw.deploy ?? false,
    port: raw.port,
    dryRun: raw.dryRun ?? false,
    settings,
  };
}

/** What the firmware would say at its start, said before it is built. */
function configFaults(options: BuildOptions, made: BuildManifest): readonly ConfigFault[] {
  if (options.target === "lin") return checkConfig(made.config);
  const faults: ConfigFault[] = [];
  // Types are what `prepare` looks at; nothing is taken for granted before it.
  prepare(made.config as unknown as DeviceConfig, (event, ...values) => {
    if (event === "failure")
      faults.push({ member: "", why: values.filter(value => value !== undefined).join(" ") });
  });
  return faults;
}

function folderOf({ out, target, kind }: BuildOptions): string {
  return join(out, `${target}-${kind}`);
}

function commandOf(options: BuildOptions, manifest: string): readonly string[] {
  const { target, kind, deploy } = options;
  const step = deploy ? ["-t", "deploy"] : ["-t", "build"];
  return ["mcconfig", SWITCH[kind], "-p", target, ...step, "-o", folderOf(options), manifest];
}

function build(options: BuildOptions): number {
  const made = buildManifest(options);
  const faults = configFaults(options, made);
  if (faults.length > 0) {
    for (const { member, why } of faults)
      process.stderr.write(
        printSentences({
          what: `${options.manifest}: ${member === "" ? why : `${member} ${why}`}`,
          why: "The device would report this at its start and do nothing else.",
          fix: "Correct config in the manifest, or give it as KEY=VALUE.",
        }),
      );
    return 2;
  }
  const around = lookAround(options.target, process.env);
  if (!("variables" in around)) {
    for (const missing of around) process.stderr.write(printSentences(missing));
    if (!options.dryRun) return ENVIRONMENT;
  }
  const folder = folderOf(options);
  const manifest = join(folder, "manifest.json");
  const command = commandOf(options, manifest);
  for (const note of [...made.notes, ...("variables" in around ? around.notes : [])])
    process.stderr.write(`note: ${note}\n`);
  if (options.dryRun) {
    process.stdout.write(`${command.join(" ")}\n${JSON.stringify(made.manifest, null, 2)}\n`);
    return 0;
  }
  if (options.deploy && !existsSync(manifest))
    return refuse(
      "--deploy",
      `there is no build in ${folder}`,
      "--deploy writes the last build to the device and builds nothing.",
      `Build first: xs-cellular build ${options.target}`,
    );
  if (!options.deploy) {
    mkdirSync(folder, { recursive: true });
    writeFileSync(manifest, `${JSON.stringify(made.manifest, null, 2)}\n`);
  }
  const [program = "mcconfig", ...args] = command;
  const variables = "variables" in around ? around.variables : process.env;
  const env = options.port === undefined ? variables : { ...variables, UPLOAD_PORT: options.port };
  const { status, error } = spawnSync(program, args, { cwd: folder, env, stdio: "inherit" });
  if (error !== undefined) throw error;
  if (status === 0 && !options.deploy) process.stdout.write(`built: ${folder}\n`);
  return status === 0 ? 0 : 1;
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
    .option("--manifest <file>", "manifest of the application", "manifest.json")
    .option("--out <folder>", "where the build goes", "build")
    .option("--debug", "with Moddable's debugger")
    .option("--instrument", "with Moddable's instruments: memory, once a second")
    .option("--deploy", "write the last build to the device; builds nothing")
    .option("--port <path>", "serial port of the device")
    .option("--dry-run", "print the command and the manifest, and do nothing")
    .action((target: string, settings: readonly string[], raw: RawBuild) =>
      guarded(false, done, () => Promise.resolve(build(checked(target, settings, raw)))),
    );
}
