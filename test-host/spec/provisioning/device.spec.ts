import assert from "node:assert/strict";
import { Authority, type Issued } from "../../../certs/issue.js";
import { EmbeddedBroker } from "../../../hosts/workstation/broker.js";
import { ProvisioningError } from "../../../hosts/workstation/provisioning/error.js";
import { fill, type Wanted } from "../../../hosts/workstation/provisioning/fill.js";
import { LoopbackNetwork } from "../../simulator/loopback.js";
import { Scheduler } from "../../simulator/scheduler.js";
import { DeviceBench, HOST, withDevice, type DeviceBenchOptions } from "./device-bench.js";
import { issuing } from "./issue-for.js";

/** Places of eight bytes of a secret in what was heard, in raw bytes, hexadecimal and base64. */
function leaks(heard: Buffer, secret: Uint8Array): number {
  const text = heard.toString("latin1");
  let found = 0;
  for (let at = 0; at + 8 <= secret.length; at++) {
    const part = Buffer.from(secret.subarray(at, at + 8));
    if (heard.includes(part) || text.toLowerCase().includes(part.toString("hex"))) found++;
    for (let shift = 0; shift < 3; shift++) {
      const base64 = Buffer.concat([Buffer.alloc(shift), part]).toString("base64");
      if (text.includes(base64.slice(shift === 0 ? 0 : shift + 1, 10))) found++;
    }
  }
  return found;
}

/** The private number of a P-256 key in PKCS#8. */
function scalarOf(partition: Uint8Array | undefined): Uint8Array {
  const bytes = Buffer.from(partition ?? []);
  const at = bytes.indexOf(Buffer.from("0201010420", "hex"));
  assert.ok(at > 0);
  return bytes.subarray(at + 5, at + 37);
}

describe("provisioning of the firmware in XS, over its console and flash", function () {
  this.timeout(60_000);
  let ca: Authority;
  let unit: Issued;
  let wanted: Wanted;
  before(async () => {
    ca = await Authority.create({ commonName: "root" });
    unit = await ca.client({ commonName: "unit" });
    wanted = { ca: ca.certificate, certificate: unit.certificate, key: unit.key, commonName: "unit" };
  });

  function ownKey(): Wanted {
    return { ca: ca.certificate, ...issuing(ca), commonName: "unit" };
  }

  it("a device without credentials waits for the factory and leaves the module alone", async () => {
    await withDevice({}, async bench => {
      await bench.wait(2_000_000);
      assert.deepEqual(bench.reports, ['["provisioning"]']);
      assert.equal(bench.life.lives.length, 0, "the watchdog lets it wait");
      assert.equal(bench.modem.status, false);
      const facts = await bench.run(bench.plug().connect());
      assert.equal(facts.state, "none");
      assert.equal(facts.module, "bg95");
    });
  });

  it("a broker without TLS needs no credentials: the application starts, the console listens", async () => {
    const broker = { host: "broker.example.net", port: 1883, secure: false, verify: false };
    await withDevice({ config: { broker } }, async bench => {
      await bench.wait(30_000);
      assert.ok(bench.reports.includes('["power"]'));
      assert.ok(
        (await bench.run(
          bench
            .plug()
            .progress()
            .catch((error: unknown) => error),
        )) instanceof Error,
      );
      assert.equal((await bench.run(bench.plug().connect())).state, "none");
    });
  });

  it("a device whose module holds the credentials starts without any of its own, and the console listens", async () => {
    await withDevice({ config: { credentials: "module" } }, async bench => {
      await bench.wait(30_000);
      assert.ok(bench.reports.includes('["power"]'));
      assert.equal((await bench.run(bench.plug().connect())).state, "none");
    });
  });

  const KINDS: readonly (readonly [title: string, options: DeviceBenchOptions, own: boolean])[] = [
    ["its own key, on the stock serial class", { serial: "stock" }, true],
    ["its own key, on the buffered class", { serial: "buffered" }, true],
    ["a key of the workstation, on the stock class", { serial: "stock" }, false],
    ["a key of the workstation, on the buffered class", { serial: "buffered" }, false],
    ["its own key, in Node", { engine: { engine: "node" } }, true],
  ];
  for (const [title, options, own] of KINDS)
    it(`is filled with ${title}; nothing of the key is heard`, async () => {
      await withDevice(options, async bench => {
        const tool = bench.plug();
        const filled = await bench.run(fill(tool, own ? ownKey() : wanted));
        assert.equal(filled.already, false);
        const { esp_secure_cert: slot } = await bench.life.partitions();
        const stored = Buffer.from(slot ?? []);
        for (const object of [filled.certificate, ca.certificate])
          assert.ok(stored.includes(Buffer.from(object)));
        const scalar = scalarOf(slot);
        if (!own) assert.ok(Buffer.from(unit.key).includes(Buffer.from(scalar)));
        await bench.run(tool.prove("used"));
        assert.equal(leaks(Buffer.concat(bench.said), scalar), 0);
        assert.equal(bench.life.simulation?.consoleUart.counters.lostBytes, 0);
      });
    });

  it("after a restart the application connects with what was made in the device, and that is confirmed", async () => {
    const broker = await EmbeddedBroker.start({ names: [HOST], key: "P-256" });
    const scheduler = new Scheduler({ mode: "sockets" });
    const resolve = [`${HOST}=127.0.0.1:${String(broker.port)}`];
    const network = new LoopbackNetwork({ scheduler, resolve });
    try {
      await withDevice({ scheduler, network }, async bench => {
        const tool = bench.plug();
        const { authority } = broker;
        await bench.run(
          fill(tool, {
            ca: authority.certificate,
            ...issuing(authority),
            commonName: "unit-1",
          }),
        );
        await bench.run(tool.restart());
        await bench.wait(1_000);
        const facts = await bench.run(tool.connect());
        assert.deepEqual([facts.slot, facts.state, bench.life.lives.length], ["a", "trial", 1]);
        let progress = await bench.run(tool.progress());
        assert.equal(progress.connections, 0);
        for (let tries = 0; progress.connections === 0 && tries < 60; tries++) {
          await bench.wait(1_000);
          progress = await bench.run(tool.progress());
        }
        assert.deepEqual([progress.connections, progress.failures, progress.failure], [1, 0, undefined]);
        const { state, imei } = await bench.run(tool.connect());
        assert.equal(state, "confirmed");
        assert.match(imei ?? "", /^\d{15}$/);
      });
    } finally {
      network.close();
      await broker.close();
    }
  });

  it("tells why the application does not get to the broker", async () => {
    await withDevice({}, async bench => {
      const tool = bench.plug();
      await bench.run(fill(tool, wanted));
      await bench.run(tool.restart());
      await bench.wait(1_000);
      await bench.run(tool.connect());
      let progress = await bench.run(tool.progress());
      for (let tries = 0; progress.failures === 0 && tries < 60; tries++) {
        await bench.wait(1_000);
        progress = await bench.run(tool.progress());
      }
      assert.deepEqual(progress.failure, {
        stage: "broker",
        kind: "dns",
        code: 565,
        command: "AT+QSSLOPEN",
      });
      assert.equal(progress.connections, 0);
    });
  });

  it("is locked for ever, over restarts too, and can still be verified", async () => {
    await withDevice({}, async bench => {
      const tool = bench.plug();
      await bench.run(fill(tool, wanted));
      await assert.rejects(bench.run(tool.lock()), { code: "unconfirmed" });
      await bench.run(tool.confirm());
      await bench.run(tool.lock());
      await bench.run(tool.restart());
      await bench.wait(1_000);
      assert.equal((await bench.run(tool.connect())).locked, true);
      const writes: readonly (() => Promise<unknown>)[] = [
        () => tool.begin(),
        () => tool.generate(),
        () => tool.confirm(),
        () => tool.commit(),
      ];
      for (const write of writes) await assert.rejects(bench.run(write()), { code: "locked" });
      assert.equal((await bench.run(fill(tool, wanted))).already, true);
    });
  });

  it("keeps the former credentials until the new ones are confirmed", async () => {
    await withDevice({}, async bench => {
      const tool = bench.plug();
      await bench.run(fill(tool, wanted));
      await bench.run(tool.confirm());
      const accept = (certificate: Uint8Array): boolean => !Buffer.from(unit.certificate).equals(certificate);
      await bench.run(fill(tool, { ...ownKey(), accept }));
      assert.equal((await bench.run(tool.connect())).slot, "b");
      await assert.rejects(bench.run(tool.begin()), { code: "trial" });
      await bench.run(tool.confirm());
      await bench.run(tool.begin());
      const { esp_secure_cert: old } = await bench.life.partitions();
      assert.ok(!Buffer.from(old ?? []).includes(Buffer.from(unit.key)), "the former key is erased");
    });
  });

  it("refuses what does not fit into the slot, and an object of the wrong kind", async () => {
    await withDevice({}, async bench => {
      const tool = bench.plug();
      await bench.run(tool.connect());
      await bench.run(tool.begin());
      await assert.rejects(bench.run(tool.transfer("ca", new Uint8Array(9_000))), { code: "room" });
      await assert.rejects(bench.run(tool.transfer("certificate", unit.key)), { code: "kind" });
      await assert.rejects(bench.run(tool.commit()), { code: "certificate" });
      assert.equal(await bench.run(tool.readBack("new", "certificate")), undefined);
    });
  });

  it("is filled after power was cut at any place of its flash's work", async () => {
    const steps = await flashSteps(wanted);
    for (let afterSteps = 0; afterSteps < steps; afterSteps += 211) {
      const powerCut = { afterSteps, tear: "scatter", seed: afterSteps } as const;
      await withDevice({ engine: lives => (lives === 0 ? { powerCut } : {}) }, async bench => {
        const first = await bench.run(fill(bench.plug(), wanted)).catch((error: unknown) => error);
        assert.ok(!(first instanceof Error) || first instanceof ProvisioningError, String(first));
        assert.equal(
          (await bench.run(fill(bench.plug(), wanted))).certificate.length,
          unit.certificate.length,
        );
        assert.equal(bench.life.lives[0]?.end.reason, "power cut", String(afterSteps));
      });
    }
  });
});

/** Steps of flash that filling takes. */
async function flashSteps(wanted: Wanted): Promise<number> {
  const bench = new DeviceBench();
  try {
    await bench.run(fill(bench.plug(), wanted));
    let steps = 0;
    for (const label of ["esp_secure_cert", "secure_cert_b"])
      steps += (await bench.life.engine?.flashSteps(label)) ?? 0;
    return steps;
  } finally {
    await bench.life.stop();
  }
}
