import assert from "node:assert/strict";
import type { TlsOptions, TLSSocket } from "node:tls";
import type { Bg95Changes } from "../../simulator/bg95/settings.js";
import { moduleSuites, opensslSuites, suitesNotSimulated } from "../../simulator/bg95/suites.js";
import { AtBench } from "./at-bench.js";
import { Authority } from "./authority.js";

const port = 8883;

describe("TLS of the simulated BG95", () => {
  let root: Authority;
  let rsaRoot: Authority;
  let other: Authority;
  let intermediate: Authority;
  let server: Authority;
  let below: Authority;
  let expired: Authority;
  let rsaServer: Authority;
  let device: Authority;
  let rsaDevice: Authority;

  before(async () => {
    root = await Authority.root({ name: "Test Root" });
    rsaRoot = await Authority.root({ name: "Test RSA Root", key: "rsa" });
    other = await Authority.root({ name: "Other Root" });
    intermediate = await root.issue({ name: "Test Intermediate", isAuthority: true });
    server = await root.issue({ name: "broker.test" });
    below = await intermediate.issue({ name: "broker.test" });
    expired = await root.issue({ name: "broker.test", notAfter: new Date("2024-01-01T00:00:00Z") });
    rsaServer = await rsaRoot.issue({ name: "broker.test", key: "rsa" });
    device = await root.issue({ name: "device-1" });
    rsaDevice = await rsaRoot.issue({ name: "device-2", key: "rsa" });
  });

  interface Scene {
    readonly settings?: Bg95Changes;
    readonly files?: Readonly<Record<string, string>>;
    readonly configuration?: readonly string[];
    readonly server?: TlsOptions;
    readonly accept?: (socket: TLSSocket) => void;
    readonly host?: string;
    readonly link?: "none" | "lte-m";
  }

  /** Uploads files, configures context 2 and opens TLS client 1; returns the result code. */
  async function opened(scene: Scene): Promise<{ bench: AtBench; code: number; refusals: string[] }> {
    const bench = await AtBench.memory({
      ...(scene.settings ? { settings: scene.settings } : {}),
      link: scene.link ?? "none",
    }).ready();
    const refusals: string[] = [];
    bench.network.serveTls(
      port,
      { key: server.keyPem, cert: server.certificatePem, ...scene.server },
      scene.accept ?? (socket => socket.on("error", () => undefined)),
      error => refusals.push(error.message),
    );
    for (const [name, content] of Object.entries(scene.files ?? {})) {
      await bench.ask(`AT+QFUPL="${name}",${String(content.length)}`);
      await bench.exchange(content, /OK\r\n$/);
    }
    for (const item of scene.configuration ?? [])
      assert.equal(await bench.ask(`AT+QSSLCFG=${item}`), "\r\nOK\r\n", item);
    const line = `AT+QSSLOPEN=1,2,1,"${scene.host ?? "broker.test"}",${String(port)},0\r`;
    const answer = await bench.exchange(line, /QSSLOPEN: \d+,\d+\r\n$/, 1_000_000);
    const code = Number(/QSSLOPEN: 1,(\d+)/.exec(answer)?.[1]);
    return { bench, code, refusals };
  }

  const verified = ['"seclevel",2,1', '"cacert",2,"ca.pem"'];

  describe("settings", () => {
    it("shows a value when none is given, per context", async () => {
      const bench = await AtBench.memory().ready();
      assert.equal(
        await bench.ask('AT+QSSLCFG="ciphersuite",1'),
        '\r\n+QSSLCFG: "ciphersuite",1,0XFFFF\r\n\r\nOK\r\n',
      );
      assert.equal(await bench.ask('AT+QSSLCFG="ciphersuite",1,0xc02f'), "\r\nOK\r\n");
      assert.match(await bench.ask('AT+QSSLCFG="ciphersuite",1'), /1,0XC02F/);
      assert.match(await bench.ask('AT+QSSLCFG="ciphersuite",2'), /2,0XFFFF/);
      assert.match(await bench.ask('AT+QSSLCFG="ignorelocaltime",1'), /1,1\r\n/);
      assert.match(await bench.ask('AT+QSSLCFG="SNI",1'), /"sni",1,0\r\n/);
    });

    const refused = [
      '"ciphersuite",1,"0XFFFF"',
      '"ciphersuite",1,0XC030',
      '"sslversion",1,5',
      '"seclevel",6,0',
      '"negotiatetime",1,9',
      '"alpn",1,1',
      '"cacert",1,ca.pem',
    ];
    for (const item of refused) {
      it(`refuses AT+QSSLCFG=${item}`, async () => {
        const bench = await AtBench.memory().ready();
        assert.equal(await bench.ask(`AT+QSSLCFG=${item}`), "\r\nERROR\r\n");
      });
    }

    it("lists the suites that are not simulated: RC4, 3DES and static ECDH", () => {
      assert.equal(moduleSuites.length, 32);
      assert.ok(suitesNotSimulated.every(suite => /RC4|3DES|^ECDH-/.test(suite.name)));
      assert.ok(
        moduleSuites
          .filter(suite => /RC4|3DES|^ECDH-/.test(suite.name))
          .every(suite => suite.openssl === undefined),
      );
      assert.equal(suitesNotSimulated.length, 19);
    });

    it("offers the strongest suite first, or the manual's order when set so", () => {
      assert.match(opensslSuites("0XFFFF", "strongest-first")[0] ?? "", /^ECDHE-(ECDSA|RSA)-AES128-GCM/);
      assert.equal(opensslSuites("0XFFFF", "manual")[0], "AES256-SHA");
    });
  });

  describe("handshake", () => {
    it("completes without any check at security level 0, and counts its bytes", async () => {
      const { bench, code } = await opened({});
      assert.equal(code, 0);
      const tls = bench.modem.sockets[0]?.tls;
      assert.equal(tls?.protocol, "TLSv1.2");
      assert.ok(tls.sentBytes > 200 && tls.receivedBytes > 500, JSON.stringify(tls));
    });

    const paths: readonly [title: string, scene: () => Scene, code: number][] = [
      [
        "accepts a server below the CA file's root",
        () => ({ files: { "ca.pem": root.certificatePem }, configuration: verified }),
        0,
      ],
      [
        "accepts a chain over an intermediate",
        () => ({
          files: { "ca.pem": root.certificatePem },
          configuration: verified,
          server: { key: below.keyPem, cert: below.certificatePem + "\n" + intermediate.certificatePem },
        }),
        0,
      ],
      [
        "refuses a chain whose intermediate is not sent",
        () => ({
          files: { "ca.pem": root.certificatePem },
          configuration: verified,
          server: { key: below.keyPem, cert: below.certificatePem },
        }),
        566,
      ],
      [
        "refuses an intermediate as the only anchor",
        () => ({
          files: { "ca.pem": intermediate.certificatePem },
          configuration: verified,
          server: { key: below.keyPem, cert: below.certificatePem },
        }),
        566,
      ],
      [
        "accepts an intermediate as anchor when set so",
        () => ({
          settings: { partialChain: true },
          files: { "ca.pem": intermediate.certificatePem },
          configuration: verified,
          server: { key: below.keyPem, cert: below.certificatePem },
        }),
        0,
      ],
      [
        "refuses the wrong CA",
        () => ({ files: { "ca.pem": other.certificatePem }, configuration: verified }),
        566,
      ],
      ["refuses a missing CA file", () => ({ configuration: verified }), 566],
      ["refuses security level 1 without a CA file set", () => ({ configuration: ['"seclevel",2,1'] }), 566],
      [
        "refuses a CA file that is no certificate",
        () => ({ files: { "ca.pem": "rubbish" }, configuration: verified }),
        566,
      ],
      [
        "takes all certificates of a CA file",
        () => ({
          files: { "ca.pem": `${other.certificatePem}\n${root.certificatePem}` },
          configuration: verified,
        }),
        0,
      ],
      [
        "takes the first certificate of a CA file only, when set so",
        () => ({
          settings: { caFile: "first" },
          files: { "ca.pem": `${other.certificatePem}\n${root.certificatePem}` },
          configuration: verified,
        }),
        566,
      ],
      [
        "does not look at dates by default",
        () => ({
          files: { "ca.pem": root.certificatePem },
          configuration: verified,
          server: { key: expired.keyPem, cert: expired.certificatePem },
        }),
        0,
      ],
      [
        "refuses an expired certificate with ignorelocaltime 0",
        () => ({
          files: { "ca.pem": root.certificatePem },
          configuration: [...verified, '"ignorelocaltime",2,0'],
          server: { key: expired.keyPem, cert: expired.certificatePem },
        }),
        566,
      ],
      [
        "judges dates by the module's own clock",
        () => ({
          settings: { epochMs: Date.UTC(2023, 0, 1) },
          files: { "ca.pem": root.certificatePem },
          configuration: [...verified, '"ignorelocaltime",2,0'],
          server: { key: expired.keyPem, cert: expired.certificatePem },
        }),
        0,
      ],
      [
        "refuses every certificate with ignorelocaltime 0 while the clock says 1980",
        () => ({
          settings: { networkTime: false },
          files: { "ca.pem": root.certificatePem },
          configuration: [...verified, '"ignorelocaltime",2,0'],
        }),
        566,
      ],
      [
        "does not check the host name by default",
        () => ({ host: "other.test", files: { "ca.pem": root.certificatePem }, configuration: verified }),
        0,
      ],
      [
        "refuses the wrong host name with checkhost 1",
        () => ({
          host: "other.test",
          files: { "ca.pem": root.certificatePem },
          configuration: [...verified, '"checkhost",2,1'],
        }),
        566,
      ],
      [
        "refuses the wrong host name at security level 1 when set so",
        () => ({
          settings: { securityLevelChecksHost: true },
          host: "other.test",
          files: { "ca.pem": root.certificatePem },
          configuration: verified,
        }),
        566,
      ],
      [
        "refuses a suite that the server does not have",
        () => ({ configuration: ['"ciphersuite",2,0XC013'] }),
        566,
      ],
      [
        "refuses a server that only speaks TLS 1.3",
        () => ({ server: { minVersion: "TLSv1.3" as const } }),
        566,
      ],
      ["refuses a suite that is not simulated", () => ({ configuration: ['"ciphersuite",2,0X0005'] }), 566],
      [
        "speaks static RSA when told to",
        () => ({
          configuration: ['"ciphersuite",2,0X003D'],
          server: { key: rsaServer.keyPem, cert: rsaServer.certificatePem, ciphers: "AES256-SHA256" },
        }),
        0,
      ],
    ];
    for (const [title, scene, expected] of paths) {
      it(title, async () => {
        const { code } = await opened(scene());
        assert.equal(code, expected);
      });
    }

    it("speaks the version that is set", async () => {
      const old = { minVersion: "TLSv1", ciphers: "DEFAULT:@SECLEVEL=0" } as const;
      const { bench, code } = await opened({ configuration: ['"sslversion",2,2'], server: old });
      assert.equal(code, 0);
      assert.equal(bench.modem.sockets[0]?.tls?.protocol, "TLSv1.1");
    });

    it("sends a server name only with sni 1", async () => {
      for (const [configuration, name] of [
        [[], false],
        [['"sni",2,1'], "broker.test"],
      ] as const) {
        let seen: unknown;
        const accept = (socket: TLSSocket): void => void (seen = Reflect.get(socket, "servername"));
        const { code } = await opened({ configuration, accept });
        assert.equal(code, 0);
        assert.equal(seen, name);
      }
    });

    it("tells 0 by QIGETERROR after a failure, or the code when set so", async () => {
      for (const [tlsErrorReported, text] of [
        [false, "0, operate successfully"],
        [true, "566, socket connect failed"],
      ] as const) {
        const { bench } = await opened({ settings: { tlsErrorReported }, configuration: verified });
        assert.equal(await bench.ask("AT+QIGETERROR"), `\r\n+QIGETERROR: ${text}\r\n\r\nOK\r\n`);
      }
    });

    it("gives the failure code that is set", async () => {
      assert.equal((await opened({ settings: { tlsFailureCode: 579 }, configuration: verified })).code, 579);
    });

    it("takes the link's round trips and the module's computing time", async () => {
      const { bench, code } = await opened({ link: "lte-m" });
      assert.equal(code, 0);
      const bench2 = await AtBench.memory({ link: "lte-m" }).ready();
      assert.ok(bench.scheduler.nowMs - bench2.scheduler.nowMs > 2_500);
    });

    it("gives up after negotiatetime when the server says nothing", async () => {
      const bench = await AtBench.memory().ready();
      bench.network.serve(port, () => undefined);
      await bench.ask('AT+QSSLCFG="negotiatetime",2,10');
      const startMs = bench.scheduler.nowMs;
      await bench.exchange(`AT+QSSLOPEN=1,2,1,"broker.test",${String(port)},0\r`, /QSSLOPEN: 1,566/);
      assert.equal(bench.scheduler.nowMs - startMs, 10_000);
    });
  });

  describe("client certificates", () => {
    const asking = (): TlsOptions => ({
      ca: [root.certificatePem, rsaRoot.certificatePem],
      requestCert: true,
      rejectUnauthorized: true,
    });
    const mutual = [
      '"seclevel",2,2',
      '"cacert",2,"ca.pem"',
      '"clientcert",2,"cert.pem"',
      '"clientkey",2,"key.pem"',
    ];
    const files = (identity: Authority): Record<string, string> => ({
      "ca.pem": root.certificatePem,
      "cert.pem": identity.certificatePem,
      "key.pem": identity.keyPem,
    });

    it("are sent at security level 2, RSA", async () => {
      let subject: string | undefined;
      const accept = (socket: TLSSocket): void => void (subject = socket.getPeerX509Certificate()?.subject);
      const { code } = await opened({
        files: files(rsaDevice),
        configuration: mutual,
        server: asking(),
        accept,
      });
      assert.deepEqual([code, subject], [0, "CN=device-2"]);
    });

    it("are sent with a P-256 key, unless set otherwise", async () => {
      const scene = { files: files(device), configuration: mutual, server: asking() };
      assert.equal((await opened(scene)).code, 0);
      assert.equal((await opened({ ...scene, settings: { ecClientKeys: false } })).code, 566);
    });

    it("are not sent at security level 1", async () => {
      const { code, refusals } = await opened({
        files: files(device),
        configuration: [...mutual, '"seclevel",2,1'],
        server: asking(),
      });
      assert.equal(code, 566);
      assert.match(refusals.join(), /peer did not return a certificate/);
    });

    it("fail when certificate and key are swapped", async () => {
      const swapped = { ...files(device), "cert.pem": device.keyPem, "key.pem": device.certificatePem };
      assert.equal((await opened({ files: swapped, configuration: mutual, server: asking() })).code, 566);
    });

    it("fail when the key belongs to another certificate", async () => {
      const wrong = { ...files(device), "key.pem": server.keyPem };
      assert.equal((await opened({ files: wrong, configuration: mutual, server: asking() })).code, 566);
    });

    it("fail when the server does not know their CA", async () => {
      const asksOther = { ...asking(), ca: [other.certificatePem] };
      assert.equal(
        (await opened({ files: files(device), configuration: mutual, server: asksOther })).code,
        566,
      );
    });
  });

  describe("data", () => {
    const echo = (socket: TLSSocket): void => void socket.on("data", (bytes: Buffer) => socket.write(bytes));

    it("goes both ways with recv once and reads by length", async () => {
      const { bench } = await opened({ accept: echo });
      assert.equal(await bench.ask("AT+QSSLSEND=1,6"), "\r\n> ");
      assert.equal(
        await bench.exchange("secret", /recv.*\r\n$/),
        '\r\nSEND OK\r\n\r\n+QSSLURC: "recv",1\r\n',
      );
      assert.equal(await bench.ask("AT+QSSLRECV=1,4"), "\r\n+QSSLRECV: 4\r\nsecr\r\n\r\nOK\r\n");
      assert.equal(await bench.ask("AT+QSSLRECV=1,1500"), "\r\n+QSSLRECV: 2\r\net\r\n\r\nOK\r\n");
      assert.equal(await bench.ask("AT+QSSLRECV=1,1500"), "\r\n+QSSLRECV: 0\r\n\r\nOK\r\n");
      assert.equal(await bench.ask("AT+QSSLRECV=1"), "\r\nERROR\r\n");
      assert.equal(await bench.ask("AT+QSSLRECV=1,1501"), "\r\nERROR\r\n");
    });

    it("shows the client's state", async () => {
      const { bench } = await opened({});
      assert.match(
        await bench.ask("AT+QSSLSTATE"),
        /\+QSSLSTATE: 1,"SSLClient","192.0.2.10",8883,\d+,2,1,1,0,"uart1",2\r\n/,
      );
      assert.equal(await bench.ask("AT+QISTATE"), "\r\nOK\r\n");
    });

    it("shares the ids of TCP sockets, unless set otherwise", async () => {
      for (const [tlsSharesIds, code] of [
        [true, 563],
        [false, 0],
      ] as const) {
        const { bench } = await opened({ settings: { tlsSharesIds } });
        bench.network.serve(7, () => undefined);
        const answer = await bench.exchange('AT+QIOPEN=1,1,"TCP","broker.test",7\r', /QIOPEN: .*\r\n$/);
        assert.match(answer, new RegExp(`QIOPEN: 1,${String(code)}`));
      }
    });

    it("reports closed and frees the id with QSSLCLOSE", async () => {
      const { bench } = await opened({ accept: socket => socket.end("bye") });
      assert.equal(await bench.pass(100), '\r\n+QSSLURC: "recv",1\r\n\r\n+QSSLURC: "closed",1\r\n');
      assert.equal(await bench.ask("AT+QSSLRECV=1,10"), "\r\n+QSSLRECV: 3\r\nbye\r\n\r\nOK\r\n");
      assert.equal(await bench.ask("AT+QSSLCLOSE=1"), "\r\nOK\r\n");
      assert.equal(bench.modem.sockets.length, 0);
    });

    it("closes in good order when the peer answers", async () => {
      let ended = false;
      const { bench } = await opened({
        accept: socket => void socket.on("end", () => (ended = true)).resume(),
      });
      const startMs = bench.scheduler.nowMs;
      assert.equal(await bench.ask("AT+QSSLCLOSE=1"), "\r\nOK\r\n");
      assert.ok(ended);
      assert.ok(bench.scheduler.nowMs - startMs < 1_000);
    });

    it("is pushed behind the URC in direct push mode", async () => {
      const { bench } = await opened({ accept: echo });
      await bench.ask("AT+QISWTMD=1,1");
      await bench.ask("AT+QSSLSEND=1,2");
      assert.equal(await bench.exchange("hi", /hi$/), '\r\nSEND OK\r\n\r\n+QSSLURC: "recv",1,2\r\nhi');
    });
  });
});
