import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { boards } from "../../../hosts/esp32/boards/index.js";
import { chooseWiring } from "../../../hosts/esp32/choose-wiring.js";
import type { WiringChoice } from "../../../hosts/esp32/wiring.js";
import { boardsText } from "./table.js";

const page = readFileSync(new URL("../../../docs/boards.md", import.meta.url), "utf8");

describe("docs/boards.md", () => {
  it("has the boards as they are: what stands between its marks is made of the data", () => {
    const [, shown] = /<!-- boards -->\n([^]*)\n<!-- \/boards -->/.exec(page) ?? [];
    const expected = boardsText(boards);
    // Tables are padded by the formatter.
    const bare = (text = ""): string =>
      text.replace(/ +\|/g, " |").replace(/\| +/g, "| ").replace(/-{3,}/g, "---").trim();
    assert.equal(bare(shown), bare(expected), `what belongs there:\n\n${expected}\n`);
  });

  it("shows configurations that are taken", () => {
    const blocks = [...page.matchAll(/```json\n([^]*?)```/g)].map(
      ([, text = ""]) => (JSON.parse(text) as { readonly config: WiringChoice }).config,
    );
    assert.equal(blocks.length, 2);
    for (const config of blocks) assert.ok(chooseWiring(config).board, JSON.stringify(config));
  });

  it("shows the report of a wrong wiring as it comes", () => {
    const { faults } = chooseWiring({
      module: "bg95",
      board: "devkit-bg95",
      wiring: { status: null, powerKey: 34 },
    });
    const [fault] = faults.filter(({ fatal }) => fatal);
    assert.ok(fault);
    assert.ok(page.includes(`failure config argument  ${fault.member} ${fault.why} ${fault.fix}`));
  });
});
