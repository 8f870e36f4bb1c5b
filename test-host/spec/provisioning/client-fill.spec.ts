import assert from "node:assert/strict";
import { Authority } from "../../../certs/issue.js";
import { fill, type Step } from "../../../hosts/workstation/provisioning/fill.js";
import { isIssuedBy, spkiOf } from "../../../hosts/workstation/provisioning/proof.js";
import { failure } from "../../../modules/diagnosis/failure.js";
import { VaultError } from "../../../modules/io/vault-error.js";
import { Desk } from "./desk.js";
import { issuing } from "./issue-for.js";

describe("filling a unit that something was left in", () => {
  let ca: Authority;
  before(async () => {
    ca = await Authority.create({ commonName: "root" });
  });

  /** A unit with a begun slot that holds this key. */
  async function withKey(key: Uint8Array | "own"): Promise<Desk> {
    const desk = new Desk();
    const client = desk.plug();
    await desk.time.run(client.connect());
    await desk.time.run(client.begin());
    await desk.time.run(key === "own" ? client.generate() : client.transfer("key", key));
    return desk;
  }

  function keyOf(desk: Desk): Uint8Array {
    return Uint8Array.from(spkiOf(desk.store.slots.a.get("key") ?? new Uint8Array(0), "key"));
  }

  it("a key that somebody planted gets no certificate", async () => {
    // Found in review: any key in a begun slot was taken for one that the device had made.
    const planted = await ca.client({ commonName: "thief" });
    const desk = await withKey(planted.key);
    const steps: Step[] = [];
    const filled = await desk.time.run(
      fill(desk.plug(), { ...issuing(ca), commonName: "unit" }, step => void steps.push(step)),
    );
    assert.deepEqual(steps.slice(0, 2), ["begin", "generate"]);
    assert.notDeepEqual(filled.publicKey, Uint8Array.from(spkiOf(planted.key, "key")));
  });

  it("the key that the caller's ledger expects is gone on with, and no other", async () => {
    for (const isExpected of [true, false]) {
      const desk = await withKey("own");
      const found = keyOf(desk);
      const other = (await ca.client({ commonName: "other" })).key;
      const publicKey = isExpected ? found : Uint8Array.from(spkiOf(other, "key"));
      const steps: Step[] = [];
      const filled = await desk.time.run(
        fill(desk.plug(), { ...issuing(ca), commonName: "unit", publicKey }, step => void steps.push(step)),
      );
      assert.equal(steps.includes("generate"), !isExpected);
      assert.equal(Buffer.from(filled.publicKey).equals(found), isExpected);
    }
  });

  it("a certificate of another issuer with the right name is replaced", async () => {
    // Found in review: any issuer's certificate was taken for what was wanted.
    const stranger = await Authority.create({ commonName: "stranger" });
    const desk = new Desk();
    const client = desk.plug();
    await desk.time.run(fill(client, { ...issuing(stranger), commonName: "unit" }));
    await desk.time.run(client.confirm());
    const filled = await desk.time.run(fill(client, { ...issuing(ca), commonName: "unit" }));
    assert.equal(filled.already, false);
    assert.ok(isIssuedBy(ca.certificate, filled.certificate));
    assert.ok(!isIssuedBy(stranger.certificate, filled.certificate));
  });

  it("tells what the device is after it was put in use, not before", async () => {
    const desk = new Desk();
    const { facts } = await desk.time.run(fill(desk.plug(), { ...issuing(ca), commonName: "unit" }));
    assert.deepEqual([facts.slot, facts.state], ["a", "trial"]);
  });

  for (const code of ["room", "closed", "kind", "ca"])
    it(`a slot that says ${code} is begun once, and the unit is filled`, async () => {
      const desk = await withKey("own");
      const publicKey = keyOf(desk);
      const begin = desk.vault.begin.bind(desk.vault);
      let begins = 0;
      // What many interruptions have left of the slot.
      const stuck = desk.vault.resume();
      assert.ok(stuck);
      stuck.open = () => {
        throw new VaultError(failure("argument", "vault", undefined, code));
      };
      desk.vault.begin = () => {
        begins++;
        return begin();
      };
      await desk.time.run(fill(desk.plug(), { ...issuing(ca), commonName: "unit", publicKey }));
      assert.deepEqual([begins, desk.store.used], [1, "a"]);
    });

  it("an erased slot that is stuck again ends with the device's own reason", async () => {
    const desk = new Desk();
    const wanted = { ca: new Uint8Array(9_000), ...issuing(ca), commonName: "unit" };
    const steps: Step[] = [];
    await assert.rejects(desk.time.run(fill(desk.plug(), wanted, step => void steps.push(step))), {
      code: "room",
    });
    assert.equal(steps.filter(step => step === "begin").length, 1);
  });

  it("a certificate without its key at hand erases nothing for a device that does not have that key", async () => {
    const desk = await withKey("own");
    const before = keyOf(desk);
    const { certificate } = await ca.client({ commonName: "unit" });
    await assert.rejects(desk.time.run(fill(desk.plug(), { certificate, commonName: "unit" })), {
      code: "mismatch",
    });
    assert.deepEqual(keyOf(desk), before);
  });
});

describe("restarting a device", () => {
  for (const isOld of [false, true])
    it(`what the ${isOld ? "older " : ""}firmware answers before it ends is not taken for its next life`, async () => {
      const desk = new Desk({ isOld });
      const client = desk.plug();
      await desk.time.run(client.connect());
      const before = desk.time.now;
      await desk.time.run(client.restart());
      assert.equal(desk.restarts, 0, "it answers first");
      const { boot } = await desk.time.run(client.connect());
      assert.deepEqual([desk.restarts, boot], [1, isOld ? undefined : "00000002"]);
      assert.ok(desk.time.now - before >= 250);
    });

  it("a restart whose answer was lost is one all the same", async () => {
    const desk = new Desk();
    const client = desk.plug({ repeatMs: 1_000 });
    await desk.time.run(client.connect());
    let lost = 0;
    desk.fault = (bytes, toDevice) => (toDevice || lost++ > 0 ? bytes : bytes.subarray(0, 0));
    await desk.time.run(client.restart());
    assert.equal((await desk.time.run(client.connect())).boot, "00000002");
    assert.equal(desk.restarts, 1);
  });

  it("another session can be told which life it must not take", async () => {
    const desk = new Desk();
    const first = desk.plug();
    const { boot } = await desk.time.run(first.connect());
    await desk.time.run(first.restart());
    assert.equal((await desk.time.run(desk.plug().connect({ after: boot }))).boot, "00000002");
  });
});
