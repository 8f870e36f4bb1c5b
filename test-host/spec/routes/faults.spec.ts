import assert from "node:assert/strict";
import type { RouteName } from "../../../drivers/quectel/route.js";
import type { FirmwareConfig } from "../../../hosts/firmware/config.js";
import { DAY_MS, issueIdentities, RouteScene, type Identities, type Way } from "./scene.js";

const ROUTES: readonly RouteName[] = ["host-tls", "module-tls", "module-mqtt"];
const WAYS: readonly Way[] = ROUTES.flatMap(route => [["bg95", route] as const, ["bc66", route] as const]);

const config: Partial<FirmwareConfig> = { attempts: 0, count: 3 };

/** Bytes that pass on the UART in a run without faults. */
interface Counts {
  readonly toHost: number;
  readonly toModule: number;
}

describe("a device under faults is online again by itself", () => {
  let identities: Identities;
  before(async () => {
    identities = await issueIdentities();
  });

  async function survives(
    way: Way,
    faults: readonly string[],
    engine: "node" | "xs" = "node",
  ): Promise<Counts> {
    return RouteScene.run({ identities, way, faults, config, engine }, async scene => {
      const label = `${way.join(" ")} ${faults.join("; ")}`;
      const end = await scene.until(() => scene.record.end !== undefined, DAY_MS);
      assert.equal(end.reason, "condition", `${label}: ${JSON.stringify(end)} ${scene.told}`);
      assert.equal(scene.record.end, "done", label);
      assert.equal(scene.record.acknowledged, 3, label);
      if (faults.length === 0) assert.deepEqual(scene.failures, []);
      else assert.ok(scene.modem.faults.struck.length > 0, `${label} did not strike`);
      // Slots are counted by XS alone.
      const { peakBytes } = await scene.engine.memory();
      assert.equal(peakBytes > 0, engine === "xs", label);
      for (const failure of scene.failures) assert.ok(scene.explain(failure).length > 80, label);
      return { toHost: scene.modem.faults.toHostBytes, toModule: scene.modem.faults.toModuleBytes };
    });
  }

  for (const way of WAYS) {
    const [module, route] = way;
    describe(`${route} on a ${module.toUpperCase()}`, () => {
      let counts: Counts;
      before(async () => {
        counts = await survives(way, []);
      });

      /** Bytes all along a run: attach, upload, opening, each flight, MQTT. */
      function places(total: number, runs: number): readonly number[] {
        return Array.from(
          { length: runs },
          (_, index) => 1 + Math.floor(((index + 0.5) * (total - 2)) / runs),
        );
      }

      for (const [to, of] of [
        ["host", "toHost"],
        ["module", "toModule"],
      ] as const)
        it(`when the UART loses one byte to the ${to}, anywhere`, async () => {
          for (const at of places(counts[of], 24)) await survives(way, [`lose to=${to} at=${String(at)}`]);
        });

      it("when the module is reset, anywhere: in upload, handshake, publish", async () => {
        for (const at of places(counts.toModule, 24)) await survives(way, [`reset byte=${String(at)}`]);
      });

      it("when the module falls silent for a minute, anywhere", async () => {
        for (const at of places(counts.toModule, 6))
          await survives(way, [`silence for=60000 byte=${String(at)}`]);
      });
    });
  }

  // A command whose value lost a byte may still be one that the module takes; every opening fails then.
  for (const route of ["module-tls", "module-mqtt"] as const)
    it(`when a TLS setting was taken with a byte lost on its way: ${route} on a BG95`, async () => {
      const { toModule } = await survives(["bg95", route], []);
      // Behind the uploads, which are 4 KB, come the settings.
      for (let at = toModule - 900; at < toModule - 200; at += 4)
        await survives(["bg95", route], [`lose to=module at=${String(at)}`]);
    });

  for (const way of WAYS)
    it(`in XS, without an abort: ${way[1]} on a ${way[0].toUpperCase()}`, async () => {
      const { toHost, toModule } = await survives(way, []);
      for (const part of [0.55, 0.75, 0.9]) {
        await survives(way, [`reset byte=${String(Math.floor(toModule * part))}`], "xs");
        await survives(way, [`lose to=host at=${String(Math.floor(toHost * part))}`], "xs");
      }
    });
});
