import assert from "node:assert/strict";
import type { TLSSocket as ServerSocket, TlsOptions } from "node:tls";
import { Bc66TLSSocket, INCOMING_BYTES, type Bc66TLSSocketOptions } from "../../../drivers/bc66/tls.js";
import type { SecureOptions } from "../../../drivers/quectel/tls.js";
import { explainFailure } from "../../../hosts/workstation/diagnosis/explain.js";
import type { Authority } from "../simulator/authority.js";
import { Bc66Bench, bytesOf, Client, pattern, type Bc66BenchSettings } from "./bench.js";
import { derOf, identities, store, type Identities } from "./identities.js";

const PORT = 8883;

interface Scene {
  readonly settings?: Bc66BenchSettings;
  readonly server?: TlsOptions | "nobody";
  readonly secure?: SecureOptions;
  readonly host?: string;
  /** What the server does with data; default: sends them back. */
  readonly serve?: (socket: ServerSocket) => void;
}

describe("TLS by the simulated BC66", function () {
  this.timeout(60_000);
  let ids: Identities;
  let server: Authority;
  let expired: Authority;

  before(async () => {
    ids = await identities();
    server = await ids.root.issue({ name: "broker.test", key: "rsa" });
    expired = await ids.root.issue({
      name: "broker.test",
      key: "rsa",
      notAfter: new Date("2024-01-01T00:00:00Z"),
    });
  });

  const trust = (): SecureOptions => ({ certificate: derOf(ids.root.certificatePem) });
  const mutual = (): SecureOptions => ({
    credentials: store({
      ca: derOf(ids.root.certificatePem),
      certificate: derOf(ids.rsaDevice.certificatePem),
      key: derOf(ids.rsaDevice.keyPem),
    }),
  });
  const strict = (): TlsOptions => ({
    ca: ids.root.certificatePem,
    requestCert: true,
    rejectUnauthorized: true,
  });

  async function ready(what: Scene = {}): Promise<Bc66Bench> {
    const bench = await new Bc66Bench(what.settings).goOnline();
    if (what.server === "nobody") return bench;
    const options = {
      key: server.keyPem,
      cert: server.certificatePem,
      ciphers: "AES128-SHA256",
      maxVersion: "TLSv1.2" as const,
      ...what.server,
    };
    bench.network.serveTls(PORT, options, socket => {
      socket.on("error", () => undefined);
      if (what.serve !== undefined && "encrypted" in socket) what.serve(socket);
      else socket.on("data", (data: Buffer) => socket.write(data));
    });
    return bench;
  }

  function open(bench: Bc66Bench, what: Scene = {}): Client {
    const make = (all: Bc66TLSSocketOptions): Bc66TLSSocket =>
      new Bc66TLSSocket({ ...all, secure: what.secure ?? trust() });
    return new Client(bench, make, { host: what.host ?? "broker.test", port: PORT });
  }

  async function result(bench: Bc66Bench, client: Client): Promise<Client> {
    await bench.until("result", () => client.connected || client.ended);
    return client;
  }

  async function opened(what: Scene = {}): Promise<{ bench: Bc66Bench; client: Client }> {
    const bench = await ready(what);
    return { bench, client: await result(bench, open(bench, what)) };
  }

  const uploads = (bench: Bc66Bench): string[] =>
    bench.sent("AT+QSSLCFG=").filter(line => /"(cacert|clientcert|clientkey)"$/.test(line));

  describe("end to end with a server of static RSA", () => {
    it("carries data both ways, in pieces of the module's limits", async () => {
      const { bench, client } = await opened();
      assert.equal(client.failure, undefined);
      const payload = pattern(2_900);
      bench.call(() => client.socket.write(payload));
      await bench.until("echo", () => client.received.length === payload.length || client.ended);
      assert.deepEqual(Uint8Array.from(client.received), payload);
      assert.deepEqual(bench.sent("AT+QSSLSEND="), ["AT+QSSLSEND=1,0,1460", "AT+QSSLSEND=1,0,1440"]);
    });

    it("tells how full its buffers ever were, also when the connection is gone", async () => {
      const { bench, client } = await opened();
      const payload = pattern(1_000);
      bench.call(() => client.socket.write(payload));
      await bench.until("echo", () => client.received.length === payload.length || client.ended);
      bench.call(() => client.socket.close());
      await bench.pass(10_000);
      const told: unknown[] = [];
      bench.modem.reportBuffers((...buffer) => told.push(buffer));
      assert.deepEqual(told.slice(1), [
        ["socket receive", 2_600, 1_000],
        ["socket send", 2_920, 1_000],
      ]);
    });

    it("proves itself with an RSA key, from the device's store", async () => {
      const { bench, client } = await opened({ server: strict(), secure: mutual() });
      assert.equal(client.failure, undefined);
      assert.deepEqual(bench.sent('AT+QSSLCFG=1,0,"seclevel"'), ['AT+QSSLCFG=1,0,"seclevel",2']);
      assert.deepEqual(uploads(bench), [
        'AT+QSSLCFG=1,0,"cacert"',
        'AT+QSSLCFG=1,0,"clientcert"',
        'AT+QSSLCFG=1,0,"clientkey"',
      ]);
    });

    it("ends the connection with the close command, behind what was written", async () => {
      const heard: string[] = [];
      const { bench, client } = await opened({
        serve: socket => socket.on("data", (data: Buffer) => heard.push(data.toString())),
      });
      bench.call(() => {
        client.socket.write(bytesOf("last words"));
        client.socket.close();
      });
      await bench.pass(20_000);
      assert.deepEqual(heard, ["last words"]);
      assert.deepEqual(bench.sent("AT+QSSLCLOSE"), ["AT+QSSLCLOSE=1,0"]);
      assert.deepEqual(bench.ids, []);
      assert.equal(client.ended, false);
    });

    it("gives what came before the other side's end, then tells of it, and closes nothing", async () => {
      const { bench, client } = await opened({ serve: socket => socket.end("bye") });
      await bench.until("end", () => client.ended);
      assert.equal(client.text, "bye");
      assert.equal(client.failure?.kind, "peer-closed");
      assert.deepEqual(bench.sent("AT+QSSLCLOSE"), []);
      const again = await result(bench, open(bench));
      assert.ok(again.connected);
    });

    it("takes six connections at a time, and a seventh fails with a limit", async () => {
      const bench = await ready();
      const clients = Array.from({ length: 6 }, () => open(bench));
      await bench.until("all", () => clients.every(client => client.connected));
      const seventh = await result(bench, open(bench));
      assert.equal(seventh.failure?.kind, "limit");
    });

    it("holds sends back while data are pushed: what falls into data mode is lost", async () => {
      const { bench, client } = await opened({
        settings: { link: "nb-iot" },
        serve: socket => socket.on("data", () => socket.write(pattern(2_000))),
      });
      bench.call(() => client.socket.write(bytesOf("go")));
      await bench.until("first push", () => client.received.length > 0);
      bench.call(() => client.socket.write(bytesOf("ack")));
      const seen = bench.sent("AT+QSSLSEND=").length;
      await bench.until("all", () => client.received.length >= 2_000 || client.ended);
      assert.equal(bench.sent("AT+QSSLSEND=").length, seen);
      assert.deepEqual(Uint8Array.from(client.received.slice(0, 2_000)), pattern(2_000));
      await bench.until("second send", () => bench.sent("AT+QSSLSEND=").length > seen);
    });

    for (const sniItem of [true, false])
      it(`indicates the name where the item "sni" is ${sniItem ? "taken" : "an ERROR"}`, async () => {
        const names: unknown[] = [];
        const { client } = await opened({
          settings: { settings: { sniItem } },
          serve: socket => names.push("servername" in socket ? socket.servername : undefined),
        });
        assert.equal(client.failure, undefined);
        assert.deepEqual(names, ["broker.test"]);
      });

    it("lets no timer stand behind", async () => {
      const { bench, client } = await opened();
      const before = bench.timer.live.size;
      bench.call(() => client.socket.close());
      await bench.pass(60_000);
      assert.equal(bench.timer.live.size, before);
    });
  });

  describe("failures of the handshake", () => {
    const codes: readonly [what: string, code: number, scene: () => Scene][] = [
      [
        "a server that has only ECDHE",
        -5,
        () => ({ server: { ciphers: "ECDHE-RSA-AES128-GCM-SHA256", maxVersion: "TLSv1.2" } }),
      ],
      [
        "a server that wants TLS 1.3",
        -9,
        () => ({
          server: { ciphers: "TLS_AES_128_GCM_SHA256", minVersion: "TLSv1.3", maxVersion: "TLSv1.3" },
        }),
      ],
      ["another authority", -3, () => ({ secure: { certificate: derOf(ids.other.certificatePem) } })],
      [
        "an expired certificate",
        -3,
        () => ({ server: { key: expired.keyPem, cert: expired.certificatePem } }),
      ],
      ["another host's certificate", -3, () => ({ host: "echo.test" })],
      [
        "a key of another certificate",
        -4,
        () => ({
          server: strict(),
          secure: {
            credentials: store({
              ca: derOf(ids.root.certificatePem),
              certificate: derOf(ids.device.certificatePem),
              key: derOf(ids.rsaDevice.keyPem),
            }),
          },
        }),
      ],
      ["nobody at the port", -2, () => ({ server: "nobody" })],
      [
        "a server that answers ECDHE with the code that one user saw",
        -9,
        () => ({
          settings: { settings: { tlsCodes: { suites: -9 } } },
          server: { ciphers: "ECDHE-RSA-AES128-GCM-SHA256" },
        }),
      ],
      [
        "a module out of its wits",
        -1,
        () => ({
          settings: { settings: { tlsCodes: { suites: -1 } } },
          server: { ciphers: "ECDHE-RSA-AES128-GCM-SHA256" },
        }),
      ],
    ];
    for (const [what, code, scene] of codes)
      it(`${what}: code ${String(code)} with a sentence, and the connection is free again`, async () => {
        const { bench, client } = await opened(scene());
        const reason = client.failure;
        assert.deepEqual([reason?.kind, reason?.command, reason?.code], ["tls", "AT+QSSLOPEN", code]);
        assert.ok(reason !== undefined);
        const explained = explainFailure(reason, "bc66");
        assert.match(explained.what, new RegExp(`code ${String(code)}: `));
        await bench.pass(20_000);
        assert.deepEqual(bench.ids, []);
      });

    it("-7 when nobody answers in time", async () => {
      const bench = await ready({ server: "nobody" });
      bench.network.serve(PORT, () => undefined);
      const client = await result(bench, open(bench));
      assert.deepEqual([client.failure?.kind, client.failure?.code], ["tls", -7]);
    });

    it("a connection that an earlier run left open is closed and opened", async () => {
      const bench = await ready();
      bench.modem.channel.run(
        { text: `AT+QSSLOPEN=1,0,"broker.test",${String(PORT)},0`, timeoutMs: 1_000 },
        [],
      );
      await bench.pass(5_000);
      const client = await result(bench, open(bench));
      assert.ok(client.connected, JSON.stringify(client.failure));
      assert.deepEqual(bench.sent("AT+QSSLCLOSE"), ["AT+QSSLCLOSE=1,0"]);
    });

    it("a report that never comes ends in a timeout", async () => {
      const { client } = await opened({ settings: { faults: ["hold-urc urc=+QSSLOPEN"] } });
      assert.deepEqual([client.failure?.kind, client.failure?.command], ["timeout", "AT+QSSLOPEN"]);
    });

    it("-5 is explained by suites, and -3 never is", () => {
      const of = (code: number): string => {
        const { what, why, fix } = explainFailure({ kind: "tls", command: "AT+QSSLOPEN", code }, "bc66");
        return [what, why, fix].join(" ");
      };
      assert.match(of(-5), /AES128-SHA256.*Azure/s);
      assert.doesNotMatch(of(-3), /AES|ECDHE/);
      assert.match(of(-9), /context 2 or 3/);
    });
  });

  describe("refusals before anything is sent", () => {
    const oversize = (): Uint8Array =>
      Uint8Array.from([0x30, 0x82, 0x09, 0, 0x30, 0x82, 8, 0, ...pattern(2_300)]);
    const refused: readonly [what: string, scene: () => Scene, kind: string, detail: RegExp][] = [
      ["no authority", () => ({ secure: {} }), "credential", /^ca: none/],
      [
        "a key without its certificate",
        () => ({ secure: { ...trust(), clientKey: derOf(ids.rsaDevice.keyPem) } }),
        "credential",
        /^certificate: none/,
      ],
      [
        "an EC key",
        () => ({
          secure: {
            ...trust(),
            clientCertificates: [derOf(ids.device.certificatePem)],
            clientKey: derOf(ids.device.keyPem),
          },
        }),
        "credential",
        /^key: no RSA key/,
      ],
      [
        "a credential over 3,072 bytes",
        () => ({ secure: { certificate: oversize() } }),
        "limit",
        /^ca: \d+ bytes, 3072/,
      ],
      [
        "a key where a certificate belongs",
        () => ({ secure: { certificate: derOf(ids.rsaDevice.keyPem) } }),
        "credential",
        /^ca: holds key/,
      ],
      [
        "a clock that is not known",
        () => ({ settings: { settings: { networkTime: false } } }),
        "clock",
        /^$/,
      ],
      ["a host name over 150 characters", () => ({ host: "a".repeat(151) }), "limit", /150/],
      [
        "the stock serial class at 115,200 baud",
        () => ({ settings: { serial: "stock" } }),
        "limit",
        /buffered serial class, or 9600 baud/,
      ],
    ];
    for (const [what, scene, kind, detail] of refused)
      it(`${what}: ${kind}`, async () => {
        const { bench, client } = await opened(scene());
        const reason = client.failure;
        assert.deepEqual([reason?.kind, detail.test(reason?.detail ?? "")], [kind, true]);
        assert.deepEqual(bench.sent("AT+QSSL"), []);
      });

    it("a suite and another server name throw at once", async () => {
      const bench = await ready();
      const make = (secure: SecureOptions) => (): unknown =>
        new Bc66TLSSocket({ host: "broker.test", port: PORT, modem: bench.modem, secure });
      assert.throws(make({ cipherSuite: "0X003C" }), /cipher suite/);
      assert.throws(make({ serverName: "other.test" }), /serverName/);
    });

    it("the stock serial class at 9,600 baud carries whole pushes", async () => {
      const { bench, client } = await opened({ settings: { serial: "stock", baud: 9_600 } });
      assert.equal(client.failure, undefined);
      bench.call(() => client.socket.write(pattern(1_200)));
      await bench.until("echo", () => client.received.length === 1_200 || client.ended);
      assert.deepEqual(Uint8Array.from(client.received), pattern(1_200));
    });
  });

  describe("uploads", () => {
    it("hold for the next connection while the module runs", async () => {
      const { bench, client } = await opened({ secure: mutual() });
      bench.call(() => client.socket.close());
      await bench.pass(10_000);
      const again = await result(bench, open(bench, { secure: mutual() }));
      assert.ok(again.connected);
      assert.equal(uploads(bench).length, 3);
    });

    it("of other credentials go to another connection, and the first keeps its own", async () => {
      const { bench, client } = await opened({ secure: mutual() });
      bench.call(() => client.socket.close());
      await bench.pass(10_000);
      const other = await result(bench, open(bench));
      bench.call(() => other.socket.close());
      await bench.pass(10_000);
      await result(bench, open(bench, { secure: mutual() }));
      assert.deepEqual(uploads(bench).slice(3), ['AT+QSSLCFG=1,1,"cacert"']);
      assert.deepEqual(
        bench.sent("AT+QSSLOPEN=").map(line => line.slice(0, 15)),
        ["AT+QSSLOPEN=1,0", "AT+QSSLOPEN=1,1", "AT+QSSLOPEN=1,0"],
      );
    });

    it("are repeated when the module was reset", async () => {
      const { bench, client } = await opened();
      bench.module.resetLine(true);
      await bench.pass(100);
      bench.module.resetLine(false);
      await bench.until("loss", () => client.ended);
      assert.equal(client.failure?.kind, "module-reset");
      await bench.until("online again", () => bench.online);
      const again = await result(bench, open(bench));
      assert.ok(again.connected, JSON.stringify(again.failure));
      assert.equal(uploads(bench).length, 2);
    });

    const short: readonly [what: string, faults: string[], ok: boolean][] = [
      ["a byte lost once", ["lose-upload byte=100"], true],
      ["a byte lost twice", ["lose-upload byte=100", "lose-upload byte=100 nth=2"], false],
      ["cut once", ["cut-upload bytes=300"], true],
      ["nothing stored twice", ["cut-upload bytes=0", "cut-upload bytes=0 nth=2"], false],
    ];
    for (const [what, faults, ok] of short)
      it(`${what}: ${ok ? "the second attempt, with CR LF, stands" : "fails and says what arrived"}`, async () => {
        const { bench, client } = await opened({ settings: { faults } });
        assert.equal(uploads(bench).length, 2);
        assert.equal(client.connected, ok);
        if (ok) return;
        const reason = client.failure;
        assert.deepEqual([reason?.kind, reason?.command], ["credential", "AT+QSSLCFG"]);
        assert.match(reason?.detail ?? "", /^ca: \d+ bytes sent, module counted \d+$/);
        const [, sent, counted] = /(\d+) bytes sent, module counted (\d+)/.exec(reason?.detail ?? "") ?? [];
        if (what.startsWith("nothing")) assert.equal(counted, "0");
        else assert.equal(Number(counted), Number(sent) - 1);
        assert.ok(reason !== undefined);
        const { why } = explainFailure(reason, "bc66");
        assert.match(why, counted === "0" ? /Ctrl\+Z came before/ : /CR LF/);
      });

    for (const [name, hex] of [
      ["Ctrl+Z", "1a"],
      ["ESC", "1b"],
    ] as const)
      for (const behind of [0, 30, 200])
        it(`survive ${name} on the line behind ${String(behind)} bytes, and the rest being taken for commands`, async () => {
          // The same run without a fault tells where the upload begins.
          const dry = new Bc66Bench();
          let bytes = 0;
          let start = 0;
          const tap = dry.module.onTap;
          dry.module.onTap = (direction, piece, kind) => {
            tap?.(direction, piece, kind);
            if (direction !== "to module") return;
            bytes += piece.length;
            if (start === 0 && uploads(dry).length > 0) start = bytes;
          };
          await dry.goOnline();
          await result(dry, open(dry));
          assert.ok(start > 0 && bytes > start + 400, JSON.stringify([start, bytes]));
          const at = start + 1 + behind;
          const { bench, client } = await opened({
            settings: { faults: [`garbage to=module at=${String(at)} hex=${hex}`] },
          });
          assert.ok(client.connected, JSON.stringify([client.failure, bench.trace.slice(-20)]));
          assert.ok(uploads(bench).length >= 2);
        });

    it("that were changed on the way are made again when the module refuses them", async () => {
      const { bench, client } = await opened({ settings: { faults: ["corrupt-upload byte=200"] } });
      assert.deepEqual([client.failure?.kind, client.failure?.code], ["tls", -3]);
      // Until the same connection is free again.
      await bench.pass(20_000);
      const again = await result(bench, open(bench));
      assert.ok(again.connected, JSON.stringify(again.failure));
      assert.deepEqual(uploads(bench), ['AT+QSSLCFG=1,0,"cacert"', 'AT+QSSLCFG=1,0,"cacert"']);
    });

    it("are repeated after deep sleep, in which the module loses them", async () => {
      const bench = await ready({
        settings: { lines: ["powerKey", "wake"], driver: { sleep: true }, link: "nb-iot" },
      });
      const client = await result(bench, open(bench));
      assert.ok(client.connected);
      bench.call(() => bench.cellular.disconnect());
      await bench.pass(10_000);
      bench.module.module.power.deepSleep();
      await bench.pass(60_000);
      bench.call(() => bench.cellular.connect());
      await bench.until("online again", () => bench.online);
      const again = await result(bench, open(bench));
      assert.ok(again.connected, JSON.stringify(again.failure));
      assert.deepEqual(uploads(bench), ['AT+QSSLCFG=1,0,"cacert"', 'AT+QSSLCFG=1,0,"cacert"']);
      assert.equal(bench.sent('AT+QSSLCFG=1,0,"seclevel",1').length, 2);
    });

    it("are repeated after a restart that nobody heard of: the server is never left unchecked", async () => {
      const { bench, client } = await opened();
      bench.call(() => client.socket.close());
      await bench.pass(10_000);
      bench.modem.channel.run({ text: 'AT+QSSLCFG=1,0,"seclevel",0', timeoutMs: 1_000 }, []);
      await bench.pass(1_000);
      const again = await result(bench, open(bench));
      assert.ok(again.connected);
      assert.equal(uploads(bench).length, 2);
      assert.equal(bench.sent('AT+QSSLCFG=1,0,"seclevel",1').length, 2);
    });

    for (const uploadEcho of [true, false])
      it(`and data stand ${uploadEcho ? "though" : "where"} the module repeats ${uploadEcho ? "" : "nothing of "}what it is sent`, async () => {
        const { bench, client } = await opened({
          settings: { settings: { uploadEcho } },
          server: strict(),
          secure: mutual(),
        });
        assert.ok(client.connected, JSON.stringify(client.failure));
        bench.call(() => client.socket.write(bytesOf("hello")));
        await bench.until("echo", () => client.text === "hello" || client.ended);
        assert.equal(client.failure, undefined);
        assert.equal(uploads(bench).length, 3);
      });

    it("end with the module when it is reset amid one, and are made anew", async () => {
      const { bench, client } = await opened({ settings: { faults: ["reset command=+QSSLCFG nth=4"] } });
      assert.equal(client.failure?.kind, "module-reset");
      await bench.until("online again", () => bench.online);
      const again = await result(bench, open(bench));
      assert.ok(again.connected, JSON.stringify(again.failure));
    });
  });

  describe("pushed data", () => {
    it("that find no place end the connection with an overrun, and nothing behind the gap is given", async () => {
      const { bench, client } = await opened({
        serve: socket => socket.on("data", () => socket.write(pattern(INCOMING_BYTES + 600))),
      });
      client.reading = false;
      bench.call(() => client.socket.write(bytesOf("go")));
      await bench.until("end", () => client.ended);
      assert.deepEqual([client.failure?.kind, client.failure?.command], ["overrun", "+QSSLURC"]);
      assert.match(client.failure?.detail ?? "", /not read/);
      bench.call(() => client.take());
      assert.deepEqual(Uint8Array.from(client.received), pattern(client.received.length));
    });

    it("never have a silent gap, whichever byte of the serial line is lost or doubled", async () => {
      const all = pattern(3_000);
      const serve = (socket: ServerSocket): void => {
        socket.on("data", () => socket.write(all));
      };
      const run = async (
        faults: readonly string[],
      ): Promise<{ client: Client; from: number; to: number }> => {
        const bench = await ready({ settings: { faults }, serve });
        const client = await result(bench, open(bench));
        const from = bench.module.faults.toHostBytes;
        bench.call(() => client.socket.write(bytesOf("go")));
        await bench.until("all", () => client.received.length >= all.length || client.ended, 300_000);
        assert.deepEqual(Uint8Array.from(client.received), all.slice(0, client.received.length));
        return { client, from, to: bench.module.faults.toHostBytes };
      };
      const { from, to } = await run([]);
      assert.ok(to - from > all.length);
      for (let at = from + 1; at <= to; at += 61)
        for (const kind of ["lose", "double"]) {
          const { client } = await run([`${kind} to=host at=${String(at)}`]);
          if (client.received.length < all.length) assert.ok(client.failure !== undefined, String(at));
        }
    });

    it("are whole whatever is in them", async () => {
      const tricky = '"\r\nOK\r\n+QSSLURC: "closed",1,0\r\n"\r\n\r\nERROR\r\n> \x1a\x1b\0RDY\r\n';
      const { bench, client } = await opened({
        serve: socket => socket.on("data", () => socket.write(Buffer.from(tricky, "latin1"))),
      });
      bench.call(() => client.socket.write(bytesOf("go")));
      await bench.until("all", () => client.received.length === tricky.length || client.ended);
      assert.equal(client.text, tricky);
    });
  });
});
