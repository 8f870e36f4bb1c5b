import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { Journal } from "../../../modules/buffer/journal.js";
import { SECURE_CERT_SIZE } from "../../../modules/pki/secure-cert-image.js";
import { NorFlash } from "../buffer/nor-flash.js";

const file = (name: string): string =>
  readFileSync(fileURLToPath(new URL(`../../../${name}`, import.meta.url)), "utf8");

interface Part {
  readonly name: string;
  readonly type: string;
  readonly subtype: string;
  readonly offset: number;
  readonly size: number;
  readonly flags: string;
}

const rows = (text: string): string[][] =>
  text
    .split("\n")
    .filter(line => line.trim() !== "" && !line.startsWith("#"))
    .map(line => line.split(",").map(cell => cell.trim()));

const parts: Part[] = rows(file("hosts/esp32/partitions.csv")).map(
  ([name = "", type = "", subtype = "", offset, size, flags = ""]) => ({
    name,
    type,
    subtype,
    offset: Number(offset),
    size: Number(size),
    flags,
  }),
);
const named = (name: string): Part => parts.find(part => part.name === name) ?? assert.fail(name);

describe("partition table of an ESP32", () => {
  it("fills 4 MB behind the table without a gap or an overlap, in whole sectors", () => {
    let end = 0x9000;
    for (const { name, offset, size } of parts) {
      assert.equal(offset, end, name);
      assert.ok(size > 0 && size % 0x1000 === 0, name);
      end = offset + size;
    }
    assert.equal(end, 0x400000);
  });

  it("has the credentials where Espressif's tools write them", () => {
    const { offset, size } = named("esp_secure_cert");
    assert.deepEqual([offset, size], [0xd000, SECURE_CERT_SIZE]);
  });

  it("has the two slots alike, of a type that the SDK's flash modules find, and encrypted", () => {
    for (const name of ["esp_secure_cert", "secure_cert_b"]) {
      const { type, subtype, size, flags } = named(name);
      assert.deepEqual([type, subtype, size, flags], ["data", "undefined", SECURE_CERT_SIZE, "encrypted"]);
    }
  });

  it("encrypts nothing else: the journal clears single bits", () => {
    assert.deepEqual(
      parts.filter(({ flags }) => flags !== "").map(({ name }) => name),
      ["esp_secure_cert", "secure_cert_b"],
    );
  });

  it("leaves the application and the phy data where the SDK's project has them", () => {
    assert.deepEqual([named("phy_init").offset, named("factory").offset], [0xf000, 0x10000]);
    assert.equal(named("factory").size % 0x10000, 0);
  });

  it("has the line of the application as mcconfig divides it, for updates, mods and storage", () => {
    // mcconfig rewrites that line and puts others behind it without places of their own; what comes
    // then has to have its place.
    const index = parts.indexOf(named("factory"));
    assert.equal(named("factory").subtype, "factory");
    assert.ok(parts.slice(index + 1).every(({ offset }) => Number.isInteger(offset)));
    assert.deepEqual([named("storage").type, named("storage").subtype], ["data", "spiffs"]);
    const half = Math.floor((named("factory").size - 0x2000) / 2 / 0x10000) * 0x10000;
    assert.ok(half >= 0x180000, "1.5 MB for each of two applications");
  });

  it("has a journal that opens", () => {
    const journal = new Journal(new NorFlash(named("journal").size / 4096, 4096));
    assert.equal(journal.length, 0);
  });

  it("is the one that the code asks for", () => {
    const device = file("hosts/esp32/device.ts");
    const vault = file("hosts/esp32/vault.ts");
    const labels = [...(device + vault).matchAll(/^const (?:JOURNAL|LABEL_\w) = "(\w+)";/gm)].map(
      ([, label]) => label,
    );
    assert.deepEqual(labels.sort(), ["esp_secure_cert", "journal", "secure_cert_b"]);
    for (const label of labels) assert.equal(named(label ?? "").type, "data");
  });

  it("is the one that docs/credentials.md shows", () => {
    const [, shown] = /^```csv\n([\s\S]*?)^```$/m.exec(file("docs/credentials.md")) ?? [];
    assert.deepEqual(rows(shown ?? ""), rows(file("hosts/esp32/partitions.csv")));
  });
});
