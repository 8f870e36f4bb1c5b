import assert from "node:assert/strict";
import { createPrivateKey, X509Certificate } from "node:crypto";
import fc from "fast-check";
import { TLSSocket, type SecureOptions } from "../../../drivers/quectel/tls.js";
import type { Failure } from "../../../modules/diagnosis/failure.js";
import { envelopeOf } from "../../../modules/pki/envelope.js";
import { Bench, bytesOf, Client, type BenchSettings } from "./bench.js";
import { credential, derOf, identities, pkcs1, type Identities } from "./identities.js";

const SECURE_PORT = 8883;

describe("Credentials on the simulated BG95", () => {
  let ids: Identities;
  let secure: SecureOptions;

  before(async function () {
    this.timeout(60_000);
    ids = await identities();
    secure = {
      certificate: derOf(ids.root.certificatePem),
      clientCertificates: [derOf(ids.rsaDevice.certificatePem)],
      clientKey: derOf(ids.rsaDevice.keyPem),
    };
  });

  async function ready(settings: BenchSettings = {}): Promise<Bench> {
    const bench = await new Bench(settings).goOnline();
    const options = { key: ids.server.keyPem, cert: ids.server.certificatePem };
    bench.network.serveTls(SECURE_PORT, options, socket => socket.on("error", () => undefined));
    return bench;
  }

  function open(bench: Bench, how: SecureOptions = secure): Client {
    return new Client(bench, all => new TLSSocket({ ...all, secure: how }), {
      host: "broker.test",
      port: SECURE_PORT,
    });
  }

  async function result(bench: Bench, how?: SecureOptions): Promise<Failure | undefined> {
    const client = open(bench, how);
    await bench.until("result", () => client.connected || client.ended);
    const { failure } = client;
    client.socket.close();
    client.ended = true;
    await bench.pass(5_000);
    return failure;
  }

  const file = (bench: Bench, role: string): string | undefined =>
    bench.module.files.names.find(name => name.startsWith(`xs-${role}-`));
  const contents = (bench: Bench, role: string): string =>
    Buffer.from(bench.module.files.read(file(bench, role) ?? "") ?? []).toString("latin1");
  const actions = (bench: Bench): string[] =>
    bench.events.filter(([name]) => name === "credential").map(([, role, , action]) => `${role} ${action}`);

  it("are stored as PEM: certificates, and an RSA key in the older form", async () => {
    const bench = await ready();
    assert.equal(await result(bench), undefined);
    assert.equal(
      new X509Certificate(contents(bench, "ca")).fingerprint,
      new X509Certificate(ids.root.certificatePem).fingerprint,
    );
    assert.equal(contents(bench, "key"), pkcs1(ids.rsaDevice.keyPem));
    assert.deepEqual(actions(bench), ["ca stored", "certificate stored", "key stored"]);
  });

  it("hold a P-256 key as PKCS#8", async () => {
    const bench = await ready();
    const how = {
      ...secure,
      clientCertificates: [derOf(ids.device.certificatePem)],
      clientKey: derOf(ids.device.keyPem),
    };
    assert.equal(await result(bench, how), undefined);
    assert.match(contents(bench, "key"), /^-----BEGIN PRIVATE KEY-----\n/);
    assert.ok(createPrivateKey(contents(bench, "key")).asymmetricKeyType === "ec");
  });

  it("leave out attributes that follow an RSA key in its envelope", async () => {
    // The key was taken to run to the end of the object, attributes and all.
    const plain = derOf(ids.rsaDevice.keyPem);
    const attributes = Uint8Array.from([
      0xa0, 0x0d, 0x30, 0x0b, 0x06, 0x03, 0x55, 0x1d, 0x0f, 0x31, 4, 3, 2, 0, 0x10,
    ]);
    const length = plain.length - 4 + attributes.length;
    const long = Uint8Array.from([
      0x30,
      0x82,
      length >> 8,
      length & 0xff,
      ...plain.subarray(4),
      ...attributes,
    ]);
    const bench = await ready();
    assert.equal(await result(bench, { ...secure, clientKey: long }), undefined);
    assert.equal(contents(bench, "key"), pkcs1(ids.rsaDevice.keyPem));
  });

  it("are kept when the module has them, over connections and restarts", async () => {
    const bench = await ready();
    assert.equal(await result(bench), undefined);
    assert.equal(await result(bench), undefined);
    bench.module.module.power.crash();
    await bench.until("offline", () => !bench.online);
    await bench.until("online", () => bench.online);
    assert.equal(await result(bench), undefined);
    assert.equal(bench.sent("AT+QFUPL").length, 3);
    assert.equal(actions(bench).filter(action => action.endsWith("kept")).length, 6);
  });

  it("replace those of an earlier run of the device, and leave strangers' files alone", async () => {
    const bench = await ready();
    bench.module.files.write("xs-ca-00000000.pem", new Uint8Array(100));
    bench.module.files.write("other.pem", new Uint8Array(100));
    assert.equal(await result(bench), undefined);
    assert.ok(!bench.module.files.has("xs-ca-00000000.pem"));
    assert.ok(bench.module.files.has("other.pem"));
  });

  it("of two brokers stay both on the module", async () => {
    // Each connection removed the other's file and uploaded its own again.
    const bench = await ready();
    const other = { ...secure, certificate: derOf(ids.other.certificatePem) };
    for (const how of [secure, other, secure, other]) await result(bench, how);
    assert.equal(bench.sent("AT+QFUPL").length, 4);
  });

  for (const settings of [{ listNoMatch: "ok" }, { listNoMatch: "error-405" }, { listPrefix: true }] as const)
    it(`are stored and kept by a firmware with ${JSON.stringify(settings)}`, async () => {
      const bench = await ready({ settings });
      bench.module.files.write("xs-ca-00000000.pem", new Uint8Array(100));
      assert.equal(await result(bench), undefined);
      assert.equal(await result(bench), undefined);
      assert.equal(bench.sent("AT+QFUPL").length, 3);
      assert.ok(!bench.module.files.has("xs-ca-00000000.pem"));
    });

  it("replace a file that an upload left half written", async () => {
    const whole = await ready();
    assert.equal(await result(whole), undefined);
    const name = file(whole, "ca") ?? "";
    const bench = await ready();
    bench.module.files.write(name, new Uint8Array(100));
    assert.equal(await result(bench), undefined);
    assert.deepEqual(bench.module.files.read(name), whole.module.files.read(name));
  });

  it("are uploaded a second time when a byte arrived wrong", async () => {
    const bench = await ready({ faults: ["corrupt-upload byte=100 nth=2"] });
    assert.equal(await result(bench), undefined);
    assert.equal(bench.sent("AT+QFUPL").length, 4);
    assert.equal(contents(bench, "certificate"), ids.rsaDevice.certificatePem.trimEnd() + "\n");
  });

  it("fail typed when it arrives wrong twice, telling what was sent and what was counted", async () => {
    const faults = ["corrupt-upload byte=100 nth=1", "corrupt-upload byte=100 nth=2"];
    const bench = await ready({ faults });
    const failure = await result(bench);
    assert.equal(failure?.kind, "credential");
    assert.equal(failure.command, "AT+QFUPL");
    const sent = ids.root.certificatePem.trimEnd().length + 1;
    assert.equal(failure.detail, `ca: ${String(sent)} bytes sent, module counted another checksum`);
    assert.deepEqual(bench.sent("AT+QSSLOPEN"), []);
  });

  it("fail typed when the module counts fewer bytes twice", async () => {
    const bench = await ready();
    const { onOutput } = bench.module;
    bench.module.onOutput = (bytes, baud) => {
      const text = Buffer.from(bytes).toString("latin1");
      onOutput?.(bytesOf(text.replace(/QFUPL: \d+/, "QFUPL: 400")), baud);
    };
    const failure = await result(bench);
    assert.match(String(failure?.detail), /^ca: \d+ bytes sent, module counted 400$/);
    assert.equal(bench.sent("AT+QFUPL").length, 2);
  });

  for (const direction of ["lose", "double"] as const)
    it(`survive a byte of the upload that the line ${direction}s`, async () => {
      const clean = await ready();
      const before = clean.module.faults.toModuleBytes;
      const bench = await ready({ faults: [`${direction} to=module at=${String(before + 400)}`] });
      assert.equal(await result(bench), undefined);
      assert.equal(contents(bench, "key"), pkcs1(ids.rsaDevice.keyPem));
    });

  it("survive a result line that never comes, by the file list", async () => {
    const bench = await ready();
    const { onOutput } = bench.module;
    bench.module.onOutput = (bytes, baud) => {
      if (!Buffer.from(bytes).toString("latin1").includes("+QFUPL:")) onOutput?.(bytes, baud);
    };
    assert.equal(await result(bench), undefined);
    assert.equal(bench.sent("AT+QFUPL").length, 3);
  });

  it("remove other connections' files when the file system is full", async () => {
    const bench = await ready({ settings: { fileSystemBytes: 4_000 } });
    const other = { ...secure, certificate: derOf(ids.other.certificatePem) };
    assert.equal((await result(bench, other))?.kind, "tls");
    bench.module.files.write("other.pem", new Uint8Array(bench.module.files.freeBytes - 50));
    assert.equal(await result(bench), undefined);
    assert.ok(bench.module.files.has("other.pem"));
  });

  it("fail with the module's code when nothing of our own can make room", async () => {
    const bench = await ready({ settings: { fileSystemBytes: 4_000 } });
    bench.module.files.write("other.pem", new Uint8Array(3_900));
    assert.deepEqual(await result(bench), { kind: "cme", command: "AT+QFUPL", code: 420 });
  });

  const wrong: [what: string, how: () => SecureOptions, detail: RegExp][] = [
    [
      "a key for the authority",
      () => ({ ...secure, certificate: derOf(ids.device.keyPem) }),
      /^ca: holds key/,
    ],
    [
      "a certificate for the key",
      () => ({ ...secure, clientKey: derOf(ids.device.certificatePem) }),
      /^key: holds certificate/,
    ],
    ["nothing at all", () => ({ ...secure, certificate: new Uint8Array(0) }), /^ca: holds unknown/],
    [
      "text",
      () => ({ ...secure, certificate: Uint8Array.from(Buffer.from("-----BEGIN CERTIFICATE-----\nMIIB")) }),
      /^ca: holds unknown/,
    ],
    [
      "a key that is cut off",
      () => ({ ...secure, clientKey: derOf(ids.rsaDevice.keyPem).subarray(0, 600) }),
      /^key: holds/,
    ],
    [
      "a store that gives fewer bytes than it says",
      () => ({
        ...secure,
        certificate: { ...credential(derOf(ids.root.certificatePem)), byteLength: 5_000 },
      }),
      /^ca: holds too few bytes/,
    ],
  ];
  for (const [what, how, detail] of wrong)
    it(`fail before any upload of ${what}`, async () => {
      const bench = await ready();
      const failure = await result(bench, how());
      assert.equal(failure?.kind, "credential");
      assert.match(failure.detail ?? "", detail);
      assert.ok(bench.sent("AT+QFUPL").length <= 2);
    });

  it("never show a key, in trace, events or failures, whatever happens to the upload", async () => {
    for (const faults of [
      [],
      ["corrupt-upload byte=100 nth=3", "corrupt-upload byte=90 nth=4"],
      ["late command=+QFUPL nth=3 ms=20000"],
    ]) {
      const bench = await ready({ faults });
      const failure = await result(bench);
      const shown = JSON.stringify([bench.trace, bench.events, bench.failures, failure]);
      const key = pkcs1(ids.rsaDevice.keyPem).split("\n").slice(1, -2);
      for (const line of key)
        for (let i = 0; i + 8 <= line.length; i += 8) assert.ok(!shown.includes(line.slice(i, i + 8)));
    }
  });

  it("are found whole by the envelope for every length of the key", () => {
    fc.assert(
      fc.property(fc.integer({ min: 30, max: 5_000 }), fc.integer({ min: 0, max: 40 }), (keyBytes, more) => {
        const length = (n: number): number[] =>
          n < 0x80 ? [n] : n < 0x100 ? [0x81, n] : [0x82, n >> 8, n & 0xff];
        const oid = [0x30, 0x0d, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 1, 5, 0];
        const key = Array.from({ length: keyBytes }, (_, i) => i & 0xff);
        const body = [2, 1, 0, ...oid, 4, ...length(keyBytes), ...key, ...new Array<number>(more).fill(0)];
        const der = Uint8Array.from([0x30, ...length(body.length), ...body]);
        const found = envelopeOf(credential(der));
        assert.equal(found.kind, "key");
        assert.deepEqual([...der.subarray(found.rsaOffset, found.rsaOffset + found.rsaLength)], key);
      }),
    );
  });
});
