import assert from "node:assert/strict";
import { getCiphers, type TlsOptions, type TLSSocket } from "node:tls";
import type { Bc66Changes } from "../../simulator/bc66/settings.js";
import type { Bc66TlsCause } from "../../simulator/bc66/tls-codes.js";
import { causeOf } from "../../simulator/bc66/tls-connections.js";
import { HandshakeWatch } from "../../simulator/handshake-watch.js";
import { bc66Suites, offeredSuites, suitesNotSimulated } from "../../simulator/bc66/suites.js";
import type { MemoryPeer } from "../../simulator/memory-peer.js";
import { Authority } from "./authority.js";
import { Bc66Bench } from "./bc66-bench.js";

const port = 8883;

type Credential = "cacert" | "clientcert" | "clientkey";

describe("TLS of the simulated BC66", () => {
  let root: Authority;
  let other: Authority;
  let intermediate: Authority;
  let server: Authority;
  let below: Authority;
  let expired: Authority;
  let ecServer: Authority;
  let device: Authority;
  let device2: Authority;
  let ecDevice: Authority;

  before(async () => {
    root = await Authority.root({ name: "Test Root", key: "rsa" });
    other = await Authority.root({ name: "Other Root", key: "rsa" });
    intermediate = await root.issue({ name: "Test Intermediate", key: "rsa", isAuthority: true });
    server = await root.issue({ name: "broker.test", key: "rsa" });
    below = await intermediate.issue({ name: "broker.test", key: "rsa" });
    expired = await root.issue({
      name: "broker.test",
      key: "rsa",
      notAfter: new Date("2024-01-01T00:00:00Z"),
    });
    ecServer = await root.issue({ name: "broker.test", key: "ec" });
    device = await root.issue({ name: "device-1", key: "rsa" });
    device2 = await root.issue({ name: "device-2", key: "rsa" });
    ecDevice = await root.issue({ name: "device-3", key: "ec" });
  });

  interface Scene {
    readonly settings?: Bc66Changes;
    readonly faults?: readonly string[];
    readonly credentials?: Partial<Record<Credential, string>>;
    readonly level?: 0 | 1 | 2;
    readonly configuration?: readonly string[];
    /** Undefined: nobody listens. */
    readonly server?: TlsOptions | "nobody" | ((peer: MemoryPeer) => void);
    readonly accept?: (socket: TLSSocket) => void;
    readonly host?: string;
    readonly context?: number;
    readonly link?: "none" | "nb-iot";
  }

  async function upload(bench: Bc66Bench, name: Credential, text: string, context = 1): Promise<string> {
    assert.match(await bench.ask(`AT+QSSLCFG=${String(context)},5,"${name}"`), /^\r\n>$/);
    return bench.exchange(`${text}\x1a`, /(OK|ERROR)\r\n$/);
  }

  /** Uploads, configures connection 5 and opens it; returns the result code. */
  async function opened(scene: Scene): Promise<{ bench: Bc66Bench; code: number; elapsedMs: number }> {
    const bench = await Bc66Bench.memory({
      settings: scene.settings ?? {},
      faults: scene.faults ?? [],
      link: scene.link ?? "none",
    }).ready();
    const context = String(scene.context ?? 1);
    const serving = scene.server ?? {};
    if (typeof serving === "function") bench.network.serve(port, serving);
    else if (serving !== "nobody")
      bench.network.serveTls(
        port,
        { key: server.keyPem, cert: server.certificatePem, ...serving },
        scene.accept ?? (socket => socket.on("error", () => undefined)),
      );
    for (const name of ["cacert", "clientcert", "clientkey"] as const) {
      const text = scene.credentials?.[name];
      if (text !== undefined) await upload(bench, name, text, scene.context);
    }
    for (const item of [`"seclevel",${String(scene.level ?? 0)}`, ...(scene.configuration ?? [])])
      assert.equal(await bench.ask(`AT+QSSLCFG=${context},5,${item}`), "\r\nOK\r\n", item);
    const startMs = bench.scheduler.nowMs;
    const line = `AT+QSSLOPEN=${context},5,"${scene.host ?? "broker.test"}",${String(port)},0\r`;
    const answer = await bench.exchange(line, /QSSLOPEN: [\d,-]+\r\n$/, 1_000_000);
    assert.ok(answer.startsWith("\r\nOK\r\n\r\n+QSSLOPEN: "), JSON.stringify(answer));
    const code = Number(new RegExp(`QSSLOPEN: ${context},5,(-?\\d+)`).exec(answer)?.[1]);
    return { bench, code, elapsedMs: bench.scheduler.nowMs - startMs };
  }

  describe("suites", () => {
    it("are the manual's ten: four of static RSA with AES-CBC, 3DES and PSK not simulated", () => {
      assert.equal(bc66Suites.length, 10);
      assert.deepEqual(offeredSuites, ["AES256-SHA256", "AES256-SHA", "AES128-SHA256", "AES128-SHA"]);
      assert.ok(suitesNotSimulated.every(suite => /3DES|PSK/.test(suite.name)));
    });

    it("are all in this OpenSSL, and the 3DES suite is not", () => {
      const known = new Set(getCiphers().map(name => name.toUpperCase()));
      for (const name of offeredSuites) assert.ok(known.has(name), name);
      assert.ok(!known.has("DES-CBC3-SHA"));
    });

    for (const suite of ["AES256-SHA256", "AES256-SHA", "AES128-SHA256", "AES128-SHA"]) {
      it(`agrees on ${suite} with a server that has nothing else`, async () => {
        const { bench, code } = await opened({ server: { ciphers: suite, maxVersion: "TLSv1.2" } });
        assert.equal(code, 0);
        assert.equal(bench.modem.sockets[0]?.tls?.suite, suite);
      });
    }

    const versions = ["TLSv1", "TLSv1.1", "TLSv1.2"] as const;
    for (const version of versions) {
      it(`agrees on ${version}`, async () => {
        const limits = {
          minVersion: version,
          maxVersion: version,
          ciphers: "AES128-SHA:AES128-SHA256:@SECLEVEL=0",
        };
        const { bench, code } = await opened({ server: limits });
        assert.equal(code, 0);
        assert.equal(bench.modem.sockets[0]?.tls?.protocol, version);
      });
    }
  });

  describe("result codes", () => {
    const verified = (): Scene => ({ credentials: { cacert: root.certificatePem }, level: 1 });
    const mutual = (certificate: string, key: string): Scene => ({
      credentials: { cacert: root.certificatePem, clientcert: certificate, clientkey: key },
      level: 2,
      server: { requestCert: true, rejectUnauthorized: true, ca: root.certificatePem },
    });
    const split = (peer: MemoryPeer): void => splitFirstMessage(peer);

    const cases: readonly (readonly [title: string, scene: () => Scene, code: number])[] = [
      ["a server that nobody checks", () => ({}), 0],
      ["a verified server", verified, 0],
      [
        "a chain over an intermediate",
        () => ({
          ...verified(),
          server: { key: below.keyPem, cert: `${below.certificatePem}\n${intermediate.certificatePem}` },
        }),
        0,
      ],
      [
        "an intermediate as the only anchor",
        () => ({
          credentials: { cacert: intermediate.certificatePem },
          level: 1,
          server: { key: below.keyPem, cert: below.certificatePem },
        }),
        0,
      ],
      [
        "an intermediate as the only anchor, where that is none",
        () => ({
          settings: { partialChain: false },
          credentials: { cacert: intermediate.certificatePem },
          level: 1,
          server: { key: below.keyPem, cert: below.certificatePem },
        }),
        -3,
      ],
      ["a client with a certificate", () => mutual(device.certificatePem, device.keyPem), 0],
      ["an address that nobody listens at", () => ({ server: "nobody" }), -2],
      ["a name that nobody knows", () => ({ host: "unknown.test" }), -2],
      ["a peer that closes at once", () => ({ server: peer => peer.end() }), -2],
      ["another CA", () => ({ credentials: { cacert: other.certificatePem }, level: 1 }), -3],
      ["no CA at security level 1", () => ({ level: 1 }), -3],
      ["a CA that is no certificate", () => ({ credentials: { cacert: "rubbish" }, level: 1 }), -3],
      [
        "an expired server certificate",
        () => ({ ...verified(), server: { key: expired.keyPem, cert: expired.certificatePem } }),
        -3,
      ],
      [
        "an expired server certificate, where dates are not looked at",
        () => ({
          ...verified(),
          settings: { checksDates: false },
          server: { key: expired.keyPem, cert: expired.certificatePem },
        }),
        0,
      ],
      ["a clock that is not set", () => ({ ...verified(), settings: { networkTime: false } }), -3],
      ["a certificate of another host", () => ({ ...verified(), host: "other.test" }), -3],
      [
        "a certificate of another host, where names are not looked at",
        () => ({ ...verified(), host: "other.test", settings: { checksHost: false } }),
        0,
      ],
      ["no client certificate at security level 2", () => ({ ...verified(), level: 2 }), -3],
      ["no client key", () => ({ ...mutual(device.certificatePem, ""), settings: {} }), -4],
      ["a key of another certificate", () => mutual(device.certificatePem, device2.keyPem), -4],
      ["key and certificate swapped", () => mutual(device.keyPem, device.certificatePem), -3],
      ["an EC key", () => mutual(ecDevice.certificatePem, ecDevice.keyPem), -4],
      [
        "an EC key, where those are taken",
        () => ({ ...mutual(ecDevice.certificatePem, ecDevice.keyPem), settings: { ecClientKeys: true } }),
        0,
      ],
      [
        "a server with ECDHE suites only",
        () => ({ server: { ciphers: "ECDHE-RSA-AES128-GCM-SHA256", maxVersion: "TLSv1.2" } }),
        -5,
      ],
      [
        "a server with ECDHE suites only, where that counts as other",
        () => ({
          settings: { tlsCodes: { suites: -9 } },
          server: { ciphers: "ECDHE-RSA-AES128-GCM-SHA256", maxVersion: "TLSv1.2" },
        }),
        -9,
      ],
      [
        "a server with an EC certificate",
        () => ({ server: { key: ecServer.keyPem, cert: ecServer.certificatePem } }),
        -5,
      ],
      ["a server with TLS 1.3 only", () => ({ server: { minVersion: "TLSv1.3" } }), -9],
      ["context 3", () => ({ context: 3 }), -9],
      ["context 2 with a certificate", () => ({ ...verified(), context: 2 }), -9],
      [
        "a server that closes without a word for want of a certificate",
        () => ({ server: { requestCert: true, rejectUnauthorized: true, ca: root.certificatePem } }),
        -2,
      ],
      ["a message split over records", () => ({ server: split }), -9],
      [
        "rubbish instead of TLS",
        () => ({ server: peer => peer.write("HTTP/1.1 400 Bad Request\r\n\r\n") }),
        -9,
      ],
      [
        "a server that never answers",
        () => ({ server: () => undefined, configuration: ['"timeout",10'] }),
        -7,
      ],
    ];
    for (const [title, scene, expected] of cases) {
      it(`${String(expected)} for ${title}`, async () => {
        const { code } = await opened(scene());
        assert.equal(code, expected);
      });
    }

    it("-7 comes when the time of the setting is over, 90 s by default", async () => {
      const short = await opened({ server: () => undefined, configuration: ['"timeout",10'] });
      assert.equal(short.elapsedMs, 10_000);
      const usual = await opened({ server: () => undefined });
      assert.equal(usual.elapsedMs, 90_000);
    });

    it("-6 for a connection that is open already", async () => {
      const { bench } = await opened({});
      const answer = await bench.exchange('AT+QSSLOPEN=1,5,"broker.test",8883\r', /QSSLOPEN: .*\r\n$/);
      assert.equal(answer, "\r\nOK\r\n\r\n+QSSLOPEN: 1,5,-6\r\n");
    });

    it("takes a message split over records where that is not refused", async () => {
      const relay = (scene: Scene): Promise<{ code: number }> => opened(scene);
      const refused = await relay({ settings: { refusesSplitMessages: true }, server: split });
      const taken = await relay({
        settings: { refusesSplitMessages: false },
        server: split,
        configuration: ['"timeout",10'],
      });
      assert.deepEqual([refused.code, taken.code], [-9, -7]);
    });

    const hello = [22, 3, 3, 0, 4, 2, 0, 0, 0];
    const alert = (description: number): number[] => [21, 3, 3, 0, 2, 2, description];
    const ends: readonly (readonly [title: string, records: readonly number[], cause: Bc66TlsCause])[] = [
      ["handshake_failure before ServerHello: no common suite", alert(40), "suites"],
      ["protocol_version", alert(70), "version"],
      ["unrecognized_name before ServerHello", alert(112), "other"],
      ["handshake_failure after ServerHello", [...hello, ...alert(40)], "refused-by-server"],
      ["unknown_ca after ServerHello", [...hello, ...alert(48)], "refused-by-server"],
      ["bad_certificate after ServerHello", [...hello, ...alert(42)], "refused-by-server"],
      ["nothing at all", [], "closed-in-handshake"],
      ["no alert after ServerHello", hello, "closed-in-handshake"],
      ["a message longer than its record", [22, 3, 3, 0, 6, 2, 0, 0, 70, 3, 3], "split-message"],
      ["the header of a message cut", [22, 3, 3, 0, 2, 2, 0], "split-message"],
      ["two messages in a record", [22, 3, 3, 0, 8, 2, 0, 0, 0, 14, 0, 0, 0], "closed-in-handshake"],
    ];
    for (const [title, records, expected] of ends) {
      it(`a server's last word, ${title}, however it is cut: ${expected}`, () => {
        const failure = { kind: "tls", detail: "the peer closed during the handshake" } as const;
        for (let size = 1; size <= records.length + 1; size++) {
          const watch = new HandshakeWatch();
          for (let at = 0; at < records.length; at += size)
            watch.take(Uint8Array.from(records.slice(at, at + size)));
          assert.equal(causeOf({ kind: "handshake", failure }, watch), expected);
        }
      });
    }

    it("an alert behind ChangeCipherSpec is not in clear", () => {
      const watch = new HandshakeWatch();
      watch.take(Uint8Array.from([20, 3, 3, 0, 1, 1, ...alert(40)]));
      assert.equal(watch.alert, undefined);
    });
  });

  describe("upload", () => {
    it("answers with the count of bytes taken", async () => {
      const bench = await Bc66Bench.memory().ready();
      const answer = await upload(bench, "cacert", root.certificatePem);
      const count = String(root.certificatePem.length);
      assert.equal(answer, `\r\n+QSSLCFG: 1,5,"cacert",${count}\r\n\r\nOK\r\n`);
      assert.ok((await bench.ask("AT+QSSLCFG=1,5")).includes(`+QSSLCFG: 1,5,"cacert",${count}\r\n`));
    });

    it("stores nothing after Esc", async () => {
      const bench = await Bc66Bench.memory().ready();
      await bench.ask('AT+QSSLCFG=1,5,"cacert"');
      assert.equal(await bench.exchange("-----BEGIN\x1b", /OK\r\n$/), "\r\nOK\r\n");
      assert.match(await bench.ask("AT+QSSLCFG=1,5"), /"cacert",0\r\n/);
    });

    it("takes the text behind an early 0x1A for commands, and echoes it", async () => {
      const bench = await Bc66Bench.memory().ready();
      await bench.ask("ATE1");
      await bench.ask('AT+QSSLCFG=1,5,"cacert"');
      const answer = await bench.exchange(`\x1a${root.certificatePem.slice(0, 40)}`, /OK\r\n[\s\S]+$/);
      assert.ok(answer.startsWith('\r\n+QSSLCFG: 1,5,"cacert",0\r\n\r\nOK\r\n'), answer);
      assert.ok(answer.includes("-----BEGIN CERTIFICATE-----"), answer);
    });

    it("cuts at 3072 bytes, or refuses when set so", async () => {
      const cut = await Bc66Bench.memory().ready();
      assert.match(await upload(cut, "cacert", "x".repeat(4_000)), /"cacert",3072\r\n\r\nOK/);
      const refusing = await Bc66Bench.memory({ settings: { uploadOverflow: "error" } }).ready();
      assert.equal(await upload(refusing, "cacert", "x".repeat(4_000)), "\r\nERROR\r\n");
    });

    it("loses what comes within the pause behind the prompt", async () => {
      for (const [waitMs, count] of [
        [5, 0],
        [499, 0],
        [500, 4],
      ] as const) {
        const bench = await Bc66Bench.memory({ settings: { port: { promptPauseMs: 500 } } }).ready();
        await bench.ask('AT+QSSLCFG=1,5,"cacert"');
        await bench.pass(waitMs);
        bench.type("ABCD");
        await bench.pass(1_000);
        const answer = await bench.exchange("\x1a", /OK\r\n$/);
        assert.match(answer, new RegExp(`"cacert",${String(count)}\r\n`));
      }
    });

    it("echoes when set so", async () => {
      const bench = await Bc66Bench.memory({ settings: { uploadEcho: true } }).ready();
      await bench.ask('AT+QSSLCFG=1,5,"clientkey"');
      assert.equal(
        await bench.exchange("AB\x1a", /OK\r\n$/),
        'AB\r\n+QSSLCFG: 1,5,"clientkey",2\r\n\r\nOK\r\n',
      );
    });

    const faults: readonly (readonly [
      fault: string,
      delta: number | undefined,
      count: number | undefined,
    ])[] = [
      ["corrupt-upload byte=40", 0, undefined],
      ["lose-upload byte=40", -1, undefined],
      ["lose-upload byte=40 count=16", -16, undefined],
      ["cut-upload bytes=200", undefined, 200],
    ];
    for (const [fault, delta, count] of faults) {
      it(`${fault}: the count tells what arrived, and the handshake fails with -3`, async () => {
        const bench = await Bc66Bench.memory({ faults: [fault] }).ready();
        const answer = await upload(bench, "cacert", root.certificatePem);
        const expected = count ?? root.certificatePem.length + (delta ?? 0);
        assert.match(answer, new RegExp(`"cacert",${String(expected)}\r\n`));
        const { code } = await opened({
          faults: [fault],
          credentials: { cacert: root.certificatePem },
          level: 1,
        });
        assert.equal(code, -3);
      });
    }

    const endings: readonly (readonly [title: string, bend: (pem: string) => string, code: number])[] = [
      ["LF", pem => pem, 0],
      ["CR LF", pem => pem.replaceAll("\n", "\r\n"), 0],
      ["CR alone", pem => pem.replaceAll("\n", "\r"), -3],
      ["no last line end", pem => pem.trimEnd(), 0],
      ["a byte order mark in front", pem => `\u00ef\u00bb\u00bf${pem}`, 0],
      ["a remark in front", pem => `subject: Test Root\n${pem}`, 0],
      ["no footer", pem => pem.slice(0, pem.indexOf("-----END")), -3],
    ];
    for (const [title, bend, expected] of endings) {
      it(`${expected === 0 ? "takes" : "does not take"} a certificate with ${title}`, async () => {
        const { code } = await opened({ credentials: { cacert: bend(root.certificatePem) }, level: 1 });
        assert.equal(code, expected);
      });
    }
  });

  describe("settings", () => {
    const refused = [
      '"seclevel",3',
      '"timeout",9',
      '"timeout",301',
      '"sni",1',
      '"ciphersuite",0XFFFF',
      '"sslversion",4',
    ];
    for (const item of refused) {
      it(`refuses ${item}`, async () => {
        const bench = await Bc66Bench.memory().ready();
        assert.equal(await bench.ask(`AT+QSSLCFG=1,5,${item}`), "\r\nERROR\r\n");
      });
    }

    it("knows sni when set so, and sends the name only then", async () => {
      for (const [settings, configuration, expected] of [
        [{}, [], "broker.test"],
        [{ sniSent: false }, [], undefined],
        [{ sniItem: true }, [], undefined],
        [{ sniItem: true }, ['"sni",1'], "broker.test"],
      ] as const) {
        const names: (string | false | null | undefined)[] = [];
        await opened({
          settings,
          configuration,
          accept: socket => {
            names.push((socket as TLSSocket & { readonly servername?: string | false }).servername);
            socket.on("error", () => undefined);
          },
        });
        assert.deepEqual(names, [expected ?? false]);
      }
    });

    it("are gone after a reset, certificates too", async () => {
      const bench = await Bc66Bench.memory().ready();
      await upload(bench, "cacert", root.certificatePem);
      await bench.ask('AT+QSSLCFG=1,5,"seclevel",2');
      bench.modem.resetLine(true);
      await bench.pass(100);
      bench.modem.resetLine(false);
      await bench.pass(5_000);
      await bench.ask("AT", 1_000);
      const list = await bench.ask("AT+QSSLCFG=1,5");
      assert.match(list, /"seclevel",0\r\n/);
      assert.match(list, /"cacert",0\r\n/);
    });
  });

  describe("data", () => {
    const echo = (socket: TLSSocket): void => {
      socket.on("error", () => undefined);
      socket.on("data", (bytes: Buffer) => socket.write(bytes));
    };

    it("goes out with a length or until 0x1A, and is pushed with its length and its quotes as they are", async () => {
      const { bench } = await opened({ accept: echo });
      assert.equal(await bench.ask("AT+QSSLSEND=1,5,9"), "\r\n>");
      const text = 'say "hi"\n';
      assert.equal(
        await bench.exchange(text, /recv[\s\S]*"\r\n$/),
        `\r\nOK\r\n\r\n+QSSLSEND: 1,5,0\r\n\r\n+QSSLURC: "recv",1,5,9,"${text}"\r\n`,
      );
      await bench.ask("AT+QSSLSEND=1,5");
      assert.match(
        await bench.exchange("abc\x1a", /recv[\s\S]*"\r\n$/),
        /\+QSSLURC: "recv",1,5,3,"abc"\r\n$/,
      );
    });

    it("is pushed in pieces of at most 1300 bytes", async () => {
      const { bench } = await opened({ accept: echo });
      await bench.ask("AT+QSSLSEND=1,5,1460");
      bench.type("x".repeat(1460));
      const heard = await bench.pass(10_000);
      const lengths = [...heard.matchAll(/"recv",1,5,(\d+),/g)].map(match => Number(match[1]));
      assert.ok(
        lengths.every(length => length <= 1_300),
        String(lengths),
      );
      assert.equal(
        lengths.reduce((sum, length) => sum + length, 0),
        1_460,
      );
    });

    it("is sent by itself at 1460 bytes without a length", async () => {
      const { bench } = await opened({ accept: echo });
      await bench.ask("AT+QSSLSEND=1,5");
      assert.match(await bench.exchange("x".repeat(1_460), /QSSLSEND: .*\r\n/), /\+QSSLSEND: 1,5,0\r\n/);
    });

    it("is hexadecimal both ways when set so", async () => {
      const { bench } = await opened({ accept: echo, configuration: ['"dataformat",1,1'] });
      await bench.ask("AT+QSSLSEND=1,5,2");
      assert.match(await bench.exchange("00fF", /recv[\s\S]*"\r\n$/), /"recv",1,5,2,"00FF"\r\n$/);
    });

    it("that comes while a payload is typed is lost, or waits when set so", async () => {
      for (const [urcWhileData, expected] of [
        ["lost", false],
        ["queued", true],
      ] as const) {
        let peer: TLSSocket | undefined;
        const { bench } = await opened({
          settings: { port: { urcWhileData } },
          accept: socket => (peer = socket),
        });
        peer?.on("error", () => undefined);
        await bench.ask("AT+QSSLSEND=1,5,4");
        peer?.write("late");
        await bench.pass(1_000);
        bench.type("data");
        assert.equal((await bench.pass(1_000)).includes("late"), expected);
      }
    });

    it("ends with a URC when the peer closes, and the connection is free again", async () => {
      const { bench } = await opened({ accept: socket => socket.end("bye") });
      const heard = await bench.pass(1_000);
      assert.match(heard, /"recv",1,5,3,"bye"\r\n\r\n\+QSSLURC: "closed",1,5\r\n$/);
      assert.match(
        await bench.exchange('AT+QSSLOPEN=1,5,"broker.test",8883\r', /QSSLOPEN: .*\r\n$/),
        /1,5,0/,
      );
    });

    it("ends with OK and a result when the host closes", async () => {
      const { bench } = await opened({ accept: echo });
      assert.equal(
        await bench.exchange("AT+QSSLCLOSE=1,5\r", /QSSLCLOSE: .*\r\n$/),
        "\r\nOK\r\n\r\n+QSSLCLOSE: 1,5,0\r\n",
      );
      assert.equal(await bench.ask("AT+QSSLSEND=1,5,1"), "\r\nERROR\r\n");
      assert.equal(await bench.ask("AT+QSSLCLOSE=1,5"), "\r\nERROR\r\n");
    });

    it("has no receive command", async () => {
      const { bench } = await opened({});
      assert.equal(await bench.ask("AT+QSSLRECV=1,5,100"), "\r\nERROR\r\n");
    });
  });

  it("takes link time: two round trips, the bytes, and the module's computing", async () => {
    const { code, elapsedMs } = await opened({
      link: "nb-iot",
      credentials: { cacert: root.certificatePem },
      level: 1,
    });
    assert.equal(code, 0);
    assert.ok(elapsedMs > 3_500 && elapsedMs < 10_000, String(elapsedMs));
  });
});

/** A server that sends the beginning of a ServerHello in a record of its own. */
function splitFirstMessage(peer: MemoryPeer): void {
  peer.onData = () => peer.write(Buffer.from([22, 3, 3, 0, 6, 2, 0, 0, 70, 3, 3]));
}
