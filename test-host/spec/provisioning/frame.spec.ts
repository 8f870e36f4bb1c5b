import assert from "node:assert/strict";
import { crc32 } from "node:zlib";
import fc from "fast-check";
import {
  AnswerReader,
  dataRoom,
  requestLine,
  type Answer,
} from "../../../hosts/workstation/provisioning/frames.js";
import { answerLine, RequestReader } from "../../../modules/provisioning/frame.js";

/** Checksums are those of Python's zlib. `bytes`: the last field as base64, in hexadecimal. */
const REQUESTS: readonly { line: string; fields: readonly string[]; bytes?: string }[] = [
  { line: "#>7 hello 1 39f7bf71", fields: ["7", "hello", "1"] },
  { line: "#>8 data 0 AAECAwQF c850c49b", fields: ["8", "data", "0", "AAECAwQF"], bytes: "000102030405" },
  { line: "#>9 data 6 Zg== d7dc9298", fields: ["9", "data", "6", "Zg=="], bytes: "66" },
  { line: "#>10 data 6 Zm8= f374239b", fields: ["10", "data", "6", "Zm8="], bytes: "666f" },
  { line: "#>11 data 9  781ff6ab", fields: ["11", "data", "9", ""], bytes: "" },
  { line: "#>12 status 709c8068", fields: ["12", "status"] },
  { line: "#>65535 open certificate 812 ffff23f3", fields: ["65535", "open", "certificate", "812"] },
];

const ANSWERS: readonly { line: string; number: number; text: string; bytes?: string }[] = [
  { line: "#<7 ok 5d5eeeb8", number: 7, text: "ok" },
  { line: "#<8 no order 394f3e0b", number: 8, text: "no order" },
  { line: "#<9 ok bytes=Zm9v 734f22cb", number: 9, text: "ok bytes=", bytes: "666f6f" },
  { line: "#<9 ok bytes=Zg== 0876fcbd", number: 9, text: "ok bytes=", bytes: "66" },
  { line: "#<9 ok bytes=Zm8= 6100de32", number: 9, text: "ok bytes=", bytes: "666f" },
  { line: "#<123456 ok bytes=+/8A 7757450b", number: 123_456, text: "ok bytes=", bytes: "fbff00" },
];

const bytesOf = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text, "latin1"));
const hexOf = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");

interface Found {
  readonly fields: readonly string[];
  /** Hexadecimal; empty when the last field is no base64. */
  readonly bytes: string;
}

/** What the device finds in a stream that comes in these pieces. */
function requestsIn(pieces: readonly Uint8Array[], frame = 120): Found[] {
  const reader = new RequestReader(frame);
  const found: Found[] = [];
  for (const piece of pieces)
    for (let at = 0; (at = reader.take(piece, at, piece.length)) > 0;) {
      const { fields } = reader;
      found.push({
        fields: [fields[0]?.slice(2) ?? "", ...fields.slice(1)],
        bytes: hexOf(reader.payload(fields.length - 1)),
      });
    }
  return found;
}

/** What the workstation finds. */
function answersIn(pieces: readonly Uint8Array[]): { answers: Answer[]; texts: string[] } {
  const answers: Answer[] = [];
  const texts: string[] = [];
  const reader = new AnswerReader(
    answer => answers.push(answer),
    text => texts.push(text),
  );
  for (const piece of pieces) reader.push(piece);
  return { answers, texts };
}

/** A stream cut into pieces in all the ways that matter: whole, byte by byte, at random places. */
function cuts(stream: Uint8Array): Uint8Array[][] {
  const ways = [[stream], Array.from(stream, byte => Uint8Array.of(byte))];
  for (const size of [2, 3, 7, 31])
    ways.push(
      Array.from({ length: Math.ceil(stream.length / size) }, (_, i) =>
        stream.slice(i * size, (i + 1) * size),
      ),
    );
  return ways;
}

/** What a console carries beside frames. */
const NOISE = [
  "ets Jul 29 2019 12:21:46\r\n\r\nrst:0x1 (POWERON_RESET),boot:0x13\r\n",
  "I (312) cpu_start: app #7 with # marks and #> half marks\r\n",
  "\xfe\x00\x80\xff#\xff#>\xfe",
  "#>8 data 0 AAEC",
  "#<7 ok",
  "x".repeat(500),
];

/** Behind the mark, and what a JavaScript number would make of it. */
const NO_NUMBERS: readonly string[] = [
  "",
  "1e3",
  "Infinity",
  "NaN",
  "-1",
  "-0",
  "+1",
  "1.0",
  "0x10",
  "007",
  "1000000000",
  "4294967303",
  "9007199254740992",
  "7_0",
];

describe("frames of provisioning", () => {
  for (const number of NO_NUMBERS)
    it(`the device takes "${number}" for no number of a request`, () => {
      const head = `#>${number} hello 1 `;
      const line = `${head}${crc32(Buffer.from(head.slice(0, -1)))
        .toString(16)
        .padStart(8, "0")}\n`;
      assert.deepEqual(requestsIn([bytesOf(line)]), []);
    });

  for (const number of [0, 1, 999_999_999])
    it(`the device takes ${String(number)} for a number`, () => {
      const reader = new RequestReader(120);
      const line = bytesOf(requestLine(number, "hello", ["1"]));
      assert.ok(reader.take(line, 0, line.length) > 0);
      assert.equal(reader.number, number);
    });

  for (const text of ["A", "AA", "AAA", "AAAAA", "AA=", "A===", "====", "AA==AAAA", "AA=A", "!AAA"])
    it(`the device takes ${text} for no base64`, () => {
      assert.equal(requestsIn([bytesOf(requestLine(1, "data", ["0", text]))])[0]?.bytes, "");
    });

  it("the device takes no argument for one that stands in another place", () => {
    const reader = new RequestReader(120);
    const line = bytesOf(requestLine(1, "csr", []));
    assert.ok(reader.take(line, 0, line.length) > 0);
    assert.equal(reader.payload(2).length, 0);
  });

  for (const { line, fields, bytes } of REQUESTS)
    it(`the device reads ${line}`, () => {
      for (const pieces of cuts(bytesOf(`${line}\n`))) {
        const found = requestsIn(pieces);
        assert.deepEqual(
          found.map(one => one.fields),
          [fields],
        );
        if (bytes !== undefined) assert.equal(found[0]?.bytes, bytes);
      }
    });

  for (const { line, fields } of REQUESTS)
    it(`the workstation writes ${line}`, () => {
      const [number, verb = "", ...args] = fields;
      assert.equal(requestLine(Number(number), verb, args), `${line}\n`);
    });

  for (const { line, number, text, bytes = "" } of ANSWERS) {
    it(`the device writes ${line}`, () => {
      assert.equal(
        Buffer.from(answerLine(number, text, Buffer.from(bytes, "hex"))).toString("latin1"),
        `${line}\n`,
      );
    });

    it(`the workstation reads ${line}`, () => {
      for (const pieces of cuts(bytesOf(`${line}\r\n`))) {
        const { answers, texts } = answersIn(pieces);
        assert.equal(answers.length, 1);
        assert.equal(answers[0]?.number, number);
        assert.equal(answers[0].refusal, text.startsWith("no ") ? text.slice(3) : undefined);
        if (bytes !== "")
          assert.equal(Buffer.from(answers[0].values.get("bytes") ?? "", "base64").toString("hex"), bytes);
        assert.deepEqual(texts, []);
      }
    });
  }

  for (const noise of NOISE) {
    it(`a frame is found behind ${JSON.stringify(noise.slice(0, 30))}`, () => {
      const frame = REQUESTS[1];
      assert.ok(frame);
      for (const pieces of cuts(bytesOf(`${noise}${frame.line}\n${noise}${frame.line}\r`)))
        assert.deepEqual(
          requestsIn(pieces).map(one => one.bytes),
          [frame.bytes, frame.bytes],
        );
      for (const pieces of cuts(bytesOf(`${noise}#<7 ok 5d5eeeb8\n${noise}#<7 ok 5d5eeeb8\n`)))
        assert.equal(answersIn(pieces).answers.length, 2);
    });
  }

  it("any one bit that changes makes a frame unreadable, or leaves what it says as it was", () => {
    for (const { line, fields } of REQUESTS) {
      const whole = bytesOf(`${line}\n`);
      for (let bit = 0; bit < whole.length * 8; bit++) {
        const changed = Uint8Array.from(whole);
        changed[bit >> 3] = (changed[bit >> 3] ?? 0) ^ (1 << (bit & 7));
        for (const found of requestsIn([changed])) assert.deepEqual(found.fields, fields);
      }
    }
  });

  it("the device passes over a line that is longer than it takes, and reads the next", () => {
    const long = requestLine(1, "data", ["0", "A".repeat(400)]);
    const exact = requestLine(2, "data", [
      "0",
      "A".repeat(120 - requestLine(2, "data", ["0", ""]).length + 1),
    ]);
    assert.equal(exact.length, 121);
    assert.deepEqual(
      requestsIn([bytesOf(long + exact + long)]).map(one => one.fields[0]),
      ["2"],
    );
  });

  for (const text of ["Zm-_", "Zm9\x7f", "====", "\xe9AAA"])
    it(`the device takes no bytes from ${JSON.stringify(text)}`, () => {
      assert.deepEqual(
        requestsIn([bytesOf(requestLine(1, "data", ["0", text]))]).map(one => one.bytes),
        [""],
      );
    });

  it("any bytes in a frame of any size come out as they went in", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), fc.nat(1 << 20), (bytes, number) => {
        const line = requestLine(number, "data", ["0", Buffer.from(bytes).toString("base64")]);
        assert.deepEqual(
          requestsIn([bytesOf(line)], 512).map(one => one.bytes),
          [hexOf(bytes)],
        );
        const answer = answerLine(number, "ok bytes=", bytes);
        const [found] = answersIn([answer]).answers;
        assert.equal(Buffer.from(found?.values.get("bytes") ?? "", "base64").toString("hex"), hexOf(bytes));
      }),
    );
  });

  it("a request that is filled up is exactly as long as the device takes, or up to three bytes shorter", () => {
    for (const frame of [120, 128, 512])
      for (const number of [0, 99, 65_535, 123_456]) {
        const room = dataRoom(frame, number, "data", ["1024"]);
        const line = requestLine(number, "data", ["1024", Buffer.alloc(room).toString("base64")]);
        assert.ok(line.length - 1 <= frame && line.length - 1 > frame - 4, String(line.length));
      }
  });

  it("what is no answer is handed on as text, but for what the tool said itself", () => {
    const { answers, texts } = answersIn([
      bytesOf("boot\r\n#>1 hello 1 00000000\nlog #3 of 4\n#<7 ok 5d5eeeb9\n"),
    ]);
    assert.deepEqual(answers, []);
    assert.deepEqual(texts, ["boot", "log #3 of 4", "#<7 ok 5d5eeeb9"]);
  });
});
