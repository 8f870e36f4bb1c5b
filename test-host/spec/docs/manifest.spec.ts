import assert from "node:assert/strict";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { manifestFaults } from "../../../scripts/manifests/check.js";
import { graphOf } from "../../../scripts/manifests/graph.js";
import { merge, readManifest, type Manifest } from "../../../scripts/manifests/manifest.js";
import { PRODUCTS } from "../../../scripts/manifests/plan.js";
import { createEngine } from "../../xs/index.js";
import { root } from "../cli/support.js";
import { readText, typeErrors } from "./type-check.js";

const APPLICATION = "hosts/firmware/application.json";
const BG95 = "drivers/bg95/manifest.json";
const PRODUCT = "hosts/firmware/products/bg95-module-tls.json";

describe("manifests", () => {
  it("are whole: every path is there, names mirror folders, everything that runs is listed and preloaded (npx tsx scripts/update-manifest.ts)", () => {
    assert.deepEqual(manifestFaults(root), []);
  }).timeout(60_000);

  describe("a broken one is found out:", () => {
    /** The faults when one manifest is changed. */
    function faultsWith(path: string, change: (manifest: Manifest) => Manifest): string {
      const read = (at: string): Manifest =>
        at === path ? change(readManifest(root, at)) : readManifest(root, at);
      return manifestFaults(root, read).join("\n");
    }

    function without<T>(record: Readonly<Record<string, T>> = {}, left: string): Record<string, T> {
      return Object.fromEntries(Object.entries(record).filter(([name]) => name !== left));
    }

    const cases: readonly (readonly [string, string, (manifest: Manifest) => Manifest, RegExp])[] = [
      [
        "a module is missing",
        BG95,
        manifest => ({ ...manifest, modules: without(manifest.modules, "drivers/bg95/profile") }),
        /^drivers\/bg95\/manifest\.json: drivers\/bg95\/profile is imported but not listed$/m,
      ],
      [
        "a file is not there",
        BG95,
        manifest => ({ ...manifest, modules: { ...manifest.modules, "drivers/none": "../none" } }),
        /drivers\/none is \.\.\/none\.ts, which does not exist/,
      ],
      [
        "a name differs from its folder",
        BG95,
        manifest => ({ ...manifest, modules: { ...manifest.modules, "drivers/bg95/profile": "./commands" } }),
        /drivers\/bg95\/profile is \.\/commands: the name does not mirror the folder/,
      ],
      [
        "a module is not preloaded",
        BG95,
        manifest => ({ ...manifest, preload: manifest.preload?.slice(1) ?? [] }),
        /is not preloaded/,
      ],
      [
        "a module is listed in vain",
        BG95,
        manifest => ({
          ...manifest,
          modules: { ...manifest.modules, "drivers/bc66/profile": "../bc66/profile" },
        }),
        /drivers\/bc66\/profile is listed but nothing needs it/,
      ],
      [
        "a module is preloaded and not there",
        BG95,
        manifest => ({ ...manifest, preload: [...(manifest.preload ?? []), "drivers/none"] }),
        /drivers\/none is preloaded but not listed/,
      ],
      [
        "an include leads nowhere",
        "modules/diagnosis.json",
        manifest => ({ ...manifest, include: ["./none.json"] }),
        /includes \.\/none\.json, which does not exist/,
      ],
      [
        "what a platform adds is missing",
        APPLICATION,
        manifest => ({
          ...manifest,
          platforms: { ...manifest.platforms, esp32: { ...manifest.platforms?.["esp32"], modules: {} } },
        }),
        /application\.json \(esp32\): hosts\/esp32\/main is imported but not listed/,
      ],
      [
        "another main module is named",
        APPLICATION,
        manifest => ({
          ...manifest,
          platforms: {
            ...manifest.platforms,
            lin: { ...manifest.platforms?.["lin"], creation: { main: "main" } },
          },
        }),
        /on lin: creation\.main is main, not hosts\/linux\/main/,
      ],
      [
        "a module that runs native code when it is loaded is preloaded",
        APPLICATION,
        manifest => {
          const lin = manifest.platforms?.["lin"];
          const preload = [...(lin?.preload ?? []), "hosts/linux/entropy"];
          return { ...manifest, platforms: { ...manifest.platforms, lin: { ...lin, preload } } };
        },
        /hosts\/linux\/entropy runs native code when it is loaded and cannot be preloaded/,
      ],
      [
        "a manifest of the SDK is not included",
        APPLICATION,
        manifest => ({ ...manifest, include: manifest.include?.filter(one => !one.includes("crypt")) ?? [] }),
        /ssl\/session is imported but \$\(MODDABLE\)\/modules\/crypt\/tls_419\.json is not included/,
      ],
      [
        "a product puts nothing in its place",
        PRODUCT,
        manifest => ({ ...manifest, modules: without(manifest.modules, "hosts/firmware/products/chosen") }),
        /bg95-module-tls on esp32: hosts\/firmware\/products\/bg95-module-tls is imported but not in the build/,
      ],
      [
        "two manifests of a build mean different files by one name",
        PRODUCT,
        manifest => ({
          ...manifest,
          modules: { ...manifest.modules, "modules/at/trace": "../../../modules/at/line" },
        }),
        /modules\/at\/trace is modules\/at\/trace and, in hosts\/firmware\/products\/bg95-module-tls\.json, modules\/at\/line/,
      ],
    ];
    for (const [name, path, change, fault] of cases)
      it(name, () => {
        assert.match(faultsWith(path, change), fault);
      }).timeout(60_000);
  });

  it("every JSON file among modules, drivers and hosts is one that is checked", () => {
    const found = ["modules", "drivers", "hosts"].flatMap(folder =>
      readdirSync(join(root, folder), { recursive: true, encoding: "utf8" })
        .filter(name => name.endsWith(".json"))
        .map(name => `${folder}/${name}`),
    );
    const products = PRODUCTS.map(name => `hosts/firmware/products/${name}.json`);
    const drivers = ["bg95", "bc66"].flatMap(name =>
      ["diagnosis", "manifest", "routes"].map(one => `drivers/${name}/${one}.json`),
    );
    const others = [
      APPLICATION,
      "hosts/moddable/manifest.json",
      "modules/diagnosis.json",
      "modules/manifest.json",
    ];
    assert.deepEqual(found.sort(), [...drivers, ...products, ...others].sort());
  });

  for (const [platform, type, file] of [
    ["esp32", "DeviceConfig", "../esp32/device-config.js"],
    ["lin", "LinuxConfig", "../linux/linux-config.js"],
  ] as const)
    describe(`the application's for ${platform}`, () => {
      function config(): Record<string, unknown> {
        const own = readManifest(root, "manifest.json");
        const base = readManifest(root, APPLICATION);
        const parts = [base, base.platforms?.[platform], own, own.platforms?.[platform]];
        return Object.assign({}, ...parts.map(part => part?.config)) as Record<string, unknown>;
      }

      function errorsOf(value: object): readonly string[] {
        const text = `import type { ${type} } from "${file}";\nexport const config: ${type} = ${JSON.stringify(value)};`;
        return typeErrors(root, "hosts/firmware/config-check.ts", text);
      }

      it("has a configuration that the firmware's types accept", () => {
        assert.deepEqual(errorsOf(config()), []);
      });

      it("a configuration with a wrong value is found out", () => {
        assert.match(errorsOf({ ...config(), qos: 3 }).join("\n"), /Type '3'/);
      });

      it("has its main module, on neither platform preloaded", () => {
        const { main, preload } = merge(path => readManifest(root, path), "manifest.json", platform);
        assert.ok(main !== undefined && !preload.has(main));
      });
    });

  it("compile as the simulation does, and stop at a type error", () => {
    for (const path of [
      APPLICATION,
      BG95,
      "drivers/bc66/manifest.json",
      "modules/manifest.json",
      "hosts/moddable/manifest.json",
    ]) {
      const options = readManifest(root, path).typescript?.tsconfig.compilerOptions ?? {};
      assert.equal(options["noEmitOnError"], true, path);
      assert.equal(options["useDefineForClassFields"], false, path);
      assert.equal(options["target"], "es2022", path);
    }
  });

  it("the application carries a DER file for each credential that it opens, out of the repository's sight", () => {
    const store = readText(root, "hosts/moddable/stored-credentials.ts");
    assert.match(store, /role \+ "\.der"/);
    assert.deepEqual(
      readManifest(root, "manifest.json").data?.["*"],
      ["ca", "certificate", "key"].map(role => `./credentials/${role}`),
    );
    assert.match(readText(root, ".gitignore"), /^credentials\/$/m);
  });

  // A handshake with the SDK's engine took 453 slots on Linux; the ESP32's default is 512.
  it("the application has a stack that a handshake leaves room in", () => {
    assert.ok((readManifest(root, APPLICATION).creation?.stack ?? 0) >= 768);
  });

  // Only XS tells objects of native kinds.
  it("loading what the drivers' manifests list leaves no native object behind, so that it can be preloaded", async () => {
    const entry = "test-host/spec/docs/programs/libraries";
    const loaded = graphOf(root, [entry]).modules;
    for (const driver of ["bg95", "bc66"])
      for (const name of merge(
        at => readManifest(root, at),
        `drivers/${driver}/routes.json`,
        "esp32",
      ).modules.keys())
        assert.ok(loaded.has(name), name);
    const engine = await createEngine({ engine: "xs", entry });
    try {
      assert.deepEqual(engine.loadedNatives, {});
    } finally {
      await engine.stop();
    }
  }).timeout(60_000);
});
