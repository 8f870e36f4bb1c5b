import assert from "node:assert/strict";
import { readdirSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { checkWiring } from "../../../hosts/esp32/check-wiring.js";
import { chips } from "../../../hosts/esp32/chips.js";
import { boards } from "../../../hosts/esp32/boards/index.js";
import { lineNames } from "../../../hosts/esp32/wiring.js";

const folder = fileURLToPath(new URL("../../../hosts/esp32/boards/", import.meta.url));

/** Whether an object and all that it holds is frozen: preloaded into flash it costs no RAM. */
function isFrozen(value: unknown): boolean {
  return typeof value !== "object" || value === null
    ? true
    : Object.isFrozen(value) && Object.values(value).every(isFrozen);
}

describe("boards", () => {
  it("are one file each, named as the board is, and all in the list", () => {
    const files = readdirSync(folder).filter(file => file !== "board.ts" && file !== "index.ts");
    assert.deepEqual(files.sort(), boards.map(({ name }) => `${name}.ts`).sort());
  });

  it("include a generic one for each module", () => {
    const proposed = boards.filter(({ evidence }) => evidence === "proposed");
    assert.deepEqual(proposed.map(({ module }) => module).sort(), ["bc66", "bg95"]);
  });

  for (const board of boards) {
    describe(board.name, () => {
      it("has no wiring fault", () => {
        assert.deepEqual(
          checkWiring(board).filter(({ fatal }) => fatal),
          [],
        );
      });

      it("answers each warning about a GPIO in its notes", () => {
        for (const { member, value } of checkWiring(board))
          assert.ok(
            board.notes.some(note => new RegExp(`GPIO[^.]*\\b${value}\\b`).test(note)),
            `${member}: nothing is said of GPIO ${value}`,
          );
      });

      it("says where each part of its wiring is documented, and of no other", () => {
        const wired = ["uart", ...lineNames.filter(name => board.wiring[name] !== undefined)];
        assert.deepEqual(Object.keys(board.sources).sort(), wired.sort());
        for (const source of Object.values(board.sources)) assert.ok(source.length > 20, source);
      });

      it("names a place on the network where it was published, or a manual where it is proposed", () => {
        const expected = board.evidence === "published" ? /^github\.com\// : /Quectel|Espressif|drivers/;
        for (const source of Object.values(board.sources)) assert.match(source, expected);
      });

      it("says how 1.8 V meet 3.3 V", () => {
        assert.ok(board.levels.length > 0);
      });

      it("is frozen throughout", () => {
        assert.ok(isFrozen(board));
      });
    });
  }
});

describe("chips", () => {
  for (const [name, chip] of Object.entries(chips)) {
    it(`${name} lists only GPIOs that it has`, () => {
      const all = [
        ...chip.inputOnly,
        ...chip.flash,
        ...chip.psram,
        ...chip.strapping,
        ...chip.usb,
        ...chip.console,
      ];
      for (const pin of all) {
        assert.ok(pin >= 0 && pin <= chip.last, `GPIO ${pin}`);
        assert.ok(!chip.missing.includes(pin), `GPIO ${pin}`);
      }
    });
  }
});
