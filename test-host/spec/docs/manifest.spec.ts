import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { cpSync, mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { promisify } from "node:util";
import { configOf } from "../../../scripts/manifests/check-config.js";
import { manifestFaults } from "../../../scripts/manifests/check.js";
import { graphOf, moduleFile } from "../../../scripts/manifests/graph.js";
import { merge, readManifest, type Manifest } from "../../../scripts/manifests/manifest.js";
import { APPLICATION, isPreloadable, plansOf, productManifest } from "../../../scripts/manifests/plan.js";
import { createEngine } from "../../xs/index.js";
import { Folder, root } from "../cli/support.js";
import { BG95, BROKEN } from "./manifest-broken.js";
import { readText, typeErrors } from "./type-check.js";

const run = promisify(execFile);
const read = (path: string): Manifest => readManifest(root, path);

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

  // Only XS tells objects of native kinds. What imports a module of the SDK is loaded by the SDK's linker alone.
  describe("what they preload can be preloaded:", () => {
    const folder = new Folder();
    after(() => folder.remove());

    /** Kinds of the native objects that are left when `names` are loaded. */
    async function natives(root: string, names: readonly string[], entry: string) {
      const imports = names.map(name => `import ${JSON.stringify(`./${name}.js`)};\n`).join("");
      writeFileSync(join(root, `${entry}.ts`), `${imports}export default function main(): void {}\n`);
      const engine = await createEngine({ engine: "xs", root, entry, slots: 60_000, chunkBytes: 4_000_000 });
      try {
        return engine.loadedNatives;
      } finally {
        await engine.stop();
      }
    }

    it("loading every module that needs nothing of the SDK leaves no native object behind", async () => {
      const place = folder.file("loaded");
      mkdirSync(place);
      for (const name of ["modules", "drivers", "hosts"]) symlinkSync(join(root, name), join(place, name));
      const names = plansOf(root)
        .flatMap(({ modules }) => [...modules.values()].flat())
        .filter(name => moduleFile(root, name)?.endsWith(".ts") === true && isPreloadable(name));
      const portable = [...new Set(names)].filter(name => graphOf(root, [name]).platform.size === 0).sort();
      assert.ok(portable.length > 150, String(portable.length));
      assert.deepEqual(await natives(place, portable, "entry"), {});
    }).timeout(60_000);

    it("what cannot be is found out", async () => {
      const place = folder.file("broken");
      mkdirSync(place);
      writeFileSync(join(place, "table.ts"), "export const table = new Uint8Array(16);\n");
      writeFileSync(join(place, "names.ts"), "export const names = new Map([[1, 2]]);\n");
      // A view is as much as what it shows.
      assert.deepEqual(await natives(place, ["table", "names"], "entry"), { ArrayBuffer: 1, Map: 1 });
    }).timeout(60_000);
  });
});
