import assert from "node:assert/strict";
import fc from "fast-check";
import { TemplateMessage, templateParts } from "../../../hosts/firmware/template.js";

/** The payload, read in pieces of at most `size` bytes. */
function read(message: TemplateMessage, size: number): string {
  const parts: Buffer[] = [];
  let offset = 0;
  while (offset < message.byteLength) {
    const view = new Uint8Array(Math.min(size, message.byteLength - offset));
    const count = message.read(view, offset);
    assert.equal(count, view.length);
    parts.push(Buffer.from(view));
    offset += count;
  }
  return Buffer.concat(parts).toString("utf8");
}

describe("message template", () => {
  const texts: readonly (readonly [string, string, string])[] = [
    ["with the number in the middle", "reading {n} of 3", "reading 12 of 3"],
    ["with the number first", "{n} of 3", "12 of 3"],
    ["with the number last", "reading {n}", "reading 12"],
    ["that is the number alone", "{n}", "12"],
    ["with several numbers", "{n}, {n}{n}", "12, 1212"],
    ["without a number", "hello", "hello"],
    ["that is empty", "", ""],
    ["with characters of several bytes", "\u00e4{n}\u20ac\u{1f600}", "\u00e412\u20ac\u{1f600}"],
    ["with braces of its own", '{"n":{n}}', '{"n":12}'],
  ];
  for (const [name, template, expected] of texts)
    it(`makes a text ${name}`, () => {
      const message = new TemplateMessage(templateParts(template), 12);
      assert.equal(message.byteLength, Buffer.byteLength(expected));
      assert.equal(read(message, 1000), expected);
    });

  it("gives the same bytes whatever the pieces it is read in, and again from any offset", () => {
    fc.assert(
      fc.property(
        fc.array(fc.constantFrom("{n}", "a", "text", "\u20ac"), { maxLength: 6 }),
        fc.nat(1_000_000),
        fc.integer({ min: 1, max: 9 }),
        (pieces, n, size) => {
          const text = pieces.join("");
          const message = new TemplateMessage(templateParts(text), n);
          const expected = text.replaceAll("{n}", String(n));
          assert.equal(read(message, size), expected);
          const view = new Uint8Array(4);
          const offset = Math.min(size, message.byteLength);
          const count = message.read(view, offset);
          assert.deepEqual(
            [...view.subarray(0, count)],
            [...Buffer.from(expected).subarray(offset, offset + 4)],
          );
        },
      ),
    );
  });
});
