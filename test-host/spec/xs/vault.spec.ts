import assert from "node:assert/strict";
import { Authority } from "../../../certs/issue.js";
import { BG95 } from "../../simulator/bg95/bg95.js";
import { MemoryNetwork } from "../../simulator/memory.js";
import { Scheduler } from "../../simulator/scheduler.js";
import { DeviceLife } from "../../xs/device-life.js";
import type { EngineOptions } from "../../xs/index.js";
import { ENGINES, PROGRAMS, reports, withProgram } from "./support.js";

const erased = (): Uint8Array => new Uint8Array(8192).fill(0xff);
const slots = () => ({ esp_secure_cert: erased(), secure_cert_b: erased() });

interface Identity {
  readonly ca: Uint8Array;
  readonly certificate: Uint8Array;
  readonly key: Uint8Array;
}

async function issue(name: string): Promise<Identity> {
  const dates = { notBefore: new Date(0), notAfter: new Date(Date.UTC(2040, 0)) };
  const authority = await Authority.create({ commonName: "Spec Root", key: "P-256", ...dates });
  const { certificate, key } = await authority.client({ commonName: name, key: "P-256", ...dates });
  return { ca: authority.certificate, certificate, key };
}

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");

function fill(identity: Identity): object {
  return {
    run: "fill",
    objects: Object.entries(identity).map(([role, der]) => [role, hex(der as Uint8Array)]),
  };
}

/** Runs a device over restarts; `tell` gives what a message made it report. */
async function withDevice(
  engine: EngineOptions,
  work: (tell: (message: object) => Promise<unknown[]>, life: DeviceLife) => Promise<void>,
): Promise<void> {
  const scheduler = new Scheduler();
  let seen: unknown[] = [];
  const life = new DeviceLife({
    scheduler,
    modem: new BG95({ scheduler, network: new MemoryNetwork({ scheduler }) }),
    onReport: text => seen.push(JSON.parse(text)),
    engine: { ...engine, entry: `${PROGRAMS}/vault` },
  });
  const step = async (message?: object): Promise<unknown[]> => {
    seen = [];
    if (message) life.send(JSON.stringify(message));
    const end = await life.run({ untilMs: scheduler.nowMs + 20_000 });
    assert.ok(end.reason === "time" || end.reason === "power cut", JSON.stringify(end));
    return seen;
  };
  try {
    await step();
    await work(step, life);
  } finally {
    await life.stop();
  }
}

describe("the ESP32's credential vault in an engine", () => {
  let first: Identity;
  let second: Identity;
  before(async () => ([first, second] = await Promise.all([issue("first"), issue("second")])));

  for (const engine of ENGINES) {
    describe(engine, () => {
      it("is there with both partitions only", async () => {
        for (const [partitions, expected] of [
          [slots(), ["vault", null, "none", true]],
          [{ esp_secure_cert: erased() }, ["vault", null, null, false]],
        ] as const)
          await withProgram("vault", { engine, partitions }, async bench => {
            assert.deepEqual(reports(await bench.start()), [expected]);
          });
      });

      // It was taken for a table without a vault, and nobody learned why a unit did not take its credentials.
      it("tells why it is not there", async () => {
        const partitions = { esp_secure_cert: erased() };
        await withProgram("vault-table", { engine, partitions }, async bench => {
          const [told] = reports(await bench.start()) as unknown[][];
          assert.deepEqual(told?.slice(0, 2), ["warning", "vault"]);
          assert.match(String(told[2]), /Error/);
        });
      });

      it("gives what no slot has from the stored files", async () => {
        await withProgram(
          "vault",
          { engine, partitions: slots(), credentials: { ca: first.ca } },
          async bench => {
            await bench.start();
            assert.deepEqual(await bench.ask({ run: "open", role: "ca" }), [["found", hex(first.ca)]]);
          },
        );
      });

      it("keeps what was written over a restart, and goes from slot to slot", async () => {
        await withDevice({ engine, partitions: slots() }, async (tell, life) => {
          assert.deepEqual(await tell(fill(first)), [
            ["closed", "ca", true],
            ["closed", "certificate", true],
            ["closed", "key", true],
            ["vault", "a", "trial", true],
          ]);
          assert.deepEqual(await tell({ run: "restart" }), [["vault", "a", "trial", true]]);
          assert.deepEqual(await tell({ run: "open", role: "key" }), [["found", hex(first.key)]]);
          assert.deepEqual(await tell({ run: "confirm" }), [["vault", "a", "confirmed", true]]);
          assert.deepEqual((await tell(fill(second))).at(-1), ["vault", "b", "trial", true]);
          assert.deepEqual(await tell({ run: "restart" }), [["vault", "b", "trial", true]]);
          assert.deepEqual(await tell({ run: "open", role: "certificate" }), [
            ["found", hex(second.certificate)],
          ]);
          assert.equal(life.lives.length, 2);
        });
      });
    });
  }

  it("has one set or the other after a power cut at any place, in the engine of the device", async () => {
    // Filled and confirmed once; each run begins from there.
    let partitions: Record<string, Uint8Array> = {};
    let steps = 0;
    await withDevice({ partitions: slots() }, async (tell, life) => {
      await tell(fill(first));
      await tell({ run: "confirm" });
      partitions = { ...(await life.partitions()) };
    });
    await withDevice({ partitions }, async (tell, life) => {
      await tell(fill(second));
      steps = (await life.engine?.flashSteps("secure_cert_b")) ?? 0;
    });
    assert.ok(steps > 500);
    const seen = new Set<unknown>();
    // Now and then, and closely at the end, where the record is written that makes the switch.
    const near = steps - 40;
    const points = Array.from({ length: Math.ceil(near / 61) }, (_, index) => index * 61);
    for (let at = near; at <= steps; at++) points.push(at);
    for (const [index, at] of points.entries()) {
      const tear = index % 2 ? "scatter" : "prefix";
      await withDevice({ partitions, powerCut: { afterSteps: at, tear, seed: at } }, async tell => {
        await tell(fill(second));
        const [told] = (await tell({ run: "state" })) as unknown[][];
        const slot = told?.[1];
        seen.add(slot);
        const identity = slot === "b" ? second : first;
        for (const role of ["ca", "certificate", "key"] as const)
          assert.deepEqual(
            await tell({ run: "open", role }),
            [["found", hex(identity[role])]],
            `cut after ${at} of ${steps} steps`,
          );
      });
    }
    assert.deepEqual([...seen].sort(), ["a", "b"]);
  });
});
