import assert from "node:assert/strict";
import type { TlsOptions } from "node:tls";
import type { ModuleSocketOptions } from "../../../drivers/quectel/socket.js";
import { TLSSocket, type SecureOptions, type TLSSocketOptions } from "../../../drivers/quectel/tls.js";
import { Bench, bytesOf, Client, pattern, type BenchSettings } from "./bench.js";
import { derOf, identities, store, type Identities } from "./identities.js";

const SECURE_PORT = 8883;

describe("TLS socket over the simulated BG95", () => {
  let ids: Identities;

  before(async function () {
    this.timeout(60_000);
    ids = await identities();
  });

  interface Scene {
    readonly settings?: BenchSettings;
    readonly server?: TlsOptions;
    readonly secure?: SecureOptions;
    readonly options?: Partial<ModuleSocketOptions>;
  }

  const trust = (): SecureOptions => ({ certificate: derOf(ids.root.certificatePem) });
  const mutual = (): SecureOptions => ({
    ...trust(),
    clientCertificates: [derOf(ids.device.certificatePem)],
    clientKey: derOf(ids.device.keyPem),
  });
  const strict = (): TlsOptions => ({
    ca: ids.root.certificatePem,
    requestCert: true,
    rejectUnauthorized: true,
  });

  async function ready({
    settings,
    server,
  }: Scene): Promise<{ bench: Bench; heard: string[]; names: unknown[] }> {
    const bench = await new Bench(settings).goOnline();
    const heard: string[] = [];
    const names: unknown[] = [];
    bench.network.serveTls(
      SECURE_PORT,
      { key: ids.server.keyPem, cert: ids.server.certificatePem, ...server },
      socket => {
        names.push("servername" in socket ? socket.servername : undefined);
        socket.on("error", () => undefined);
        socket.on("data", (data: Buffer) => {
          heard.push(data.toString("latin1"));
          socket.write(data);
        });
      },
    );
    return { bench, heard, names };
  }

  function open(
    bench: Bench,
    secure: SecureOptions | undefined,
    options: Partial<ModuleSocketOptions> = {},
  ): Client {
    const make = (all: TLSSocketOptions): TLSSocket => new TLSSocket({ ...all, ...(secure && { secure }) });
    return new Client(bench, make, { host: "broker.test", port: SECURE_PORT, ...options });
  }

  async function opened(what: Scene): Promise<{ bench: Bench; client: Client; names: unknown[] }> {
    const { bench, names } = await ready(what);
    const client = open(bench, what.secure ?? trust(), what.options);
    await bench.until("result", () => client.connected || client.ended);
    return { bench, client, names };
  }

  const level = (bench: Bench): string | undefined => bench.sent('AT+QSSLCFG="seclevel"').at(-1)?.slice(-1);
  const setting = (bench: Bench, name: string): string | undefined =>
    bench.sent(`AT+QSSLCFG="${name}"`).at(-1)?.split(",").at(-1);

  it("checks chain, name and dates unless told otherwise, and names the server always", async () => {
    const { bench, client, names } = await opened({});
    assert.equal(client.failure, undefined);
    assert.deepEqual(names, ["broker.test"]);
    assert.equal(level(bench), "1");
    for (const [name, value] of [
      ["sslversion", "3"],
      ["sni", "1"],
      ["checkhost", "1"],
      ["ignorelocaltime", "0"],
      ["ciphersuite", "0XFFFF"],
      ["negotiatetime", "120"],
    ] as const)
      assert.equal(setting(bench, name), value, name);
  });

  it("carries data both ways in records of any size", async () => {
    const { bench, client } = await opened({});
    const payload = pattern(2_900);
    bench.call(() => client.socket.write(payload));
    await bench.until("echo", () => client.received.length === payload.length);
    assert.deepEqual(Uint8Array.from(client.received), payload);
    assert.equal(bench.sent("AT+QSSLSEND=").length, 2);
    assert.ok(bench.sent("AT+QSSLRECV=").every(line => Number(line.split(",")[1]) <= 1_500));
  });

  it("proves itself to a server that demands it, with a P-256 key and with an RSA key", async () => {
    for (const device of [ids.device, ids.rsaDevice]) {
      const { bench, client } = await opened({
        server: strict(),
        secure: {
          ...trust(),
          clientCertificates: [derOf(device.certificatePem)],
          clientKey: derOf(device.keyPem),
        },
      });
      assert.equal(client.failure, undefined);
      assert.equal(level(bench), "2");
      bench.call(() => client.socket.write(bytesOf("hello")));
      await bench.until("echo", () => client.text === "hello");
    }
  });

  it("takes its credentials from the device's store", async () => {
    const credentials = store({
      ca: derOf(ids.root.certificatePem),
      certificate: derOf(ids.device.certificatePem),
      key: derOf(ids.device.keyPem),
    });
    const { client } = await opened({ server: strict(), secure: { credentials } });
    assert.equal(client.failure, undefined);
  });

  const failing: [what: string, scene: () => Scene, failure: object][] = [
    [
      "a server of another authority",
      () => ({ secure: { certificate: derOf(ids.other.certificatePem) } }),
      {},
    ],
    ["a server that is called otherwise", () => ({ options: { host: "echo.test" } }), {}],
    [
      "a certificate that has expired",
      () => ({ server: { key: ids.expired.keyPem, cert: ids.expired.certificatePem } }),
      {},
    ],
    [
      "a certificate that is not valid yet",
      () => ({ server: { key: ids.future.keyPem, cert: ids.future.certificatePem } }),
      {},
    ],
    [
      "no suite in common",
      () => ({ server: { ciphers: "ECDHE-ECDSA-CHACHA20-POLY1305", maxVersion: "TLSv1.2" } }),
      {},
    ],
    ["a server that has only TLS 1.3", () => ({ server: { minVersion: "TLSv1.3" } }), {}],
  ];
  for (const [what, scene, expected] of failing)
    it(`fails typed on ${what}, and frees the id`, async () => {
      const { bench, client } = await opened(scene());
      assert.deepEqual(client.failure, { kind: "tls", command: "AT+QSSLOPEN", code: 566, ...expected });
      await bench.pass(20_000);
      assert.deepEqual(bench.ids, []);
    });

  it("fails when the server does not trust the device", async () => {
    const secure = {
      ...trust(),
      clientCertificates: [derOf(ids.stranger.certificatePem)],
      clientKey: derOf(ids.stranger.keyPem),
    };
    const { bench, client } = await opened({ server: { ...strict(), maxVersion: "TLSv1.2" }, secure });
    await bench.until("failure", () => client.ended);
    assert.ok(["tls", "peer-closed"].includes(client.failure?.kind ?? ""));
  });

  it("tells an unknown name from a failed handshake, and an open port that nobody serves", async () => {
    const { bench } = await ready({});
    const unknown = open(bench, trust(), { host: "nowhere.test" });
    const refused = open(bench, trust(), { port: 9 });
    await bench.until("results", () => unknown.ended && refused.ended);
    assert.deepEqual(unknown.failure, { kind: "dns", command: "AT+QSSLOPEN", code: 565 });
    assert.equal(refused.failure?.kind, "tls");
  });

  it("checks nothing when told so, without any authority", async () => {
    const { bench, client } = await opened({
      server: { key: ids.expired.keyPem, cert: ids.expired.certificatePem },
      secure: { verify: false },
      settings: { settings: { networkTime: false } },
    });
    assert.equal(client.failure, undefined);
    assert.equal(level(bench), "0");
    assert.equal(setting(bench, "ignorelocaltime"), "1");
    assert.equal(setting(bench, "checkhost"), "0");
  });

  it("refuses to verify without the time, and asks for it, so that the next connection stands", async () => {
    // The time was asked for once per start of the module; without it TLS failed until the next one.
    const { bench } = await ready({ settings: { settings: { networkTime: false } } });
    const first = open(bench, trust());
    await bench.until("failure", () => first.ended);
    assert.deepEqual(first.failure, { kind: "clock", command: "AT+QSSLOPEN" });
    assert.deepEqual(bench.sent("AT+QSSLOPEN"), []);
    bench.module.module.clock.synchronise(0);
    const second = open(bench, trust());
    await bench.until("failure", () => second.ended);
    await bench.pass(1_000);
    const third = open(bench, trust());
    await bench.until("connected", () => third.connected);
  });

  const missing: [what: string, secure: () => SecureOptions, detail: string][] = [
    ["authority", () => ({}), "ca: none is stored"],
    [
      "certificate",
      () => ({ ...trust(), clientKey: derOf(ids.device.keyPem) }),
      "certificate: none is stored",
    ],
    [
      "key",
      () => ({ ...trust(), clientCertificates: [derOf(ids.device.certificatePem)] }),
      "key: none is stored",
    ],
  ];
  for (const [what, secure, detail] of missing)
    it(`fails before it asks the module for anything when the ${what} is missing`, async () => {
      const { bench } = await ready({});
      const before = bench.commands.length;
      const client = open(bench, secure());
      await bench.until("failure", () => client.ended);
      assert.deepEqual(client.failure, { kind: "credential", command: "AT+QSSLOPEN", detail });
      assert.equal(bench.commands.length, before);
    });

  it("throws when another name is to be checked than the host's", () => {
    const bench = new Bench();
    assert.throws(
      () =>
        new TLSSocket({
          host: "a.test",
          port: 1,
          modem: bench.modem,
          secure: { serverName: "b.test" },
        }),
      /serverName/,
    );
    assert.throws(() => new TLSSocket({ host: "a.test", port: 1 }), /modem/);
  });

  it("opens by the name although an address is given, for the name is what the certificate holds", async () => {
    const { bench, client } = await opened({ options: { address: "192.0.2.11" } });
    assert.equal(client.failure, undefined);
    assert.match(bench.sent("AT+QSSLOPEN")[0] ?? "", /"broker\.test"/);
  });

  it("uses one suite when told so", async () => {
    const { bench, client } = await opened({ secure: { ...trust(), cipherSuite: "0XC02B" } });
    assert.equal(client.failure, undefined);
    assert.equal(setting(bench, "ciphersuite"), "0XC02B");
    assert.equal(bench.module.sockets[0]?.tls?.suite, "ECDHE-ECDSA-AES128-GCM-SHA256");
  });

  it("fails with a suite that the module does not have", async () => {
    const { client } = await opened({ secure: { ...trust(), cipherSuite: "0XC030" } });
    assert.deepEqual(client.failure, { kind: "error", command: "AT+QSSLCFG" });
  });

  describe("contexts", () => {
    it("are shared by connections with the same settings, and set once", async () => {
      const { bench } = await ready({});
      const clients = [open(bench, trust()), open(bench, trust()), open(bench, trust())];
      await bench.until("connections", () => clients.every(client => client.connected));
      assert.equal(bench.sent('AT+QSSLCFG="seclevel"').length, 1);
      assert.ok(bench.sent("AT+QSSLOPEN").every(line => line.startsWith("AT+QSSLOPEN=1,0,")));
    });

    it("differ for different settings, more of which may come than the module has contexts", async () => {
      const { bench } = await ready({ server: { ciphers: "ALL:@SECLEVEL=0" } });
      const suites = ["0XFFFF", "0XC02B", "0XC023", "0XC009", "0XC00A", "0XC024", "0XC02B", "0XFFFF"];
      for (const cipherSuite of suites) {
        const client = open(bench, { ...trust(), cipherSuite });
        await bench.until("connected", () => client.connected || client.ended);
        assert.equal(client.failure, undefined, cipherSuite);
        client.socket.close();
        client.ended = true;
        await bench.pass(5_000);
      }
      assert.equal(bench.sent('AT+QSSLCFG="seclevel"').length, 6);
    });

    it("are set again after a restart of the module, whose files are still there", async () => {
      const { bench, client } = await opened({ secure: mutual(), server: strict() });
      assert.equal(client.failure, undefined);
      bench.module.module.power.crash();
      await bench.until("failure", () => client.ended);
      await bench.until("online", () => bench.online);
      const next = open(bench, mutual());
      await bench.until("connected", () => next.connected);
      assert.equal(bench.sent('AT+QSSLCFG="seclevel"').length, 2);
      assert.equal(bench.sent("AT+QFUPL").length, 3);
    });

    it("of which one command is refused are not used, and are set whole the next time", async () => {
      const { bench } = await ready({ settings: { faults: ["error command=+QSSLCFG nth=4"] } });
      const first = open(bench, trust());
      await bench.until("failure", () => first.ended);
      assert.deepEqual(first.failure, { kind: "error", command: "AT+QSSLCFG" });
      const second = open(bench, trust());
      await bench.until("connected", () => second.connected);
      assert.equal(setting(bench, "sni"), "1");
    });
  });

  it("shares the ids with TCP, also one that an earlier run left open", async () => {
    const { bench } = await ready({ settings: { settings: { failedOpenKeepsId: false } } });
    bench.network.serve(7, () => undefined);
    const text = 'AT+QIOPEN=1,0,"TCP","echo.test",7';
    bench.modem.channel.run({ text, timeoutMs: 1_000 }, []);
    await bench.pass(1_000);
    // Closing the id with the command of its own kind alone does not free it.
    const client = open(bench, trust());
    const plain = bench.open();
    await bench.until("results", () => client.connected && plain.connected);
    assert.deepEqual(bench.ids, [0, 1]);
  });

  it("leaves ids to TCP that an earlier run left open", async () => {
    const { bench } = await ready({ settings: { settings: { failedOpenKeepsId: false } } });
    bench.network.serve(7, () => undefined);
    const text = `AT+QSSLOPEN=1,0,0,"broker.test",${String(SECURE_PORT)},0`;
    bench.modem.channel.run({ text, timeoutMs: 1_000 }, []);
    await bench.pass(5_000);
    assert.deepEqual(bench.ids, [0]);
    const plain = bench.open();
    await bench.until("result", () => plain.connected || plain.ended);
    assert.equal(plain.failure, undefined);
  });

  it("may be closed at any moment of opening, and leaves nothing behind", async () => {
    for (const afterMs of [0, 1, 20, 60, 120, 200, 700, 1_200, 2_500, 4_000]) {
      const { bench } = await ready({ settings: { link: "lte-m" } });
      const client = open(bench, trust());
      await bench.pass(afterMs);
      bench.call(() => {
        client.socket.close();
      });
      client.ended = true;
      await bench.pass(60_000);
      assert.deepEqual(bench.ids, [], String(afterMs));
      const next = open(bench, trust());
      await bench.until("connected", () => next.connected);
    }
  });

  it("comes back after a restart of the module at each stage of opening", async () => {
    const total = await (async () => {
      const { bench, client } = await opened({ secure: mutual(), server: strict() });
      assert.ok(client.connected);
      return bench.module.faults.toModuleBytes;
    })();
    const { bench: idle } = await ready({});
    const start = idle.module.faults.toModuleBytes;
    for (let byte = start + 1; byte < total; byte += 97) {
      const { bench } = await ready({
        settings: { faults: [`reset byte=${String(byte)}`] },
        server: strict(),
      });
      const first = open(bench, mutual());
      await bench.until("result", () => first.ended, 300_000);
      // Short commands are over before the boot report comes.
      assert.match(String(first.failure?.kind), /^(module-reset|timeout)$/, String(byte));
      await bench.pass(10_000);
      await bench.until("online", () => bench.online);
      const second = open(bench, mutual());
      await bench.until("connected", () => second.connected || second.ended);
      assert.equal(second.failure, undefined, String(byte));
    }
  });
});
