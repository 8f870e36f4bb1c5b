import assert from "node:assert/strict";
import fc from "fast-check";
import { readUnits, UnitListError } from "../../../certs/units/list.js";
import { isImei, macOf } from "../../../certs/units/unit.js";
import { CertificateFolder } from "./files.js";

describe("lists of units", () => {
  const folder = new CertificateFolder();
  after(() => folder.remove());
  let number = 0;

  function read(text: string | Uint8Array, variables: readonly string[] = []) {
    return readUnits(folder.file(`list-${number++}`, text), variables);
  }

  function faultsOf(text: string | Uint8Array, variables: readonly string[] = []): readonly string[] {
    try {
      read(text, variables);
    } catch (error) {
      assert.ok(error instanceof UnitListError, String(error));
      assert.ok(error.why.includes("no unit was touched"));
      return error.faults.map(({ line, what }) => `${line}: ${what}`);
    }
    return [];
  }

  it("a CSV file gives units with the lines that they stand in", () => {
    const units = read(
      "serial,imei,mac,client_id,label,batch\nA-1,490154203237518,a4:cf:12:00:00:01,client one,Meter 1,7\nA-2,,,,,7\n",
      ["batch"],
    );
    assert.deepEqual(units, [
      {
        serial: "A-1",
        imei: "490154203237518",
        mac: "A4CF12000001",
        clientId: "client one",
        label: "Meter 1",
        variables: { batch: "7" },
        line: 2,
      },
      { serial: "A-2", variables: { batch: "7" }, line: 3 },
    ]);
  });

  const same: readonly (readonly [string, string | Uint8Array])[] = [
    ["with CRLF", "serial,label\r\nA-1,x\r\nA-2,y\r\n"],
    ["with a byte order mark", "\uFEFFserial,label\nA-1,x\nA-2,y\n"],
    ["with semicolons", "serial;label\nA-1;x\nA-2;y\n"],
    ["with tabs", "serial\tlabel\nA-1\tx\nA-2\ty\n"],
    ["without a line end at its end", "serial,label\nA-1,x\nA-2,y"],
    ["with quotes", '"serial","label"\n"A-1","x"\nA-2,"y"\n'],
    ["with a header as people write it", "Serial , LABEL\nA-1,x\nA-2,y\n"],
  ];
  for (const [name, text] of same)
    it(`a CSV file is read ${name}`, () => {
      assert.deepEqual(
        read(text).map(unit => [unit.serial, unit.label, unit.line]),
        [
          ["A-1", "x", 2],
          ["A-2", "y", 3],
        ],
      );
    });

  it("an empty line is passed over, and lines behind it keep their numbers", () => {
    assert.deepEqual(
      read("serial\nA-1\n\nA-2\n").map(unit => unit.line),
      [2, 4],
    );
  });

  it("a JSON array gives the same units, by their places", () => {
    const units = read(
      '[{"serial":"A-1","imei":"490154203237518","batch":"7"},{"serial":"A-2","batch":"7"}]',
      ["batch"],
    );
    assert.deepEqual(units, [
      { serial: "A-1", imei: "490154203237518", variables: { batch: "7" }, line: 1, entry: true },
      { serial: "A-2", variables: { batch: "7" }, line: 2, entry: true },
    ]);
  });

  const faults: readonly (readonly [string, string | Uint8Array, readonly RegExp[], (readonly string[])?])[] =
    [
      ["an empty file", "", [/^0: is empty$/]],
      ["a header alone", "serial\n", [/^0: holds no unit$/]],
      ["no column serial", "imei\n490154203237518\n", [/^1: there is no column serial \(columns: imei\)$/]],
      ["an unknown column", "serial,imie\nA,1\n", [/^1: column imie is not known/]],
      ["a column twice", "serial,imei,imei\nA,,\n", [/^1: column imei is there twice$/]],
      [
        "a column that the profile needs",
        "serial\nA\n",
        [/^1: there is no column batch, which the profile needs$/],
        ["batch"],
      ],
      [
        "an empty variable",
        "serial,batch\nA,\n",
        [/^2: batch is empty, and the profile needs it$/],
        ["batch"],
      ],
      ["a row too short", "serial,imei\nA\n", [/^2: has 1 columns; the header has 2$/]],
      ["a row too long", "serial\nA,B\n", [/^2: has 2 columns; the header has 1$/]],
      ["an empty serial", "serial,label\n,x\n", [/^2: serial is empty$/]],
      ["a serial with a slash", "serial\n../etc\n", [/^2: serial "\.\.\/etc" is not made of/]],
      [
        "a serial that is too long",
        `serial\n${"A".repeat(65)}\n`,
        [/^2: serial "A{37}\.\.\." is not made of/],
      ],
      ["a serial with a blank behind it", 'serial\n"A "\n', [/^2: serial begins or ends with a blank$/]],
      [
        "an IMEI with a wrong check digit",
        "serial,imei\nA,866425030000018\n",
        [/^2: imei "866425030000018" has a wrong check digit$/],
      ],
      [
        "an IMEI that a spreadsheet has rounded",
        "serial,imei\nA,8.66425E+14\n",
        [/^2: imei "8\.66425E\+14" is not 15 digits$/],
      ],
      [
        "a MAC address of five bytes",
        "serial,mac\nA,a4:cf:12:00:00\n",
        [/^2: mac "a4:cf:12:00:00" is not 12 hexadecimal digits$/],
      ],
      ["two serials alike", "serial\nA-1\nB\na-1\n", [/^4: serial a-1 is that of line 2 \(A-1\) too$/]],
      [
        "two IMEIs and two MAC addresses alike",
        "serial,imei,mac\nA,490154203237518,a4cf12000001\nB,490154203237518,A4-CF-12-00-00-01\n",
        [
          /^3: imei 490154203237518 is that of line 2 \(A\) too$/,
          /^3: mac A4CF12000001 is that of line 2 \(A\) too$/,
        ],
      ],
      [
        "several faults, all told",
        "serial,imei\nA/,1\n,2\nB,\n",
        [/^2: serial/, /^2: imei/, /^3: serial is empty/, /^3: imei/],
      ],
      [
        "an open quotation, and what stands before it",
        'serial,label\n/,x\n\nA,"x\n/,y\n',
        [
          /^2: serial/,
          /^4: is no CSV: a quotation mark is opened and never closed .*; nothing was read from there on$/,
        ],
      ],
      [
        "a row too short, and what is wrong in others",
        "serial,imei\n/,\nA\nB,1\n",
        [/^2: serial/, /^3: has 1 columns/, /^4: imei/],
      ],
      ["bytes that are no UTF-8", Buffer.from("serial\nA\n\xe4\n", "latin1"), [/^3: is not UTF-8$/]],
      ["UTF-16", Buffer.from("\uFEFFserial\nA\n", "utf16le"), [/^0: is not UTF-8, but UTF-16 or no text$/]],
      ["JSON that ends early", '[{"serial":"A"},\n{"serial":"B"}\n', [/^3: is no JSON from here on$/]],
      ["JSON without an array", '{"serial":"A"}', [/^0: holds no array of units$/]],
      [
        "a number in JSON",
        '[{"serial":"A","imei":490154203237518}]',
        [/^1: imei is no text: put it in quotation marks$/],
      ],
      ["an unknown member", '[{"serial":"A","imie":"1"}]', [/^1: member imie is not known$/]],
      ["JSON of texts", '["A"]', [/^1: is no object$/]],
    ];
  for (const [name, text, expected, variables] of faults)
    it(`refused whole, with the line: ${name}`, () => {
      const found = faultsOf(text, variables);
      assert.equal(found.length, expected.length, found.join("\n"));
      expected.forEach((pattern, index) => assert.match(found[index] ?? "", pattern));
    });

  function refusal(file: string): UnitListError {
    try {
      readUnits(file, []);
    } catch (error) {
      assert.ok(error instanceof UnitListError, String(error));
      return error;
    }
    return assert.fail("it was taken");
  }

  it("a file that is not there is an input error, and its fix names the path", () => {
    const error = refusal(`${folder.path}/none.csv`);
    assert.match(error.what, /cannot be read \(ENOENT\)$/);
    assert.match(error.fix, /spelling of the path/);
  });

  // Cause: all told to correct lines that none of them named.
  for (const [name, text, fix] of [
    ["UTF-16", Buffer.from("\uFEFFserial\nA\n", "utf16le"), /iconv -f UTF-16 /],
    ["Windows-1252", Buffer.from("serial,label\nA,\xe4\n", "latin1"), /iconv -f WINDOWS-1252 /],
    ["an empty file", "", /Write the units into it/],
    ["a file that is no list", "hello\n", /Give the list of units/],
    ["JSON that is none", '[{"serial":}]', /Correct that line/],
    ["a wrong header", "serial,imie\nA,1\n", /Correct line 1\. The lines below it/],
    ["a wrong line", "serial\n/\n", /Correct the lines named/],
    ["a wrong entry", '[{"serial":"/"}]', /Correct the entries named/],
  ] as const)
    it(`has a fix of its own: ${name}`, () => {
      assert.match(refusal(folder.file(`list-${number++}`, text)).fix, fix);
    });

  // Cause: "line 2" of a JSON file is not where its second unit stands.
  it("names the places of a JSON array as entries", () => {
    const file = folder.file(`list-${number++}`, '[\n\n{"serial":"A"},\n{"serial":"a"}]');
    assert.match(refusal(file).what, /: entry 2: serial a is that of entry 1 \(A\) too$/);
  });

  // Cause: the header's names were shown, whatever the file was.
  for (const [name, text] of [
    ["a passphrase", "Hunter2/geheim\n"],
    ["a passphrase that could be a column", "hunter2geheim"],
    ["a passphrase with a comma", "hunter2,geheim\n"],
    ["a passphrase with a quotation mark", 'hunter2"geheim\n'],
    ["a passphrase with a brace", "{hunter2geheim\n"],
    ["a passphrase with a bracket", '["hunter2geheim\n'],
    ["a JSON file of secrets", '[{"hunter2":"geheim"}]'],
    ["a column that is no name", "serial,Hunter2/geheim\nA,x\n"],
    ["a member that is no name", '[{"serial":"A","Hunter2/geheim":"x"}]'],
    ["a key", "-----BEGIN PRIVATE KEY-----\nhunter2geheim\n-----END PRIVATE KEY-----\n"],
  ] as const)
    it(`shows nothing of a file that is no list: ${name}`, () => {
      const { what, why, fix, faults, message } = refusal(folder.file(`list-${number++}`, text));
      assert.doesNotMatch(JSON.stringify([what, why, fix, faults, message]), /hunter|geheim/i);
    });

  it("what is written as CSV comes back, whatever the texts are", () => {
    const serials = fc.uniqueArray(fc.stringMatching(/^[A-Za-z0-9_][A-Za-z0-9._:-]{0,20}$/), {
      minLength: 1,
      maxLength: 20,
      selector: text => text.toLowerCase(),
    });
    const label = fc
      .string({ unit: "grapheme", maxLength: 20 })
      .filter(text => text === text.trim() && !/\p{Cc}|\uFFFD/u.test(text));
    fc.assert(
      fc.property(serials, fc.array(label, { minLength: 20, maxLength: 20 }), (names, labels) => {
        const quoted = (text: string): string => `"${text.replaceAll('"', '""')}"`;
        const rows = names.map((name, index) => `${quoted(name)},${quoted(labels[index] ?? "")}`);
        const units = read(`serial,label\n${rows.join("\n")}\n`);
        assert.deepEqual(
          units.map(unit => [unit.serial, unit.label ?? "", unit.line]),
          names.map((name, index) => [name, labels[index] ?? "", index + 2]),
        );
      }),
      { numRuns: 60 },
    );
  });

  it("no file makes it throw anything but an input error", () => {
    const bytes = fc.oneof(
      fc.uint8Array({ maxLength: 200 }),
      fc.string({ maxLength: 200 }).map(text => Buffer.from(`serial,imei\n${text}`)),
    );
    fc.assert(
      fc.property(bytes, content => {
        try {
          for (const unit of read(content)) assert.match(unit.serial, /^[\w:][\w.:-]{0,63}$/);
        } catch (error) {
          assert.ok(error instanceof UnitListError, String(error));
          assert.ok(error.faults.length > 0);
        }
      }),
      { numRuns: 200 },
    );
  });

  it("an IMEI's check digit is Luhn's, and any one digit changed is found", () => {
    assert.ok(isImei("490154203237518"));
    for (let at = 0; at < 15; at++) {
      const digits = "490154203237518".split("");
      digits[at] = String((Number(digits[at]) + 1) % 10);
      assert.ok(!isImei(digits.join("")));
    }
  });

  for (const [text, expected] of [
    ["a4cf12000001", "A4CF12000001"],
    ["A4:CF:12:00:00:01", "A4CF12000001"],
    ["a4-cf-12-00-00-01", "A4CF12000001"],
    ["a4cf.1200.0001", "A4CF12000001"],
    ["a4:cf-12:00:00:01", undefined],
    ["a4cf1200000", undefined],
    ["g4cf12000001", undefined],
  ] as const)
    it(`MAC address ${text} is ${expected ?? "none"}`, () => {
      assert.equal(macOf(text), expected);
    });
});
