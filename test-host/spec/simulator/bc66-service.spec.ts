import assert from "node:assert/strict";
import { once } from "node:events";
import { connect, createServer, type AddressInfo, type Server, type Socket } from "node:net";
import { createServer as createTlsServer, type Server as TlsServer, type TlsOptions } from "node:tls";
import { BC66 } from "../../simulator/bc66/bc66.js";
import type { Bc66Changes } from "../../simulator/bc66/settings.js";
import type { Engine, EngineAction, EngineMemory, EngineTurn } from "../../simulator/engine.js";
import { LoopbackNetwork } from "../../simulator/loopback.js";
import { MemoryNetwork } from "../../simulator/memory.js";
import { Scheduler } from "../../simulator/scheduler.js";
import { serveModem, type ModemService } from "../../simulator/serve.js";
import { Simulation } from "../../simulator/simulation.js";
import { Authority } from "./authority.js";

/** A client of a few lines: types, and waits for what it wants to hear. */
class PlainClient {
  readonly socket: Socket;
  #text = "";
  #check: (() => void) | undefined;

  constructor(socket: Socket) {
    this.socket = socket;
    socket.on("data", (bytes: Buffer) => {
      this.#text += bytes.toString("latin1");
      this.#check?.();
    });
  }

  static async dial(address: string): Promise<PlainClient> {
    const socket = connect(Number(address.split(":")[1]), "127.0.0.1");
    await once(socket, "connect");
    return new PlainClient(socket);
  }

  say(text: string, awaited: RegExp): Promise<string> {
    this.socket.write(text, "latin1");
    return this.hear(awaited);
  }

  hear(awaited: RegExp): Promise<string> {
    return new Promise(resolve => {
      this.#check = () => {
        if (!awaited.test(this.#text)) return;
        this.#check = undefined;
        const text = this.#text;
        this.#text = "";
        resolve(text);
      };
      this.#check();
    });
  }
}

function portOf(server: Server | TlsServer): number {
  return (server.address() as AddressInfo).port;
}

describe("service of a simulated BC66", () => {
  let root: Authority;
  let identity: Authority;
  let service: ModemService | undefined;
  let network: LoopbackNetwork;
  let modem: BC66;
  const servers: (Server | TlsServer)[] = [];

  before(async () => {
    root = await Authority.root({ name: "Root", key: "rsa" });
    identity = await root.issue({ name: "localhost", key: "rsa" });
  });
  afterEach(async () => {
    await service?.stop();
    service = undefined;
    network.close();
    for (const server of servers.splice(0)) server.close();
  });

  async function serve(cold = false, settings: Bc66Changes = {}): Promise<PlainClient> {
    const scheduler = new Scheduler({ mode: "realtime" });
    network = new LoopbackNetwork({ scheduler });
    const boot = { bannerMs: 10, readyMs: 20, simMs: 5, vddExtMs: 5 };
    modem = new BC66({ scheduler, network, settings: { boot, epochMs: Date.now(), ...settings } });
    service = await serveModem({ scheduler, modem, at: "127.0.0.1:0", cold });
    return PlainClient.dial(service.address);
  }

  async function listen(server: Server | TlsServer): Promise<number> {
    servers.push(server);
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    return portOf(server);
  }

  function tlsServer(options: TlsOptions): TlsServer {
    const server = createTlsServer(
      { key: identity.keyPem, cert: identity.certificatePem, ...options },
      socket => {
        socket.on("error", () => undefined);
        socket.on("data", (bytes: Buffer) => socket.write(bytes));
      },
    );
    server.on("tlsClientError", () => undefined);
    return server;
  }

  it("cold: boot text, training, attach, TCP echo", async () => {
    const echo = createServer(socket => {
      socket.on("error", () => undefined);
      socket.on("data", bytes => socket.write(bytes));
    });
    const port = await listen(echo);
    const client = await serve(true);
    await client.hear(/Leaving the BROM\n\r\n\r$/);
    await new Promise(resolve => setTimeout(resolve, 40));
    client.socket.write("AT\r");
    await client.say("ATE0\r", /OK\r\n$/);
    assert.equal(await client.say("AT+QSCLK=0\r", /OK\r\n$/), "\r\nOK\r\n");
    assert.match(await client.say("AT+CEREG?\r", /OK\r\n$/), /\+CEREG: 0,1\r\n/);
    await client.say(`AT+QIOPEN=1,0,"TCP","localhost",${String(port)},0,0\r`, /QIOPEN: 0,0\r\n$/);
    await client.say("AT+QISDE=0\r", /OK\r\n$/);
    assert.equal(await client.say("AT+QISEND=0,5\r", />$/), "\r\n>");
    await client.say("hello", /"recv",0\r\n$/);
    assert.equal(await client.say("AT+QIRD=0,512\r", /OK\r\n$/), "\r\n+QIRD: 5\r\nhello\r\n\r\nOK\r\n");
    assert.equal(await client.say("AT+QICLOSE=0\r", /CLOSE OK\r\n$/), "\r\nOK\r\n\r\nCLOSE OK\r\n");
    client.socket.destroy();
  });

  async function secured(options: TlsOptions): Promise<{ client: PlainClient; answer: string }> {
    const port = await listen(tlsServer(options));
    const client = await serve();
    await client.say("ATE0\r", /OK\r\n$/);
    await client.say("AT+QSCLK=0\r", /OK\r\n$/);
    await client.say('AT+QSSLCFG=1,5,"seclevel",1\r', /OK\r\n$/);
    await client.say('AT+QSSLCFG=1,5,"cacert"\r', />$/);
    const stored = await client.say(`${root.certificatePem}\x1a`, /OK\r\n$/);
    assert.match(stored, new RegExp(`"cacert",${String(root.certificatePem.length)}\r\n`));
    const line = `AT+QSSLOPEN=1,5,"localhost",${String(port)},0\r`;
    return { client, answer: await client.say(line, /QSSLOPEN: .*\r\n$/) };
  }

  it("verified TLS with a real server that has AES128-SHA256, and an echo through it", async () => {
    const { client, answer } = await secured({ ciphers: "AES128-SHA256", maxVersion: "TLSv1.2" });
    assert.equal(answer, "\r\nOK\r\n\r\n+QSSLOPEN: 1,5,0\r\n");
    await client.say("AT+QSSLSEND=1,5,5\r", />$/);
    assert.match(await client.say("hello", /"recv".*\r\n$/), /\+QSSLURC: "recv",1,5,5,"hello"\r\n$/);
    await client.say("AT+QSSLCLOSE=1,5\r", /QSSLCLOSE: 1,5,0\r\n$/);
    client.socket.destroy();
  });

  it("no TLS with a real server that has ECDHE suites only", async () => {
    const { client, answer } = await secured({
      ciphers: "ECDHE-RSA-AES128-GCM-SHA256",
      maxVersion: "TLSv1.2",
    });
    assert.equal(answer, "\r\nOK\r\n\r\n+QSSLOPEN: 1,5,-5\r\n");
    client.socket.destroy();
  });

  it("a server that splits its certificate over records is refused, or taken when set so", async () => {
    for (const [refusesSplitMessages, code] of [
      [true, -9],
      [false, 0],
    ] as const) {
      const port = await listen(tlsServer({ ciphers: "AES128-SHA256", maxVersion: "TLSv1.2" }));
      const splitter = await listen(splitterTo(port));
      const client = await serve(false, { refusesSplitMessages });
      await client.say("ATE0\r", /OK\r\n$/);
      const answer = await client.say(
        `AT+QSSLOPEN=1,5,"localhost",${String(splitter)},0\r`,
        /QSSLOPEN: .*\r\n$/,
      );
      assert.match(answer, new RegExp(`QSSLOPEN: 1,5,${String(code)}\r\n`));
      client.socket.destroy();
      await service?.stop();
      service = undefined;
    }
  });

  it("a module in deep sleep is woken for the next session", async () => {
    const first = await serve();
    await first.say("AT\r", /OK\r\n$/);
    first.socket.destroy();
    await once(first.socket, "close");
    modem.module.power.deepSleep();
    await new Promise(resolve => setTimeout(resolve, 20));
    const second = await PlainClient.dial(service?.address ?? "");
    await second.hear(/Leaving the BROM/);
    second.socket.destroy();
  });

  it("knows no LTE-M", () => {
    const scheduler = new Scheduler();
    network = new LoopbackNetwork({ scheduler });
    assert.throws(() => new BC66({ scheduler, network, link: "lte-m" }), /no LTE-M/);
  });

  it("runs in a simulation: the firmware presses the key, trains the rate, and hears the answer", async () => {
    const scheduler = new Scheduler();
    network = new LoopbackNetwork({ scheduler });
    modem = new BC66({ scheduler, network: new MemoryNetwork({ scheduler }) });
    let heard = "";
    const line = (asserted: boolean): EngineAction => ({ kind: "line", at: 0, line: "PWRKEY", asserted });
    const timer = (id: number, ms: number): EngineAction => ({ kind: "setTimer", at: 0, id, ms });
    const engine: Engine = {
      name: "node",
      version: "test",
      turn: (event): Promise<EngineTurn> => {
        const actions: EngineAction[] = [];
        if (event.kind === "start")
          actions.push({ kind: "open", at: 0, baud: 9_600 }, line(true), timer(1, 550));
        else if (event.kind === "timer" && event.id === 1) actions.push(line(false), timer(2, 2_500));
        else if (event.kind === "timer") {
          actions.push({ kind: "write", at: 0, bytes: Buffer.from("AT\r") }, timer(2, 300));
        } else if (event.kind === "readable") {
          heard += Buffer.from(event.bytes).toString("latin1");
          actions.push({ kind: "read", at: 0, count: event.count });
        }
        return Promise.resolve({ actions, compute: 1, collections: 0 });
      },
      memory: (): Promise<EngineMemory> => Promise.reject(new Error("not measured")),
      stop: () => Promise.resolve(),
    };
    const simulation = new Simulation({ scheduler, modem, engine });
    await simulation.run({ until: () => heard.includes("OK\r\n"), untilMs: 10_000 });
    assert.ok(heard.endsWith("AT\r\r\nOK\r\n"), JSON.stringify(heard));
    assert.ok(!heard.includes("BROM"), "the ROM speaks at 115200, whatever the host listens at");
    assert.ok(simulation.counters.garbledBytes > 50);
  });
});

/** Passes a TLS connection through and cuts every handshake record of the server into two. */
function splitterTo(port: number): Server {
  return createServer(client => {
    const server = connect(port, "127.0.0.1");
    let pending = Buffer.alloc(0);
    let inClear = true;
    client.on("data", bytes => server.write(bytes));
    client.on("error", () => server.destroy());
    client.on("close", () => server.destroy());
    server.on("error", () => client.destroy());
    server.on("close", () => client.destroy());
    server.on("data", bytes => {
      pending = Buffer.concat([pending, bytes]);
      while (pending.length >= 5 && pending.length >= 5 + pending.readUInt16BE(3)) {
        const length = pending.readUInt16BE(3);
        const record = pending.subarray(0, 5 + length);
        pending = pending.subarray(5 + length);
        if (record[0] !== 22) inClear = false;
        if (!inClear || length < 200) {
          client.write(record);
          continue;
        }
        for (const part of [record.subarray(5, 105), record.subarray(105)]) {
          const header = Buffer.from(record.subarray(0, 5));
          header.writeUInt16BE(part.length, 3);
          client.write(Buffer.concat([header, part]));
        }
      }
    });
  });
}
