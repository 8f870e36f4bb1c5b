import assert from "node:assert/strict";
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
}

describe("dependencies", () => {
  const lock = JSON.parse(readText(root, "package-lock.json")) as Lock;
  const own = JSON.parse(readText(root, "package.json")) as Package;

  it("none runs an install script, with npm 10 neither: node scripts/unmark-install-scripts.js takes the marks out", () => {
    const marked = Object.entries(lock.packages).filter(([, entry]) => entry.hasInstallScript);
    assert.deepEqual(
      marked.map(([path]) => path),
      [],
    );
    assert.ok(Object.values(own.allowScripts).every(allowed => !allowed));
  });

  it("have exact versions", () => {
    for (const version of Object.values({ ...own.dependencies, ...own.devDependencies }))
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
