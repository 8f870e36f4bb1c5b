import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { generateKeyPairSync, X509Certificate } from "node:crypto";
import { Authority, type Issued } from "../../../certs/issue.js";
import { ProvisioningError } from "../../../hosts/workstation/provisioning/error.js";
import { fill, type Step } from "../../../hosts/workstation/provisioning/fill.js";
import { isRequestFor } from "../../../hosts/workstation/provisioning/proof.js";
import { Desk } from "./desk.js";
import { issueFor, issuing } from "./issue-for.js";

/** Rejects with this code, and with sentences that are filled in. */
async function refused(code: string, work: Promise<unknown>): Promise<void> {
  await assert.rejects(work, error => {
    assert.ok(error instanceof ProvisioningError);
    assert.equal(error.code, code);
    assert.ok(!error.what.includes("{"));
    return true;
  });
}

/** What openssl says of a request. */
function opensslReads(request: Uint8Array): { verified: boolean; text: string } {
  const { status, stdout, stderr } = spawnSync(
    "openssl",
    ["req", "-inform", "DER", "-verify", "-noout", "-subject", "-nameopt", "utf8,sep_multiline", "-text"],
    { input: request },
  );
  return { verified: status === 0 && /verify OK/i.test(String(stderr)), text: String(stdout) };
}

describe("provisioning client", () => {
  let ca: Authority;
  let unit: Issued;
  before(async () => {
    ca = await Authority.create({ commonName: "root" });
    unit = await ca.client({ commonName: "unit" });
  });

  for (const receiveHeadroom of [undefined, 4096])
    for (const [kind, key] of [
      ["P-256", "P-256"],
      ["RSA", "RSA-2048"],
    ] as const)
      it(`fills a unit with an ${kind} key of the workstation, in bursts of ${String(receiveHeadroom ?? 128)}`, async () => {
        const issued = await ca.client({ commonName: "unit", key });
        const desk = new Desk(receiveHeadroom === undefined ? {} : { receiveHeadroom });
        const { certificate } = issued;
        const filled = await desk.time.run(
          fill(desk.plug(), { ca: ca.certificate, certificate, key: issued.key, commonName: "unit" }),
        );
        assert.equal(filled.already, false);
        assert.deepEqual(filled.certificate, certificate);
        const slot = desk.store.slots.a;
        assert.deepEqual(
          [slot.get("ca"), slot.get("certificate"), slot.get("key")],
          [ca.certificate, certificate, issued.key],
        );
        assert.deepEqual([desk.store.used, desk.store.state], ["a", "trial"]);
      });

  it("fills a unit that makes its own key: request out, certificate in", async () => {
    const desk = new Desk();
    const steps: Step[] = [];
    const filled = await desk.time.run(
      fill(
        desk.plug(),
        { ca: ca.certificate, ...issuing(ca), commonName: "unit" },
        step => void steps.push(step),
      ),
    );
    assert.deepEqual(steps, ["begin", "generate", "request", "certificate", "ca", "verify", "commit"]);
    const made = new X509Certificate(filled.certificate);
    assert.ok(made.verify(new X509Certificate(ca.certificate).publicKey));
    assert.deepEqual(
      filled.publicKey,
      Uint8Array.from(made.publicKey.export({ format: "der", type: "spki" })),
    );
  });

  it("leaves a unit alone that holds what is wanted, locked or not", async () => {
    const desk = new Desk();
    const wanted = { ca: ca.certificate, certificate: unit.certificate, key: unit.key, commonName: "unit" };
    const client = desk.plug();
    await desk.time.run(fill(client, wanted));
    await desk.time.run(client.confirm());
    for (const locked of [false, true]) {
      if (locked) await desk.time.run(client.lock());
      const steps: Step[] = [];
      const { already } = await desk.time.run(fill(client, wanted, step => void steps.push(step)));
      assert.equal(already, true);
      assert.deepEqual(steps, []);
    }
  });

  it("gives a unit new credentials in the other slot, and refuses that when it is locked", async () => {
    const desk = new Desk();
    const wanted = { ca: ca.certificate, ...issuing(ca), commonName: "unit" };
    const client = desk.plug();
    await desk.time.run(fill(client, wanted));
    await desk.time.run(client.confirm());
    const next = await ca.client({ commonName: "unit" });
    const { certificate, key } = next;
    await desk.time.run(fill(client, { certificate, key, commonName: "unit" }));
    assert.equal(desk.store.used, "b");
    assert.deepEqual(desk.store.slots.b.get("key"), key);
    assert.notDeepEqual(desk.store.slots.a.get("key"), key);
    await desk.time.run(client.confirm());
    // What the old slot held is erased on request, and that is seen.
    await desk.time.run(client.begin());
    assert.equal(desk.store.slots.a.size, 0);
    assert.equal(await desk.time.run(client.publicKey("new")), undefined);
    await desk.time.run(client.lock());
    await refused("locked", desk.time.run(fill(client, wanted)));
  });

  it("does not go on with a slot that somebody began for another unit", async () => {
    const desk = new Desk();
    const client = desk.plug();
    await desk.time.run(client.connect());
    await desk.time.run(client.begin());
    const another = await ca.client({ commonName: "another" });
    await desk.time.run(client.transfer("key", another.key));
    await desk.time.run(client.transfer("certificate", another.certificate));
    const { certificate, key } = unit;
    await desk.time.run(fill(client, { certificate, key, commonName: "unit" }));
    assert.deepEqual(desk.store.slots.a.get("key"), key);
    await desk.time.run(client.begin());
    await desk.time.run(client.generate());
    const request = await desk.time.run(client.certificateRequest("another"));
    await desk.time.run(client.transfer("certificate", await issueFor(ca)(request)));
    await desk.time.run(fill(client, { ...issuing(ca), commonName: "third" }));
    const subject = new X509Certificate(desk.store.slots.b.get("certificate") ?? "").subject;
    assert.equal(subject, "CN=third");
  });

  for (const name of ["u", "device-0001", "x".repeat(64), 'Gerät 5, "Süd"+#<>=\\', "設備"])
    for (const kind of ["P-256", "RSA-2048"] as const)
      it(`openssl and this client agree on a request for ${JSON.stringify(name)} of ${kind}`, async () => {
        const desk = new Desk();
        const client = desk.plug();
        await desk.time.run(client.connect());
        await desk.time.run(client.begin());
        if (kind === "P-256") await desk.time.run(client.generate());
        else
          await desk.time.run(client.transfer("key", (await ca.client({ commonName: "x", key: kind })).key));
        const request = await desk.time.run(client.certificateRequest(name));
        const { verified, text } = opensslReads(request);
        assert.ok(verified);
        const plain = /[^\w-]/.test(name) ? undefined : name;
        if (plain !== undefined) assert.match(text, new RegExp(`CN ?= ?${plain}$`, "m"));
        assert.match(text, kind === "P-256" ? /ecdsa-with-SHA256/ : /sha256WithRSAEncryption/);
      });

  it("requests are the same DER as another writer makes, whatever r and s begin with", async () => {
    // A hundred signatures: about half of all numbers have a leading one bit, some a leading zero byte.
    const desk = new Desk();
    const client = desk.plug();
    await desk.time.run(client.connect());
    await desk.time.run(client.begin());
    await desk.time.run(client.generate());
    for (let i = 0; i < 100; i++) {
      const request = await desk.time.run(client.certificateRequest("unit"));
      if (i < 8) assert.ok(opensslReads(request).verified);
    }
  });

  it("takes no request for another name, of another key, or that was changed", async () => {
    const desk = new Desk();
    const client = desk.plug();
    await desk.time.run(client.connect());
    await desk.time.run(client.begin());
    await desk.time.run(client.generate());
    const request = await desk.time.run(client.certificateRequest("unit"));
    const spki = (await desk.time.run(client.publicKey("new")))?.spki ?? new Uint8Array(0);
    assert.ok(await isRequestFor(request, "unit", spki));
    assert.ok(!(await isRequestFor(request, "unit2", spki)));
    const { publicKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
    assert.ok(!(await isRequestFor(request, "unit", publicKey.export({ format: "der", type: "spki" }))));
    // What is signed, with its head: SEQUENCE { SEQUENCE { ... } ... }.
    const headOf = (at: number): number => (request[at + 1] === 0x81 ? 3 : 2);
    const inner = headOf(0);
    const end = inner + headOf(inner) + (request[inner + headOf(inner) - 1] ?? 0);
    for (let at = inner; at < end; at++) {
      const changed = Uint8Array.from(request);
      changed[at] = (changed[at] ?? 0) ^ 1;
      assert.ok(!(await isRequestFor(changed, "unit", spki)), `byte ${String(at)}`);
    }
  });

  it("does not believe a device that signs with another key than it tells", async () => {
    const desk = new Desk();
    const client = desk.plug();
    await desk.time.run(fill(client, { certificate: unit.certificate, key: unit.key, commonName: "unit" }));
    const other = await ca.client({ commonName: "unit" });
    const open = desk.keys?.open.bind(desk.keys);
    assert.ok(desk.keys && open);
    const { BytesCredential } = await import("../../../modules/pki/bytes.js");
    desk.keys.open = stored => {
      const told = open(stored);
      const used = open(new BytesCredential(other.key));
      return told && used && { ...told, sign: used.sign.bind(used) };
    };
    await refused("proof", desk.time.run(client.prove("used")));
  });

  it("goes on in the middle of an object when only the workstation began anew", async () => {
    const desk = new Desk();
    const first = desk.plug();
    await desk.time.run(first.connect());
    await desk.time.run(first.begin());
    await assert.rejects(
      desk.time.run(
        first.transfer("ca", ca.certificate, at => {
          if (at > 150) desk.unplug();
        }),
      ),
    );
    const second = desk.plug();
    await desk.time.run(second.connect());
    const open = (await desk.time.run(second.status()))?.open;
    assert.ok(open && open.at > 150);
    const places: number[] = [];
    await desk.time.run(second.transfer("ca", ca.certificate, at => places.push(at)));
    assert.ok((places[0] ?? 0) > open.at);
    await desk.time.run(second.commit());
    assert.deepEqual(desk.store.slots.a.get("ca"), ca.certificate);
  });

  it("begins an object anew when another one was cut off in its place", async () => {
    const desk = new Desk();
    const client = desk.plug();
    await desk.time.run(client.connect());
    await desk.time.run(client.begin());
    const wrong = Uint8Array.from(ca.certificate);
    wrong[40] = (wrong[40] ?? 0) ^ 1;
    await assert.rejects(
      desk.time.run(
        client.transfer("ca", wrong, at => {
          if (at > 150) desk.unplug();
        }),
      ),
    );
    const second = desk.plug();
    await desk.time.run(second.connect());
    await desk.time.run(second.transfer("ca", ca.certificate));
    assert.ok(await desk.time.run(second.holds("new", "ca", ca.certificate)));
  });

  it("waits for a device that starts while it is asked", async () => {
    const desk = new Desk();
    let up = false;
    desk.fault = bytes => (up ? bytes : bytes.subarray(0, 0));
    desk.time.set(() => {
      up = true;
      desk.log("ets Jul 29 2019 12:21:46\r\n\xfe\xfe#<17");
    }, 3_000);
    assert.equal((await desk.time.run(desk.plug().connect())).state, "none");
  });

  it("tells silence, a pulled cable, and a device that began anew, each by its name", async () => {
    const desk = new Desk();
    const client = desk.plug();
    await desk.time.run(client.connect());
    desk.powerUp();
    await refused("order", desk.time.run(client.status()));
    desk.fault = bytes => bytes.subarray(0, 0);
    await refused("silent", desk.time.run(client.connect({ deadlineMs: 2_000 })));
    const waiting = client.connect({ deadlineMs: 2_000 });
    desk.unplug();
    await refused("gone", desk.time.run(waiting));
    await refused("gone", desk.time.run(client.connect()));
  });

  it("reads how far the application is", async () => {
    const desk = new Desk();
    const client = desk.plug();
    await desk.time.run(client.connect());
    assert.deepEqual(await desk.time.run(client.progress()), { event: "mqtt", connections: 1, failures: 0 });
  });

  it("tells a code that it does not know as it is", () => {
    const error = new ProvisioningError("weird-code", "data");
    assert.equal(error.code, "unknown");
    assert.match(error.what, /weird-code/);
  });
});
