import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { cpSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { promisify } from "node:util";
import { configOf } from "../../../scripts/manifests/check-config.js";
import { manifestFaults } from "../../../scripts/manifests/check.js";
import { graphOf } from "../../../scripts/manifests/graph.js";
import {
  merge,
  readManifest,
  type Manifest,
  type ManifestPart,
} from "../../../scripts/manifests/manifest.js";
import { APPLICATION, productManifest } from "../../../scripts/manifests/plan.js";
import { createEngine } from "../../xs/index.js";
import { Folder, root } from "../cli/support.js";
import { readText, typeErrors } from "./type-check.js";

const run = promisify(execFile);
const BG95 = "drivers/bg95/manifest.json";
const SERIAL = "hosts/esp32/serial/manifest.json";
const SENSOR = "examples/sensor/manifest.json";
const PRODUCT = productManifest("bg95-module-tls");
const read = (path: string): Manifest => readManifest(root, path);

/** A manifest whose part for a platform is changed. */
function onPlatform(
  manifest: Manifest,
  platform: string,
  change: (part: ManifestPart) => ManifestPart,
): Manifest {
  const platforms = manifest.platforms ?? {};
  return { ...manifest, platforms: { ...platforms, [platform]: change(platforms[platform] ?? {}) } };
}

function without<T>(record: Readonly<Record<string, T>> = {}, left: string): Record<string, T> {
  return Object.fromEntries(Object.entries(record).filter(([name]) => name !== left));
}

type Change = (manifest: Manifest) => Manifest;

/** A manifest that is changed, and the sentence that tells so. */
const BROKEN: readonly (readonly [string, string, Change, RegExp])[] = [
  [
    "a module is missing",
    BG95,
    manifest => ({ ...manifest, modules: without(manifest.modules, "drivers/bg95/profile") }),
    /^drivers\/bg95\/manifest\.json: drivers\/bg95\/profile is imported but not listed$/m,
  ],
  [
    "who imports the missing module is told",
    BG95,
    manifest => ({ ...manifest, modules: without(manifest.modules, "drivers/bg95/profile") }),
    /^drivers\/bg95\/manifest\.json: drivers\/bg95\/index imports drivers\/bg95\/profile, which nothing lists or includes$/m,
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
    /drivers\/bg95\/manifest\.json: drivers\/bg95\/commands is not preloaded/,
  ],
  [
    "a module is listed in vain",
    BG95,
    manifest => ({ ...manifest, modules: { ...manifest.modules, "drivers/bc66/urcs": "../bc66/urcs" } }),
    /drivers\/bc66\/urcs is listed but nothing needs it/,
  ],
  [
    "a module is preloaded and not there",
    BG95,
    manifest => ({ ...manifest, preload: [...(manifest.preload ?? []), "drivers/none"] }),
    /drivers\/none is preloaded but not listed/,
  ],
  [
    "what two drivers share is not included",
    BG95,
    manifest => ({ ...manifest, include: [] }),
    /drivers\/bg95\/core imports .+, which nothing lists or includes/,
  ],
  [
    "an include leads nowhere",
    "modules/manifest_diagnosis.json",
    manifest => ({ ...manifest, include: ["./none.json"] }),
    /includes \.\/none\.json, which does not exist/,
  ],
  [
    "a member is misspelt",
    BG95,
    manifest => Object.assign({}, manifest, { preloads: [] }),
    /drivers\/bg95\/manifest\.json: mcconfig knows no member preloads/,
  ],
  [
    "a file beside a module would be taken with it",
    BG95,
    // A JSON file of the project beside which no module stands, put in a module's place.
    manifest => ({ ...manifest, modules: { ...manifest.modules, package: "../../package" } }),
    /package is \.\.\/\.\.\/package\.ts and \.\.\/\.\.\/package\.json, and mcconfig takes both/,
  ],
  [
    "what a platform adds is missing",
    APPLICATION,
    manifest => onPlatform(manifest, "esp32", part => ({ ...part, modules: {} })),
    /hosts\/firmware\/manifest\.json \(esp32\): hosts\/esp32\/main is imported but not listed/,
  ],
  [
    "another main module is named",
    APPLICATION,
    manifest => onPlatform(manifest, "lin", part => ({ ...part, creation: { main: "main" } })),
    /on lin: creation\.main is main, not hosts\/linux\/main/,
  ],
  [
    "a module that runs native code when it is loaded is preloaded",
    APPLICATION,
    manifest =>
      onPlatform(manifest, "lin", part => ({
        ...part,
        preload: [...(part.preload ?? []), "hosts/linux/entropy"],
      })),
    /hosts\/linux\/entropy runs native code when it is loaded and cannot be preloaded/,
  ],
  [
    "a manifest of the SDK is not included",
    productManifest("bg95-host-tls"),
    manifest => ({ ...manifest, include: [] }),
    /bg95-host-tls on lin: hosts\/moddable\/\S+ imports \S+, but \$\(MODDABLE\)\/modules\/crypt\/tls_419\.json is not included/,
  ],
  [
    "the manifest that every build starts from is not included",
    APPLICATION,
    manifest => ({ ...manifest, include: manifest.include?.filter(one => !one.includes("base")) ?? [] }),
    /everything on lin: \$\(MODDABLE\)\/examples\/manifest_base\.json is not included/,
  ],
  [
    "the partition table is not there",
    APPLICATION,
    manifest =>
      onPlatform(manifest, "esp32", part => ({ ...part, build: { PARTITIONS_FILE: "./none.csv" } })),
    /PARTITIONS_FILE is \.\/none\.csv, which does not exist/,
  ],
  [
    "a path of the build is one that mcconfig takes as it stands",
    APPLICATION,
    manifest =>
      onPlatform(manifest, "esp32", part => ({
        ...part,
        build: { PARTITIONS_FILE: "../esp32/partitions.csv" },
      })),
    /PARTITIONS_FILE is \.\.\/esp32\/partitions\.csv, which mcconfig does not look for beside the manifest/,
  ],
  [
    "the manifest of a native class is not included",
    APPLICATION,
    manifest =>
      onPlatform(manifest, "esp32", part => ({
        ...part,
        include: part.include?.filter(one => !one.includes("serial")) ?? [],
      })),
    /hosts\/firmware\/manifest\.json \(esp32\): \.\.\/esp32\/serial\/manifest\.json is not included/,
  ],
  [
    "a native class is included where it cannot run",
    APPLICATION,
    manifest =>
      onPlatform(manifest, "lin", part => ({
        ...part,
        include: [...(part.include ?? []), "../esp32/serial/manifest.json"],
      })),
    /on lin: the buffered serial class is for the ESP32/,
  ],
  [
    "a native class is not listed by its own manifest",
    SERIAL,
    manifest => ({ ...manifest, modules: {} }),
    /hosts\/esp32\/serial\/manifest\.json: hosts\/esp32\/serial\/buffered-serial is there but not listed/,
  ],
  [
    "a native class does not refuse other platforms",
    SERIAL,
    manifest => ({ ...manifest, platforms: without(manifest.platforms, "...") }),
    /hosts\/esp32\/serial\/manifest\.json: other platforms than its own are not refused/,
  ],
  [
    "a product puts nothing in its place",
    PRODUCT,
    manifest => ({ ...manifest, modules: without(manifest.modules, "hosts/firmware/products/chosen") }),
    /bg95-module-tls on esp32: hosts\/esp32\/main imports hosts\/firmware\/products\/chosen, which nothing lists/,
  ],
  [
    "a product carries what another needs",
    PRODUCT,
    manifest => ({
      ...manifest,
      modules: { ...manifest.modules, "drivers/bc66/tls": "../../../drivers/bc66/tls" },
    }),
    /bg95-module-tls on lin: drivers\/bc66\/tls is in the build but nothing imports it/,
  ],
  [
    "two manifests of a build mean different files by one name",
    PRODUCT,
    manifest => ({
      ...manifest,
      modules: { ...manifest.modules, "modules/at/trace": "../../../modules/at/line" },
    }),
    /modules\/at\/trace is modules\/at\/trace in hosts\/firmware\/manifest\.json and modules\/at\/line in hosts\/firmware\/products\/manifest_bg95-module-tls\.json/,
  ],
  // Found with the SDK: of two files of one name mcconfig takes that of the manifest that comes first.
  [
    "an application puts its own product beside the one that it includes",
    SENSOR,
    manifest => ({ ...manifest, modules: without(manifest.modules, "~") }),
    /examples\/sensor\/manifest\.json on lin: hosts\/firmware\/products\/chosen is .+ and examples\/sensor\/chosen/,
  ],
  [
    "a configuration is one that the firmware refuses",
    "manifest.json",
    manifest => ({ ...manifest, config: { ...manifest.config, qos: 3 } }),
    /manifest\.json on lin: qos is 3/,
  ],
  [
    "a wiring is one that the chip does not have",
    "manifest.json",
    manifest => onPlatform(manifest, "esp32", part => ({ ...part, config: { board: "none" } })),
    /manifest\.json on esp32: .*board/,
  ],
];

describe("manifests", () => {
  it("are whole: every path is there, names mirror folders, everything that runs is listed and preloaded (npx tsx scripts/update-manifest.ts)", () => {
    assert.deepEqual(manifestFaults(root), []);
  }).timeout(60_000);

  describe("a broken one is found out:", () => {
    for (const [name, path, change, fault] of BROKEN)
      it(name, () => {
        const faults = manifestFaults(root, { read: at => (at === path ? change(read(at)) : read(at)) });
        assert.match(faults.join("\n"), fault);
      }).timeout(60_000);

    it("it is no JSON", () => {
      const faults = manifestFaults(root, {
        read: at => (at === BG95 ? (JSON.parse("{") as Manifest) : read(at)),
      });
      assert.match(faults.join("\n"), /^drivers\/bg95\/manifest\.json cannot be read: /);
    });

    it("a folder of it does not travel in the package", () => {
      const files = [
        "modules",
        "drivers/bg95",
        "hosts/firmware",
        "hosts/esp32",
        "hosts/linux",
        "hosts/moddable",
      ];
      const faults = manifestFaults(root, { files });
      assert.ok(faults.includes("package.json: drivers/quectel/modem does not travel in the package"));
      assert.ok(faults.includes("package.json: drivers/bc66/manifest.json does not travel in the package"));
    }).timeout(60_000);

    it("the application's travels in the package", () => {
      const faults = manifestFaults(root, { files: ["modules", "drivers", "hosts", "manifest.json"] });
      assert.match(faults.join("\n"), /package\.json: manifest\.json, an application, would become part of/);
    }).timeout(60_000);
  });

  describe("npx tsx scripts/check-manifests.ts", () => {
    const folder = new Folder();
    after(() => folder.remove());

    it("ends with 1 and a sentence for each fault", async () => {
      const copy = folder.file("project");
      for (const name of ["modules", "drivers", "hosts", "examples", "package.json", "manifest.json"])
        cpSync(join(root, name), join(copy, name), { recursive: true });
      symlinkSync(join(root, "node_modules"), join(copy, "node_modules"));
      writeFileSync(join(copy, "modules/manifest_new.json"), "{}");
      const script = join(root, "scripts/check-manifests.ts");
      const ended = await run(process.execPath, ["--import", "tsx", script, copy], { cwd: root }).then(
        () => ({ code: 0, stderr: "" }),
        (error: unknown) => error as { readonly code: number; readonly stderr: string },
      );
      assert.equal(ended.code, 1);
      assert.equal(ended.stderr, "modules/manifest_new.json: no rule says what it should list\n");
    }).timeout(60_000);

    it("ends with 0 and says nothing when all is well", async () => {
      const script = join(root, "scripts/check-manifests.ts");
      const { stdout, stderr } = await run(process.execPath, ["--import", "tsx", script], { cwd: root });
      assert.deepEqual([stdout, stderr], ["", ""]);
    }).timeout(60_000);
  });

  it("a product whose module does TLS carries neither the SDK's TLS nor keys nor the other module", () => {
    for (const product of ["bg95-module-tls", "bc66-module-tls", "bg95-module-mqtt", "bc66-module-mqtt"])
      for (const platform of ["esp32", "lin"]) {
        const include = [APPLICATION, productManifest(product)].map(path => `./${path}`);
        const { modules, foreign } = merge(
          at => (at === "it.json" ? { include } : read(at)),
          "it.json",
          platform,
        );
        const other = product.startsWith("bg95") ? "drivers/bc66/" : "drivers/bg95/";
        const strange = [...modules.keys()].filter(
          name =>
            name.startsWith(other) ||
            /tls-engine|moddable\/(keys|signer|p256)|diagnosis-|provisioning/.test(name),
        );
        assert.deepEqual(strange, []);
        assert.ok(![...foreign].some(one => one.includes("tls_419")));
      }
  });

  it("those of a driver and of the other, and of the modules, can be included together", () => {
    const include = ["modules/manifest.json", BG95, "drivers/bc66/manifest.json"].map(path => `./${path}`);
    const all = merge(path => (path === "all.json" ? { include } : read(path)), "all.json", "lin");
    for (const [name, listed] of all.modules)
      assert.equal(new Set(listed.map(({ file }) => file)).size, 1, name);
  });

  it("what both drivers need is listed once, in the manifest that theirs include", () => {
    const listed = (path: string): readonly string[] => Object.keys(read(path).modules ?? {});
    const shared = new Set(listed("drivers/quectel/manifest.json"));
    const [bg95, bc66] = [listed(BG95), listed("drivers/bc66/manifest.json")];
    assert.ok(shared.size > 40);
    for (const name of [...bg95, ...bc66]) assert.ok(!shared.has(name), name);
    assert.deepEqual(
      bg95.filter(name => bc66.includes(name)),
      [],
    );
  });

  for (const [platform, type, file] of [
    ["esp32", "DeviceConfig", "../esp32/device-config.js"],
    ["lin", "LinuxConfig", "../linux/linux-config.js"],
  ] as const)
    describe(`the application's for ${platform}`, () => {
      const config = () => configOf(read, "manifest.json", platform);

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
        const { main, preload } = merge(read, "manifest.json", platform);
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
      const options = merge(read, path, "lin").compilerOptions;
      assert.equal(options["noEmitOnError"], true, path);
      assert.equal(options["useDefineForClassFields"], false, path);
      assert.equal(options["target"], "es2022", path);
    }
  });

  it("the application carries a DER file for each credential that it opens, out of the repository's sight", () => {
    const store = readText(root, "hosts/moddable/stored-credentials.ts");
    assert.match(store, /role \+ "\.der"/);
    assert.deepEqual(
      read("manifest.json").data?.["*"],
      ["ca", "certificate", "key"].map(role => `./credentials/${role}`),
    );
    assert.match(readText(root, ".gitignore"), /^credentials\/$/m);
  });

  // A handshake with the SDK's engine took 453 slots on Linux; the ESP32's default is 512.
  it("the application has a stack that a handshake leaves room in", () => {
    assert.ok((read(APPLICATION).creation?.stack ?? 0) >= 768);
  });

  // Only XS tells objects of native kinds.
  it("loading what the drivers' manifests list leaves no native object behind, so that it can be preloaded", async () => {
    const entry = "test-host/spec/docs/programs/libraries";
    const loaded = graphOf(root, [entry]).modules;
    for (const driver of ["bg95", "bc66"])
      for (const name of merge(read, `drivers/${driver}/manifest_routes.json`, "esp32").modules.keys())
        assert.ok(loaded.has(name), name);
    const engine = await createEngine({ engine: "xs", entry });
    try {
      assert.deepEqual(engine.loadedNatives, {});
    } finally {
      await engine.stop();
    }
  }).timeout(60_000);
});
