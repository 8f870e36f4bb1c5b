import assert from "node:assert/strict";
import { once } from "node:events";
import { createSocket } from "node:dgram";
import { connect, createServer, type AddressInfo, type Server, type Socket } from "node:net";
import { createServer as createTlsServer } from "node:tls";
import { LoopbackNetwork } from "../../simulator/loopback.js";
import { Scheduler } from "../../simulator/scheduler.js";
import { AtBench } from "./at-bench.js";
import { Authority } from "./authority.js";

describe("real sockets below the simulated BG95", () => {
  const closing: (() => void)[] = [];

  afterEach(() => {
    for (const close of closing.splice(0)) close();
  });

  async function listening(server: Server): Promise<number> {
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    closing.push(() => server.close());
    const address = server.address() as AddressInfo;
    return address.port;
  }

  async function bench(
    resolve: readonly string[] = [],
    patienceMs = 1_000,
  ): Promise<AtBench<LoopbackNetwork>> {
    const made = new AtBench<LoopbackNetwork>({
      scheduler: new Scheduler({ mode: "sockets", patienceMs }),
      network: scheduler => new LoopbackNetwork({ scheduler, resolve }),
      link: "lte-m",
    });
    closing.push(() => made.network.close());
    return made.ready();
  }

  it("carries plain TCP to a named address, and simulated time stays ahead of the wall clock", async () => {
    const port = await listening(createServer(socket => socket.pipe(socket)));
    const wallMs = performance.now();
    const at = await bench([`broker.test=127.0.0.1:${String(port)}`]);
    await at.exchange('AT+QIOPEN=1,0,"TCP","broker.test",8883\r', /QIOPEN: 0,0/);
    await at.ask("AT+QISEND=0,5");
    await at.exchange("hello", /recv/);
    assert.equal(await at.ask("AT+QIRD=0"), "\r\n+QIRD: 5\r\nhello\r\n\r\nOK\r\n");
    await at.pass(3_600_000);
    assert.equal(await at.ask("AT+QICLOSE=0"), "\r\nOK\r\n");
    assert.ok(at.scheduler.nowMs > 3_600_000);
    assert.ok(performance.now() - wallMs < 5_000);
  });

  it("keeps a port that a name stands for through AT+QIDNSGIP", async () => {
    const port = await listening(createServer(socket => socket.end("named")));
    const at = await bench([`broker.test=127.0.0.1:${String(port)}`]);
    const answer = await at.exchange('AT+QIDNSGIP=1,"broker.test"\r', /"dnsgip","[^"]+"\r\n$/);
    const address = /"dnsgip","([^"]+)"\r\n$/.exec(answer)?.[1] ?? "";
    await at.exchange(`AT+QIOPEN=1,0,"TCP","${address}",8883\r`, /recv/);
    assert.match(await at.ask("AT+QIRD=0"), /named/);
  });

  const unreachable: readonly string[] = ["192.0.2.1", "8.8.8.8", "10.0.0.1"];
  for (const address of unreachable) {
    it(`treats ${address} as unreachable without trying`, async () => {
      const at = await bench();
      const startMs = at.scheduler.nowMs;
      assert.match(await at.exchange(`AT+QIOPEN=1,0,"TCP","${address}",80\r`, /QIOPEN: .*\r\n$/), /0,566/);
      assert.ok(at.scheduler.nowMs - startMs >= 75_000);
    });
  }

  it("accepts names of loopback addresses only", () => {
    const scheduler = new Scheduler();
    for (const entry of ["a=8.8.8.8", "a=localhost", "a", "=127.0.0.1", "a=127.0.0.1:"]) {
      assert.throws(() => new LoopbackNetwork({ scheduler, resolve: [entry] }), /NAME=ADDRESS/);
    }
  });

  it("reports 566 soon when nobody listens", async () => {
    const server = createServer();
    const port = await listening(server);
    server.close();
    const at = await bench();
    assert.match(
      await at.exchange(`AT+QIOPEN=1,0,"TCP","localhost",${String(port)}\r`, /QIOPEN: .*\r\n$/),
      /0,566/,
    );
    assert.ok(at.scheduler.nowMs < 20_000);
  });

  it("reports closed when the peer resets", async () => {
    let client: Socket | undefined;
    const port = await listening(createServer(socket => (client = socket)));
    const at = await bench();
    await at.exchange(`AT+QIOPEN=1,0,"TCP","127.0.0.1",${String(port)}\r`, /QIOPEN: 0,0/);
    client?.resetAndDestroy();
    assert.equal(await at.wait(/closed/, 10_000), '\r\n+QIURC: "closed",0\r\n');
  });

  it("carries TLS with client certificate, and refuses the wrong CA", async () => {
    const root = await Authority.root({ name: "Root", key: "rsa" });
    const server = await root.issue({ name: "broker.test", key: "rsa" });
    const device = await root.issue({ name: "device", key: "rsa" });
    const other = await Authority.root({ name: "Other" });
    const options = {
      key: server.keyPem,
      cert: server.certificatePem,
      ca: [root.certificatePem],
      requestCert: true,
      rejectUnauthorized: true,
    };
    const tlsServer = createTlsServer(options, socket => {
      socket.on("error", () => undefined);
      socket.write(`hello ${socket.getPeerX509Certificate()?.subject ?? "nobody"}`);
    });
    const port = await listening(tlsServer);
    const at = await bench([`broker.test=127.0.0.1:${String(port)}`]);
    const files = {
      "ca.pem": root.certificatePem,
      "cert.pem": device.certificatePem,
      "key.pem": device.keyPem,
      "other.pem": other.certificatePem,
    };
    for (const [name, content] of Object.entries(files)) {
      await at.ask(`AT+QFUPL="${name}",${String(content.length)}`);
      await at.exchange(content, /OK\r\n$/);
    }
    for (const item of [
      '"seclevel",0,2',
      '"cacert",0,"ca.pem"',
      '"clientcert",0,"cert.pem"',
      '"clientkey",0,"key.pem"',
      '"sni",0,1',
      '"checkhost",0,1',
      '"ignorelocaltime",0,0',
    ]) {
      await at.ask(`AT+QSSLCFG=${item}`);
    }
    const open = (id: number): Promise<string> =>
      at.exchange(`AT+QSSLOPEN=1,0,${String(id)},"broker.test",8883\r`, /QSSLOPEN: .*\r\n$/);
    assert.match(await open(0), /QSSLOPEN: 0,0/);
    const tls = at.modem.sockets[0]?.tls;
    assert.ok(tls);
    assert.match(tls.suite, /^ECDHE-RSA-AES128-GCM-SHA256$/);
    assert.ok(tls.sentBytes > 1_200 && tls.sentBytes < 1_700, String(tls.sentBytes));
    await at.pass(5_000);
    assert.match(await at.ask("AT+QSSLRECV=0,1500"), /hello CN=device/);
    await at.ask('AT+QSSLCFG="cacert",0,"other.pem"');
    assert.match(await open(1), /QSSLOPEN: 1,566/);
  });

  it("gives up on a TLS server that says nothing after negotiatetime, without waiting for it in real time", async () => {
    const port = await listening(createServer(() => undefined));
    const at = await bench([], 50);
    await at.ask('AT+QSSLCFG="negotiatetime",0,60');
    const wallMs = performance.now();
    const startMs = at.scheduler.nowMs;
    await at.exchange(`AT+QSSLOPEN=1,0,0,"localhost",${String(port)}\r`, /QSSLOPEN: 0,566/);
    assert.ok(at.scheduler.nowMs - startMs >= 60_000);
    assert.ok(performance.now() - wallMs < 3_000);
  });

  it("carries datagrams", async () => {
    const echo = createSocket("udp4");
    echo.on("message", (bytes, from) => echo.send(bytes, from.port, from.address));
    echo.bind(0, "127.0.0.1");
    await once(echo, "listening");
    closing.push(() => echo.close());
    const at = await bench();
    await at.exchange(`AT+QIOPEN=1,0,"UDP","127.0.0.1",${String(echo.address().port)}\r`, /QIOPEN: 0,0/);
    await at.ask("AT+QISEND=0,4");
    await at.exchange("ping", /recv/);
    assert.equal(await at.ask("AT+QIRD=0"), "\r\n+QIRD: 4\r\nping\r\n\r\nOK\r\n");
  });

  it("listens, and hands an incoming connection over with what it sent", async () => {
    const at = await bench();
    const probe = createServer();
    const port = await listening(probe);
    await new Promise(resolve => probe.close(resolve));
    await at.exchange(`AT+QIOPEN=1,0,"TCP LISTENER","127.0.0.1",0,${String(port)},0\r`, /QIOPEN: 0,0/);
    const client = connect(port, "127.0.0.1");
    closing.push(() => client.destroy());
    await once(client, "connect");
    client.write("hi");
    const hold = at.scheduler.expect();
    assert.match(
      await at.wait(/recv/, 10_000),
      /"incoming",11,0,"127\.0\.0\.1",\d+\r\n\r\n\+QIURC: "recv",11/,
    );
    hold.release();
    assert.match(await at.ask("AT+QIRD=11"), /hi/);
  });
});
