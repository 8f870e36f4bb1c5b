import assert from "node:assert/strict";
import type { ChildProcessWithoutNullStreams } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Authority } from "../../../certs/issue.js";
import { FactoryError } from "../../../certs/factory-error.js";
import type { Target } from "../../../certs/factory/target.js";
import { EmbeddedBroker } from "../../../hosts/workstation/broker.js";
import { openDeviceTarget } from "../../../hosts/workstation/provision/targets/device.js";
import { openPort } from "../../../hosts/workstation/serial/open.js";
import { LoopbackNetwork } from "../../simulator/loopback.js";
import { Scheduler } from "../../simulator/scheduler.js";
import { hear, peer, start } from "../cli/support.js";
import { HOST, withDevice, type DeviceBench } from "../provisioning/device-bench.js";
import { issueFor } from "../provisioning/issue-for.js";

const MAC = "0123456789AB";

function open(bench: DeviceBench): Promise<Required<Target>> {
  return openDeviceTarget("bench", {
    open: () => Promise.resolve(bench.open()),
    timer: bench.timer,
    now: () => bench.scheduler.nowMs,
    handshakeMs: 120_000,
  });
}

async function make(target: Required<Target>, ca: Authority, issuer: Authority = ca): Promise<Uint8Array> {
  await target.connect();
  await target.begin();
  const key = await target.generate();
  const certificate = await issueFor(issuer)(await target.request("unit-1", key));
  await target.write("ca", ca.certificate);
  await target.write("certificate", certificate);
  await target.readBack({ ca: ca.certificate, certificate, key });
  await target.prove("pending", key);
  await target.commit();
  await target.prove("used", key);
  return certificate;
}

/** A broker of this machine that wants certificates of its own authority, and a module that reaches it. */
async function withBroker(work: (bench: DeviceBench, authority: Authority) => Promise<void>): Promise<void> {
  const broker = await EmbeddedBroker.start({ names: [HOST], key: "P-256" });
  const scheduler = new Scheduler({ mode: "sockets" });
  const resolve = [`${HOST}=127.0.0.1:${String(broker.port)}`];
  const network = new LoopbackNetwork({ scheduler, resolve });
  try {
    await withDevice({ scheduler, network, engine: { unit: MAC } }, bench => work(bench, broker.authority));
  } finally {
    network.close();
    await broker.close();
  }
}

describe("target of a device, with the firmware in XS", function () {
  this.timeout(60_000);

  it("fills it, has it connect to a broker after a restart, locks it, and finds all of it again", async () => {
    await withBroker(async (bench, authority) => {
      const target = await open(bench);
      const certificate = await bench.run(make(target, authority));
      const { facts, broker } = await bench.run(target.handshake(`${HOST}:8883`));
      assert.equal(broker, `${HOST}:8883`);
      assert.deepEqual([facts["slot"], facts["state"]], ["a", "confirmed"]);
      assert.equal(bench.life.lives.length, 1, "one restart");
      await bench.run(target.confirm());
      await bench.run(target.erase("former"));
      await bench.run(target.lock());
      const present = await bench.run(target.connect());
      assert.deepEqual([present.mac, present.locked, present.used.certificate], [MAC, true, certificate]);
      assert.match(present.imei ?? "", /^\d{15}$/);
      await assert.rejects(bench.run(target.erase("all")), { name: "FactoryError", code: "locked" });
    });
  });

  it("a broker that does not take the certificate ends the handshake with the device's account", async () => {
    await withBroker(async (bench, authority) => {
      const stranger = await Authority.create({ commonName: "stranger" });
      const target = await open(bench);
      await bench.run(make(target, authority, stranger));
      const error = await bench.run(target.handshake(`${HOST}:8883`)).catch((reason: unknown) => reason);
      assert.ok(error instanceof FactoryError, String(error));
      assert.equal(error.code, "handshake");
      assert.match(error.what, /at stage broker: TLS was not established \(AT\+QMTOPEN, code -1/);
    });
  });

  it("erases all that it holds, and looks", async () => {
    await withDevice({ engine: { unit: MAC } }, async bench => {
      const ca = await Authority.create({ commonName: "root" });
      const target = await open(bench);
      await bench.run(make(target, ca));
      await bench.run(target.erase("all"));
      assert.deepEqual((await bench.run(target.connect())).used, {});
    });
  });

  it("goes on by itself after power was cut in the midst of its flash's work", async () => {
    const ca = await Authority.create({ commonName: "root" });
    for (const afterSteps of [40, 240, 440, 640, 840]) {
      const powerCut = { afterSteps, tear: "scatter", seed: afterSteps } as const;
      const engine = (lives: number): object => (lives === 0 ? { powerCut, unit: MAC } : { unit: MAC });
      await withDevice({ engine }, async bench => {
        const target = await open(bench);
        const certificate = await bench.run(make(target, ca));
        assert.equal(bench.life.lives[0]?.end.reason, "power cut", String(afterSteps));
        assert.deepEqual((await bench.run(target.connect())).used.certificate, certificate);
      });
    }
  });
});

describe("target of a device, at ports of this machine", function () {
  this.timeout(60_000);
  const folder = mkdtempSync(join(tmpdir(), "device-target-"));
  const running: ChildProcessWithoutNullStreams[] = [];
  afterEach(async () => {
    for (const child of running.splice(0)) await end(child);
  });
  after(() => {
    rmSync(folder, { recursive: true });
  });

  async function end(
    child: ChildProcessWithoutNullStreams,
    signal: NodeJS.Signals = "SIGTERM",
  ): Promise<void> {
    if (child.exitCode !== null || child.signalCode !== null) return;
    const exit = once(child, "exit");
    child.kill(signal);
    await exit;
  }

  async function device(at: string, flash: string): Promise<ChildProcessWithoutNullStreams> {
    const child = start(["device", "--console", at, "--flash", join(folder, flash)]);
    running.push(child);
    await hear(child.stdout.setEncoding("utf8"), /console on .*\n/);
    return child;
  }

  it("a device that is killed and started again on its pty is found again, and its slot is gone on with", async function () {
    peer(this, "socat");
    const port = join(folder, "tty");
    const ca = await Authority.create({ commonName: "root" });
    const child = await device(port, "pty");
    const notices: string[] = [];
    const target = await openDeviceTarget(port, { onNotice: code => notices.push(code) });
    await target.connect();
    await assert.rejects(openPort(port), { code: "port-busy" }, "no other program gets the port");
    await target.begin();
    await target.write("ca", ca.certificate);
    await end(child, "SIGKILL");
    const [, key] = await Promise.all([device(port, "pty"), target.generate()]);
    assert.deepEqual([...new Set(notices)], ["line-broken"]);
    await target.readBack({ ca: ca.certificate, key });
    await target.close();
    const again = await openDeviceTarget(port).catch((error: unknown) => error);
    // The pty may be made anew at this moment; it is not in use at any rate.
    if (again instanceof Error) assert.ok(again instanceof FactoryError && again.code === "port-missing");
    else await (again as Target).close();
  });

  const PORTS: readonly (readonly [title: string, port: string, code: string])[] = [
    ["a path where nothing is", join(folder, "nothing"), "port-missing"],
    ["a device that is no terminal", "/dev/null", "port-refused"],
    ["a folder", folder, "port-refused"],
    ["an address where nothing listens", "tcp:127.0.0.1:1", "port-missing"],
  ];
  for (const [title, port, code] of PORTS)
    it(`${title} is refused as ${code}, a fault of the station`, async () => {
      await assert.rejects(openDeviceTarget(port), { name: "FactoryError", code, side: "environment" });
    });
});
