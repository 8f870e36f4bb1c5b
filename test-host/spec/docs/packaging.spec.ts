import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { root } from "../cli/support.js";
import { readText } from "./type-check.js";

interface Lock {
  readonly packages: Readonly<
    Record<string, { readonly hasInstallScript?: boolean; readonly resolved?: string }>
  >;
}

interface Package {
  readonly allowScripts: Readonly<Record<string, boolean>>;
  readonly dependencies: Readonly<Record<string, string>>;
  readonly devDependencies: Readonly<Record<string, string>>;
  readonly optionalDependencies: Readonly<Record<string, string>>;
  readonly exports: Readonly<Record<string, string | { readonly types: string; readonly default: string }>>;
  readonly moddable: { readonly manifest: Readonly<Record<string, unknown>> };
}

describe("dependencies", () => {
  const lock = JSON.parse(readText(root, "package-lock.json")) as Lock;
  const own = JSON.parse(readText(root, "package.json")) as Package;

  it("none but native code runs an install script, with npm 10 neither: node scripts/unmark-install-scripts.js takes the marks out", () => {
    const native = ["better-sqlite3", "pkcs11js"];
    const marked = Object.entries(lock.packages).filter(([, entry]) => entry.hasInstallScript);
    assert.deepEqual(
      marked.map(([path]) => path),
      native.map(name => `node_modules/${name}`),
    );
    const allowed = Object.entries(own.allowScripts).filter(([, isAllowed]) => isAllowed);
    assert.deepEqual(
      allowed.map(([name]) => name),
      native,
    );
  });

  it("have exact versions", () => {
    for (const version of Object.values({
      ...own.dependencies,
      ...own.devDependencies,
      ...own.optionalDependencies,
    }))
      assert.match(version, /^\d+\.\d+\.\d+$/);
  });

  it("come from no particular registry's address", () => {
    const addresses = Object.values(lock.packages).flatMap(({ resolved }) => resolved ?? []);
    assert.deepEqual(
      addresses.filter(address => !address.startsWith("https://registry.npmjs.org/")),
      [],
    );
  });
});

describe("what the package exports", () => {
  const { exports, moddable } = JSON.parse(readText(root, "package.json")) as Package;
  const { include } = JSON.parse(readText(root, "tsconfig.library.json")) as { include: readonly string[] };
  const targets = Object.entries(exports).filter(([name]) => name !== "./package.json");

  it("is what tsconfig.library.json compiles", () => {
    for (const [name, target] of targets) {
      const file = typeof target === "string" ? target : target.default;
      const [, source = ""] = /^\.\/lib\/(.+)\.js$/.exec(file) ?? [];
      assert.ok(existsSync(join(root, `${source}.ts`)), name);
      assert.ok(
        include.some(one => one === `${source}.ts` || source.startsWith(`${one}/`)),
        name,
      );
    }
  });

  it("is there by the path of its source, and both modules by their names", () => {
    for (const [name, target] of targets.filter(([one]) => one !== ".")) {
      const places = [`./lib/${name.slice(2)}.js`, `./lib/drivers/${name.slice(2)}/index.js`];
      assert.ok(typeof target === "string" && places.includes(target), name);
    }
  });

  // mcpack of SDK 8.2.3 fails at a pattern: "get PACKAGE_TARGET_RESOLVE: undefined variable".
  it("is named one by one", () => {
    assert.deepEqual(
      Object.keys(exports).filter(name => name.includes("*")),
      [],
    );
  });

  it("is preloaded, under the names that mcpack gives", () => {
    assert.deepEqual(moddable.manifest, { preload: ["xs-cellular", "xs-cellular/*"] });
  });
});
