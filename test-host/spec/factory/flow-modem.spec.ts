import assert from "node:assert/strict";
import { createPrivateKey, createPublicKey, X509Certificate } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { keyOfRequest } from "../../../certs/factory/host-key.js";
import type { OpenTarget } from "../../../certs/factory/target.js";
import { verifyUnit } from "../../../certs/factory/verify.js";
import { openModemTarget } from "../../../hosts/workstation/provision/targets/modem/target.js";
import type { BG95 } from "../../simulator/bg95/bg95.js";
import { all, assertSettled, type Shown } from "../../factory/settled.js";
import { identities } from "../drivers/identities.js";
import { watchedTarget } from "../../factory/watched.js";
import { Ends, FlowBench, type FlowRun } from "./flow-bench.js";
import { ModemBench, tlsBroker } from "./modem-bench.js";

const CONNACK = Uint8Array.of(0x20, 2, 0, 0);

/** What a BG95's files hold; one key and no more. */
function held(modem: BG95): Shown {
  const texts = modem.files.names.map(name => Buffer.from(modem.files.read(name) ?? []).toString("latin1"));
  const keys = texts.filter(text => text.includes("PRIVATE KEY"));
  assert.equal(keys.length, 1, "one key is in the module");
  const certificates = texts
    .filter(text => text.includes("BEGIN CERTIFICATE"))
    .map(text => new X509Certificate(text));
  const half = createPublicKey(createPrivateKey(keys[0] ?? ""));
  return {
    certificate: certificates.find(({ ca }) => !ca)?.raw,
    ca: certificates.find(({ ca }) => ca)?.raw,
    publicKey: half.export({ format: "der", type: "spki" }),
  };
}

describe("flow: a module's key is made on the host, and its certificate comes from outside", () => {
  const ends = new Ends();
  afterEach(() => ends.run());

  const open: OpenTarget = port => openModemTarget(port, { module: "bg95", route: "module-tls" });

  async function scene() {
    const bench = await FlowBench.create({
      outside: true,
      profile: { target: "modem", route: "module-tls", key: { made: "host", kind: "P-256" } },
    });
    ends.add(() => bench.end());
    const line = await ModemBench.bg95();
    ends.add(() => line.close());
    const run = (): Promise<FlowRun> => bench.run(line.address, { open });
    return { bench, line, run };
  }

  async function finishes({ bench, line, run }: Awaited<ReturnType<typeof scene>>): Promise<void> {
    assert.equal((await run()).outcome, "waiting");
    assert.equal((await run()).outcome, "waiting", "asking again changes nothing");
    assert.deepEqual(readdirSync(join(bench.folder, "out")), ["unit-1.csr"]);
    await bench.answer();
    const result = await run();
    assert.deepEqual([result.outcome, result.serial], ["done", "unit-1"], result.error?.what);
    const shown = held(line.modem);
    const { certificates } = await assertSettled(bench.ledger, "unit-1", shown, bench.issuer.certificate);
    assert.equal(certificates.length, 1);
    assert.equal((await run()).outcome, "already");
  }

  it("works from the beginning to the end: the module itself could not sign the request", async () => {
    await finishes(await scene());
  });

  for (const state of ["keyed", "requested"] as const)
    it(`goes on after a run that ended at ${state}: the request is in the ledger as long as the key`, async () => {
      const one = await scene();
      const { bench, line } = one;
      await bench.killedAt(state, line.address, { open });
      const unit = await bench.ledger.unit("unit-1");
      assert.ok(unit?.request);
      assert.equal(await keyOfRequest(unit.request), unit.keySha256);
      const key = held(line.modem).publicKey;
      await finishes(one);
      assert.deepEqual(held(line.modem).publicKey, key, "no other key was made");
    });

  it("keeps no private key on the host while it waits", async () => {
    const { bench, line, run } = await scene();
    assert.equal((await run()).outcome, "waiting");
    const key = line.modem.files.names
      .map(name => Buffer.from(line.modem.files.read(name) ?? []).toString("latin1"))
      .find(text => text.includes("PRIVATE KEY"));
    const secret = createPrivateKey(key ?? "").export({ format: "jwk" }).d ?? "";
    const bytes = Buffer.from(secret, "base64url");
    assert.equal(bytes.length, 32);
    for (const name of readdirSync(bench.folder, { recursive: true, withFileTypes: true }))
      if (name.isFile())
        assert.ok(!readFileSync(join(name.parentPath, name.name)).includes(bytes), `${name.name} holds it`);
  });
});

describe("flow: a BC66, which does not tell what it holds", function () {
  this.timeout(30_000);
  const ends = new Ends();
  afterEach(() => ends.run());

  async function scene(isShaken: boolean) {
    const { root } = await identities();
    // Its own TLS has suites with RSA alone.
    const server = await root.issue({ name: "broker.test", key: "rsa" });
    const broker = await tlsBroker(
      {
        cert: server.certificatePem,
        key: server.keyPem,
        ca: root.certificatePem,
        // The line's broker here takes any unit; what it proves is the unit's side.
        rejectUnauthorized: false,
        ciphers: "AES128-SHA256:AES256-SHA256:@SECLEVEL=0",
      },
      CONNACK,
    );
    ends.add(() => broker.close());
    const bench = await FlowBench.create({
      brokerCa: new X509Certificate(root.certificatePem),
      profile: {
        module: "bc66",
        target: "modem",
        route: "module-tls",
        key: { made: "host", kind: "RSA-2048" },
        ...(isShaken && { proof: { handshake: `broker.test:${String(broker.port)}` } }),
      },
    });
    ends.add(() => bench.end());
    const line = await ModemBench.bc66();
    ends.add(() => line.close());
    const points: string[] = [];
    const open: OpenTarget = async port =>
      watchedTarget(await openModemTarget(port, { module: "bc66", route: "module-tls" }), point =>
        points.push(point),
      );
    const run = (): Promise<FlowRun> => bench.run(line.address, { open });
    return { bench, line, run, points, open };
  }

  it("is done already when the ledger says so, which is told, and nothing is written", async () => {
    const { bench, run, points } = await scene(false);
    const made = await run();
    assert.equal(made.outcome, "done", made.error?.what);
    points.length = 0;
    const before = await bench.said("unit-1");
    const again = await run();
    assert.deepEqual([again.outcome, again.serial], ["already", "unit-1"], again.error?.what);
    assert.ok(again.events.some(one => one.event === "notice" && one.code === "untold"));
    assert.deepEqual(points, []);
    assert.deepEqual(await bench.said("unit-1"), before);
  });

  // It was told to hold nothing, and that went into the audit trail.
  it("verified, it differs in nothing: what it does not tell is unknown, also in the audit trail", async () => {
    const { bench, line, run, open } = await scene(false);
    assert.equal((await run()).outcome, "done");
    const target = await open(line.address);
    ends.add(() => target.close());
    const { ok, points } = await verifyUnit(target, {
      ledger: bench.ledger,
      station: "station-1",
      serial: "unit-1",
      brokerCa: bench.recipe.brokerCa,
      now: new Date(),
    });
    assert.equal(ok, true);
    const untold = points.filter(({ verdict }) => verdict === "unknown").map(({ point }) => point);
    assert.deepEqual(untold, ["certificate", "key", "possession", "ca"]);
    assert.equal(await bench.eventsOf("unit-1", "verified"), 1);
    const { data } = (await all(bench.ledger.events({ unit: "unit-1" }))).at(-1) ?? {};
    assert.ok(!Object.values(data ?? {}).includes("differs"), JSON.stringify(data));
  });

  for (const [state, isShaken] of [
    ["used", false],
    ["used", true],
    ["connected", true],
  ] as const)
    it(`goes on after a run that ended at ${state}${isShaken ? ", with a handshake to do" : ""}`, async () => {
      const { bench, line, run, open, points } = await scene(isShaken);
      await bench.killedAt(state, line.address, { open });
      points.length = 0;
      const result = await run();
      assert.deepEqual([result.outcome, result.serial], ["done", "unit-1"], result.error?.what);
      assert.ok(!points.includes("before begin") && !points.includes("before write key"), points.join());
      assert.equal(points.includes("after handshake"), isShaken && state === "used");
      assert.deepEqual(await bench.fates("unit-1"), ["active"]);
      assert.equal((await run()).outcome, "already");
    });
});
