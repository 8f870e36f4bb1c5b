import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { chmodSync, existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { promisify } from "node:util";
import { X509Certificate } from "node:crypto";
import { createSecureContext } from "node:tls";
import { Folder, freePort, peer, root, xsCellular } from "../cli/support.js";
import { blocksOf } from "./pages.js";
import { readText } from "./type-check.js";

const run = promisify(execFile);
const LIMIT_MS = 180_000;

/** What the page runs, in its order. */
const script = blocksOf(root, "docs/factory.md")
  .filter(({ language }) => language === "sh")
  .map(({ text }) => text)
  .join("");

describe("docs/factory.md", function () {
  this.timeout(LIMIT_MS + 10_000);
  const folder = new Folder();
  let printed = "";

  /** Programs of the page's names: the checkout for the package, and whatever else a machine needs. */
  function programs(mosquitto: string): string {
    const bin = folder.file("bin");
    mkdirSync(bin);
    const program = (name: string, text: string): void => {
      writeFileSync(`${bin}/${name}`, `#!/bin/sh\n${text}\n`);
      chmodSync(`${bin}/${name}`, 0o755);
    };
    program("npx", `shift\nexec "${process.execPath}" "${root}/bin/xs-cellular.js" "$@"`);
    // Started by root it would read its files as another user, who may not read the broker's key.
    const isRoot = process.getuid?.() === 0;
    program("mosquitto", `${isRoot ? 'echo "user root" >> "$2"\n' : ""}exec "${mosquitto}" "$@"`);
    return bin;
  }

  before(async function () {
    const mosquitto = peer(this, "mosquitto");
    peer(this, "openssl");
    peer(this, "socat");
    const bin = programs(mosquitto);
    const work = folder.file("work");
    mkdirSync(work);
    const port = String(await freePort());
    // Whatever fails ends the page, and what it has begun.
    const whole = `set -e\ntrap 'kill $(jobs -p) 2> /dev/null || true' EXIT\n${script.replaceAll("8883", port)}`;
    const { stdout } = await run("bash", ["-c", whole], {
      cwd: work,
      timeout: LIMIT_MS,
      env: { ...process.env, PATH: `${bin}:${process.env["PATH"] ?? ""}` },
    });
    printed = stdout;
  });
  after(() => folder.remove());

  it("has every option of every verb, and no other", async () => {
    const verbs = ["plan", "run", "verify", "image", "status", "export", "revoke", "label"];
    const helps = await Promise.all(verbs.map(verb => xsCellular(["provision", verb, "--help"])));
    const known = new Set(
      helps.flatMap(({ stdout }) =>
        [...stdout.matchAll(/^ {2}(?:-\w, )?(--[\w-]+)/gm)].map(([, name]) => name),
      ),
    );
    known.delete("--help");
    const rows = [...readText(root, "docs/factory.md").matchAll(/^\| ((?:`--[\w-]+`(?:, )?)+) +\|/gm)];
    const named = rows.flatMap(([, cell = ""]) => [...cell.matchAll(/--[\w-]+/g)].map(([name]) => name));
    assert.deepEqual(named.sort(), [...known].sort());
  });

  const file = (name: string): string => readFileSync(folder.file(`work/${name}`), "latin1");

  it("leads to a unit that mosquitto knows by its new certificate", () => {
    assert.match(printed, /New client connected .* as unit-0001 .*u'unit-0001'/);
  });

  it("leads to a second certificate after the first was revoked, and the broker knows that one, too", () => {
    assert.equal(printed.match(/has done a TLS handshake/g)?.length, 2);
    assert.match(printed, /revoked \(keyCompromise\)/);
    assert.equal(file("mosquitto.log").match(/New client connected.*u'unit-0001'/g)?.length, 2);
  });

  it("makes a revocation list that OpenSSL takes with the authority", () => {
    const ca = file("factory-ca/ca.pem");
    assert.doesNotThrow(() => createSecureContext({ ca, crl: file("revoked.pem") }));
    assert.ok(new X509Certificate(ca).ca);
  });

  it("leaves a label, a report and a ledger, and no private key of the unit", () => {
    assert.match(file("unit-0001.svg"), /<svg.*unit-0001/s);
    assert.match(file("report.html"), /unit-0001/);
    assert.equal(statSync(folder.file("work/ledger.db")).mode & 0o077, 0);
    assert.doesNotMatch(file("ledger.db") + file("report.html"), /PRIVATE KEY/);
    assert.ok(!existsSync(folder.file("work/ledger.db-wal")), "it was closed");
  });
});
