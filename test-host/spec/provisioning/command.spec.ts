import assert from "node:assert/strict";
import { spawnSync, type ChildProcessWithoutNullStreams } from "node:child_process";
import { once } from "node:events";
import { existsSync, lstatSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Duplex } from "node:stream";
import { FactoryError } from "../../../certs/factory-error.js";
import { Authority, type Issued } from "../../../certs/issue.js";
import { SIZES } from "../../../hosts/workstation/device-command/flash-files.js";
import { ProvisioningClient } from "../../../hosts/workstation/provisioning/client.js";
import { fill, type Wanted } from "../../../hosts/workstation/provisioning/fill.js";
import { openPort } from "../../../hosts/workstation/serial/open.js";
import { hear, peer, root, start, xsCellular } from "../cli/support.js";

/** When a pty's link was made, its device's number being used again; `undefined`: a TCP port, or no pty now. */
function ptyOf(path: string): number | undefined {
  return lstatSync(path, { throwIfNoEntry: false })?.mtimeMs;
}

/** Processes of socat that serve this path. */
function socatsOf(path: string): string[] {
  const { stdout } = spawnSync("ps", ["-eo", "args"], { encoding: "utf8" });
  return stdout.split("\n").filter(line => line.includes(`link=${path},`));
}

describe("xs-cellular device", function () {
  this.timeout(60_000);
  const folder = mkdtempSync(join(tmpdir(), "device-"));
  const running: ChildProcessWithoutNullStreams[] = [];
  let ca: Authority;
  let unit: Issued;
  let wanted: Wanted;
  before(async () => {
    ca = await Authority.create({ commonName: "root" });
    unit = await ca.client({ commonName: "unit" });
    wanted = { ca: ca.certificate, certificate: unit.certificate, key: unit.key, commonName: "unit" };
  });
  afterEach(async () => {
    for (const child of running.splice(0)) await end(child, "SIGTERM");
  });
  after(() => {
    rmSync(folder, { recursive: true });
  });

  async function end(child: ChildProcessWithoutNullStreams, signal: NodeJS.Signals): Promise<number | null> {
    if (child.exitCode === null && child.signalCode === null) {
      const exit = once(child, "exit");
      child.kill(signal);
      await exit;
    }
    return child.exitCode;
  }

  /** A device; `port` as a tool is given it. */
  async function device(
    at: string,
    flash: string,
    ...options: readonly string[]
  ): Promise<{ child: ChildProcessWithoutNullStreams; port: string }> {
    const child = start(["device", "--console", at, "--flash", join(folder, flash), ...options]);
    running.push(child);
    const first = await hear(child.stdout.setEncoding("utf8"), /\n/);
    const address = /^console on (\S+)\n/.exec(first)?.[1] ?? "";
    return { child, port: address.startsWith("127.") ? `tcp:${address}` : address };
  }

  /** Between two tools the pty is made anew. */
  async function openThere(port: string): Promise<Duplex> {
    for (let tries = 0; ; tries++)
      try {
        return await openPort(port);
      } catch (error) {
        if (tries === 100 || !(error instanceof FactoryError) || error.code !== "port-missing") throw error;
        await new Promise(resolve => setTimeout(resolve, 50));
      }
  }

  async function withTool<Value>(
    port: string,
    work: (tool: ProvisioningClient) => Promise<Value>,
    onText?: (line: string) => void,
  ): Promise<Value> {
    const tool = new ProvisioningClient({ stream: await openThere(port), onText });
    const pty = ptyOf(port);
    try {
      return await work(tool);
    } finally {
      tool.close();
      // Who opens the old one meanwhile is in the session that ends.
      while (pty !== undefined && ptyOf(port) === pty) await new Promise(resolve => setTimeout(resolve, 20));
    }
  }

  it("is filled on a TCP port, and holds it after it was killed", async () => {
    const { child, port } = await device("127.0.0.1:0", "killed");
    await withTool(port, async tool => assert.equal((await fill(tool, wanted)).already, false));
    await end(child, "SIGKILL");
    const again = await device("127.0.0.1:0", "killed");
    const texts: string[] = [];
    await withTool(
      again.port,
      async tool => {
        assert.equal((await fill(tool, wanted)).already, true);
        await tool.confirm();
        await tool.lock();
        await tool.restart();
        const facts = await tool.connect();
        assert.deepEqual([facts.locked, facts.state], [true, "confirmed"]);
      },
      line => texts.push(line),
    );
    assert.ok(texts.includes("power"), "its log is on its console, too");
    assert.equal(await end(again.child, "SIGTERM"), 0);
    const image = readFileSync(join(folder, "killed", "esp_secure_cert.bin"));
    assert.equal(image.length, 8192);
    assert.ok(image.includes(Buffer.from(unit.certificate)));
    assert.equal(statSync(join(folder, "killed", "esp_secure_cert.bin")).mode & 0o777, 0o600);
  });

  it("is filled on a pty, by one tool after another", async function () {
    peer(this, "socat");
    const { port } = await device(join(folder, "tty"), "pty");
    await withTool(port, async tool => assert.equal((await fill(tool, wanted)).already, false));
    await withTool(port, async tool => assert.equal((await fill(tool, wanted)).already, true));
  });

  // The socat of a killed device went on waiting on a pty that nobody found, or took the next one's link with it.
  for (const inUse of [false, true])
    it(`comes up on the same pty after it was killed ${inUse ? "with" : "without"} a tool at it`, async function () {
      peer(this, "socat");
      const at = join(folder, `killed-${String(inUse)}`);
      const flash = `flash-${String(inUse)}`;
      const { child } = await device(at, flash);
      const stream = inUse ? await openThere(at) : undefined;
      stream?.on("error", () => undefined);
      await end(child, "SIGKILL");
      await device(at, flash);
      stream?.destroy();
      await withTool(at, async tool => assert.equal((await tool.connect()).slot, undefined));
      await end(running.at(-1) ?? assert.fail(), "SIGTERM");
      assert.ok(!existsSync(at), "the link is gone with the device");
      for (let tries = 0; socatsOf(at).length > 0; tries++) {
        assert.ok(tries < 100, "a socat is left behind");
        await new Promise(resolve => setTimeout(resolve, 50));
      }
    });

  it("eight are started at once, each with an address, an IMEI and a client identifier of its own", async () => {
    const devices = await Promise.all(
      Array.from({ length: 8 }, async (_, index) => {
        const mac = `246F2800000${String(index)}`;
        const { port } = await device("127.0.0.1:0", `eight-${String(index)}`, "--mac", mac);
        return { mac, port };
      }),
    );
    const boots = new Set<string | undefined>();
    for (const { mac, port } of devices)
      await withTool(port, async tool => {
        const { unit: name, boot } = await tool.connect();
        assert.equal(name, mac);
        boots.add(boot);
      });
    assert.equal(boots.size, 8);
  });

  it("gives the module's IMEI, and says with another boot that it is another life", async () => {
    const imei = "490154203237518";
    const { child, port } = await device("127.0.0.1:0", "imei", "--imei", imei);
    const before = await withTool(port, async tool => {
      await fill(tool, wanted);
      await tool.restart();
      for (;;) {
        const facts = await tool.connect();
        if (facts.imei !== undefined) return facts;
        await new Promise(resolve => setTimeout(resolve, 100));
      }
    });
    assert.equal(before.imei, imei);
    await end(child, "SIGKILL");
    const again = await device("127.0.0.1:0", "imei");
    await withTool(again.port, async tool => assert.notEqual((await tool.connect()).boot, before.boot));
  });

  it("has partitions of the sizes of the ESP32's table", () => {
    const table = readFileSync(join(root, "hosts/esp32/partitions.csv"), "utf8");
    for (const [label, size] of Object.entries(SIZES)) {
      const line = table.split("\n").find(one => one.startsWith(`${label},`)) ?? assert.fail(label);
      assert.equal(size, Number(line.split(",")[4]), label);
    }
  });

  const WRONG: readonly (readonly [title: string, ...args: string[]])[] = [
    ["an address of another machine", "--console", "10.0.0.1:7000", "--flash", "f"],
    ["a file for a console", "--console", join(folder, "file"), "--flash", "f"],
    ["a module that is not known", "--console", "127.0.0.1:0", "--flash", "f", "--module", "sim7000"],
    ["a broker without a port", "--console", "127.0.0.1:0", "--flash", "f", "--broker", "example.com"],
    ["flash of another size", "--console", "127.0.0.1:0", "--flash", join(folder, "small")],
    ["a flash folder that is a file", "--console", "127.0.0.1:0", "--flash", join(folder, "file")],
    ["no console", "--flash", "f"],
    ["an address of a group", "--console", "127.0.0.1:0", "--flash", "f", "--mac", "256F28000001"],
    ["an address that is too short", "--console", "127.0.0.1:0", "--flash", "f", "--mac", "246F280000"],
    [
      "an IMEI with a wrong check digit",
      "--console",
      "127.0.0.1:0",
      "--flash",
      "f",
      "--imei",
      "866425030000017",
    ],
    ["an IMEI of 14 digits", "--console", "127.0.0.1:0", "--flash", "f", "--imei", "86642503000001"],
  ];
  before(async () => {
    writeFileSync(join(folder, "file"), "");
    const { mkdirSync } = await import("node:fs");
    mkdirSync(join(folder, "small"));
    writeFileSync(join(folder, "small", "esp_secure_cert.bin"), "short");
  });
  for (const [title, ...args] of WRONG)
    it(`refuses ${title}, with a reason and a remedy`, async () => {
      const { code, stderr, stdout } = await xsCellular(["device", ...args]);
      assert.equal(code, 2);
      assert.equal(stdout, "");
      assert.match(stderr, /why: .+\n.*fix: .+/s);
    });

  it("a port that is none is refused with a reason and a remedy", async () => {
    for (const [path, code] of [
      ["/dev/null", "port-refused"],
      [join(folder, "nothing"), "port-missing"],
    ] as const)
      await assert.rejects(openPort(path), { name: "FactoryError", code, side: "environment" });
  });
});
