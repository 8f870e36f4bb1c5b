import type { Command } from "commander";
import { lstatSync } from "node:fs";
import { isImei, macOf } from "../../../certs/units/unit.js";
import type { LinkName } from "../../../test-host/simulator/link.js";
import type { RouteName } from "../../../drivers/quectel/route.js";
import type { ModuleName } from "../../firmware/config.js";
import { checkFiles } from "../check-files.js";
import { checkLink } from "../check-link.js";
import { choice, CHOICE_OF } from "../choice.js";
import { guarded } from "../guarded.js";
import { refuse } from "../simulate/check.js";
import type { DeviceOptions } from "./serve.js";

const MODULES: readonly ModuleName[] = ["bg95", "bc66"];
const ROUTES: readonly (RouteName | "auto")[] = ["auto", "module-tls", "host-tls", "module-mqtt"];
const LINKS: readonly LinkName[] = ["none", "lte-m", "nb-iot"];
/** Of Espressif's range. */
const DEFAULT_MAC = "246F28000001";
const PLACES: readonly DeviceOptions["credentials"][] = ["device", "module"];
const ENGINES: readonly DeviceOptions["engine"][] = ["auto", "xs", "node"];

interface RawDeviceOptions {
  readonly console: string;
  readonly flash: string;
  readonly module: string;
  readonly route: string;
  readonly link: string;
  readonly engine: string;
  readonly broker: string;
  readonly clientId: string;
  readonly credentials: string;
  readonly files?: string;
  readonly mac: string;
  readonly imei?: string;
  readonly resolve: readonly string[];
}

/** `xs-cellular device`: the firmware with a simulated module, its console for a factory tool. `done` gets the exit code. */
export function addDeviceCommand(program: Command, done: (exitCode: number) => void): void {
  program
    .command("device")
    .description(
      "run a simulated device whose console a factory tool can talk to, its flash kept in files, until stopped",
    )
    .requiredOption(
      "--console <at>",
      "path of a pseudo terminal (needs the program socat), or 127.0.0.1:PORT",
    )
    .requiredOption("--flash <folder>", "where the device's flash partitions are kept")
    .option("--module <name>", "module: bg95 or bc66", "bg95")
    .option("--route <name>", `way to the broker: ${ROUTES.join(", ")}`, "auto")
    .option("--link <profile>", "radio link: none, lte-m or nb-iot", "none")
    .option("--engine <name>", "JavaScript engine: auto, xs or node", "auto")
    .option(
      "--broker <host:port>",
      "broker that the firmware was built for, with TLS",
      "broker.example.com:8883",
    )
    .option(
      "--client-id <id>",
      "the firmware's MQTT client identifier; {unit} stands for the certificate's common name, or the chip's address",
      "{unit}",
    )
    .option("--credentials <place>", `where the firmware looks for them: ${PLACES.join(", ")}`, "device")
    .option("--files <folder>", "keep the file system of a BG95 there")
    .option("--mac <digits>", "the chip's address: 12 hexadecimal digits", DEFAULT_MAC)
    .option("--imei <digits>", "the module's IMEI: 15 digits, the last one their check digit")
    .option(
      "--resolve <entry>",
      "NAME=ADDRESS[:PORT] that the module's DNS knows, a loopback address; may be repeated",
      (entry: string, entries: readonly string[]) => [...entries, entry],
      [] as readonly string[],
    )
    .action((raw: RawDeviceOptions) =>
      guarded(false, done, async () => {
        const options = checkOptions(raw);
        // Not before it is needed: the simulation takes longer to load than a mistake to tell.
        const { serveDevice } = await import("./serve.js");
        return serveDevice(options);
      }),
    );
}

/** A loopback address as it is; a path that may become a pseudo terminal. */
function consoleOf(at: string): string {
  const port = /^(?:127\.0\.0\.1|localhost):(\d{1,5})$/.exec(at)?.[1];
  if (port !== undefined && Number(port) <= 65_535) return at;
  if (at === "" || /^[\w.-]+:\d+$/.test(at))
    return refuse(
      "--console",
      `--console ${at} is neither a path nor a loopback address`,
      "A simulated device must not be reachable from other machines.",
      "Give the path of a pseudo terminal, or 127.0.0.1:PORT.",
    );
  // What a stopped run has left is a symbolic link.
  const found = lstatSync(at, { throwIfNoEntry: false });
  if (found !== undefined && !found.isSymbolicLink())
    return refuse(
      "--console",
      `--console ${at} exists already`,
      "A pseudo terminal would take its place, and what is there would be lost.",
      "Name a path that is free, for example /tmp/device-1.",
    );
  // A number alone would be taken for a port.
  return at.includes("/") ? at : `./${at}`;
}

function brokerOf(text: string): DeviceOptions["broker"] {
  const [, host, port] = /^([A-Za-z0-9.-]+):(\d{1,5})$/.exec(text) ?? [];
  if (host === undefined || Number(port) < 1 || Number(port) > 65_535)
    return refuse(
      "--broker",
      `--broker ${text} is no name with a port`,
      "The firmware checks the name in the broker's certificate.",
      "Write NAME:PORT, and with --resolve NAME=127.0.0.1:PORT where it is on this machine.",
    );
  return { host, port: Number(port) };
}

function addressOf(text: string): string {
  const digits = macOf(text);
  // The lowest bit of the first byte marks addresses of groups: no chip has one.
  if (digits === undefined || Number.parseInt(digits.slice(0, 2), 16) & 1)
    return refuse(
      "--mac",
      `--mac ${text} is no chip's address`,
      "It is 12 hexadecimal digits, and the lowest bit of the first two is 0.",
      `Give it for example as ${DEFAULT_MAC}.`,
    );
  return digits;
}

function imeiOf(text: string): string {
  if (!isImei(text))
    refuse(
      "--imei",
      `--imei ${text} is no IMEI`,
      "It is 15 digits, the last of which follows from the others (Luhn).",
      "Give it for example as 866425030000014.",
    );
  return text;
}

function checkOptions(raw: RawDeviceOptions): DeviceOptions {
  const module = choice("--module", raw.module, MODULES, CHOICE_OF.simulated);
  const link = choice("--link", raw.link, LINKS, CHOICE_OF.simulated);
  checkLink(module, link);
  checkFiles(module, raw.files);
  return {
    console: consoleOf(raw.console),
    flash: raw.flash,
    module,
    route: choice("--route", raw.route, ROUTES, CHOICE_OF.simulated),
    link,
    engine: choice("--engine", raw.engine, ENGINES, CHOICE_OF.simulated),
    broker: brokerOf(raw.broker),
    clientId: raw.clientId,
    credentials: choice("--credentials", raw.credentials, PLACES, CHOICE_OF.simulated),
    files: raw.files,
    mac: addressOf(raw.mac),
    imei: raw.imei === undefined ? undefined : imeiOf(raw.imei),
    resolve: raw.resolve,
  };
}
