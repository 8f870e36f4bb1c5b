import type { Command } from "commander";
import { existsSync, statSync } from "node:fs";
import { join } from "node:path";
import { unknownSerial } from "../../../certs/factory/faults.js";
import { refuseExisting, writeWhole } from "../../../certs/files/write.js";
import type { LabelLayout } from "../../../certs/labels/layout.js";
import type { Ledger, UnitRecord } from "../../../certs/ledger/ledger.js";
import { readProfile } from "../../../certs/profile/profile.js";
import { choice, CHOICE_OF } from "../choice.js";
import { integer, refuse } from "../simulate/check.js";
import { addCommon, commonOf, repeated, type RawCommon } from "./common.js";
import { withLedger } from "./ledgers.js";
import { fileNameOf } from "../../../certs/units/file-name.js";
import { act, type Output } from "./output.js";
import { refuseBoth, STDOUT, writeToPipe } from "./pipe.js";
import { count } from "./words.js";

const FORMATS = ["svg", "png", "sheet"] as const;
const LEVELS = ["L", "M", "Q", "H"] as const;
const PAPERS = ["A4", "Letter"] as const;

interface RawLabel extends RawCommon {
  readonly serial?: string;
  readonly all?: boolean;
  readonly out: string;
  readonly format: string;
  readonly size: string;
  readonly payload?: string;
  readonly line?: readonly string[];
  readonly correction: string;
  readonly dpi: string;
  readonly paper: string;
  readonly force?: boolean;
}

function sizeOf(text: string): { readonly width: number; readonly height: number } {
  const [, width, height] = /^(\d{1,3}(?:\.\d+)?)x(\d{1,3}(?:\.\d+)?)$/.exec(text) ?? [];
  if (width === undefined || height === undefined)
    return refuse(
      "--size",
      `--size ${text} is no WIDTHxHEIGHT`,
      "A label has two sides, in millimetres.",
      "For example: --size 40x20",
    );
  return { width: Number(width), height: Number(height) };
}

interface Labels {
  readonly layout: LabelLayout;
  readonly format: (typeof FORMATS)[number];
  readonly paper: (typeof PAPERS)[number];
  readonly dpi: number;
}

function labelsOf(raw: RawLabel): Labels {
  if ((raw.serial === undefined) === (raw.all !== true))
    return refuse(
      "--serial",
      raw.serial === undefined
        ? "neither --serial nor --all was given"
        : "--serial and --all were both given",
      "Labels are made for one unit, or for all that are done.",
      "Give --serial SERIAL or --all.",
    );
  return {
    layout: {
      ...sizeOf(raw.size),
      payload: raw.payload,
      lines: raw.line,
      errorCorrection: choice("--correction", raw.correction, LEVELS, CHOICE_OF.known),
    },
    format: choice("--format", raw.format, FORMATS, CHOICE_OF.known),
    paper: choice("--paper", raw.paper, PAPERS, CHOICE_OF.known),
    dpi: integer("--dpi", raw.dpi, 72, 2400),
  };
}

/** What stdout can take: one document, and no picture where people read. */
function checkStdout(raw: RawLabel, format: Labels["format"]): void {
  refuseBoth(raw.json);
  if (raw.all === true && format !== "sheet")
    refuse(
      "--out",
      "--out - is given with --all",
      "Each label is a file of its own, and stdout takes one.",
      "Name a folder, choose --format sheet, or give --serial.",
    );
  if (format === "png" && process.stdout.isTTY)
    refuse(
      "--out",
      "--out - would write a PNG to a terminal",
      "A picture's bytes are commands to a terminal.",
      "Pipe it into what prints it, or name a file.",
    );
}

/** The only page of a sheet: two SVG documents behind each other are none. */
async function onlyPage(pages: AsyncIterable<string>): Promise<string | undefined> {
  let only: string | undefined;
  for await (const page of pages) {
    if (only !== undefined)
      refuse(
        "--out",
        "the labels need more than one page, and --out - takes one",
        "Each page is an SVG of its own.",
        "Name a file: the next pages get numbers.",
      );
    only = page;
  }
  return only;
}

/** The unit that was named, or all that are done. */
async function* chosen(
  ledger: Ledger,
  serial: string | undefined,
  profile: string | undefined,
): AsyncGenerator<UnitRecord> {
  if (serial === undefined) {
    yield* ledger.units({ profile, state: "done" });
    return;
  }
  const unit = await ledger.unit(serial);
  if (unit === undefined) throw unknownSerial(serial);
  if (unit.state !== "done")
    refuse(
      "--serial",
      `${unit.serial} is not done: the ledger has it as "${unit.state}"`,
      "A label on a unit says that it has its credentials and that they were proved.",
      unit.state === "revoked"
        ? `If it is to be used again: xs-cellular provision revoke --serial ${unit.serial} --replace; then run.`
        : "Finish it first: xs-cellular provision run.",
    );
  yield unit;
}

/** Where the pages of a sheet go: `labels.svg`, `labels-2.svg`. */
function pagePath(out: string, page: number): string {
  return page === 1 ? out : out.replace(/(\.[^./\\]*)?$/, extension => `-${page}${extension}`);
}

async function label(out: Output, raw: RawLabel): Promise<number> {
  const { layout, format, paper, dpi } = labelsOf(raw);
  const common = commonOf(raw, process.env);
  const profile = common.isProfileGiven ? readProfile(common.profile).name : undefined;
  const force = raw.force ?? false;
  const isStdout = raw.out === STDOUT;
  if (isStdout) checkStdout(raw, format);
  const isFolder =
    !isStdout && (raw.serial === undefined || (existsSync(raw.out) && statSync(raw.out).isDirectory()));
  const { labelUnit } = await import("../../../certs/labels/unit.js");
  const written: string[] = [];
  return await withLedger(common.ledger, "existing", async ledger => {
    const units = chosen(ledger, raw.serial, profile);
    const save = (path: string, contents: string | Uint8Array): void => {
      if (isStdout) writeToPipe(contents);
      else writeWhole(path, contents, { force });
      written.push(path);
      out.event("file", { file: path });
    };
    let number = 0;
    if (format === "sheet") {
      const { labelSheet } = await import("../../../certs/labels/svg.js");
      const told: string[] = [];
      const counted = async function* (): AsyncGenerator<ReturnType<typeof labelUnit>> {
        for await (const unit of units) {
          told.push(unit.serial);
          yield labelUnit(unit);
        }
      };
      const pages = labelSheet(counted(), layout, { paper });
      if (isStdout) {
        const page = await onlyPage(pages);
        if (page !== undefined) save(STDOUT, page);
      } else {
        refuseExisting(raw.out, { force });
        for await (const page of pages) save(pagePath(raw.out, written.length + 1), page);
      }
      for (const serial of told) await ledger.record(serial, common.station, "label", { format });
      number = told.length;
    } else {
      const { labelSvg } = await import("../../../certs/labels/svg.js");
      const { labelPng } = await import("../../../certs/labels/picture.js");
      for await (const unit of units) {
        const path = isFolder ? join(raw.out, `${fileNameOf(unit.serial)}.${format}`) : raw.out;
        save(
          path,
          format === "svg" ? labelSvg(labelUnit(unit), layout) : labelPng(labelUnit(unit), layout, dpi),
        );
        await ledger.record(unit.serial, common.station, "label", { format });
        number++;
      }
    }
    out.line(
      number === 0
        ? "No unit is done yet: no label was made."
        : `${count(number, "label")} ${isStdout ? "on stdout" : `in ${written.length === 1 ? (written[0] ?? "") : `${count(written.length, "file")}, ${raw.out}`}`}.`,
    );
    return out.summary(0, { labels: number, files: written.length });
  });
}

/** `provision label`: labels of units, QR and text. */
export function addLabel(provision: Command, done: (exitCode: number) => void): void {
  addCommon(
    provision
      .command("label")
      .description("make labels, QR and text, of one unit or of all that are done")
      .option("--serial <serial>", "one unit")
      .option("--all", "all units that are done")
      .requiredOption(
        "--out <where>",
        "a file; with --all a folder, or for a sheet its first page; - is stdout, for a pipe",
      )
      .option("--format <name>", "svg, png, or sheet: pages of labels, SVG", "svg")
      .option("--size <mm>", "WIDTHxHEIGHT in millimetres", "40x20")
      .option(
        "--payload <template>",
        "what the QR holds: {serial}, {mac}, {imei}, {fingerprint}, a variable (default: {serial})",
      )
      .option("--line <template>", "a line of text; may be repeated (default: {serial})", repeated)
      .option("--correction <level>", "of the QR: L, M, Q, H", "M")
      .option("--dpi <n>", "dots an inch of a PNG", "300")
      .option("--paper <name>", "of a sheet: A4 or Letter", "A4")
      .option("--force", "replace files that are there"),
  ).action((raw: RawLabel) =>
    // With - stdout belongs to the label.
    act(
      raw.json ?? false,
      done,
      out => label(out, raw),
      raw.out === STDOUT ? process.stderr : process.stdout,
    ),
  );
}
