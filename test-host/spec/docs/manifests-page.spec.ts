import assert from "node:assert/strict";
import { applicationFaults, libraryFaults } from "../../../scripts/manifests/check-build.js";
import { configFaults } from "../../../scripts/manifests/check-config.js";
import { readManifest, type Manifest, type ReadManifest } from "../../../scripts/manifests/manifest.js";
import {
  APPLICATION,
  nativeParts,
  PLATFORMS,
  plansOf,
  productManifest,
  PRODUCTS,
  type Platform,
} from "../../../scripts/manifests/plan.js";
import { root } from "../cli/support.js";
import { blocksOf } from "./pages.js";
import { readText, typeErrors } from "./type-check.js";

const PAGE = "docs/manifests.md";
const INSTALLED = "./node_modules/xs-cellular/";
const platforms = Object.keys(PLATFORMS) as readonly Platform[];

/** Manifests that the page shows, as if they stood at the root of this project. */
const shown = blocksOf(root, PAGE)
  .filter(({ language }) => language === "json")
  .map(({ text }) => JSON.parse(text.replaceAll(INSTALLED, "./")) as Manifest)
  .filter(({ include }) => include !== undefined);

function reader(manifest: Manifest): ReadManifest {
  // Its own modules are the reader's.
  const included: Manifest = { ...manifest, modules: {} };
  return path => (path === "shown.json" ? included : readManifest(root, path));
}

describe(PAGE, () => {
  const [library = {}, application = {}] = shown;

  it("shows a manifest that includes a driver, and builds as it is", () => {
    assert.ok(library.include?.some(path => path.endsWith("bg95/manifest.json")));
    for (const platform of platforms)
      assert.deepEqual(
        libraryFaults(root, reader(library), { path: "shown.json", place: "shown", platform }),
        [],
      );
  });

  it("shows an application that builds for both platforms, with a configuration that the firmware takes", () => {
    assert.ok(application.include?.some(path => path.endsWith(APPLICATION)));
    const read = reader(application);
    for (const platform of platforms) {
      const build = { path: "shown.json", place: "shown", platform };
      assert.deepEqual(applicationFaults(root, read, build, true), []);
      assert.deepEqual(configFaults(read, "shown.json", platform), []);
    }
  });

  it("imports what is there", () => {
    const scripts = blocksOf(root, PAGE).filter(({ language }) => language === "js");
    assert.equal(scripts.length, 2);
    for (const { text } of scripts) {
      const names = [...text.matchAll(/import \{ ([^}]+) \}/g)].map(([, list]) => list ?? "").join(", ");
      const local = text
        .replaceAll(/from "((?:drivers|modules)\/[^"]+|xs-cellular)"/g, 'from "../../$1.js"')
        .concat(`\nexport const used = [${names}];\n`);
      assert.deepEqual(typeErrors(root, "hosts/firmware/imported.ts", local), []);
    }
  });

  it("tells of every manifest that others include, and of no other", () => {
    const cells = [...readText(root, PAGE).matchAll(/^\| (`[^|]+\.json`) \|/gm)].map(([, cell = ""]) => cell);
    const table = cells.flatMap(cell => [...cell.matchAll(/`([^`]+)`/g)].map(([, path = ""]) => path));
    const products = PRODUCTS.map(productManifest);
    const natives = nativeParts(root).map(({ path }) => path);
    const others = plansOf(root)
      .map(({ path }) => path)
      .filter(path => path !== APPLICATION && !products.includes(path) && !natives.includes(path));
    assert.deepEqual(table.sort(), [...others].sort());
  });

  it("tells of every product, and of no other", () => {
    const names = [...readText(root, PAGE).matchAll(/^\| `([\w-]+)` \| (?:either|BG95|BC66) \|/gm)];
    assert.deepEqual(names.map(([, name]) => name).sort(), [...PRODUCTS].sort());
  });
});
