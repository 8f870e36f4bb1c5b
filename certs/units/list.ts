import { CsvError, parse } from "csv-parse/sync";
import { readFileSync } from "node:fs";
import { InputError } from "../input-error.js";
import { jsonFaultLine } from "../json-fault.js";
import { duplicatesIn, faultWords, MEMBERS, unitOf, type Row, type Unit, type UnitFault } from "./unit.js";

/** A list that cannot be used; every fault of it, with its place. */
export class UnitListError extends InputError {
  readonly faults: readonly UnitFault[];

  /** `fix`: default: to correct what is named by its place. */
  constructor(file: string, faults: readonly UnitFault[], fix?: string) {
    const [first] = faults;
    const places = first?.entry === true ? "entries" : "lines";
    super({
      what: `${file}: ${first === undefined ? "cannot be used" : faultWords(first)}${faults.length > 1 ? `, and ${faults.length - 1} more` : ""}`,
      why: "A list is taken whole or not at all: no unit was touched.",
      fix: fix ?? `Correct the ${places} named and run again; plan tells them all.`,
      file,
    });
    this.faults = faults;
  }
}

/** Units of a file that one run is for. More are several runs. */
const UNITS_MOST = 1_000_000;

const FIX = {
  columns: "Correct line 1. The lines below it are looked at when the columns are known.",
  list: "Give the list of units: CSV whose first line names the columns, serial among them, or a JSON array. docs/factory.md shows one.",
  path: "Check the spelling of the path; one that does not begin with / starts from the current folder.",
  drive: "Check the file, its permissions and its drive.",
  empty: "Write the units into it, one a line below the names of the columns.",
  many: "Divide it into several lists, and run each.",
  json: "Correct that line, or write the list as CSV.",
  utf16:
    'Save it as UTF-8: a spreadsheet calls that "CSV UTF-8". Or: iconv -f UTF-16 -t UTF-8 OLD.csv > NEW.csv',
  bytes:
    'Save it as UTF-8: a spreadsheet calls that "CSV UTF-8". Of an older Windows: iconv -f WINDOWS-1252 -t UTF-8 OLD.csv > NEW.csv',
} as const;

interface Cells {
  readonly cells: readonly string[];
  readonly line: number;
}

/** Rows as they were read, and what is wrong already. */
interface Rows {
  readonly rows: readonly Row[];
  readonly faults: readonly UnitFault[];
}

/** Header names as people write them: `Client ID` is `client_id`. */
function headerName(text: string): string {
  return text
    .trim()
    .toLowerCase()
    .replace(/[\s-]+/g, "_");
}

/** Whether a name can be one of a column. Anything else may be a passphrase, and is never shown. */
function isName(text: string): boolean {
  return /^[a-z][a-z0-9_]{0,31}$/.test(text);
}

function checkHeader(
  file: string,
  names: readonly string[],
  variables: readonly string[],
): readonly UnitFault[] {
  const faults: UnitFault[] = [];
  const known: readonly string[] = [...MEMBERS, ...variables];
  // Whatever such a file is, a key or a passphrase among them, nothing of it is shown.
  if (!names.some(name => known.includes(name)))
    throw new UnitListError(
      file,
      [{ line: 1, what: `there is no column serial, nor any other that is known (${known.join(", ")})` }],
      FIX.list,
    );
  const shown = (name: string, index: number): string => (isName(name) ? name : `number ${index + 1}`);
  if (!names.includes("serial"))
    faults.push({ line: 1, what: `there is no column serial (columns: ${names.map(shown).join(", ")})` });
  names.forEach((name, index) => {
    if (names.indexOf(name) !== index)
      faults.push({ line: 1, what: `column ${shown(name, index)} is there twice` });
    // A column that nobody knows is a typing error until a profile names it.
    else if (!known.includes(name))
      faults.push({
        line: 1,
        what: `column ${shown(name, index)} is not known (known: ${known.join(", ")})`,
      });
  });
  for (const name of variables)
    if (!names.includes(name))
      faults.push({ line: 1, what: `there is no column ${name}, which the profile needs` });
  return faults;
}

/**
 * A comma is usual; some spreadsheets write semicolons or tabs. The header tells, whose names hold none of
 * them: in the rows below the others are text.
 */
function delimiterOf(text: string): string {
  return /[,;\t]/.exec(/^[^\r\n]*/.exec(text)?.[0] ?? "")?.[0] ?? ",";
}

/** What a CSV file holds up to its end, or up to what is no CSV any more. */
function csvCells(text: string): { readonly records: readonly Cells[]; readonly stop?: UnitFault } {
  const records: Cells[] = [];
  let end = 0;
  try {
    parse(text, {
      bom: true,
      delimiter: delimiterOf(text),
      skip_empty_lines: true,
      relax_column_count: true,
      on_record: (cells: readonly string[], { lines }) => {
        end = lines;
        // `lines` counts to the record's last line; without quoted line ends that is its only one.
        records.push({ cells, line: lines - cells.join("").split("\n").length + 1 });
        return null;
      },
    });
    return { records };
  } catch (error) {
    if (!(error instanceof CsvError)) throw error;
    const isOpen = error.code === "CSV_QUOTE_NOT_CLOSED";
    // Of a quotation mark that is never closed the parser names the end of the file.
    const next = text.split("\n").findIndex((line, index) => index >= end && line.trim() !== "") + 1;
    const line = !isOpen && typeof error["lines"] === "number" ? error["lines"] : next;
    const what = isOpen ? "a quotation mark is opened and never closed" : "a quotation mark is out of place";
    return {
      records,
      stop: { line, what: `is no CSV: ${what} (${error.code}); nothing was read from there on` },
    };
  }
}

function csvRows(file: string, text: string, variables: readonly string[]): Rows {
  const { records, stop } = csvCells(text);
  const [header, ...rest] = records;
  if (header === undefined)
    throw stop === undefined
      ? new UnitListError(file, [{ line: 0, what: "is empty" }], FIX.empty)
      : new UnitListError(file, [stop]);
  const names = header.cells.map(headerName);
  const wrong = checkHeader(file, names, variables);
  if (wrong.length > 0) throw new UnitListError(file, wrong, FIX.columns);
  const faults: UnitFault[] = [];
  const rows: Row[] = [];
  for (const { cells, line } of rest)
    if (cells.length === names.length)
      rows.push({
        line,
        values: Object.fromEntries(names.map((name, index) => [name, cells[index] ?? ""])),
      });
    else faults.push({ line, what: `has ${cells.length} columns; the header has ${names.length}` });
  if (stop !== undefined) faults.push(stop);
  return { rows, faults };
}

function jsonRows(file: string, text: string, variables: readonly string[]): Rows {
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch {
    throw new UnitListError(file, [{ line: jsonFaultLine(text), what: "is no JSON from here on" }], FIX.json);
  }
  if (!Array.isArray(parsed))
    throw new UnitListError(file, [{ line: 0, what: "holds no array of units" }], FIX.list);
  const known: readonly string[] = [...MEMBERS, ...variables];
  const faults: UnitFault[] = [];
  const rows: Row[] = [];
  parsed.forEach((one: unknown, index) => {
    const place = { line: index + 1, entry: true } as const;
    const wrong: string[] = [];
    const values: Record<string, string> = {};
    if (typeof one !== "object" || one === null || Array.isArray(one)) wrong.push("is no object");
    else if (Object.keys(one).length > 0 && !Object.keys(one).some(name => known.includes(name)))
      wrong.push(`has no member serial, nor any other that is known (${known.join(", ")})`);
    else
      Object.entries(one).forEach(([name, value], at) => {
        if (!known.includes(name))
          wrong.push(`member ${isName(name) ? name : `number ${at + 1}`} is not known`);
        else if (typeof value !== "string") wrong.push(`${name} is no text: put it in quotation marks`);
        else values[name] = value;
      });
    faults.push(...wrong.map(what => ({ ...place, what })));
    if (wrong.length === 0) rows.push({ ...place, values });
  });
  return { rows, faults };
}

function bytesOf(file: string): Buffer {
  try {
    return readFileSync(file);
  } catch (error) {
    const code = error instanceof Error && "code" in error ? String(error.code) : "";
    const fix = code === "ENOENT" || code === "ENOTDIR" ? FIX.path : FIX.drive;
    throw new UnitListError(file, [{ line: 0, what: `cannot be read (${code})` }], fix);
  }
}

function textOf(file: string): string {
  const bytes = bytesOf(file);
  const decoded = (piece: Uint8Array): string | undefined => {
    try {
      return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(piece);
    } catch {
      return undefined;
    }
  };
  // No list holds a zero; every other byte of the usual letters is one in UTF-16.
  if (/^(\xFF\xFE|\xFE\xFF)/.test(bytes.toString("latin1", 0, 2)) || bytes.subarray(0, 64).includes(0))
    throw new UnitListError(file, [{ line: 0, what: "is not UTF-8, but UTF-16 or no text" }], FIX.utf16);
  const text = decoded(bytes);
  if (text !== undefined) return text;
  let line = 1;
  for (let at = 0; ; line++) {
    const end = bytes.indexOf(10, at);
    if (end < 0 || decoded(bytes.subarray(at, end)) === undefined) break;
    at = end + 1;
  }
  throw new UnitListError(file, [{ line, what: "is not UTF-8" }], FIX.bytes);
}

/**
 * Reads and checks a list of units whole: CSV with a header in line 1, or a JSON array of objects.
 * `variables`: further columns that the profile needs.
 * @throws UnitListError with every fault, by its place. When the header is wrong, with its faults alone.
 */
export function readUnits(file: string, variables: readonly string[]): readonly Unit[] {
  const text = textOf(file);
  const isJson = /^\uFEFF?\s*[[{]/.test(text);
  const read = isJson
    ? jsonRows(file, text.replace(/^\uFEFF/, ""), variables)
    : csvRows(file, text, variables);
  const faults = [...read.faults];
  const { rows } = read;
  if (rows.length === 0 && faults.length === 0)
    throw new UnitListError(file, [{ line: 0, what: "holds no unit" }], FIX.empty);
  if (rows.length > UNITS_MOST)
    throw new UnitListError(
      file,
      [{ line: 0, what: `holds ${rows.length} units; at most ${UNITS_MOST} go into one run` }],
      FIX.many,
    );
  const units: Unit[] = [];
  for (const row of rows) {
    const made = unitOf(row, variables);
    if ("serial" in made) units.push(made);
    else faults.push(...made);
  }
  faults.push(...duplicatesIn(units));
  if (faults.length > 0)
    throw new UnitListError(
      file,
      faults.sort((a, b) => a.line - b.line),
    );
  return units;
}
