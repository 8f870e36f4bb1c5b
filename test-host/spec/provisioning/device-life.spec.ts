import assert from "node:assert/strict";
import { Authority, type Issued } from "../../../certs/issue.js";
import { EmbeddedBroker } from "../../../hosts/workstation/broker.js";
import { ProvisioningError } from "../../../hosts/workstation/provisioning/error.js";
import { fill, type Wanted } from "../../../hosts/workstation/provisioning/fill.js";
import { LoopbackNetwork } from "../../simulator/loopback.js";
import { Scheduler } from "../../simulator/scheduler.js";
import { VAULT_LABELS, type Partitions } from "../../xs/partitions.js";
import { HOST, withDevice, type DeviceBench } from "./device-bench.js";

const MAC = "246F28A1B2C3";

function wantedOf(ca: Authority, unit: Issued): Wanted {
  return { ca: ca.certificate, certificate: unit.certificate, key: unit.key, commonName: "unit" };
}

/** Whether any eight bytes of the private number of a P-256 key in PKCS#8 lie in a partition. */
function hasKey(partitions: Partitions, { key }: Issued): boolean {
  return VAULT_LABELS.some(label => {
    const bytes = Buffer.from(partitions[label] ?? []);
    for (let at = 36; at + 8 <= 68; at++)
      if (bytes.includes(Buffer.from(key.subarray(at, at + 8)))) return true;
    return false;
  });
}

describe("a provisioned device over its life, in XS", function () {
  this.timeout(60_000);
  let ca: Authority;
  let unit: Issued;
  let wanted: Wanted;
  before(async () => {
    ca = await Authority.create({ commonName: "root" });
    unit = await ca.client({ commonName: "unit" });
    wanted = wantedOf(ca, unit);
  });

  it("tells its address, and another boot at each start", async () => {
    await withDevice({ engine: { unit: MAC } }, async bench => {
      const tool = bench.plug();
      const boots = new Set<string | undefined>();
      for (let lives = 0; lives < 4; lives++) {
        const { unit: name, boot } = await bench.run(tool.connect());
        assert.equal(name, MAC);
        assert.match(boot ?? "", /^[0-9a-f]{8}$/);
        boots.add(boot);
        await bench.run(tool.restart());
        await bench.wait(1_000);
      }
      assert.equal(boots.size, 4);
    });
  });

  it("is erased: nothing of the key is left, and it waits for the factory from the next start on", async () => {
    await withDevice({}, async bench => {
      const tool = bench.plug();
      await bench.run(fill(tool, wanted));
      await bench.run(tool.confirm());
      await bench.run(tool.restart());
      await bench.wait(1_000);
      await bench.run(tool.connect());
      assert.ok(hasKey(await bench.life.partitions(), unit));
      await bench.run(tool.erase());
      assert.ok(!hasKey(await bench.life.partitions(), unit));
      const { slot, state } = await bench.run(tool.connect());
      assert.deepEqual([slot, state], [undefined, "none"]);
      bench.reports.length = 0;
      // The application goes on without credentials, and survives that.
      await bench.wait(60_000);
      assert.equal(bench.life.lives.length, 1);
      await bench.run(tool.restart());
      await bench.wait(2_000);
      assert.equal(bench.reports.at(-1), '["provisioning"]');
      assert.equal((await bench.run(fill(bench.plug(), wanted))).already, false);
    });
  });

  it("is erased, or what it was, after power was cut anywhere in it, and is erased by another request", async () => {
    let partitions: Partitions = {};
    let steps = 0;
    await withDevice({}, async bench => {
      const tool = bench.plug();
      await bench.run(fill(tool, wanted));
      await bench.run(tool.confirm());
      partitions = { ...(await bench.life.partitions()) };
    });
    await withDevice({ engine: { partitions } }, async bench => {
      const tool = bench.plug();
      await bench.run(tool.connect());
      await bench.run(tool.erase());
      for (const label of VAULT_LABELS) steps += (await bench.life.engine?.flashSteps(label)) ?? 0;
    });
    assert.ok(steps > 32, String(steps));
    const seen = new Set<string | undefined>();
    const stride = Math.max(1, Math.floor(steps / 30));
    for (let afterSteps = 0; afterSteps < steps; afterSteps += stride) {
      const tear = afterSteps % 2 ? "scatter" : "prefix";
      const powerCut = { afterSteps, tear, seed: afterSteps } as const;
      await withDevice(
        { engine: lives => ({ partitions, ...(lives === 0 && { powerCut }) }) },
        async bench => {
          const tool = bench.plug();
          await bench.run(tool.connect());
          const first = await bench.run(tool.erase()).catch((error: unknown) => error);
          assert.ok(first instanceof ProvisioningError, String(first));
          assert.equal(bench.life.lives[0]?.end.reason, "power cut", String(afterSteps));
          const { slot, state } = await bench.run(tool.connect());
          seen.add(slot);
          if (slot !== undefined) {
            assert.equal(state, "confirmed");
            await bench.run(tool.prove("used"));
            assert.deepEqual(
              Buffer.from((await bench.run(tool.readBack("used", "certificate"))) ?? []),
              Buffer.from(unit.certificate),
            );
          }
          await bench.run(tool.erase());
          assert.equal((await bench.run(tool.connect())).slot, undefined);
          assert.ok(!hasKey(await bench.life.partitions(), unit));
        },
      );
    }
    assert.deepEqual([...seen].sort(), ["a", undefined]);
  });

  // It took those that were committed at its next reconnection, before any trial had begun; and when they failed
  // in the trial, nobody at the console learned that they had been given up.
  it("connects again with what it started with after a commit, tries that after a restart, and shows that it went back", async () => {
    const broker = await EmbeddedBroker.start({ names: [HOST], key: "P-256" });
    const scheduler = new Scheduler({ mode: "sockets" });
    const network = new LoopbackNetwork({
      scheduler,
      resolve: [`${HOST}=127.0.0.1:${String(broker.port)}`],
    });
    const connected = async (bench: DeviceBench, count: number): Promise<void> => {
      const tool = bench.plug();
      await bench.run(tool.connect());
      for (let tries = 0; (await bench.run(tool.progress())).connections < count; tries++) {
        assert.ok(tries < 200, `not connected ${String(count)} times`);
        await bench.wait(1_000);
      }
    };
    try {
      const { authority } = broker;
      const good = await authority.client({ commonName: "unit-1" });
      const foreign = wantedOf(ca, unit);
      await withDevice({ scheduler, network, config: { keepAlive: 20_000 } }, async bench => {
        let tool = bench.plug();
        await bench.run(fill(tool, wantedOf(authority, good)));
        await bench.run(tool.restart());
        await bench.wait(1_000);
        await connected(bench, 1);

        tool = bench.plug();
        await bench.run(fill(tool, foreign));
        assert.equal((await bench.run(tool.connect())).state, "trial");
        broker.dropConnections();
        await connected(bench, 2);
        tool = bench.plug();
        let facts = await bench.run(tool.connect());
        assert.deepEqual([facts.slot, facts.state, facts.rejected], ["b", "trial", false]);

        await bench.run(tool.restart());
        await bench.wait(1_000);
        for (let tries = 0; facts.slot !== "a"; tries++) {
          assert.ok(tries < 300, "no roll-back");
          await bench.wait(1_000);
          facts = await bench.run(bench.plug().connect());
        }
        assert.deepEqual([facts.state, facts.rejected], ["confirmed", true]);
        await connected(bench, 1);
      });
    } finally {
      network.close();
      await broker.close();
    }
  });

  it("is at the broker under the name in its certificate", async () => {
    const clients: string[] = [];
    const broker = await EmbeddedBroker.start({
      names: [HOST],
      key: "P-256",
      onConnect: client => clients.push(client),
    });
    const scheduler = new Scheduler({ mode: "sockets" });
    const network = new LoopbackNetwork({
      scheduler,
      resolve: [`${HOST}=127.0.0.1:${String(broker.port)}`],
    });
    try {
      const { authority } = broker;
      const config = { clientId: "{unit}", topic: "devices/{unit}/telemetry" };
      await withDevice({ scheduler, network, config, engine: { unit: MAC } }, async bench => {
        const tool = bench.plug();
        await bench.run(fill(tool, wantedOf(authority, await authority.client({ commonName: "unit-0815" }))));
        await bench.run(tool.restart());
        for (let tries = 0; clients.length === 0 && tries < 100; tries++) await bench.wait(1_000);
        assert.deepEqual(clients, ["unit-0815"]);
      });
    } finally {
      network.close();
      await broker.close();
    }
  });
});
