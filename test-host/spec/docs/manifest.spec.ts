import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { join, posix } from "node:path";
import { root } from "../cli/support.js";
import { faultsOf, MANIFESTS, modulesOf, readManifest, type Manifest } from "./manifest-modules.js";
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
    const store = readText(root, "hosts/moddable/stored-credentials.ts");
    assert.match(store, /role \+ "\.der"/);
    assert.deepEqual(
      manifest.data["*"],
      ["ca", "certificate", "key"].map(role => `./credentials/${role}`),
    );
    assert.match(readText(root, ".gitignore"), /^credentials\/$/m);
  });

  // A handshake with the SDK's engine took 453 slots on Linux; the ESP32's default is 512.
  it("has a stack that a handshake leaves room in, and so has that for Linux", () => {
    for (const path of MANIFESTS) assert.ok((readManifest(root, path).creation.stack ?? 0) >= 768);
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

describe("manifest for Linux", () => {
  const [, path] = MANIFESTS;
  const entry = "hosts/linux/main";
  const manifest = readManifest(root, path);
  const device = readManifest(root);

  it("lists every module that its main module needs, under the name of its folder, preloaded, and no other (npx tsx scripts/update-manifest.ts)", () => {
    assert.deepEqual(faultsOf(root, manifest, entry, path), []);
  });

  it("a path that leads out of its folder to nothing is found out", () => {
    const [first = ""] = manifest.preload;
    const modules = { ...manifest.modules, [first]: `../${first}` };
    const faults = faultsOf(root, { ...manifest, modules }, entry, path).join("\n");
    assert.match(faults, /does not mirror the folder/);
    assert.match(faults, /does not exist/);
  });

  it("a module that runs native code when it is loaded must not be preloaded", () => {
    const preload = [...manifest.preload, "hosts/linux/entropy"];
    assert.match(faultsOf(root, { ...manifest, preload }, entry, path).join(), /entropy uses native code/);
  });

  it("has a configuration that the firmware's types accept", () => {
    const text = [
      'import type { LinuxConfig } from "../linux/linux-config.js";',
      `export const config: LinuxConfig = ${JSON.stringify(manifest.config)};`,
    ].join("\n");
    assert.deepEqual(typeErrors(root, "hosts/firmware/config-check.ts", text), []);
  });

  it("differs from the device's configuration by the port, and where random numbers come from", () => {
    const { device: port, baud, files, ...config } = manifest.config;
    const { wiring, ...others } = device.config;
    assert.equal(typeof port, "string");
    assert.equal(files, "/proc/sys/kernel/random");
    assert.equal(baud, (wiring as { uart: { baud: number } }).uart.baud);
    assert.deepEqual(config, others);
  });

  it("compiles as the device's does, with the same credentials", () => {
    const { types, ...options } = manifest.typescript.tsconfig.compilerOptions;
    const { types: deviceTypes, ...deviceOptions } = device.typescript.tsconfig.compilerOptions;
    assert.deepEqual(options, deviceOptions);
    assert.deepEqual(deviceTypes, ["./hosts/moddable/typings/tls"]);
    assert.deepEqual(types, ["../moddable/typings/tls", "../moddable/typings/files"]);
    for (const name of ["tls", "files"])
      assert.ok(existsSync(join(root, `hosts/moddable/typings/${name}.d.ts`)));
    const files = (device.data["*"] ?? []).map(file => posix.join("../..", file));
    assert.deepEqual(manifest.data["*"], files);
  });
});
