import assert from "node:assert/strict";
import fc from "fast-check";
import { jsonFaultLine } from "../../../certs/json-fault.js";

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

describe("where a text stops being JSON", () => {
  for (const [text, line] of [
    ['{"a": [1, -2.5e3, true, null, "\\u00e4\\n\u007f"]}\n', 0],
    ['{\n"a": 1,\n}', 3],
    ['{\n"a" 1}', 2],
    ["[1,\n2,\n]", 3],
    ["[1\n", 2],
    ["[1]\n]", 2],
    ['{"a":\n"b\nc"}', 2],
    ["[01]", 1],
    ["", 1],
    ["[}", 1],
  ] as const)
    it(`${JSON.stringify(text)}: ${line === 0 ? "nowhere" : `line ${line}`}`, () => {
      assert.equal(jsonFaultLine(text), line);
    });

  it("agrees with the engine's own parser, whatever was changed in a text", () => {
    const changed = fc
      .tuple(
        fc.json({ maxDepth: 3 }),
        fc.nat(),
        fc.constantFrom("", "{", "}", "[", "]", ":", ",", '"', "\\", "-", "0", ".", "e", "t", "\n"),
      )
      .map(([text, at, by]) => {
        const place = at % (text.length + 1);
        return text.slice(0, place) + by + text.slice(place + 1);
      });
    fc.assert(
      fc.property(changed, text => {
        assert.equal(jsonFaultLine(text) === 0, isJson(text), text);
      }),
      { numRuns: 2_000 },
    );
  });
});
