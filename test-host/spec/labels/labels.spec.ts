import fc from "fast-check";
import assert from "node:assert/strict";
import { FactoryError } from "../../../certs/factory-error.js";
import { glyphOf } from "../../../certs/labels/font.js";
import { placeLabel, QUIET_ZONE, type LabelLayout } from "../../../certs/labels/layout.js";
import { labelPng } from "../../../certs/labels/picture.js";
import { labelSheet, labelSvg } from "../../../certs/labels/svg.js";
import { fillTemplate, type LabelUnit } from "../../../certs/labels/template.js";
import { all } from "../../factory/settled.js";
import { decoded, drawnSymbols, hasZbar, readPng } from "./readers.js";

const unit: LabelUnit = {
  serial: "SN-000123",
  mac: "AABBCCDDEEFF",
  imei: "490154203237518",
  label: "Lab 2",
  fingerprint: "0123456789abcdef".repeat(4),
  variables: { site: "a/b c" },
};
const layout: LabelLayout = { width: 50, height: 20, lines: ["{serial}", "MAC {mac}"] };

function coded(code: string, what: RegExp): (error: unknown) => boolean {
  return error =>
    error instanceof FactoryError && error.code === code && error.side === "input" && what.test(error.what);
}

describe("labels", () => {
  it("templates are filled with a unit's values", () => {
    const cases: [string, string][] = [
      ["{serial}", "SN-000123"],
      ["{serial};{mac};{imei}", "SN-000123;AABBCCDDEEFF;490154203237518"],
      ["{fingerprint:12}", "0123456789ab"],
      ["x{client_id?}y", "xy"],
      ["{{{serial}}}", "{SN-000123}"],
      ["{site}", "a/b c"],
      ["https://example.com/u/{site}?l={label}", "https://example.com/u/a%2Fb%20c?l=Lab%202"],
    ];
    for (const [template, expected] of cases) assert.equal(fillTemplate(template, unit), expected);
  });

  it("half a surrogate pair, which JSON can hold, does not end the filling of a URL", () => {
    assert.equal(fillTemplate("https://x/{label}", { ...unit, label: "a\uD800b" }), "https://x/a%EF%BF%BDb");
  });

  it("templates that name nothing, and values that a unit does not have, are refused", () => {
    for (const template of ["{", "}", "{}", "{ serial}", "{serial", "{SERIAL}", "{serial:}"])
      assert.throws(() => fillTemplate(template, unit), coded("label-template", /names no value/), template);
    for (const template of ["{client_id}", "{constructor}", "{nothing}"])
      assert.throws(() => fillTemplate(template, unit), coded("label-value", /SN-000123 has no/), template);
  });

  it("everything stays on the label: text is shrunk, and refused rather than cut", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 10, max: 80 }),
        fc.integer({ min: 10, max: 80 }),
        fc.array(fc.string({ unit: "grapheme", maxLength: 60 }), { maxLength: 5 }),
        (width, height, texts) => {
          const lines = texts.map(text => text.replace(/[{}]/g, ""));
          let placed;
          try {
            placed = placeLabel(unit, { width, height, lines });
          } catch (error) {
            assert.ok(error instanceof FactoryError && /^label-(text|size)$/.test(error.code), String(error));
            return;
          }
          const { symbol } = placed;
          const least = (symbol.size + 2 * QUIET_ZONE) * 0.25;
          assert.ok(symbol.side >= least - 1e-6 && symbol.x >= 1 - 1e-6 && symbol.y >= 1 - 1e-6);
          assert.ok(
            symbol.x + symbol.side <= width - 1 + 1e-6 && symbol.y + symbol.side <= height - 1 + 1e-6,
          );
          const shown = lines.map(line => line.replace(/\s+/gu, " ").trim()).filter(line => line !== "");
          assert.deepEqual(
            placed.texts.map(({ text }) => text),
            shown,
          );
          for (const text of placed.texts) {
            assert.ok(
              text.height >= 1.2 - 1e-6 && text.x >= 1 - 1e-6 && text.x + text.width <= width - 1 + 1e-6,
            );
            const top = text.y - 0.8 * text.height;
            assert.ok(top >= 1 - 1e-6 && top + text.height <= height - 1 + 1e-6);
            // Beside the symbol with its quiet zone, or below it.
            assert.ok(text.x >= symbol.x + symbol.side - 1e-6 || top >= symbol.y + symbol.side - 1e-6);
          }
        },
      ),
      { numRuns: 400 },
    );
  });

  it("labels that are too small are refused, with what they need", () => {
    assert.throws(() => labelSvg(unit, { width: 5, height: 5 }), coded("label-size", /needs 7\.3 mm/));
    assert.throws(
      () => labelSvg(unit, { ...layout, lines: ["x".repeat(80)] }),
      coded("label-text", /does not fit/),
    );
    assert.throws(
      () => labelSvg(unit, { ...layout, payload: "{serial}".repeat(500) }),
      coded("label-size", /symbol/),
    );
    for (const width of [NaN, -1, Infinity, 0])
      assert.throws(() => labelSvg(unit, { width, height: 20 }), coded("label-size", /./));
  });

  it("SVG: millimetres, escaped text, and no text wider than its place whatever the font", () => {
    const svg = labelSvg({ ...unit, label: `<b>&"'` }, { ...layout, lines: ["{label}"] });
    assert.match(svg, /width="50mm" height="20mm" viewBox="0 0 50 20"/);
    assert.ok(svg.includes("&lt;b&gt;&amp;&quot;&#39;") && !svg.includes("<b>"));
    assert.match(svg, /<text [^>]*textLength="[\d.]+" lengthAdjust="spacingAndGlyphs">/);
  });

  it("SVG: what the symbol holds is told escaped", () => {
    const svg = labelSvg({ ...unit, label: `</title><script>&` }, { ...layout, payload: "{label}" });
    assert.match(svg, /<title>&lt;\/title&gt;&lt;script&gt;&amp;<\/title>/);
  });

  it("PNG: the size in dots that its resolution makes, and a free quiet zone", () => {
    for (const dpi of [203, 300, 600]) {
      const picture = readPng(labelPng(unit, { ...layout, lines: [] }, dpi));
      assert.deepEqual(
        [picture.width, picture.height, picture.dotsPerMetre],
        [Math.round((50 * dpi) / 25.4), Math.round((20 * dpi) / 25.4), Math.round(dpi / 0.0254)],
      );
      let [left, right, top] = [Infinity, 0, Infinity];
      for (let y = 0; y < picture.height; y++)
        for (let x = 0; x < picture.width; x++)
          if (picture.isBlack(x, y))
            [left, right, top] = [Math.min(left, x), Math.max(right, x), Math.min(top, y)];
      const module = (right - left + 1) / 21;
      assert.equal(module, Math.floor(module), "modules are whole dots");
      assert.ok(Math.min(left, top) >= QUIET_ZONE * module, "quiet zone");
    }
  });

  it("PNG: letters that its font does not have are refused", () => {
    assert.throws(
      () => labelPng({ ...unit, label: "Größe" }, { ...layout, lines: ["{label}"] }),
      coded("label-text", /"ö" \(U\+00F6\)/),
    );
    assert.throws(() => labelPng(unit, { ...layout, lines: ["\u007f"] }), coded("label-text", /U\+007F/));
    assert.throws(() => labelPng(unit, layout, 10), coded("label-size", /out of range/));
    assert.throws(
      () => labelPng(unit, { ...layout, textLeast: 0.1, lines: ["x".repeat(90)] }, 100),
      coded("label-text", /dots/),
    );
  });

  it("the font has every character that a serial may have, and no two alike", () => {
    const seen = new Map<string, string>();
    for (let code = 33; code < 127; code++) {
      const character = String.fromCharCode(code);
      const glyph = glyphOf(character);
      assert.ok(glyph && glyph.length >= 7 && glyph.length <= 9, character);
      assert.ok(glyph.every(row => row >= 0 && row < 32) && glyph.some(row => row > 0), character);
      const rows = glyph.join();
      assert.equal(seen.get(rows), undefined, `${character} looks like ${seen.get(rows) ?? ""}`);
      seen.set(rows, character);
    }
    assert.deepEqual(glyphOf(" "), [0, 0, 0, 0, 0, 0, 0]);
    assert.equal(glyphOf("é"), undefined);
  });

  it("sheets: as many labels as fit on a page, each once, in order", async () => {
    const units = Array.from({ length: 80 }, (_, index) => ({ ...unit, serial: `SN-${index}` }));
    for (const [paper, perPage] of [
      ["A4", 3 * 12],
      ["Letter", 3 * 11],
    ] as const) {
      const pages = await all(labelSheet(units, layout, { paper, outline: true }));
      assert.equal(pages.length, Math.ceil(80 / perPage));
      const titles = pages.map(page => Array.from(page.matchAll(/<title>([^<]+)/g), found => found[1]));
      assert.deepEqual(
        titles.flat(),
        units.map(({ serial }) => serial),
      );
      assert.equal(titles[0]?.length, perPage);
    }
    assert.deepEqual(await all(labelSheet([], layout, { paper: "A4" })), []);
    await assert.rejects(
      all(labelSheet(units, { ...layout, width: 300 }, { paper: "A4" })),
      coded("label-size", /does not fit on a page/),
    );
  });

  describe("read by zbarimg", () => {
    before(function () {
      if (hasZbar()) return;
      if (process.env["XS_CELLULAR_REQUIRE_PEERS"] === "1")
        assert.fail("zbarimg (Debian: zbar-tools) is missing");
      this.skip();
    });

    it("PNG: what the symbol should hold, at every error correction and resolution", () => {
      for (const errorCorrection of ["L", "M", "Q", "H"] as const)
        for (const dpi of [203, 300, 600])
          assert.deepEqual(
            decoded(
              labelPng(
                unit,
                { ...layout, payload: "https://example.com/u/{serial}?m={mac}", errorCorrection },
                dpi,
              ),
              "png",
            ),
            ["https://example.com/u/SN-000123?m=AABBCCDDEEFF"],
          );
    });

    it("PNG: the smallest symbol that is not refused", () => {
      assert.deepEqual(decoded(labelPng(unit, { width: 12, height: 9.4, lines: [] }, 300), "png"), [
        "SN-000123",
      ]);
    });

    it("SVG: a page of labels", async () => {
      const units = Array.from({ length: 6 }, (_, index) => ({ ...unit, serial: `SN-${index}` }));
      const [page] = await all(labelSheet(units, layout, { paper: { width: 120, height: 80 }, margin: 5 }));
      assert.deepEqual(
        decoded(drawnSymbols(page ?? "", 8), "pgm").sort(),
        units.map(({ serial }) => serial),
      );
    });
  });
});
