import { parse } from "csv-parse/sync";
import fc from "fast-check";
import assert from "node:assert/strict";
import { createHash, X509Certificate } from "node:crypto";
import { csvCell, csvLine } from "../../../certs/export/csv.js";
import {
  exportCertificates,
  exportEvents,
  exportUnitsCsv,
  exportUnitsJson,
  UNIT_COLUMNS,
} from "../../../certs/export/plain.js";
import { all } from "../../factory/settled.js";
import { FilledLedger, unitOf } from "./filled-ledger.js";

async function whole(text: AsyncIterable<string>): Promise<string> {
  return (await all(text)).join("");
}

describe("exports of units, certificates and events", () => {
  let filled: FilledLedger;
  beforeEach(async () => {
    filled = await FilledLedger.open();
  });
  afterEach(() => filled.ledger.close());

  it("CSV: no cell is a formula for a spreadsheet, and an independent parser gets every other cell back", () => {
    fc.assert(
      fc.property(fc.array(fc.string({ unit: "grapheme" }), { minLength: 2, maxLength: 6 }), cells => {
        const text = csvLine(cells);
        const rows: unknown = parse(text, { relaxColumnCount: true });
        const expected = cells.map(cell => (/^[=+\-@\t\r\n]/.test(cell) ? `'${cell}` : cell));
        assert.deepEqual(rows, [expected]);
      }),
      { numRuns: 500 },
    );
    for (const formula of ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", '=HYPERLINK("http://x","y")'])
      assert.match(csvCell(formula), /^"?'/, formula);
  });

  it("CSV and JSON lines: every unit of any state, the same values", async () => {
    await filled.bring(unitOf("SN-1", { label: '=cmd|"x"', variables: { site: "Lab, 2" } }), "done");
    await filled.bring(unitOf("SN-2", { variables: { site: "x" } }), "listed");
    const rows: Record<string, string>[] = parse(
      await whole(exportUnitsCsv(filled.ledger, { variables: ["site"] })),
      { columns: true },
    );
    const objects = (await whole(exportUnitsJson(filled.ledger)))
      .trimEnd()
      .split("\n")
      .map(line => JSON.parse(line) as Record<string, unknown>);
    assert.deepEqual(Object.keys(rows[0] ?? {}), [...UNIT_COLUMNS, "site"]);
    assert.deepEqual(
      rows.map(row => [row["serial"], row["state"], row["site"]]),
      [
        ["SN-1", "done", "Lab, 2"],
        ["SN-2", "listed", "x"],
      ],
    );
    const [first, second] = rows;
    assert.ok(first && second);
    assert.equal(first["label"], `'=cmd|"x"`);
    assert.equal(objects[0]?.["label"], '=cmd|"x"', "JSON is exact");
    assert.equal(first["certificate_sha256"], objects[0]["certificate_sha256"]);
    assert.match(first["certificate_serial"] ?? "", /^[0-9a-f]+$/);
    assert.equal(first["fate"], "active");
    assert.equal(second["not_after"], "");
    assert.deepEqual(objects[0]["proofs"], ["possession"]);
  });

  it("certificates: a PEM bundle, each under its serial and fingerprint", async () => {
    await filled.bring(unitOf("SN-1"), "done");
    await filled.bring(unitOf("SN-2"), "done");
    await filled.bring(unitOf("SN-3"), "listed");
    const text = await whole(exportCertificates(filled.ledger));
    const blocks = Array.from(text.matchAll(/# (\S+) (\S+)\n(-----BEGIN[^]+?-----END CERTIFICATE-----\n)/g));
    assert.equal(blocks.map(block => block[0]).join(""), text);
    for (const [, serial, fingerprint, pem] of blocks) {
      const certificate = new X509Certificate(pem ?? "");
      assert.equal(certificate.subject, `CN=${serial ?? ""}`);
      assert.equal(certificate.fingerprint256.replaceAll(":", "").toLowerCase(), fingerprint);
    }
    assert.equal(blocks.length, 2);
  });

  it("events: the chain can be computed again from the file alone", async () => {
    await filled.bring(unitOf("SN-1", { label: "größe 温" }), "done");
    await filled.ledger.record("SN-1", "bench", "label", { zeta: "1", Alpha: "2", text: 'quote " and \\' });
    let previous = "0".repeat(64);
    let sequence = 0;
    const text = await whole(exportEvents(filled.ledger));
    for (const line of text.trimEnd().split("\n")) {
      const event = JSON.parse(line) as Record<string, unknown>;
      assert.equal(event["previous"], previous);
      assert.equal(event["sequence"], ++sequence);
      const covered = ["sequence", "at", "station", "unit", "event", "data", "previous"].map(
        name => event[name],
      );
      assert.equal(createHash("sha256").update(JSON.stringify(covered)).digest("hex"), event["hash"]);
      previous = String(event["hash"]);
    }
    assert.equal(previous, (await filled.ledger.verifyChain()).head);
    assert.ok(sequence > 8);
  });
});
