import assert from "node:assert/strict";
import type { ChildProcessWithoutNullStreams } from "node:child_process";
import { createPublicKey } from "node:crypto";
import { once } from "node:events";
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { Authority, type Issued } from "../../../certs/issue.js";
import { InputError } from "../../../certs/input-error.js";
import { keepFiles } from "../../../hosts/workstation/simulate/module-files.js";
import { BG95 } from "../../simulator/bg95/bg95.js";
import { MemoryNetwork } from "../../simulator/memory.js";
import { Scheduler } from "../../simulator/scheduler.js";
import { fill, opened } from "../factory/modem-bench.js";
import { Mosquitto } from "./mosquitto.js";
import { Folder, hear, start, xsCellular } from "./support.js";

function module(): BG95 {
  const scheduler = new Scheduler();
  return new BG95({ scheduler, network: new MemoryNetwork({ scheduler, names: {} }) });
}

describe("--files: the file system of a simulated BG95 in a folder", function () {
  this.timeout(60_000);
  let folder: Folder;
  const running: ChildProcessWithoutNullStreams[] = [];
  beforeEach(() => {
    folder = new Folder();
  });
  afterEach(async () => {
    for (const child of running.splice(0)) await end(child, "SIGTERM");
    folder.remove();
  });

  async function end(child: ChildProcessWithoutNullStreams, signal: NodeJS.Signals): Promise<void> {
    if (child.exitCode !== null || child.signalCode !== null) return;
    const exit = once(child, "exit");
    child.kill(signal);
    await exit;
  }

  function started(...args: readonly string[]): ChildProcessWithoutNullStreams {
    const child = start(args);
    running.push(child);
    child.stdout.setEncoding("utf8");
    return child;
  }

  it("holds what was written, without what was deleted, for the next module", () => {
    const first = module();
    const at = folder.file("ufs");
    keepFiles(first, at);
    first.files.write("xs-ca-00000000.pem", Uint8Array.of(1, 2, 3));
    first.files.write("UFS:gone.pem", Uint8Array.of(4));
    first.files.delete("gone.pem");
    const second = module();
    keepFiles(second, at);
    assert.deepEqual(second.files.names, ["xs-ca-00000000.pem"]);
    assert.deepEqual(second.files.read("xs-ca-00000000.pem"), Uint8Array.of(1, 2, 3));
  });

  it("is readable by its owner alone", () => {
    const one = module();
    const at = folder.file("ufs");
    keepFiles(one, at);
    one.files.write("key.pem", Uint8Array.of(1));
    assert.equal(statSync(folder.file("ufs/key.pem")).mode & 0o077, 0);
  });

  for (const name of ["../outside", "..", ".unfinished", "a/b", "/etc/x", "%2e%2e", "ü 1"])
    it(`keeps a file by the name ${name} inside, and gives it back by that name`, () => {
      const at = folder.file("ufs");
      const first = module();
      keepFiles(first, at);
      first.files.write(name, Uint8Array.of(7));
      assert.deepEqual(readdirSync(folder.path), ["ufs"]);
      assert.equal(readdirSync(at).length, 1);
      const second = module();
      keepFiles(second, at);
      assert.deepEqual(second.files.names, [name]);
    });

  it("leaves out what a killed run had not finished", () => {
    const at = folder.file("ufs");
    mkdirSync(at);
    writeFileSync(folder.file("ufs/.unfinished"), "half");
    const one = module();
    keepFiles(one, at);
    assert.deepEqual(one.files.names, []);
    assert.ok(!existsSync(folder.file("ufs/.unfinished")));
  });

  it("is refused where a file stands in its place", () => {
    writeFileSync(folder.file("ufs"), "");
    assert.throws(() => keepFiles(module(), folder.file("ufs")), InputError);
  });

  for (const command of [
    ["modem", "--listen", "127.0.0.1:0"],
    ["device", "--console", "127.0.0.1:0", "--flash", "unused"],
  ])
    it(`is refused by ${command[0] ?? ""} with a BC66, which has no files`, async () => {
      const { code, stderr } = await xsCellular([
        ...command,
        "--module",
        "bc66",
        "--files",
        folder.file("ufs"),
      ]);
      assert.equal(code, 2);
      assert.match(stderr, /--files needs a BG95/);
    });

  describe("provisioned by the factory", () => {
    let ca: Authority;
    let unit: Issued;
    let broker: Mosquitto;
    before(async function () {
      ca = await Authority.create({ commonName: "root", key: "RSA-2048" });
      unit = await ca.client({ commonName: "unit-0007", key: "RSA-2048" });
      const server = await ca.server({ commonName: "broker.example.com", key: "RSA-2048" });
      broker = await Mosquitto.start(this, {
        tls: { server, ca: ca.certificatePem, requireCertificate: true, version: "tlsv1.2" },
      });
    });
    after(() => broker.stop());

    function device(...options: readonly string[]): ChildProcessWithoutNullStreams {
      const resolve = `broker.example.com=127.0.0.1:${String(broker.port)}`;
      const flash = ["--console", "127.0.0.1:0", "--flash", folder.file("flash")];
      return started("device", ...flash, "--resolve", resolve, "--credentials", "module", ...options);
    }

    for (const route of ["module-tls", "module-mqtt"])
      it(`lets a device connect to mosquitto by ${route} that has nothing of its own, over a power cut of both`, async () => {
        const at = folder.file("ufs");
        const modem = started("modem", "--listen", "127.0.0.1:0", "--files", at);
        const address = /listening on (\S+)\n/.exec(await hear(modem.stdout, /\n/))?.[1] ?? "";
        const { target } = await opened(`tcp:${address}`);
        await target.connect();
        const half = createPublicKey(unit.keyPem).export({ type: "spki", format: "der" });
        const { certificate, key } = unit;
        await fill(target, { ca: ca.certificate, certificate, key, half: Uint8Array.from(half) });
        await target.close();
        await end(modem, "SIGKILL");
        const files = readdirSync(at).sort();
        assert.equal(files.length, 3);
        const before = files.map(name => readFileSync(`${at}/${name}`, "latin1"));
        for (let life = 0; life < 2; life++) {
          const one = device("--files", at, "--route", route);
          const log = await hear(one.stdout, /^(mqtt|failure) .*\n/m);
          assert.doesNotMatch(log, /^failure/m);
          assert.match(log, /^credential key xs-key-\w{8}\.pem kept/m);
          await end(one, "SIGKILL");
        }
        assert.deepEqual(readdirSync(at).sort(), files);
        assert.deepEqual(
          files.map(name => readFileSync(`${at}/${name}`, "latin1")),
          before,
        );
      });

    it("is what a device with an empty module says is missing", async () => {
      const log = await hear(device("--files", folder.file("empty")).stdout, /^failure broker .*\n/m);
      assert.match(
        log,
        /^failure broker credential {2}AT\+QFLST ca: the module holds no file xs-ca-\*\.pem/m,
      );
    });
  });
});
