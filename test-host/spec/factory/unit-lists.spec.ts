import assert from "node:assert/strict";
import fc from "fast-check";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { readUnits, UnitListError } from "../../../certs/units/list.js";

/** A row as somebody writes it; members that are absent are empty in CSV. */
interface Written {
  readonly serial: string;
  readonly imei?: string;
  readonly mac?: string;
  readonly client_id?: string;
  readonly label?: string;
  readonly site: string;
}

const COLUMNS = ["serial", "imei", "mac", "client_id", "label", "site"] as const;
type Column = (typeof COLUMNS)[number];

const DIGITS = Array.from("0123456789");
const LETTERS = Array.from("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz");

/** The check digit of 3GPP TS 23.003 annex B.2, digit by digit from the right. */
function withCheckDigit(body: string): string {
  let sum = 0;
  Array.from(body)
    .reverse()
    .forEach((digit, place) => {
      const value = Number(digit) * (place % 2 === 0 ? 2 : 1);
      sum += Math.floor(value / 10) + (value % 10);
    });
  return body + String((10 - (sum % 10)) % 10);
}

const imei = fc
  .string({ unit: fc.constantFrom(...DIGITS), minLength: 14, maxLength: 14 })
  .map(withCheckDigit);
const serial = fc
  .tuple(
    fc.constantFrom(...DIGITS, ...LETTERS, "_", ":"),
    fc.string({ unit: fc.constantFrom(...DIGITS, ...LETTERS, ".", "_", ":", "-"), maxLength: 63 }),
  )
  .map(([first, rest]) => first + rest);
/** A MAC address in one of the notations that people paste. */
const mac = fc
  .tuple(fc.uint8Array({ minLength: 6, maxLength: 6 }), fc.constantFrom("", ":", "-", "."), fc.boolean())
  .map(([bytes, separator, capitals]) => {
    const hex = Buffer.from(bytes).toString("hex");
    const text = hex.match(separator === "." ? /.{4}/g : /../g)?.join(separator) ?? hex;
    return capitals ? text.toUpperCase() : text;
  });
/** Text with everything that CSV makes a fuss of, but control characters. */
const text = fc
  .string({
    unit: fc.oneof(
      fc.constantFrom(...Array.from("ab,;\"' |=+@é✓😀")),
      fc.string({ minLength: 1, maxLength: 1 }),
    ),
    minLength: 1,
    maxLength: 24,
  })
  .filter(given => given === given.trim() && given !== "" && !/[\p{Cc}\p{Cs}\uFFFD\uFEFF]/u.test(given));

const optional = <Value>(values: fc.Arbitrary<Value>): fc.Arbitrary<Value | undefined> =>
  fc.option(values, { nil: undefined, freq: 2 });

const bare = (address: string): string => address.replace(/[:.-]/g, "").toUpperCase();

/** Rows of which none is at odds with another. */
const rows: fc.Arbitrary<readonly Written[]> = fc
  .array(
    fc.record(
      {
        serial,
        imei: optional(imei),
        mac: optional(mac),
        client_id: optional(text),
        label: optional(text),
        site: text,
      },
      { requiredKeys: ["serial", "site"] },
    ),
    { minLength: 1, maxLength: 12 },
  )
  .map(all => {
    const taken = new Set<string>();
    const isFree = (kind: string, value: string | undefined): boolean =>
      value === undefined || !taken.has(`${kind} ${value}`);
    return all
      .filter(row => {
        const claims: readonly (readonly [string, string | undefined])[] = [
          ["serial", row.serial.toLowerCase()],
          ["imei", row.imei],
          ["mac", row.mac === undefined ? undefined : bare(row.mac)],
          ["client_id", row.client_id?.toLowerCase()],
        ];
        if (!claims.every(([kind, value]) => isFree(kind, value))) return false;
        for (const [kind, value] of claims) taken.add(`${kind} ${value ?? ""}`);
        return true;
      })
      .map(row => {
        const found: Record<string, string> = {};
        for (const name of COLUMNS) {
          const value = row[name];
          if (value !== undefined) found[name] = value;
        }
        return { serial: row.serial, site: row.site, ...found };
      });
  });

/** How a file of CSV is written. */
interface Style {
  readonly delimiter: "," | ";" | "\t";
  readonly end: "\n" | "\r\n";
  readonly bom: boolean;
  /** Everything in quotation marks, or only what has to be (RFC 4180 §2). */
  readonly quoteAll: boolean;
  readonly lastEnd: boolean;
  /** Lines without anything before each row. */
  readonly blanks: boolean;
  readonly headers: "plain" | "spoken";
}

const style: fc.Arbitrary<Style> = fc.record({
  delimiter: fc.constantFrom(",", ";", "\t"),
  end: fc.constantFrom("\n", "\r\n"),
  bom: fc.boolean(),
  quoteAll: fc.boolean(),
  lastEnd: fc.boolean(),
  blanks: fc.boolean(),
  headers: fc.constantFrom("plain", "spoken"),
});

const SPOKEN: Readonly<Record<Column, string>> = {
  serial: "Serial",
  imei: "IMEI",
  mac: "MAC",
  client_id: "Client ID",
  label: "Label",
  site: "site",
};

function quoted(value: string, { delimiter, quoteAll }: Style): string {
  const must = value.includes(delimiter) || /["\r\n]/.test(value);
  return must || quoteAll ? `"${value.replaceAll('"', '""')}"` : value;
}

/** Lines of a CSV file, the header first; cells beyond the columns are written, too. */
function csv(cells: readonly (readonly string[])[], style: Style): string {
  const lines = cells.map(row => row.map(value => quoted(value, style)).join(style.delimiter));
  const [header = "", ...rest] = lines;
  const body = style.blanks ? rest.flatMap(line => ["", line]) : rest;
  const whole = [header, ...body].join(style.end) + (style.lastEnd ? style.end : "");
  return (style.bom ? "\uFEFF" : "") + whole;
}

const cellsOf = (row: Written): string[] => COLUMNS.map(name => row[name] ?? "");
const headerOf = ({ headers }: Style): string[] =>
  COLUMNS.map(name => (headers === "plain" ? name : SPOKEN[name]));
/** Line of the row of that index, from 0. */
const lineOf = ({ blanks }: Style, index: number): number => (blanks ? 3 + 2 * index : 2 + index);

describe("lists of units, of any contents", () => {
  const folder = mkdtempSync(join(tmpdir(), "units-"));
  const file = join(folder, "units");
  after(() => {
    rmSync(folder, { recursive: true });
  });

  function read(contents: string | Uint8Array): ReturnType<typeof readUnits> {
    writeFileSync(file, contents);
    return readUnits(file, ["site"]);
  }

  /** Lines of the faults that the list is refused for. */
  function refusal(contents: string | Uint8Array): readonly { line: number; what: string }[] {
    try {
      read(contents);
    } catch (error) {
      if (error instanceof UnitListError) return error.faults;
      throw error;
    }
    return assert.fail("it was taken");
  }

  function expected(all: readonly Written[], line: (index: number) => number): unknown {
    return all.map((row, index) => ({
      serial: row.serial,
      ...(row.imei !== undefined && { imei: row.imei }),
      ...(row.mac !== undefined && { mac: bare(row.mac) }),
      ...(row.client_id !== undefined && { clientId: row.client_id }),
      ...(row.label !== undefined && { label: row.label }),
      variables: { site: row.site },
      line: line(index),
    }));
  }

  it("a valid one comes through CSV of any style as it was, with the lines of its units", () => {
    fc.assert(
      fc.property(rows, style, (all, style) => {
        const units = read(csv([headerOf(style), ...all.map(cellsOf)], style));
        assert.deepEqual(
          units,
          expected(all, index => lineOf(style, index)),
        );
      }),
      { numRuns: 400 },
    );
  });

  it("a valid one comes through JSON as it was, with the places of its units", () => {
    fc.assert(
      fc.property(rows, fc.boolean(), fc.constantFrom(undefined, 2, "\t"), (all, bom, indent) => {
        const units = read((bom ? "\uFEFF" : "") + JSON.stringify(all, undefined, indent));
        assert.deepEqual(
          units.map(({ entry, ...unit }) => (entry === true ? unit : undefined)),
          expected(all, index => index + 1),
        );
      }),
      { numRuns: 200 },
    );
  });

  /** What makes of a good row a bad one; the other row is before it. */
  const SPOILERS: readonly (readonly [title: string, spoil: (row: Written, other: Written) => Written])[] = [
    ["an empty serial", row => ({ ...row, serial: "" })],
    ["a serial of 65 characters", row => ({ ...row, serial: "s".repeat(65) })],
    ["a serial with a blank inside", row => ({ ...row, serial: "s 1" })],
    ["a serial with a blank at its end", row => ({ ...row, serial: `${row.serial.slice(0, 63)} ` })],
    ["a serial that is a path", row => ({ ...row, serial: "../passwd" })],
    ["a serial that is an option", row => ({ ...row, serial: "-rf" })],
    ["a serial with an umlaut", row => ({ ...row, serial: "sä" })],
    ["a serial of another script's letters", row => ({ ...row, serial: "ѕ1" })],
    ["an IMEI of 14 digits", row => ({ ...row, imei: "86712300123456" })],
    ["an IMEI of 16 digits", row => ({ ...row, imei: "8671230012345678" })],
    ["an IMEI with a wrong check digit", row => ({ ...row, imei: "867123001234567" })],
    ["an IMEI that a spreadsheet has rounded", row => ({ ...row, imei: "8.67123E+14" })],
    ["a MAC address of five bytes", row => ({ ...row, mac: "02:00:00:00:01" })],
    ["a MAC address with two separators", row => ({ ...row, mac: "02:00-00:00-00:01" })],
    ["a MAC address with letters beyond F", row => ({ ...row, mac: "02000000000G" })],
    ["a client id with an escape character", row => ({ ...row, client_id: "a\u001b[2Jb" })],
    ["a label of two lines", row => ({ ...row, label: "a\nb" })],
    ["a label of 257 characters", row => ({ ...row, label: "x".repeat(257) })],
    ["a variable that is missing", row => ({ ...row, site: "" })],
    ["the serial of another unit", (row, other) => ({ ...row, serial: other.serial })],
    [
      "the serial of another unit in other capitals",
      (row, other) => ({
        ...row,
        serial:
          other.serial === other.serial.toUpperCase()
            ? other.serial.toLowerCase()
            : other.serial.toUpperCase(),
      }),
    ],
    ["the IMEI of another unit", (row, other) => ({ ...row, imei: other.imei ?? "" })],
    [
      "the MAC address of another unit, written otherwise",
      (row, other) => ({ ...row, mac: bare(other.mac ?? "") }),
    ],
    ["the client id of another unit", (row, other) => ({ ...row, client_id: other.client_id ?? "" })],
  ];

  /** A row that everything can be taken from, before all others. */
  const FIRST: Written = {
    serial: "first-Unit",
    imei: withCheckDigit("86712300000000"),
    mac: "02:ab:cd:ef:00:01",
    client_id: "first-client",
    site: "s",
  };

  function spoiled(
    all: readonly Written[],
    faults: readonly { readonly at: number; readonly by: number }[],
  ): { readonly list: readonly Written[]; readonly at: readonly number[] } {
    const list: Written[] = [FIRST, ...all];
    const at = new Set<number>();
    for (const { at: chosen, by } of faults) {
      const index = 1 + (chosen % all.length);
      const row = list[index];
      const spoil = SPOILERS[by]?.[1];
      // Each row once: two faults of one row could make a good one.
      if (row === undefined || spoil === undefined || at.has(index)) continue;
      list[index] = spoil(row, FIRST);
      at.add(index);
    }
    return { list, at: [...at].sort((a, b) => a - b) };
  }

  const others = rows.filter(all =>
    all.every(
      row =>
        row.serial.toLowerCase() !== FIRST.serial.toLowerCase() &&
        row.client_id?.toLowerCase() !== FIRST.client_id &&
        row.imei !== FIRST.imei &&
        (row.mac === undefined || bare(row.mac) !== bare(FIRST.mac ?? "")) &&
        row.serial !== "s".repeat(65),
    ),
  );
  const spoilers = fc.array(fc.record({ at: fc.nat(), by: fc.nat({ max: SPOILERS.length - 1 }) }), {
    minLength: 1,
    maxLength: 4,
  });

  for (const [by, [title]] of SPOILERS.entries())
    it(`refuses the whole for ${title}, and names its line`, () => {
      fc.assert(
        fc.property(others, fc.nat(), style, (all, at, style) => {
          const { list, at: lines } = spoiled(all, [{ at, by }]);
          const faults = refusal(csv([headerOf(style), ...list.map(cellsOf)], style));
          assert.deepEqual(
            [...new Set(faults.map(({ line }) => line))],
            lines.map(index => lineOf(style, index)),
          );
        }),
        { numRuns: 15 },
      );
    });

  it("tells all faults of a list at once, in the order of their lines, in CSV as in JSON", () => {
    fc.assert(
      fc.property(others, spoilers, style, (all, faults, style) => {
        const { list, at } = spoiled(all, faults);
        // A label of two lines moves what follows.
        const twoLines = (index: number): number =>
          list.slice(0, index).filter(({ label }) => label === "a\nb").length;
        assert.deepEqual(
          [...new Set(refusal(csv([headerOf(style), ...list.map(cellsOf)], style)).map(({ line }) => line))],
          at.map(index => lineOf(style, index) + twoLines(index)),
        );
        assert.deepEqual(
          [...new Set(refusal(JSON.stringify(list)).map(({ line }) => line))],
          at.map(index => index + 1),
        );
      }),
      { numRuns: 300 },
    );
  });

  it("refuses rows of more or fewer cells than the header, each by its line", () => {
    fc.assert(
      fc.property(rows, fc.nat(), fc.boolean(), style, (all, chosen, more, style) => {
        const at = chosen % all.length;
        const cells = all.map((row, index) =>
          index !== at ? cellsOf(row) : more ? [...cellsOf(row), "x"] : cellsOf(row).slice(0, -1),
        );
        assert.deepEqual(
          refusal(csv([headerOf(style), ...cells], style)).map(({ line }) => line),
          [lineOf(style, at)],
        );
      }),
      { numRuns: 200 },
    );
  });

  const HEADERS: readonly (readonly [title: string, header: readonly string[]])[] = [
    ["no serial", ["serail", "imei", "mac", "client_id", "label", "site"]],
    ["a column twice", ["serial", "imei", "imei", "client_id", "label", "site"]],
    ["a column that nobody knows", ["serial", "imei", "mac", "client_id", "lable", "site"]],
    ["no column of the profile's variable", ["serial", "imei", "mac", "client_id", "label", "label"]],
  ];
  for (const [title, header] of HEADERS)
    it(`refuses a header with ${title}, as line 1`, () => {
      fc.assert(
        fc.property(rows, style, (all, style) => {
          const faults = refusal(csv([header, ...all.map(cellsOf)], style));
          assert.deepEqual([...new Set(faults.map(({ line }) => line))], [1]);
        }),
        { numRuns: 30 },
      );
    });

  it("never takes bytes for a list that is none, and never fails otherwise than by refusing it", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), bytes => {
        assert.ok(refusal(bytes).length > 0);
      }),
      { numRuns: 500 },
    );
    fc.assert(
      fc.property(fc.json(), text => {
        assert.ok(refusal(text).length > 0);
      }),
      { numRuns: 500 },
    );
  });

  it("a list that was cut off anywhere is refused or is the beginning of the whole one", () => {
    fc.assert(
      fc.property(rows, style, fc.nat(), (all, style, cut) => {
        const whole = Buffer.from(csv([headerOf(style), ...all.map(cellsOf)], style));
        const piece = whole.subarray(0, cut % whole.length);
        let units: ReturnType<typeof readUnits>;
        try {
          units = read(piece);
        } catch (error) {
          assert.ok(error instanceof UnitListError);
          return;
        }
        // A cut inside the last cell shortens it: only the last unit may differ.
        const want = expected(all, index => lineOf(style, index));
        assert.ok(Array.isArray(want));
        assert.deepEqual(units.slice(0, -1), want.slice(0, units.length - 1));
      }),
      { numRuns: 300 },
    );
  });

  it("shows nothing of a list that acts on a terminal", () => {
    const [fault] = refusal("serial,site\n\u001b]0;title\u0007,x\n");
    assert.ok(fault);
    assert.doesNotMatch(fault.what, /\p{Cc}/u);
  });
});
