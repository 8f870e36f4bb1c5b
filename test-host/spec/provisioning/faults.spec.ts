import assert from "node:assert/strict";
import fc from "fast-check";
import { Authority, type Issued } from "../../../certs/issue.js";
import { ProvisioningError } from "../../../hosts/workstation/provisioning/error.js";
import { fill, type Wanted } from "../../../hosts/workstation/provisioning/fill.js";
import { Random } from "../../simulator/random.js";
import { Desk, type Fault } from "./desk.js";
import { issuing } from "./issue-for.js";

/** A line that loses, doubles and flips bytes, each once in so many; 0: never. */
interface Weather {
  readonly lose: number;
  readonly double: number;
  readonly flip: number;
  readonly seed: number;
}

function weather({ lose, double, flip, seed }: Weather): Fault {
  const random = new Random(seed);
  const strikes = (once: number): boolean => once > 0 && random.integer(once) === 0;
  return bytes => {
    const arriving: number[] = [];
    for (const byte of bytes) {
      if (strikes(lose)) continue;
      arriving.push(strikes(flip) ? byte ^ (1 << random.integer(8)) : byte);
      if (strikes(double)) arriving.push(byte);
    }
    return Uint8Array.from(arriving);
  };
}

/** What the unit would give a broker: as wanted, or nothing at all. */
function isRight(desk: Desk, wanted: Wanted): boolean {
  const { used, slots } = desk.store;
  if (used === undefined) return false;
  for (const role of ["ca", "certificate", "key"] as const) {
    const bytes = wanted[role];
    if (bytes instanceof Uint8Array) assert.deepEqual(slots[used].get(role), bytes, role);
    else if (role !== "ca") assert.ok(slots[used].get(role));
  }
  return true;
}

/** Runs until it is filled, as a line worker does: again after every typed failure, at most so often. */
async function fillAgain(desk: Desk, wanted: Wanted, runs: number): Promise<number> {
  for (let run = 1; run <= runs; run++) {
    try {
      await desk.time.run(fill(desk.plug({ repeatMs: 100 }), wanted));
      return run;
    } catch (error) {
      if (!(error instanceof ProvisioningError)) throw error;
      assert.notEqual(error.code, "unknown");
      // Whatever was cut off: nothing wrong is in use.
      isRight(desk, wanted);
    }
  }
  return Infinity;
}

describe("provisioning over a bad line", () => {
  let ca: Authority;
  let unit: Issued;
  let wanted: Wanted;
  before(async () => {
    ca = await Authority.create({ commonName: "root" });
    unit = await ca.client({ commonName: "unit" });
    wanted = { ca: ca.certificate, certificate: unit.certificate, key: unit.key, commonName: "unit" };
  });

  /** With a key of the device's own, or of the workstation. */
  function wantedWith(ownKey: boolean): Wanted {
    return ownKey ? { ca: ca.certificate, ...issuing(ca), commonName: "unit" } : wanted;
  }

  it("ends right, or with a typed error and nothing wrong in use, in any weather", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.record({
          lose: fc.constantFrom(0, 2000, 300, 80),
          double: fc.constantFrom(0, 2000, 300, 80),
          flip: fc.constantFrom(0, 2000, 300, 80),
          seed: fc.nat(),
        }),
        fc.boolean(),
        fc.boolean(),
        async (sky, buffered, ownKey) => {
          const desk = new Desk(buffered ? { receiveHeadroom: 4096 } : {});
          desk.fault = weather(sky);
          const thisWanted = wantedWith(ownKey);
          await fillAgain(desk, thisWanted, 5);
          desk.fault = bytes => bytes;
          assert.equal(await fillAgain(desk, thisWanted, 1), 1);
          assert.ok(isRight(desk, thisWanted));
        },
      ),
      { numRuns: 25 },
    );
  }).timeout(60_000);

  it("mends a line that loses one byte in 300 without anybody's help", async () => {
    const desk = new Desk();
    desk.fault = weather({ lose: 300, double: 0, flip: 0, seed: 1 });
    const client = desk.plug({ repeatMs: 100 });
    await desk.time.run(fill(client, wanted));
    assert.ok(client.repeats > 5);
    assert.ok(isRight(desk, wanted));
  });

  it("mends a console whose log breaks into its answers", async () => {
    const texts: string[] = [];
    const desk = new Desk({ onText: line => texts.push(line) });
    const random = new Random(5);
    desk.fault = (bytes, toDevice) => {
      if (toDevice || random.integer(4) !== 0) return bytes;
      const at = random.integer(bytes.length + 1);
      return Buffer.concat([bytes.subarray(0, at), Buffer.from("I (99) wifi: #\n"), bytes.subarray(at)]);
    };
    await desk.time.run(fill(desk.plug({ repeatMs: 100 }), wanted));
    assert.ok(isRight(desk, wanted));
    assert.ok(texts.some(line => line.includes("wifi")));
  });

  /** Requests of a run without faults. */
  async function requestsOf(thisWanted: Wanted): Promise<number> {
    const desk = new Desk();
    await desk.time.run(fill(desk.plug({ first: 100 }), thisWanted));
    return desk.heard.toDevice.length;
  }

  for (const ownKey of [false, true])
    it(`is resumed after the cable was pulled anywhere, with a key of the ${ownKey ? "device" : "workstation"}`, async () => {
      const thisWanted = wantedWith(ownKey);
      const runs: boolean[] = [];
      // Every byte takes minutes; a prime keeps the places apart from those of the frames.
      for (let cut = 0; runs.at(-1) !== true; cut += 101) {
        const desk = new Desk();
        let left = cut;
        desk.fault = passing => {
          const through = passing.subarray(0, left);
          left -= through.length;
          if (left === 0 && passing.length > 0) desk.unplug();
          return through;
        };
        const first = await desk.time
          .run(fill(desk.plug({ first: 100 }), thisWanted))
          .catch((error: unknown) => error);
        assert.ok(!(first instanceof Error) || first instanceof ProvisioningError, String(first));
        runs.push(!(first instanceof Error));
        isRight(desk, thisWanted);
        desk.fault = passing => passing;
        await desk.time.run(fill(desk.plug({ first: 100 }), thisWanted));
        assert.ok(isRight(desk, thisWanted), `cut at ${String(cut)}`);
      }
      assert.ok(runs.length > 20);
    }).timeout(120_000);

  for (const [what, isRestart] of [
    ["the tool was killed", false],
    ["the device lost its power", true],
  ] as const)
    it(`is resumed after ${what} at any request, before it and behind it`, async () => {
      const thisWanted = wantedWith(true);
      const requests = await requestsOf(thisWanted);
      for (let at = 1; at <= requests; at++)
        for (const answered of [false, true]) {
          const desk = new Desk();
          let seen = 0;
          const strike = (): void => {
            if (isRestart) desk.powerUp();
            else desk.unplug();
          };
          desk.fault = (bytes, toDevice) => {
            // The request is lost, or it is carried out and the answer is lost.
            if (toDevice) {
              seen++;
              if (seen === at && !answered) {
                strike();
                return bytes.subarray(0, 0);
              }
            } else if (seen === at && answered) {
              seen++;
              strike();
              return bytes.subarray(0, 0);
            }
            return bytes;
          };
          const first = await desk.time
            .run(fill(desk.plug({ repeatMs: 100 }), thisWanted))
            .catch((error: unknown) => error);
          if (first instanceof Error) assert.ok(first instanceof ProvisioningError, first.stack);
          desk.fault = bytes => bytes;
          await desk.time.run(fill(desk.plug({ first: 100 }), thisWanted));
          assert.ok(isRight(desk, thisWanted), `request ${String(at)}`);
          const certificate = desk.store.used && desk.store.slots[desk.store.used].get("certificate");
          assert.ok(certificate);
        }
    }).timeout(120_000);

  it("no byte of a key passes the console that the tool did not send, and none after it was written", async () => {
    for (const ownKey of [false, true]) {
      const desk = new Desk();
      const client = desk.plug();
      await desk.time.run(
        fill(client, ownKey ? { ca: ca.certificate, ...issuing(ca), commonName: "unit" } : wanted),
      );
      await desk.time.run(client.confirm());
      const key = desk.store.slots.a.get("key");
      assert.ok(key);
      // PKCS#8 of P-256: the number itself lies in bytes 36 to 67.
      const secret = Buffer.from(key.subarray(36, 68));
      const toTool = Buffer.concat(desk.heard.toTool);
      const sent = desk.heard.toDevice.length;
      for (const [verb, role] of [
        ["used", "ca"],
        ["used", "certificate"],
      ] as const)
        await desk.time.run(client.readBack(verb, role));
      await desk.time.run(client.prove("used"));
      await desk.time.run(client.progress());
      const afterwards = Buffer.concat([
        ...desk.heard.toTool,
        ...desk.heard.toDevice.slice(ownKey ? 0 : sent),
      ]);
      for (const heard of [toTool, afterwards]) {
        const text = heard.toString("latin1");
        // Any eight bytes of it, in each form, at each place within a group of base64.
        for (let at = 0; at + 8 <= secret.length; at++) {
          const part = secret.subarray(at, at + 8);
          assert.ok(!heard.includes(part));
          assert.ok(!text.toLowerCase().includes(part.toString("hex")));
          for (let shift = 0; shift < 3; shift++) {
            const base64 = Buffer.concat([Buffer.alloc(shift), part]).toString("base64");
            assert.ok(!text.includes(base64.slice(shift === 0 ? 0 : shift + 1, 10)));
          }
        }
      }
      // The scan can find it: the tool did send it once.
      if (!ownKey)
        assert.ok(
          [0, 1, 2].some(shift => {
            const base64 = Buffer.concat([Buffer.alloc(shift), secret.subarray(8, 16)]).toString("base64");
            return Buffer.concat(desk.heard.toDevice)
              .toString("latin1")
              .includes(base64.slice(shift === 0 ? 0 : shift + 1, 10));
          }),
        );
    }
  });
});
