import assert from "node:assert/strict";
import type { TlsOptions } from "node:tls";
import type { Handshake, Target } from "../../../certs/factory/target.js";
import type { Authority } from "../simulator/authority.js";
import { Mosquitto } from "../cli/mosquitto.js";
import { derOf, identities } from "../drivers/identities.js";
import {
  expected,
  fill,
  ModemBench,
  opened,
  partsOf,
  refusal,
  rsaParts,
  tlsBroker,
  type BenchOptions,
  type Opened,
  type Parts,
  type TestBroker,
} from "./modem-bench.js";

const CONNACK = Uint8Array.of(0x20, 2, 0, 0);
const REFUSED = Uint8Array.of(0x20, 2, 0, 5);

function shake(target: Target, broker: string): Promise<Handshake> {
  const work = target.handshake?.(broker);
  assert.ok(work);
  return work;
}

describe("target: a modem's handshake from the line", () => {
  let parts: Parts;
  let root: Authority;
  let server: Authority;
  let rsaServer: Authority;
  let broker: TestBroker | undefined;
  const ends: (() => Promise<void>)[] = [];

  before(async () => {
    parts = await rsaParts();
    ({ root, server } = await identities());
    rsaServer = await root.issue({ name: "broker.test", key: "rsa" });
  });
  afterEach(async () => {
    for (const end of ends.splice(0).reverse()) await end();
    await broker?.close();
    broker = undefined;
  });

  async function filled(
    module: "bg95" | "bc66",
    options: BenchOptions = {},
    network: NonNullable<Parameters<typeof opened>[1]>["network"] = {},
  ): Promise<Opened & { bench: ModemBench }> {
    const bench = await (module === "bg95" ? ModemBench.bg95(options) : ModemBench.bc66(options));
    ends.push(() => bench.close());
    const one = await opened(bench.address, { module, network });
    ends.push(() => one.target.close());
    await one.target.connect();
    await fill(one.target, parts);
    return { ...one, bench };
  }

  async function listen(answer: Uint8Array | undefined, options: TlsOptions = {}): Promise<string> {
    broker = await tlsBroker(
      { cert: server.certificatePem, key: server.keyPem, ca: root.certificatePem, ...options },
      answer,
    );
    return `broker.test:${broker.port}`;
  }

  it("connects with the stored files, which the driver finds without uploading anything", async () => {
    const { target, bench } = await filled("bg95");
    const uploads = bench.modem.commandCounts.get("+QFUPL");
    const told = await shake(target, await listen(CONNACK));
    assert.equal(told.facts["checked"], "CONNACK");
    assert.equal(told.facts["version"], "TLS 1.2");
    assert.equal(broker?.accepted, 1);
    assert.equal(bench.modem.commandCounts.get("+QFUPL"), uploads);
    // The port is the target's again.
    assert.deepEqual((await target.connect()).used, expected(parts));
  });

  it("is done in another run than the one that wrote", async () => {
    const { target, bench } = await filled("bg95");
    await target.close();
    const later = await opened(bench.address);
    ends.push(() => later.target.close());
    assert.equal((await shake(later.target, await listen(CONNACK))).facts["connack"], "0");
  });

  it("counts a broker that refuses the MQTT client as one that has accepted its certificate", async () => {
    const { target } = await filled("bg95");
    assert.equal((await shake(target, await listen(REFUSED))).facts["connack"], "5");
  });

  it("fails when the broker does not accept the client's certificate, with the module's code", async () => {
    const { other } = await identities();
    const { target } = await filled("bg95");
    const error = await refusal(shake(target, await listen(CONNACK, { ca: other.certificatePem })));
    assert.equal(error.code, "handshake");
    assert.match(error.what, /AT\+QSSLOPEN, code 566/);
    assert.equal(broker?.accepted, 0);
  });

  it("fails when the broker ends the connection behind an open TLS, as one does that refuses late", async () => {
    const { target } = await filled("bg95");
    const error = await refusal(shake(target, await listen(undefined)));
    assert.equal(error.code, "handshake");
    assert.match(error.what, /TLS was opened, and the broker ended it/);
  });

  it("tells what was checked where the broker stays and says nothing", async () => {
    const { target } = await filled("bg95", {}, { answerMs: 300 });
    const told = await shake(target, await listen(new Uint8Array(0)));
    assert.match(told.facts["checked"] ?? "", /kept the connection open for 300 ms/);
  });

  it("fails when the server is another than the stored CA's", async () => {
    const { other } = await identities();
    const stranger = await other.issue({ name: "broker.test" });
    const { target } = await filled("bg95");
    const at = await listen(CONNACK, { cert: stranger.certificatePem, key: stranger.keyPem });
    assert.equal((await refusal(shake(target, at))).code, "handshake");
  });

  it("fails when nothing listens there", async () => {
    const { target } = await filled("bg95");
    const at = await listen(CONNACK);
    await broker?.close();
    broker = undefined;
    assert.equal((await refusal(shake(target, at))).code, "handshake");
  });

  for (const { state, said } of [
    { state: "absent", said: /no SIM/ },
    { state: "pin", said: /SIM PIN/ },
    { state: "puk", said: /SIM PUK/ },
  ] as const)
    it(`is refused at once with a SIM that is ${state === "absent" ? state : `locked by ${state}`}`, async () => {
      const { target } = await filled("bg95", { settings: { sim: { state } } });
      const error = await refusal(shake(target, await listen(CONNACK)));
      assert.equal(error.code, "handshake");
      assert.match(error.what, said);
      assert.deepEqual((await target.connect()).used, expected(parts));
    });

  it("unlocks the SIM with the PIN that it is given", async () => {
    const { target } = await filled("bg95", { settings: { sim: { state: "pin" } } }, { pin: "1234" });
    assert.equal((await shake(target, await listen(CONNACK))).facts["connack"], "0");
  });

  it("ends where there is no network, in the time that it is given", async () => {
    const { target } = await filled("bg95", { settings: { registration: "denied" } }, { attachMs: 800 });
    const error = await refusal(shake(target, await listen(CONNACK)));
    assert.equal(error.code, "handshake");
    assert.match(error.what, /not on the network.*registering/);
  });

  it("ends when the cable is pulled", async () => {
    const { target, bench } = await filled("bg95", { settings: { registration: "denied" } });
    const at = await listen(CONNACK);
    const work = refusal(shake(target, at));
    setTimeout(() => bench.pull(), 300);
    assert.equal((await work).code, "gone");
  });

  it("says so when there is nothing to connect with", async () => {
    const { target } = await filled("bg95");
    await target.erase("all");
    const error = await refusal(shake(target, await listen(CONNACK)));
    assert.match(error.what, /holds no usable ca/);
  });

  it("mosquitto, which demands certificates, takes the unit", async function () {
    const mosquitto = await Mosquitto.start(this, {
      tls: {
        server: {
          commonName: "broker.test",
          certificate: derOf(server.certificatePem),
          key: derOf(server.keyPem),
          certificatePem: server.certificatePem,
          keyPem: server.keyPem,
          chainPem: server.certificatePem,
        },
        ca: root.certificatePem,
        requireCertificate: true,
      },
    });
    ends.push(() => mosquitto.stop());
    const { target } = await filled("bg95");
    assert.equal((await shake(target, `broker.test:${mosquitto.port}`)).facts["connack"], "0");
  });

  describe("BC66", () => {
    const suites: TlsOptions = { ciphers: "AES128-SHA256:AES256-SHA256:@SECLEVEL=0" };

    it("connects with what this run has handed over, and hands over nothing again", async () => {
      const { target, bench, notices } = await filled("bc66");
      assert.deepEqual(await target.readBack(expected(parts)), {
        ca: "byte-count",
        certificate: "byte-count",
        key: "byte-count",
      });
      const at = await listen(CONNACK, {
        ...suites,
        cert: rsaServer.certificatePem,
        key: rsaServer.keyPem,
      });
      const before = bench.toModule.length;
      const told = await shake(target, at);
      assert.equal(told.facts["connack"], "0");
      assert.equal(broker?.accepted, 1);
      const sent = Buffer.concat(bench.toModule.slice(before)).toString("latin1");
      assert.match(sent, /AT\+QSSLOPEN=1,0,"broker\.test"/);
      assert.doesNotMatch(sent, /-----BEGIN|"cacert"|"clientcert"|"clientkey"/);
      assert.deepEqual(
        notices.map(notice => notice.code),
        ["forgets"],
      );
      assert.match(notices[0]?.text ?? "", /powered down/);
      assert.equal((await target.readBack(expected(parts))).key, "byte-count");
    });

    it("says that it has forgotten after a restart, instead of trusting what was written", async () => {
      const { target, bench } = await filled("bc66");
      bench.modem.bootNow();
      await target.connect();
      const error = await refusal(target.readBack(expected(parts)));
      assert.deepEqual([error.code, /restart/.test(error.why)], ["different", true]);
      assert.equal((await refusal(shake(target, await listen(CONNACK)))).code, "handshake");
    });

    it("cannot vouch in another run for what an earlier one wrote", async () => {
      const { target, bench } = await filled("bc66");
      await target.close();
      const later = await opened(bench.address, { module: "bc66" });
      ends.push(() => later.target.close());
      assert.deepEqual((await later.target.connect()).used, {});
      assert.equal((await refusal(later.target.readBack(expected(parts)))).code, "different");
    });

    it("erases by a restart, after which the module counts no bytes", async () => {
      const { target } = await filled("bc66");
      await target.erase("all");
      assert.equal((await refusal(target.readBack(expected(parts)))).code, "different");
    });

    it("refuses a P-256 key before anything is sent", async () => {
      const { target } = await filled("bc66");
      const { device } = await identities();
      const error = await refusal(target.write("key", partsOf(root, device).key));
      assert.deepEqual([error.code, error.side], ["unusable", "input"]);
    });

    it("an upload that is cut off behind the prompt is done anew", async () => {
      const { target, bench } = await filled("bc66");
      bench.cutAfter(900);
      assert.equal((await refusal(target.write("key", Uint8Array.from(parts.key)))).code, "gone");
      await target.connect();
      await fill(target, parts);
      assert.equal((await target.readBack(expected(parts))).key, "byte-count");
    });
  });
});
