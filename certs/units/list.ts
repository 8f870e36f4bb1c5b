import { CsvError, parse } from "csv-parse/sync";
import { readFileSync } from "node:fs";
import { InputError } from "../input-error.js";
import { duplicatesIn, MEMBERS, unitOf, type Row, type Unit, type UnitFault } from "./unit.js";

/** A list that cannot be used; every fault of it, with its line. */
export class UnitListError extends InputError {
  readonly faults: readonly UnitFault[];

  constructor(file: string, faults: readonly UnitFault[]) {
    const [first] = faults;
    const place = (fault: UnitFault): string =>
      fault.line === 0 ? fault.what : `line ${fault.line}: ${fault.what}`;
    super({
      what: `${file}: ${first === undefined ? "cannot be used" : place(first)}${faults.length > 1 ? `, and ${faults.length - 1} more` : ""}`,
      why: "A list is taken whole or not at all: no unit was touched.",
      fix: "Correct the lines named and run again; plan tells them all.",
      file,
    });
    this.faults = faults;
  }
}

/** Units of a file that one run is for. More are several runs. */
const UNITS_MOST = 1_000_000;

interface Record_ {
  readonly record: readonly string[];
  readonly info: { readonly lines: number };
}

function isRecords(value: unknown): value is readonly Record_[] {
  return Array.isArray(value);
}

/** Header names as people write them: `Client ID` is `client_id`. */
function headerName(text: string): string {
  return text
    .trim()
    .toLowerCase()
    .replace(/[\s-]+/g, "_");
}

function checkHeader(names: readonly string[], variables: readonly string[]): readonly UnitFault[] {
  const faults: UnitFault[] = [];
  const known = [...MEMBERS, ...variables];
  if (!names.includes("serial"))
    faults.push({ line: 1, what: `there is no column serial (columns: ${names.join(", ")})` });
  names.forEach((name, index) => {
    if (names.indexOf(name) !== index) faults.push({ line: 1, what: `column ${name} is there twice` });
    // A column that nobody knows is a typing error until a profile names it.
    else if (!known.includes(name))
      faults.push({ line: 1, what: `column ${name} is not known (known: ${known.join(", ")})` });
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

function csvRows(file: string, text: string, variables: readonly string[]): readonly Row[] {
  let parsed: unknown;
  try {
    parsed = parse(text, {
      bom: true,
      info: true,
      delimiter: delimiterOf(text),
      skip_empty_lines: true,
      relax_column_count: true,
    });
  } catch (error) {
    if (!(error instanceof CsvError)) throw error;
    const line = typeof error["lines"] === "number" ? error["lines"] : 0;
    throw new UnitListError(file, [{ line, what: `is no CSV (${error.code})` }]);
  }
  const records = isRecords(parsed) ? parsed : [];
  const [header, ...rest] = records;
  if (header === undefined) throw new UnitListError(file, [{ line: 0, what: "is empty" }]);
  const names = header.record.map(headerName);
  const faults = [...checkHeader(names, variables)];
  const rows = rest.map(({ record, info }) => {
    // `lines` counts to the record's last line; without quoted line ends that is its only one.
    const line = info.lines - record.join("").split("\n").length + 1;
    if (record.length !== names.length)
      faults.push({ line, what: `has ${record.length} columns; the header has ${names.length}` });
    return { line, values: Object.fromEntries(names.map((name, index) => [name, record[index] ?? ""])) };
  });
  if (faults.length > 0) throw new UnitListError(file, faults);
  return rows;
}

function jsonRows(file: string, text: string, variables: readonly string[]): readonly Row[] {
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch (error) {
    throw new UnitListError(file, [
      { line: 0, what: `is no JSON (${error instanceof Error ? error.message : ""})` },
    ]);
  }
  if (!Array.isArray(parsed)) throw new UnitListError(file, [{ line: 0, what: "holds no array of units" }]);
  const known = new Set<string>([...MEMBERS, ...variables]);
  const faults: UnitFault[] = [];
  const rows = parsed.map((one: unknown, index) => {
    const line = index + 1;
    const values: Record<string, string> = {};
    if (typeof one !== "object" || one === null || Array.isArray(one))
      faults.push({ line, what: "is no object" });
    else
      for (const [name, value] of Object.entries(one)) {
        if (!known.has(name)) faults.push({ line, what: `member ${name} is not known` });
        else if (typeof value !== "string")
          faults.push({ line, what: `${name} is no text: put it in quotation marks` });
        else values[name] = value;
      }
    return { line, values };
  });
  if (faults.length > 0) throw new UnitListError(file, faults);
  return rows;
}

function textOf(file: string): string {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(readFileSync(file));
  } catch (error) {
    const code = error instanceof Error && "code" in error ? String(error.code) : "";
    const what = code === "ERR_ENCODING_INVALID_ENCODED_DATA" ? "is not UTF-8" : `cannot be read (${code})`;
    throw new UnitListError(file, [{ line: 0, what }]);
  }
}

/**
 * Reads and checks a list of units whole: CSV with a header in line 1, or a JSON array of objects.
 * `variables`: further columns that the profile needs.
 * @throws UnitListError with every fault, by line.
 */
export function readUnits(file: string, variables: readonly string[]): readonly Unit[] {
  const text = textOf(file);
  const isJson = /^\uFEFF?\s*[[{]/.test(text);
  const rows = isJson
    ? jsonRows(file, text.replace(/^\uFEFF/, ""), variables)
    : csvRows(file, text, variables);
  if (rows.length === 0) throw new UnitListError(file, [{ line: 0, what: "holds no unit" }]);
  if (rows.length > UNITS_MOST)
    throw new UnitListError(file, [
      { line: 0, what: `holds ${rows.length} units; at most ${UNITS_MOST} go into one run` },
    ]);
  const units: Unit[] = [];
  const faults: UnitFault[] = [];
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
