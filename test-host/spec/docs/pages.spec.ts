import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { existsSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { Authority } from "../../../certs/issue.js";
import { parseFault } from "../../simulator/faults.js";
import { Mosquitto } from "../cli/mosquitto.js";
import { ended, Folder, hear, peer, root, start, xsCellular } from "../cli/support.js";
import { blocksOf, commandsOf, isShown, pagesOf, sessionsOf } from "./pages.js";
import { readText, typeErrors } from "./type-check.js";

const run = promisify(execFile);
const bin = join(root, "bin", "xs-cellular.js");
/** Those pages are run whole, by specs of their own. */
const RUN_WHOLE = ["docs/factory.md", "docs/exports.md"];
const commands = commandsOf(root).filter(({ page }) => !RUN_WHOLE.includes(page));
const of = (first: string) => commands.filter(({ line }) => line.startsWith(first));
const SIMULATE = "npx xs-cellular simulate";
const MODEM = "npx xs-cellular modem";
const CERTS = "npx xs-cellular certs";
const BUILD = "npx xs-cellular build";

/** Commands of the command line that have a page of their own, and that page. */
const OPTION_PAGES = [
  [["simulate"], "simulate"],
  [["modem"], "modem"],
  [["build"], "manifests"],
] as const;

/** Options of a command by its own help. */
async function options(...command: readonly string[]): Promise<ReadonlySet<string>> {
  const { stdout } = await xsCellular([...command, "--help"]);
  return new Set([...stdout.matchAll(/^ {2}(?:-\w, )?(--[\w-]+)/gm)].map(([, name = ""]) => name));
}

describe("documentation", function () {
  this.timeout(60_000);

  it("every line of a sh block is of a kind that is run here", () => {
    const known = [SIMULATE, MODEM, CERTS, BUILD, "npm ", "openssl ", "mkdir credentials"];
    const strange = commands.filter(({ line }) => !known.some(first => line.startsWith(first)));
    assert.deepEqual(strange, []);
    assert.ok(of(SIMULATE).length >= 7 && of(MODEM).length >= 3);
  });

  it("npm commands name scripts that exist", () => {
    const { scripts } = JSON.parse(readText(root, "package.json")) as { scripts: Record<string, string> };
    const named = pagesOf(root).flatMap(page => [...readText(root, page).matchAll(/npm run ([\w:]+)/g)]);
    for (const [, name = ""] of named) assert.ok(name in scripts, name);
    assert.ok("start" in scripts && "test" in scripts);
  });

  it("links between pages lead somewhere", () => {
    for (const page of pagesOf(root))
      for (const [, target = ""] of readText(root, page).matchAll(/\]\((?!https?:)([^)#]+)\)/g))
        assert.ok(existsSync(join(root, dirname(page), target)), `${page}: ${target}`);
  });

  it("files and folders that are named exist", () => {
    for (const page of pagesOf(root))
      for (const [, path = ""] of readText(root, page).matchAll(
        /`((?:test-host|hosts|modules|drivers|docs)\/[\w./-]+)`/g,
      ))
        // A module is named as it is imported, without extension.
        assert.ok(existsSync(join(root, path)) || existsSync(join(root, `${path}.ts`)), `${page}: ${path}`);
  });

  it("docs/certs.md has every option of its commands, and no other", async () => {
    const known = new Set([
      ...(await options("certs", "check")),
      ...(await options("certs", "ca", "create")),
      ...(await options("certs", "inspect")),
      ...(await options("certs", "ca", "show")),
    ]);
    known.delete("--help");
    const rows = [...readText(root, "docs/certs.md").matchAll(/^\| ((?:`--[\w-]+`(?:, )?)+) \|/gm)];
    const named = rows.flatMap(([, cell = ""]) => [...cell.matchAll(/--[\w-]+/g)].map(([name]) => name));
    assert.deepEqual([...new Set(named)].sort(), [...known].sort());
  });

  for (const [command, page] of OPTION_PAGES)
    it(`docs/${page}.md has every option of ${command.join(" ")}, and no other`, async () => {
      const known = new Set(await options(...command));
      known.delete("--help");
      const rows = [...readText(root, `docs/${page}.md`).matchAll(/^\| ((?:`--[\w-]+`(?:, )?)+) \|/gm)];
      const named = rows.flatMap(([, cell = ""]) => [...cell.matchAll(/--[\w-]+/g)].map(([name]) => name));
      assert.deepEqual(named.sort(), [...known].sort());
    });

  it("flags of the command line are known wherever they are named", async () => {
    const known = new Set([
      ...(await options("simulate")),
      ...(await options("modem")),
      ...(await options("certs", "check")),
      ...(await options("provision", "run")),
      ...(await options("provision", "revoke")),
      "--json",
      "--markdown",
    ]);
    for (const page of [
      "README.md",
      "docs/routes.md",
      "docs/simulate.md",
      "docs/modem.md",
      "docs/troubleshooting.md",
    ])
      for (const [, name = ""] of readText(root, page).matchAll(/`(--[\w-]+)/g))
        assert.ok(known.has(name), `${page}: ${name}`);
  });

  it("docs/modem.md: every fault is one that the simulated module knows", () => {
    const rows = [...readText(root, "docs/modem.md").matchAll(/^\| `([a-z-]+ [^`]+=[^`]+)` \|/gm)];
    assert.ok(rows.length >= 10);
    for (const [, text = ""] of rows) assert.doesNotThrow(() => parseFault(text), text);
  });

  it("docs/modem.md: the lines of Python get an answer", async function () {
    const python = peer(this, "python3");
    const [script] = blocksOf(root, "docs/modem.md").filter(({ language }) => language === "python");
    const child = start(["modem", "--listen", "127.0.0.1:0"]);
    const end = ended(child);
    const port = /:(\d+)\n/.exec(await hear(child.stdout, /\n/))?.[1] ?? "";
    const { stdout } = await run(python, ["-c", script?.text.replace("7000", port) ?? ""], {
      timeout: 20_000,
    });
    child.kill("SIGTERM");
    await end;
    assert.match(stdout, /Quectel[\s\S]*BG95-M3[\s\S]*OK/);
  });

  describe("TypeScript", () => {
    for (const page of pagesOf(root))
      for (const [index, { text }] of blocksOf(root, page)
        .filter(({ language }) => language === "ts")
        .entries())
        it(`${page}, example ${String(index + 1)}: type-checks as device code`, () => {
          assert.deepEqual(typeErrors(root, `hosts/firmware/example.ts`, text), []);
        });
  });

  describe("commands", () => {
    const folder = new Folder();
    let broker: Mosquitto;

    before(async function () {
      // As clouds issue them, and as the BC66's own TLS would need them.
      const key = "RSA-2048";
      const authority = await Authority.create({ commonName: "Plant CA", key });
      const other = await Authority.create({ commonName: "Other CA" });
      const device = await authority.client({ commonName: "device", key });
      const server = await authority.server({ commonName: "localhost", names: ["localhost"], key });
      writeFileSync(folder.file("ca.pem"), authority.certificatePem);
      writeFileSync(folder.file("other-ca.pem"), other.certificatePem);
      writeFileSync(folder.file("device.pem"), device.certificatePem);
      writeFileSync(folder.file("device.key"), device.keyPem);
      const ciphers = "ECDHE-RSA-AES128-GCM-SHA256";
      const tls = {
        server,
        ca: authority.certificatePem,
        requireCertificate: true,
        version: "tlsv1.2",
        ciphers,
      } as const;
      broker = await Mosquitto.start(this, { tls });
    });
    after(async () => {
      await broker.stop();
      folder.remove();
    });

    for (const { page, line, exitCode } of of(SIMULATE))
      it(`${page}: ${line} ends with ${String(exitCode)}`, async () => {
        const args = line
          .replace("localhost:8883", `localhost:${String(broker.port)}`)
          .split(" ")
          .slice(2);
        const { code, stderr } = await xsCellular(args, { cwd: folder.path });
        assert.equal(code, exitCode, stderr);
      });

    for (const { page, line, exitCode } of of(CERTS))
      it(`${page}: ${line} ends with ${String(exitCode)}`, async function () {
        peer(this, "openssl");
        // What the page makes in the line before.
        if (line.includes("passphrase")) writeFileSync(folder.file("passphrase"), "correct horse\n");
        const { stderr, code } = await run(
          "sh",
          [
            "-c",
            line
              .replace("localhost:8883", `localhost:${String(broker.port)}`)
              .replace("npx xs-cellular", 'node "$0"'),
            bin,
          ],
          { cwd: folder.path },
        ).then(
          ended => ({ ...ended, code: 0 }),
          (error: unknown) => error as { readonly code: number; readonly stderr: string },
        );
        assert.equal(code, exitCode, stderr);
      });

    for (const { page, line } of [...of(BUILD), ...of("npm run build:"), ...of("npm run flash")])
      it(`${page}: ${line} makes a command for mcconfig`, async () => {
        const { scripts } = JSON.parse(readText(root, "package.json")) as { scripts: Record<string, string> };
        const [, script = ""] = /^npm run (\S+)/.exec(line) ?? [];
        const words = (scripts[script] ?? line.replace(/^npx /, "")).split(" ");
        const args = [...words.slice(words.indexOf("build")), "--dry-run"];
        const { code, stdout, stderr } = await xsCellular(args);
        assert.equal(code, 0, stderr);
        assert.match(stdout, /^mcconfig -\w+ -p (esp32|lin) -t (build|deploy) /);
      });

    for (const { page, command, args, text } of sessionsOf(root))
      it(`${page} shows ${command} as it is printed`, async () => {
        const port = String(broker.port);
        const real = args.map(arg => arg.replace("localhost:8883", `localhost:${port}`));
        const { stdout, stderr } = await xsCellular(real, { cwd: folder.path });
        assert.ok(isShown(text, stdout + stderr), stdout + stderr);
      });

    it("a session that differs is found out", () => {
      const [shown] = sessionsOf(root);
      assert.ok(shown);
      const { text } = shown;
      assert.ok(isShown(text, text));
      assert.ok(isShown(text.replace(/^.*state[\s\S]*?(?=^.* TLS )/m, "    ...\n"), text));
      assert.ok(!isShown(text.replace(" up ", " down "), text));
      assert.ok(!isShown(text.replace(/route {6}module-tls/, "route      host-tls"), text));
      assert.ok(!isShown(text.replace(/^ {2}memory.*\n/m, ""), text));
    });

    it("README.md shows a session of each route", () => {
      const routes = sessionsOf(root)
        .filter(({ page }) => page === "README.md")
        .flatMap(({ text }) => /^ {2}route +([\w-]+)/m.exec(text)?.[1] ?? []);
      assert.deepEqual([...new Set(routes)].sort(), ["host-tls", "module-mqtt", "module-tls"]);
    });

    it("the failure that docs/troubleshooting.md shows is the one that is printed", async () => {
      const [command] = commands.filter(({ page }) => page === "docs/troubleshooting.md");
      assert.ok(command);
      const { line } = command;
      const args = line
        .replace("localhost:8883", `localhost:${String(broker.port)}`)
        .split(" ")
        .slice(2);
      const { stderr } = await xsCellular(args, { cwd: folder.path });
      const [shown] = blocksOf(root, "docs/troubleshooting.md").filter(({ text }) =>
        text.startsWith("why: "),
      );
      assert.ok(stderr.includes(shown?.text.trim() ?? "?"), stderr);
    });

    for (const { page, line } of of(MODEM))
      it(`${page}: ${line} serves`, async function () {
        if (line.includes("--pty")) peer(this, "socat");
        const args = line
          .replace(":7000", ":0")
          .replace("/tmp/bg95", folder.file("bg95"))
          .split(" ")
          .slice(2);
        const child = start(args, { cwd: folder.path });
        const end = ended(child);
        await hear(child.stdout, /^listening on \S+\n/);
        child.kill("SIGTERM");
        assert.equal((await end).code, 0);
      });

    it("docs/esp32.md: the commands make DER files that the device's store takes", async function () {
      peer(this, "openssl");
      const lines = [...of("mkdir "), ...of("openssl ")]
        .filter(({ page }) => page === "docs/esp32.md")
        .map(({ line }) => line);
      assert.equal(lines.length, 4);
      await run("sh", ["-e", "-c", lines.join("\n")], { cwd: folder.path });
      const args = ["--ca", "credentials/ca.der", "--cert", "credentials/certificate.der"];
      const { code, stderr } = await xsCellular(
        [
          ...["simulate", "--broker", `mqtts://localhost:${String(broker.port)}`],
          ...[...args, "--key", "credentials/key.der"],
        ],
        { cwd: folder.path },
      );
      assert.equal(code, 0, stderr);
    });
  });
});
