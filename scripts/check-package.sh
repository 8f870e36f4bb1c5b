#!/usr/bin/env bash
# The package as somebody else gets it: packed, installed in an empty folder, run there.
set -euo pipefail
cd "$(dirname "$0")/.."

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

npm pack --silent --pack-destination "$work" >"$work/name"
tarball="$work/$(tail -n 1 "$work/name")"
size=$(wc -c <"$tarball")
echo "package: $(basename "$tarball"), $size bytes"

# Nothing but what is meant to travel; no keys, no tests, no sources of the workstation.
tar -tzf "$tarball" >"$work/list"
if grep -E '(^|/)(node_modules|credentials|spec|\.cache|coverage)/|\.(pem|der|key|tgz)$' "$work/list"; then
  echo "check-package: these do not belong into the package" >&2
  exit 1
fi
for needed in README.md LICENSE modules/manifest.json modules/at/channel.ts drivers/bg95/manifest.json drivers/bg95/profile.ts \
  hosts/esp32/main.ts hosts/firmware/main.ts hosts/firmware/manifest.json docs/driver.md lib/xs-cellular.js lib/xs-cellular.d.ts \
  dist/hosts/workstation/cli.js dist/xs/engine/NOTICE dist/xs/engine/LGPL-3.0.txt dist/xs/engine/GPL-3.0.txt \
  dist/xs/engine/Apache-2.0.txt dist/xs/host/main.c; do
  grep -qx "package/$needed" "$work/list" || {
    echo "check-package: $needed is missing from the package" >&2
    exit 1
  }
done

mkdir "$work/elsewhere"
cd "$work/elsewhere"
npm init --yes >/dev/null
npm install --no-audit --no-fund --silent "$tarball"
if [ -e node_modules/@agoric ] || [ -e node_modules/esbuild ] || [ -e node_modules/typescript ]; then
  echo "check-package: a development dependency was installed" >&2
  exit 1
fi

# A cache of its own: the XS host is built from the package's C sources, not found ready.
export XDG_CACHE_HOME="$work/cache"
check='const r = JSON.parse(require("fs").readFileSync(0, "utf8"));
if (!r.ok || r.engine.name !== process.argv[1] || r.messages.acknowledged !== 3 || r.messages.received.length !== 1)
  throw new Error(JSON.stringify(r.failure ?? r));
console.log(`installed package, ${r.engine.version}: ${r.messages.acknowledged} messages up, ${r.messages.received.length} down`);'
npx xs-cellular simulate --json --engine xs 2>"$work/log" | node -e "$check" xs || {
  cat "$work/log" >&2
  exit 1
}
npx xs-cellular simulate --json --engine node 2>/dev/null | node -e "$check" node
npx xs-cellular modem --help >/dev/null

# Every module of every manifest is where the manifest says, in the package too.
node -e '
const { existsSync, readFileSync, readdirSync } = require("fs");
const { dirname, join } = require("path");
const root = "node_modules/xs-cellular";
let count = 0;
for (const folder of ["modules", "drivers", "hosts"])
  for (const name of readdirSync(join(root, folder), { recursive: true }).filter(one => one.endsWith(".json"))) {
    const manifest = JSON.parse(readFileSync(join(root, folder, name), "utf8"));
    for (const part of [manifest, ...Object.values(manifest.platforms ?? {})])
      for (const path of Object.values(part.modules ?? {}).flat().filter(one => !one.startsWith("$("))) {
        const file = join(root, folder, dirname(name), path);
        if (![".ts", ".js", ".c", ".d.ts"].some(end => existsSync(file + end))) throw new Error("the package lacks " + file);
        count++;
      }
  }
if (count < 300) throw new Error("only " + count + " modules are listed");
if (existsSync(join(root, "manifest.json"))) throw new Error("mcpack would take the application in manifest.json for a library");
console.log("manifests: " + count + " modules listed");'

# By its name, as an editor and mcpack resolve it; only types and constants can be looked at without XS.
node --input-type=module -e 'import { bg95, bc66, Cellular } from "xs-cellular"; import { MQTTClient } from "xs-cellular/modules/mqtt/client"; import * as one from "xs-cellular/bg95"; if (!MQTTClient || one.bg95 !== bg95) throw new Error("exports"); console.log("import: " + bg95.model + ", " + bc66.model + ", " + Cellular.name);'

# The command that builds, on the application that docs/manifests.md shows; without the SDK, as far as that goes.
node -e '
const { readFileSync, writeFileSync } = require("fs");
const blocks = readFileSync("node_modules/xs-cellular/docs/manifests.md", "utf8").matchAll(/^```json\n([^]*?)^```$/gm);
const [shown] = [...blocks].map(([, text]) => text).filter(text => text.includes("\"broker\""));
writeFileSync("manifest.json", shown);'
for target in lin esp32; do
  npx xs-cellular build "$target" --product bc66-host-tls module=bc66 board=devkit-bc66 --dry-run >"$work/command" 2>/dev/null
  grep -q "^mcconfig -m -p $target -t build" "$work/command"
done
npx xs-cellular certs --help >/dev/null
