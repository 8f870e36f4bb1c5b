import assert from "node:assert/strict";
import { root } from "../cli/support.js";
import { faultsOf, modulesOf, readManifest, type Manifest } from "./manifest-modules.js";
import { readText, typeErrors } from "./type-check.js";

const ENTRY = "hosts/esp32/main";

describe("manifest of the device", () => {
  const manifest = readManifest(root);

  it("lists every module that the main module needs, under the name of its folder, preloaded, and no other (npx tsx scripts/update-manifest.ts)", () => {
    assert.deepEqual(faultsOf(root, manifest, ENTRY), []);
  });

  describe("a broken one is found out:", () => {
    const [first = "", second = ""] = manifest.preload;
    const others = Object.fromEntries(Object.entries(manifest.modules).filter(([name]) => name !== first));
    const cases: readonly (readonly [string, Partial<Manifest>, RegExp])[] = [
      ["a module is missing", { modules: others }, /is imported but not listed/],
      [
        "a module is not there",
        { modules: { ...manifest.modules, "modules/none": "./modules/none" } },
        /does not exist/,
      ],
      [
        "a name differs from its folder",
        { modules: { ...others, [first]: `./${second}` } },
        /does not mirror/,
      ],
      ["a module is not preloaded", { preload: manifest.preload.slice(1) }, /is not preloaded/],
      ["the main module is preloaded", { preload: [...manifest.preload, ENTRY] }, /cannot be preloaded/],
      ["another main module is named", { creation: { main: "main" } }, /creation\.main/],
      [
        "a module is listed in vain",
        { modules: { ...manifest.modules, "drivers/index": "./drivers/index" } },
        /nothing imports it/,
      ],
    ];
    for (const [name, change, fault] of cases)
      it(name, () => {
        const faults = faultsOf(root, { ...manifest, ...change }, ENTRY);
        assert.match(faults.join("\n"), fault);
      });
  });

  it("has a configuration that the firmware's types accept", () => {
    const text = [
      'import type { DeviceConfig } from "../esp32/device-config.js";',
      `export const config: DeviceConfig = ${JSON.stringify(manifest.config)};`,
    ].join("\n");
    assert.deepEqual(typeErrors(root, "hosts/firmware/config-check.ts", text), []);
  });

  it("a configuration with a wrong value is found out", () => {
    const text = [
      'import type { DeviceConfig } from "../esp32/device-config.js";',
      `export const config: DeviceConfig = ${JSON.stringify({ ...manifest.config, qos: 3 })};`,
    ].join("\n");
    assert.match(typeErrors(root, "hosts/firmware/config-check.ts", text).join("\n"), /Type '3'/);
  });

  it("compiles as the simulation does, and stops at a type error", () => {
    const { compilerOptions } = manifest.typescript.tsconfig;
    assert.equal(compilerOptions["noEmitOnError"], true);
    assert.equal(compilerOptions["useDefineForClassFields"], false);
    assert.equal(compilerOptions["target"], "es2022");
  });

  it("carries a DER file for each credential that the main module opens, out of the repository's sight", () => {
    const main = readText(root, `${ENTRY}.ts`);
    assert.match(main, /role \+ "\.der"/);
    assert.deepEqual(
      manifest.data["*"],
      ["ca", "certificate", "key"].map(role => `./credentials/${role}`),
    );
    assert.match(readText(root, ".gitignore"), /^credentials\/$/m);
  });

  it("is what package.json names, and travels in the package with all its modules", () => {
    const { moddable, files } = JSON.parse(readText(root, "package.json")) as {
      moddable: { manifest: string };
      files: string[];
    };
    assert.equal(moddable.manifest, "./manifest.json");
    const outside = [...modulesOf(root, ENTRY)].filter(
      name => !files.some(folder => name.startsWith(`${folder}/`)),
    );
    assert.deepEqual(outside, []);
    assert.ok(files.includes("manifest.json"));
  });
});
