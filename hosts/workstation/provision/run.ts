import type { Command } from "commander";
import { existsSync, statSync } from "node:fs";
import { join } from "node:path";
import type { OpenedRecipe } from "../../../certs/authority/open.js";
import { makeFolder } from "../../../certs/files/place.js";
import { tryWriting, writeWhole } from "../../../certs/files/write.js";
import type { FactoryError } from "../../../certs/factory-error.js";
import { asFactoryError, unknownSerial } from "../../../certs/factory/faults.js";
import type { LineEvent, LineOptions } from "../../../certs/factory/line.js";
import { InputError } from "../../../certs/input-error.js";
import type { Ledger } from "../../../certs/ledger/ledger.js";
import { readProfile, type Profile } from "../../../certs/profile/profile.js";
import { fileNameOf } from "../../../certs/units/file-name.js";
import { readUnits } from "../../../certs/units/list.js";
import type { Unit } from "../../../certs/units/unit.js";
import { EXIT_OF } from "../guarded.js";
import { refuse } from "../simulate/check.js";
import { acceptanceOf, checkAcceptance } from "./accepts.js";
import {
  addCommon,
  addSecrets,
  commonOf,
  repeated,
  shownLedger,
  type Common,
  type RawCommon,
  type RawSecrets,
} from "./common.js";
import { dryRun } from "./dry-run.js";
import { checkTrail, withLedger } from "./ledgers.js";
import { copyNotice } from "./module-copy.js";
import { act, failureFacts, sentences, type Output } from "./output.js";
import { longestSerial } from "./plan.js";
import { againWords, endSentence, Progress } from "./progress.js";
import { returnedNotices, withRecipe } from "./recipes.js";
import { Stop } from "./stop.js";
import type { Tally } from "./tally.js";
import { checkPorts, opener, type RawPorts } from "./targets.js";
import { count, doneWords } from "./words.js";

interface RawRun extends RawCommon, RawSecrets, RawPorts {
  readonly broker?: string;
  readonly units?: string;
  readonly port?: readonly string[];
  readonly serial?: string;
  readonly continuous?: boolean;
  readonly dryRun?: boolean;
  readonly images?: string;
  readonly report?: string;
  readonly overwrite?: boolean;
  readonly force?: boolean;
}

function portsOf({ port = [] }: RawRun): readonly string[] {
  return port;
}

/** What does not depend on anything but the options and the profile. */
function checkTogether(raw: RawRun, profile: Profile): void {
  const { images } = raw;
  const ports = portsOf(raw);
  if (profile.target === "image") {
    if (images === undefined)
      return refuse(
        "--images",
        "--images is missing",
        "The profile makes images, not units.",
        "Name a folder for them.",
      );
    const [vain] = [ports[0] && "--port", raw.continuous && "--continuous"].filter(Boolean);
    if (typeof vain === "string")
      refuse(
        vain,
        `${vain} is given, but the profile's target is "image"`,
        "Images need no unit.",
        "Leave it out.",
      );
    if (existsSync(images) && !statSync(images).isDirectory())
      refuse("--images", `${images} is no folder`, "Each unit gets a file in it.", "Name a folder.");
    return;
  }
  if (images !== undefined)
    refuse(
      "--images",
      `--images is given, but the profile's target is "${profile.target}"`,
      "Its credentials go into units.",
      'Leave it out, or set target to "image".',
    );
  if (ports.length === 0)
    refuse(
      "--port",
      "--port is missing",
      "Units are reached through ports.",
      "For example: --port /dev/ttyUSB0, or --port tcp:127.0.0.1:7001; it may be repeated.",
    );
  checkPorts(ports);
  if (raw.serial !== undefined && (ports.length > 1 || raw.continuous === true))
    refuse(
      "--serial",
      `--serial is given with ${ports.length > 1 ? `${ports.length} ports` : "--continuous"}`,
      "It names the one unit at the one port.",
      "Give one port, or leave --serial out.",
    );
}

function checkDry(raw: RawRun): void {
  const [vain] = [
    raw.report && "--report",
    raw.broker && "--broker",
    raw.continuous && "--continuous",
  ].filter(Boolean);
  if (typeof vain === "string")
    refuse(vain, `${vain} has no meaning with --dry-run`, "Nothing is done then.", "Leave it out.");
}

/** The exit code of a run: what is wrong with the station goes before what is wrong with a unit. */
export function exitCodeOf(tally: Tally, continuous: boolean): number {
  if (tally.sides.has("environment")) return EXIT_OF.environment;
  if (tally.sides.has("input")) return EXIT_OF.input;
  // A unit at the port that got nothing must not be taken for a good one; at the end of a list it is what everybody waits for.
  return tally.failed > 0 || (tally.noneLeft > 0 && !continuous) ? EXIT_OF.unit : 0;
}

/** The unit that was named, or all: of those that are done the image is looked at, as its key is nowhere else. */
async function* imageSerials(ledger: Ledger, raw: RawRun, profile: Profile): AsyncGenerator<string> {
  if (raw.serial !== undefined) {
    yield raw.serial;
    return;
  }
  for await (const { serial, state } of ledger.units({ profile: profile.name }))
    if (state !== "revoked") yield serial;
}

type Shared = Pick<
  LineOptions,
  "recipe" | "ledger" | "station" | "accepts" | "overwrite" | "signal" | "onEvent"
>;

async function work(shared: Shared, raw: RawRun, open: LineOptions["open"]): Promise<void> {
  const { profile } = shared.recipe;
  if (profile.target !== "image") {
    const { runLine } = await import("../../../certs/factory/run-line.js");
    await runLine({ ...shared, ports: portsOf(raw), open, serial: raw.serial, continuous: raw.continuous });
    return;
  }
  const { runImages } = await import("../../../certs/factory/run-images.js");
  const folder = raw.images ?? ".";
  makeFolder(folder);
  await runImages({
    ...shared,
    serials: imageSerials(shared.ledger, raw, profile),
    isNamed: raw.serial !== undefined,
    imageOf: serial => ({ path: join(folder, `${fileNameOf(serial)}.bin`), force: raw.force }),
  });
}

interface Line {
  readonly raw: RawRun;
  readonly common: Common;
  readonly recipe: OpenedRecipe;
  readonly units: readonly Unit[] | undefined;
  readonly accepts: LineOptions["accepts"];
}

/** The list goes into the ledger, or the ledger knows the profile's units already. */
async function enlist(out: Output, ledger: Ledger, { raw, recipe, units }: Line): Promise<void> {
  const { name } = recipe.profile;
  if (units !== undefined && raw.units !== undefined) {
    const listing = await ledger.list(units, name, raw.units);
    out.event("listed", { file: raw.units, ...listing });
    out.line(
      `${raw.units}: ${count(listing.added, "unit")} new in the ledger, ${listing.known} known already.`,
    );
    return;
  }
  if ((await ledger.summary(name)).units === 0)
    refuse(
      "--units",
      `--units is missing, and the ledger knows no unit of the profile ${name}`,
      "Units come into the ledger with a list.",
      "Give the list: --units units.csv",
    );
}

async function line(out: Output, given: Line): Promise<number> {
  // Whatever is said goes to where lines are drawn then.
  const told = { say: (text: string): void => out.line(text) };
  const stop = new Stop(text => told.say(text));
  try {
    return await lineUntil(stop, out, given, told);
  } finally {
    stop.close();
  }
}

async function lineUntil(
  stop: Stop,
  out: Output,
  given: Line,
  told: { say: (text: string) => void },
): Promise<number> {
  const { raw, common, recipe, accepts } = given;
  const { profile } = recipe;
  const began = Date.now();
  return await withLedger(common.ledger, given.units === undefined ? "existing" : "create", async ledger => {
    await checkTrail(ledger);
    out.event("begin", {
      profile: profile.name,
      ledger: shownLedger(common.ledger),
      station: common.station,
      ports: portsOf(raw),
      target: profile.target,
    });
    const copy = copyNotice(profile);
    if (copy !== undefined) {
      out.event("notice", { ...copy });
      out.line(`note: ${copy.text}`);
    }
    await enlist(out, ledger, given);
    // Told once and before a port is opened, instead of for each port.
    if (raw.serial !== undefined && (await ledger.unit(raw.serial)) === undefined)
      throw unknownSerial(raw.serial);
    for (const notice of await returnedNotices(recipe, ledger)) {
      out.event("notice", { ...notice });
      out.line(`note: ${notice.text}`);
    }
    const progress = new Progress(out, profile, portsOf(raw), Date.now, raw.continuous);
    told.say = text => {
      progress.say(text);
    };
    const book =
      raw.report === undefined ? undefined : new (await import("../../../certs/report/book.js")).ReportBook();
    const onEvent = (event: LineEvent): void => {
      progress.onEvent(event);
      book?.onEvent(event);
    };
    const open = opener(profile, raw, (port, code, text) => {
      onEvent({ event: "notice", port, code, text });
    });
    const { station } = common;
    const { overwrite } = raw;
    try {
      await work({ recipe, ledger, station, accepts, overwrite, signal: stop.signal, onEvent }, raw, open);
    } finally {
      progress.close();
      told.say = text => out.line(text);
    }
    const { tally } = progress;
    const ms = Date.now() - began;
    const summary = await ledger.summary(profile.name);
    const done = summary.byState.done ?? 0;
    const end = [
      endSentence(tally, ms),
      `${doneWords(done, summary.units, profile.name)}.${againWords(tally, stop.signal.aborted)}`,
    ];
    if (stop.fault === undefined) for (const text of end) out.line(text);
    // Where it should stand nobody sees it.
    else process.stderr.write(`${end.join("\n")}\n`);
    let unwritten: FactoryError | InputError | undefined;
    if (book !== undefined && raw.report !== undefined) {
      const { reportPage } = await import("../../../certs/report/page.js");
      const { events, head } = summary;
      const report = book.report({ title: `Run for ${profile.name}`, ledger: { events, head } });
      try {
        writeWhole(raw.report, reportPage(report), { force: raw.force ?? false });
        out.line(`Report: ${raw.report}`);
      } catch (error) {
        // The run is over and what it came to stands: that is told all the same.
        unwritten = error instanceof InputError ? error : asFactoryError(error);
        process.stderr.write(sentences(unwritten));
      }
    }
    const fault = stop.fault ?? unwritten;
    const { sides } = tally;
    const exitCode =
      unwritten === undefined ? exitCodeOf(tally, raw.continuous ?? false) : EXIT_OF.environment;
    return out.summary(stop.exitCode ?? exitCode, {
      ...tally.facts,
      units: summary.units,
      unitsDone: done,
      durationMs: ms,
      head: summary.head,
      ...(sides.size === 0 ? undefined : { sides: [...sides] }),
      ...(stop.name === undefined ? undefined : { interrupted: stop.name }),
      ...(fault === undefined ? undefined : { failure: failureFacts(fault) }),
      ...(raw.report === undefined || unwritten !== undefined ? undefined : { report: raw.report }),
    });
  });
}

async function run(out: Output, raw: RawRun): Promise<number> {
  const common = commonOf(raw, process.env);
  const profile = readProfile(common.profile);
  checkTogether(raw, profile);
  if (raw.dryRun === true) checkDry(raw);
  if (raw.report !== undefined) tryWriting(raw.report, { force: raw.force ?? false });
  const open = opener(profile, raw, (port, code, text) => {
    out.event("notice", { port, code, text });
    out.line(`${port}  note: ${text}`);
  });
  const units = raw.units === undefined ? undefined : readUnits(raw.units, profile.variables);
  if (raw.dryRun === true)
    return await dryRun(out, {
      profile,
      units: units ?? [],
      common,
      ports: portsOf(raw),
      serial: raw.serial,
      overwrite: raw.overwrite ?? false,
      images: raw.images,
      open,
    });
  return await withRecipe(profile, raw, async recipe => {
    const serial = units === undefined ? (raw.serial ?? "0") : longestSerial(units);
    const issuer = recipe.issuer.by.certificate;
    const acceptance = await acceptanceOf(
      profile,
      issuer,
      recipe.brokerCa,
      { serial, broker: raw.broker },
      new Date(),
    );
    checkAcceptance(profile, acceptance);
    return await line(out, { raw, common, recipe, units, accepts: acceptance.accepts });
  });
}

/** `provision run`: units get their credentials. */
export function addRun(provision: Command, done: (exitCode: number) => void): void {
  addSecrets(
    addCommon(
      provision
        .command("run")
        .description("make, issue, write, prove and record the credentials of the units at the ports")
        .option("--units <file>", "list of units: CSV or JSON; not needed when the ledger knows them")
        .option("--port <port>", "path of a serial port, or tcp:HOST:PORT; may be repeated", repeated)
        .option(
          "--serial <serial>",
          "the unit that is at the port (default: as it is recognized, else the next)",
        )
        .option(
          "--continuous",
          "after each unit wait for the next one at the same port, until the list is done",
        )
        .option("--dry-run", "say who is at the ports and what would be done; write nothing")
        .option("--broker <host:port>", "before anything is written look at the broker that runs there")
        .option("--images <folder>", "where images go, with a profile whose target is image")
        .option("--report <file>", "write what happened as one HTML page")
        .option("--overwrite", "replace credentials that the ledger does not know")
        .option("--baud <rate>", "of the modem's port, for a profile whose target is modem (default: 115200)")
        .option("--apn <name>", "access point for the modem's handshake")
        .option("--force", "replace a report and images that are there"),
    ),
  ).action((raw: RawRun) => act(raw.json ?? false, done, out => run(out, raw)));
}
