import assert from "node:assert/strict";
import type { ModuleSocketOptions } from "../../../drivers/quectel/socket.js";
import { TCP } from "../../../drivers/quectel/tcp.js";
import type { StreamSocket } from "../../../modules/io/socket.js";
import type { MemoryPeer } from "../../simulator/memory-peer.js";
import { bufferedSerial } from "../../simulator/uart.js";
import { Bench, bytesOf, Client, HOST, pattern, PORT, type BenchSettings } from "./bench.js";

/** A server that keeps what it got and answers nothing by itself. */
class Server {
  readonly received: number[] = [];
  readonly peers: MemoryPeer[] = [];

  constructor(bench: Bench, port = PORT) {
    bench.network.serve(port, peer => {
      this.peers.push(peer);
      peer.onData = bytes => this.received.push(...bytes);
    });
  }

  get peer(): MemoryPeer {
    const peer = this.peers.at(-1);
    if (peer === undefined) throw new Error("nobody has connected");
    return peer;
  }

  get text(): string {
    return Buffer.from(this.received).toString("latin1");
  }
}

interface Scene {
  readonly bench: Bench;
  readonly server: Server;
  readonly client: Client;
}

async function scene(
  settings: BenchSettings = {},
  options: Partial<ModuleSocketOptions> = {},
): Promise<Scene> {
  const bench = await new Bench(settings).goOnline();
  const server = new Server(bench);
  const client = bench.open(options);
  await bench.until("connected", () => client.connected || client.ended);
  return { bench, server, client };
}

const throwing = (error: unknown): string =>
  error instanceof Error ? `${error.name}: ${error.message}` : "";

function thrown(action: () => unknown): string {
  try {
    action();
  } catch (error) {
    return throwing(error);
  }
  return "nothing";
}

describe("TCP over the simulated BG95", () => {
  describe("constructor", () => {
    const refused: [what: string, options: object, pattern: RegExp][] = [
      ["no modem", { modem: undefined }, /modem/],
      ["no port", { port: undefined }, /RangeError.*port/],
      ["port 0", { port: 0 }, /RangeError.*port/],
      ["port 65536", { port: 65_536 }, /RangeError.*port/],
      ["a port that is no number", { port: "web" }, /RangeError.*port/],
      ["neither host nor address", { host: undefined }, /host/],
      ["an empty host", { host: "", address: "" }, /host/],
      ["a socket to take over", { from: {} }, /listener/],
    ];
    for (const [what, options, expected] of refused)
      it(`throws on ${what}`, () => {
        const bench = new Bench();
        assert.match(
          thrown(() => new TCP({ host: HOST, port: PORT, modem: bench.modem, ...options })),
          expected,
        );
      });

    it("takes the address before the host, and the host when the address is empty", async () => {
      const bench = await new Bench().goOnline();
      new Server(bench);
      bench.open({ address: "192.0.2.10" });
      bench.open({ address: "" });
      await bench.pass(1_000);
      assert.deepEqual(bench.sent("AT+QIOPEN="), [
        'AT+QIOPEN=1,0,"TCP","192.0.2.10",7',
        'AT+QIOPEN=1,1,"TCP","echo.test",7',
      ]);
    });

    it("keeps target, and lets properties be added as Moddable's TLSSocket does", async () => {
      const { client } = await scene({}, { target: "mine" });
      assert.equal(client.socket.target, "mine");
      Object.assign(client.socket, { readable: 1, writable: 2 });
      assert.equal(Object.isExtensible(client.socket), true);
    });

    it("fails with a limit when the name is longer than the module takes", async () => {
      const bench = await new Bench().goOnline();
      const client = bench.open({ host: "a".repeat(151) });
      await bench.pass(1_000);
      assert.equal(client.failure?.kind, "limit");
      assert.deepEqual(bench.sent("AT+QIOPEN"), []);
    });

    it("fails with a limit when a name cannot stand in a command", async () => {
      const bench = await new Bench().goOnline();
      const client = bench.open({ host: 'a"b' });
      await bench.pass(1_000);
      assert.equal(client.failure?.kind, "limit");
    });
  });

  describe("callbacks", () => {
    it("come with the instance as this, never inside a call, first with the room to write", async () => {
      const seen: unknown[] = [];
      const { bench, server, client } = await scene(
        {},
        {
          onReadable() {
            seen.push(this);
          },
          onWritable() {
            seen.push(this);
          },
          onError() {
            seen.push(this);
          },
        },
      );
      assert.deepEqual(client.calls, ["writable 2920"]);
      server.peer.write("hello");
      await bench.until("data", () => client.text === "hello");
      server.peer.end();
      await bench.until("end", () => client.ended);
      assert.deepEqual(client.calls, ["writable 2920", "readable 5", "failure peer-closed", "error"]);
      assert.ok(seen.length === 3 && seen.every(instance => instance === client.socket));
    });

    it("announce the whole room again after the module has taken a send", async () => {
      const { bench, client } = await scene();
      bench.call(() => client.socket.write(bytesOf("x".repeat(100))));
      await bench.pass(1_000);
      assert.deepEqual(client.calls, ["writable 2920", "writable 2920"]);
    });

    for (const name of ["onReadable", "onWritable"] as const)
      it(`that throw (${name}) fail the connection with their text and disturb nothing else`, async () => {
        const bench = await new Bench().goOnline();
        const server = new Server(bench);
        const good = bench.open();
        const bad = bench.open({
          [name]: () => {
            throw new Error("application");
          },
        });
        await bench.until("connections", () => server.peers.length === 2);
        for (const peer of server.peers) peer.write("hello");
        await bench.until("failure", () => bad.ended);
        assert.deepEqual(bad.failure, { kind: "exception", detail: "Error: application" });
        await bench.until("data", () => good.text === "hello");
        await bench.pass(20_000);
        assert.deepEqual(bench.ids, [0]);
      });

    it("that throw at the end disturb nothing", async () => {
      const explode = (): never => {
        throw new Error("application");
      };
      const { bench, server, client } = await scene({}, { onError: explode });
      server.peer.end();
      await bench.until("end", () => client.ended);
      await bench.pass(10_000);
      assert.deepEqual(bench.ids, []);
      assert.ok(!bench.events.some(([name]) => name === "exception"));
    });

    it("still tell the end when the one that tells the reason throws", async () => {
      // `onError` was left out then, and the application waited for ever.
      const bench = await new Bench().goOnline();
      const server = new Server(bench);
      let ended = false;
      new TCP({
        host: HOST,
        port: PORT,
        modem: bench.modem,
        failure: () => {
          throw new Error("application");
        },
        onError: () => (ended = true),
      });
      await bench.until("connected", () => server.peers.length === 1);
      server.peer.end();
      await bench.until("end", () => ended);
    });

    it("may open the next socket from the end of the last", async () => {
      const bench = await new Bench().goOnline();
      const server = new Server(bench);
      let next: Client | undefined;
      const client = bench.open({ onError: () => void (next = bench.open()) });
      await bench.until("connected", () => client.connected);
      server.peer.reset();
      await bench.until("the next", () => next?.connected === true);
    });
  });

  describe("write", () => {
    it("throws before the connection stands, and after it has failed", async () => {
      const bench = await new Bench().goOnline();
      const client = bench.open();
      assert.match(
        thrown(() => client.socket.write(bytesOf("x"))),
        /not ready/,
      );
      await bench.until("refusal", () => client.ended);
      assert.match(
        thrown(() => client.socket.write(bytesOf("x"))),
        /not ready/,
      );
    });

    it("returns the room that is left, and throws beyond it without taking a byte", async () => {
      const { bench, server, client } = await scene();
      bench.call(() => {
        assert.equal(client.socket.write(new Uint8Array(2_000)), 920);
        assert.match(
          thrown(() => client.socket.write(new Uint8Array(921))),
          /would block/,
        );
        assert.equal(client.socket.write(new ArrayBuffer(920)), 0);
        assert.match(
          thrown(() => client.socket.write(new Uint8Array(1))),
          /would block/,
        );
      });
      await bench.pass(5_000);
      assert.equal(server.received.length, 2_920);
      assert.deepEqual(bench.sent("AT+QISEND="), ["AT+QISEND=0,1460", "AT+QISEND=0,1460"]);
    });

    it("takes a view of a part of a buffer, and a byte in number format", async () => {
      const { bench, server, client } = await scene();
      const bytes = bytesOf("0123456789");
      const { socket } = client;
      bench.call(() => {
        socket.write(bytes.subarray(2, 5));
        socket.format = "number";
        if (socket instanceof TCP) socket.write(0x41);
      });
      bytes.fill(0);
      await bench.pass(1_000);
      assert.equal(server.text, "234A");
    });

    it("sends several writes of one turn at once", async () => {
      const { bench, server, client } = await scene();
      bench.call(() => {
        for (const piece of ["one ", "two ", "three"]) client.socket.write(bytesOf(piece));
      });
      await bench.pass(1_000);
      assert.equal(server.text, "one two three");
      assert.deepEqual(bench.sent("AT+QISEND="), ["AT+QISEND=0,13"]);
    });

    it("holds pieces that announce a continuation, over turns, and sends them at once", async () => {
      const { bench, server, client } = await scene();
      bench.call(() => client.socket.write(bytesOf("a"), { more: true, byteLength: 3 }));
      await bench.pass(5_000);
      bench.call(() => client.socket.write(bytesOf("b"), { more: true }));
      await bench.pass(5_000);
      assert.deepEqual(bench.sent("AT+QISEND="), []);
      bench.call(() => client.socket.write(bytesOf("c"), { more: false }));
      await bench.pass(1_000);
      assert.equal(server.text, "abc");
      assert.deepEqual(bench.sent("AT+QISEND="), ["AT+QISEND=0,3"]);
    });

    it("sends a full piece although more was announced", async () => {
      const { bench, server, client } = await scene();
      bench.call(() => client.socket.write(new Uint8Array(1_500), { more: true, byteLength: 3_000 }));
      await bench.pass(5_000);
      assert.equal(server.received.length, 1_460);
      bench.call(() => client.socket.write(new Uint8Array(1_500)));
      await bench.pass(5_000);
      assert.equal(server.received.length, 3_000);
    });

    it("brings any bytes over, in as few sends as the module's limit allows", async () => {
      const { bench, server, client } = await scene();
      const payload = pattern(20_000);
      let offset = 0;
      const pump = (): void => {
        while (offset < payload.length) {
          const count = Math.min(client.room, payload.length - offset);
          if (count === 0) return;
          client.room = client.socket.write(payload.subarray(offset, offset + count));
          offset += count;
        }
      };
      const calls = client.calls.length;
      pump();
      await bench.scheduler.run({
        until: () => {
          if (client.calls.length > calls) pump();
          return server.received.length === payload.length;
        },
        untilMs: bench.scheduler.nowMs + 60_000,
      });
      assert.deepEqual(Uint8Array.from(server.received), payload);
      assert.equal(bench.sent("AT+QISEND=").length, Math.ceil(20_000 / 1_460));
    });

    it("waits and repeats when the module's buffer is full", async () => {
      const { bench, server, client } = await scene({ faults: ["send-fail nth=1", "send-fail nth=2"] });
      bench.call(() => client.socket.write(bytesOf("hello")));
      await bench.pass(10_000);
      assert.equal(server.text, "hello");
      assert.equal(bench.sent("AT+QISEND=").length, 3);
      assert.ok(!client.ended);
    });

    it("reports the network as lost when the module takes nothing for two minutes", async () => {
      const { bench, server, client } = await scene({ link: "lte-m" });
      server.peer.setReading(false);
      for (let i = 0; i < 8; i++) {
        if (client.room >= 1_400) client.room = client.socket.write(new Uint8Array(1_400));
        await bench.pass(5_000);
        if (client.ended) break;
      }
      const fromMs = bench.scheduler.nowMs;
      await bench.until("failure", () => client.ended);
      assert.deepEqual(client.failure, { kind: "network-lost", command: "AT+QISEND" });
      assert.ok(bench.scheduler.nowMs - fromMs > 60_000);
    });

    it("repeats a send that was refused without a reason, once", async () => {
      // The manual: ERROR may mean a closed connection or a wrong parameter; wait before the retry.
      const { bench, server, client } = await scene({ faults: ["error command=+QISEND nth=1"] });
      bench.call(() => client.socket.write(bytesOf("hello")));
      await bench.pass(5_000);
      assert.equal(server.text, "hello");
      assert.ok(!client.ended);
    });

    it("reads what had arrived before it reports a send that was refused twice", async () => {
      const faults = [
        "error command=+QISEND nth=1",
        "error command=+QISEND nth=2",
        "hold-urc urc=+QIURC nth=1",
      ];
      const { bench, server, client } = await scene({ faults });
      server.peer.write("last words");
      await bench.pass(1_000);
      assert.equal(client.text, "");
      bench.call(() => client.socket.write(bytesOf("hello")));
      await bench.until("failure", () => client.ended);
      assert.equal(client.text, "last words");
      assert.deepEqual(client.failure, { kind: "error", command: "AT+QISEND" });
    });
  });

  describe("read", () => {
    async function filled(): Promise<Scene> {
      const parts = await scene();
      parts.client.reading = false;
      parts.server.peer.write("0123456789");
      await parts.bench.until("data", () => parts.client.calls.includes("readable 10"));
      return parts;
    }
    const text = (value: unknown): string =>
      value instanceof ArrayBuffer ? Buffer.from(value).toString("latin1") : String(value);

    it("gives undefined when nothing is buffered, in every form and format", async () => {
      const { client } = await scene();
      assert.equal(client.socket.read(), undefined);
      assert.equal(client.socket.read(5), undefined);
      assert.equal(client.socket.read(new Uint8Array(5)), undefined);
      client.socket.format = "number";
      assert.equal(client.socket.read(), undefined);
    });

    it("gives all, a count, or fills a view", async () => {
      const { client } = await filled();
      assert.equal(text(client.socket.read(2)), "01");
      const view = new Uint8Array(5).fill(0x2e);
      assert.equal(client.socket.read(view.subarray(1, 4)), 3);
      assert.equal(Buffer.from(view).toString(), ".234.");
      assert.equal(text(client.socket.read()), "56789");
      assert.equal(client.socket.read(), undefined);
    });

    it("gives one byte in number format, which may be switched at any time", async () => {
      const { client } = await filled();
      client.socket.format = "number";
      assert.equal(client.socket.read(), 0x30);
      assert.equal(client.socket.read(), 0x31);
      client.socket.format = "buffer";
      assert.equal(text(client.socket.read(3)), "234");
      assert.equal(client.socket.format, "buffer");
    });

    it("throws when more is asked than is buffered, and takes nothing", async () => {
      const { client } = await filled();
      assert.match(
        thrown(() => client.socket.read(11)),
        /invalid/,
      );
      assert.match(
        thrown(() => client.socket.read(new Uint8Array(11))),
        /invalid/,
      );
      assert.equal(text(client.socket.read()), "0123456789");
    });

    it("works by polling, without any callback", async () => {
      const bench = await new Bench().goOnline();
      const server = new Server(bench);
      const socket = new TCP({ host: HOST, port: PORT, modem: bench.modem });
      await bench.until("connected", () => server.peers.length === 1);
      await bench.pass(100);
      bench.call(() => socket.write(bytesOf("ping")));
      await bench.pass(1_000);
      assert.equal(server.text, "ping");
      server.peer.write("pong");
      await bench.pass(1_000);
      assert.equal(
        bench.call(() => text(socket.read())),
        "pong",
      );
    });
  });

  describe("receiving", () => {
    for (const [serial, most] of [
      ["buffered", 1_500],
      ["stock", 100],
    ] as const)
      it(`asks for what ring, module and the ${serial} serial class take`, async () => {
        const { bench, server, client } = await scene({ serial });
        const payload = pattern(20_000);
        server.peer.write(payload);
        await bench.until("data", () => client.received.length === payload.length);
        assert.deepEqual(Uint8Array.from(client.received), payload);
        assert.equal(bench.uart.counters.lostBytes, 0);
        const asked = bench.sent("AT+QIRD=0").map(line => Number(line.split(",")[1] ?? 1_500));
        assert.equal(Math.max(...asked), most);
        assert.ok(asked.every(count => count > 0));
        // No read for nothing but the last, which finds the buffer empty.
        assert.ok(
          asked.length <= Math.ceil(20_000 / most) + 1 + Math.ceil(20_000 / 1_400),
          String(asked.length),
        );
      });

    it("loses nothing on the buffered class when the engine pauses amid every read", async () => {
      const { bench, server, client } = await scene({ pauseMs: () => 40 });
      const payload = pattern(20_000);
      server.peer.write(payload);
      await bench.until("data", () => client.received.length === payload.length);
      assert.deepEqual(Uint8Array.from(client.received), payload);
      assert.equal(bench.uart.counters.lostBytes, 0);
    });

    it("leaves in the module what the application does not take, and goes on when it does", async () => {
      const { bench, server, client } = await scene();
      client.reading = false;
      const payload = pattern(6_000);
      server.peer.write(payload);
      await bench.pass(5_000);
      assert.equal(bench.sent("AT+QIRD").length, 1);
      assert.equal(client.calls.filter(call => call.startsWith("readable")).length, 1);
      await bench.pass(60_000);
      assert.equal(bench.sent("AT+QIRD").length, 1);
      while (client.received.length < payload.length) {
        const before = client.received.length;
        bench.call(() => {
          client.take();
        });
        await bench.pass(1_000);
        assert.ok(client.received.length > before);
      }
      assert.deepEqual(Uint8Array.from(client.received), payload);
    });

    it("sends no command while it is idle", async () => {
      const { bench, client } = await scene();
      const before = bench.commands.length;
      await bench.pass(3_600_000);
      assert.equal(bench.commands.length, before);
      assert.equal(bench.timer.live.size, 0);
      assert.ok(!client.ended);
    });

    it("reads once for what is there, and no more after it", async () => {
      const { bench, server, client } = await scene();
      server.peer.write("hello");
      await bench.until("data", () => client.text === "hello");
      await bench.pass(60_000);
      assert.equal(bench.sent("AT+QIRD").length, 1);
    });

    it("costs no further command when the application reads in small pieces", async () => {
      const { bench, server, client } = await scene(
        {},
        {
          onReadable(count) {
            for (let left = count; left > 0; left -= 100) this.read(Math.min(left, 100));
          },
        },
      );
      client.reading = false;
      server.peer.write(pattern(6_000));
      await bench.pass(10_000);
      assert.ok(bench.sent("AT+QIRD=0").length <= 6, String(bench.sent("AT+QIRD=0").length));
      assert.ok(bench.sent("AT+QIRD=0").every(line => !line.includes(",")));
    });

    it("brings payload over that looks like answers of the module", async () => {
      const { bench, server, client } = await scene();
      const payload =
        '\r\nOK\r\n\r\nERROR\r\n+QIURC: "closed",0\r\n> \r\nSEND OK\r\n\0\x1a\x1b\r\nRDY\r\nAPP RDY\r\n';
      server.peer.write(payload);
      await bench.until("data", () => client.received.length === payload.length);
      assert.equal(client.text, payload);
      await bench.pass(10_000);
      assert.ok(!client.ended);
    });

    it("finds data whose report was lost once the next line shows damage", async () => {
      const { bench, server, client } = await scene({ faults: ["hold-urc urc=+QIURC nth=1"] });
      server.peer.write("unheard");
      await bench.pass(60_000);
      assert.equal(client.text, "");
      // Half a line, as noise leaves it, and then any report.
      bench.module.onOutput?.(bytesOf('\r\n+QIU"recv",0\r\n'), 115_200);
      bench.module.module.urc("+QIND: SMS DONE");
      await bench.until("data", () => client.text === "unheard", 5_000);
    });

    it("finds data whose report was lost when the serial port tells of lost bytes", async () => {
      const { bench, server, client } = await scene({ faults: ["hold-urc urc=+QIURC nth=1"] });
      server.peer.write("unheard");
      await bench.pass(60_000);
      bench.tellOverrun();
      await bench.until("data", () => client.text === "unheard", 5_000);
    });

    it("finds data whose report was lost after a gap in cover", async () => {
      const { bench, server, client } = await scene({ faults: ["hold-urc urc=+QIURC nth=1"] });
      server.peer.write("unheard");
      await bench.pass(60_000);
      bench.module.module.loseRegistration(10_000);
      await bench.until("data", () => client.text === "unheard", 15_000);
    });

    it("finds data whose report was damaged with the next send", async () => {
      const { bench, server, client } = await scene({ faults: ["hold-urc urc=+QIURC nth=1"] });
      server.peer.write("unheard");
      // Until the module has nothing more to report.
      await bench.pass(20_000);
      bench.module.onOutput?.(bytesOf('\r\n+QIU"recv",0\r\n'), 115_200);
      await bench.pass(1_000);
      bench.call(() => client.socket.write(bytesOf("ping")));
      await bench.until("data", () => client.text === "unheard", 5_000);
    });

    const short = { ...bufferedSerial, receiveCapacity: 256, flowControl: false };
    for (const serial of ["stock", short] as const)
      it(`delivers nothing wrong when bytes of a read are lost (${serial === "stock" ? serial : "reported"})`, async () => {
        const { bench, server, client } = await scene({ serial, headroom: 4096, pauseMs: () => 40 });
        const payload = pattern(5_000);
        server.peer.write(payload);
        await bench.until("failure", () => client.ended);
        assert.ok(bench.uart.counters.lostBytes > 0);
        if (serial !== "stock") assert.equal(client.failure?.kind, "overrun");
        assert.deepEqual(Uint8Array.from(client.received), payload.subarray(0, client.received.length));
        const next = bench.open();
        await bench.until("connected", () => next.connected);
      });

    it("takes no byte for payload when the count in front of it is damaged", async () => {
      // `+QIRD: 1400` that lost a digit: the rest of the payload stood where lines stand.
      const { bench, server, client } = await scene();
      const { onOutput } = bench.module;
      bench.module.onOutput = (bytes, baud) => {
        const text = Buffer.from(bytes).toString("latin1");
        onOutput?.(bytesOf(text.replace("+QIRD: 1400", "+QIRD: 140")), baud);
      };
      const payload = Buffer.from("line of text\r\n".repeat(100));
      server.peer.write(Uint8Array.from(payload));
      await bench.until("failure", () => client.ended);
      assert.equal(client.failure?.kind, "overrun");
      assert.equal(client.text, "");
    });
  });

  describe("end by the other side", () => {
    it("comes after everything that was sent before it has been read", async () => {
      const { bench, server, client } = await scene();
      const payload = pattern(7_000);
      server.peer.write(payload);
      server.peer.end();
      await bench.until("end", () => client.ended);
      assert.deepEqual(Uint8Array.from(client.received), payload);
      assert.deepEqual(client.calls.slice(-2), ["failure peer-closed", "error"]);
    });

    it("waits for an application that reads slowly", async () => {
      const { bench, server, client } = await scene();
      client.reading = false;
      const payload = pattern(4_000);
      server.peer.write(payload);
      server.peer.end();
      await bench.pass(20_000);
      assert.equal(client.calls.at(-1), "readable 1500");
      while (!client.ended) {
        bench.call(() => {
          client.take();
        });
        await bench.pass(1_000);
      }
      assert.deepEqual(Uint8Array.from(client.received), payload);
      assert.equal(client.failure?.kind, "peer-closed");
    });

    it("frees the id at once, for the module waits for no one", async () => {
      const { bench, server, client } = await scene();
      server.peer.end();
      await bench.until("end", () => client.ended);
      await bench.pass(100);
      assert.deepEqual(bench.sent("AT+QICLOSE"), ["AT+QICLOSE=0,0"]);
      assert.deepEqual(bench.ids, []);
    });

    it("is told when it comes amid a write of the same turn", async () => {
      // The end was forgotten when a send was under way at that moment.
      const { bench, server, client } = await scene();
      server.peer.end();
      await bench.pass(1);
      bench.call(() => client.socket.write(bytesOf("too late")));
      await bench.until("end", () => client.ended, 60_000);
    });

    it("is a reset like an end, and a refused connection a connect failure with its code", async () => {
      const { bench, server, client } = await scene();
      server.peer.reset();
      await bench.until("end", () => client.ended);
      assert.equal(client.failure?.kind, "peer-closed");
      const refused = bench.open({ port: 9 });
      await bench.until("refusal", () => refused.ended);
      assert.deepEqual(refused.failure, { kind: "connect", command: "AT+QIOPEN", code: 566 });
      const unknown = bench.open({ host: "nowhere.test" });
      await bench.until("refusal", () => unknown.ended);
      assert.deepEqual(unknown.failure, { kind: "dns", command: "AT+QIOPEN", code: 565 });
    });
  });

  describe("close", () => {
    it("may come twice; after it everything else throws SyntaxError and nothing calls back", async () => {
      const { bench, server, client } = await scene();
      const { socket } = client;
      server.peer.write("unread");
      bench.call(() => {
        socket.close();
        socket.close();
      });
      client.ended = true;
      for (const use of [() => socket.read(), () => socket.write(bytesOf("x")), () => socket.read(1)])
        assert.match(thrown(use), /^SyntaxError/);
      await bench.pass(60_000);
      assert.deepEqual(bench.ids, []);
      assert.equal(bench.timer.live.size, 0);
    });

    it("delivers what was written before, held or not, in however many sends", async () => {
      const { bench, server, client } = await scene();
      bench.call(() => {
        client.socket.write(pattern(2_900), { more: true });
        client.socket.close();
      });
      client.ended = true;
      await bench.pass(20_000);
      assert.deepEqual(Uint8Array.from(server.received), pattern(2_900));
      assert.deepEqual(bench.ids, []);
    });

    it("delivers it through a module whose buffer is full at first", async () => {
      const { bench, server, client } = await scene({ faults: ["send-fail nth=1"] });
      client.socket.write(bytesOf("hello"));
      client.socket.close();
      client.ended = true;
      await bench.pass(20_000);
      assert.equal(server.text, "hello");
      assert.deepEqual(bench.ids, []);
    });

    it("works at any moment of opening, and leaves nothing behind", async () => {
      for (const afterMs of [0, 1, 5, 10, 500, 900, 1_100, 1_500]) {
        const bench = await new Bench({ link: "lte-m" }).goOnline();
        new Server(bench);
        const client = bench.open();
        await bench.pass(afterMs);
        bench.call(() => {
          client.socket.close();
        });
        client.ended = true;
        await bench.pass(200_000);
        assert.deepEqual(bench.ids, [], String(afterMs));
        const next = bench.open();
        await bench.until("connected", () => next.connected);
        assert.equal(bench.ids[0], 0, String(afterMs));
      }
    });

    it("inside callbacks ends them", async () => {
      const bench = await new Bench().goOnline();
      const server = new Server(bench);
      const close = function (this: StreamSocket): void {
        this.close();
      };
      bench.open({ onWritable: close });
      const reader = bench.open({ onReadable: close });
      await bench.until("connected", () => reader.connected);
      for (const peer of server.peers) peer.write(pattern(5_000));
      await bench.pass(30_000);
      assert.deepEqual(bench.ids, []);
    });

    it("does not take a late report of the closed connection for one of the next", async () => {
      const bench = await new Bench({ settings: { closedUrcAfterLocalClose: true } }).goOnline();
      const server = new Server(bench);
      const first = bench.open();
      await bench.until("connected", () => first.connected);
      first.socket.close();
      first.ended = true;
      const second = bench.open();
      await bench.until("connected", () => second.connected);
      await bench.pass(20_000);
      assert.ok(!second.ended);
      server.peer.write("hello");
      await bench.until("data", () => second.text === "hello");
    });
  });

  it("ignores the report of an end while it opens: the connection before had the same id", async () => {
    const bench = await new Bench({ link: "lte-m" }).goOnline();
    new Server(bench);
    const client = bench.open();
    await bench.pass(300);
    assert.deepEqual(bench.ids, [0]);
    bench.module.module.urc('+QIURC: "closed",0');
    await bench.until("connected", () => client.connected);
    await bench.pass(20_000);
    assert.equal(client.failure, undefined);
  });

  describe("connect ids", () => {
    it("carry twelve connections at once, each with its own bytes", async () => {
      const bench = await new Bench().goOnline();
      const server = new Server(bench);
      const clients = Array.from({ length: 12 }, () => bench.open());
      await bench.until("connections", () => clients.every(client => client.connected));
      assert.equal(server.peers.length, 12);
      for (const [i, peer] of server.peers.entries()) peer.write(pattern(3_000, i));
      for (const [i, client] of clients.entries()) client.socket.write(bytesOf(String.fromCharCode(65 + i)));
      await bench.until("data", () => clients.every(client => client.received.length === 3_000));
      for (const [i, client] of clients.entries())
        assert.deepEqual(Uint8Array.from(client.received), pattern(3_000, i));
      assert.equal(server.text.split("").sort().join(""), "ABCDEFGHIJKL");
    });

    it("that are all in use fail the next connection with a limit, and serve again when freed", async () => {
      const bench = await new Bench().goOnline();
      new Server(bench);
      const clients = Array.from({ length: 13 }, () => bench.open());
      await bench.until("connections", () => clients.filter(client => client.connected).length === 12);
      const refused = clients.find(client => client.ended);
      assert.equal(refused?.failure?.kind, "limit");
      clients[3]?.socket.close();
      await bench.pass(10_000);
      const next = bench.open();
      await bench.until("connected", () => next.connected);
    });

    it("that an earlier run of the device left open are freed and used", async () => {
      const bench = await new Bench().goOnline();
      const server = new Server(bench);
      const text = `AT+QIOPEN=1,0,"TCP","${HOST}",${String(PORT)}`;
      bench.modem.channel.run({ text, timeoutMs: 1_000 }, []);
      await bench.pass(1_000);
      assert.equal(bench.ids.length, 1);
      const client = bench.open();
      await bench.until("connected", () => client.connected || client.ended);
      assert.equal(client.failure, undefined);
      assert.equal(server.peers.length, 2);
    });

    it("do not run out over 100 connections of every kind of end", async () => {
      const bench = await new Bench().goOnline();
      const server = new Server(bench);
      for (let i = 0; i < 100; i++) {
        const client = bench.open(i % 7 === 3 ? { port: 9 } : {});
        await bench.until("result", () => client.connected || client.ended);
        if (client.connected) {
          if (i % 3 === 0) server.peer.end();
          else if (i % 3 === 1) server.peer.reset();
          else client.socket.close();
        }
        await bench.until("end", () => client.ended || i % 3 === 2);
        await bench.pass(10);
      }
      await bench.pass(20_000);
      assert.deepEqual(bench.ids, []);
    });
  });

  describe("loss of the module or the network", () => {
    const losses: [what: string, settings: BenchSettings, kind: string][] = [
      ["module restart", { faults: ["reset ms=20000"] }, "module-reset"],
      ["deactivated context", { faults: ["pdpdeact context=1 ms=20000"] }, "pdp-deactivated"],
      ["long loss of registration", { faults: ["registration-loss for=120000 ms=20000"] }, "registration"],
    ];
    for (const [what, settings, kind] of losses)
      it(`reaches the socket with its reason: ${what}`, async () => {
        const { bench, client } = await scene(settings);
        await bench.until("end", () => client.ended);
        assert.equal(client.failure?.kind, kind);
        await bench.until("online", () => bench.online);
        const next = bench.open();
        await bench.until("connected", () => next.connected);
      });

    it("sends no close for connections that a restarted module does not know", async () => {
      const { bench, client } = await scene({ faults: ["reset command=+QISEND nth=1"] });
      bench.call(() => client.socket.write(bytesOf("hello")));
      await bench.until("end", () => client.ended);
      assert.equal(client.failure?.kind, "module-reset");
      await bench.until("online", () => bench.online);
      await bench.pass(10_000);
      assert.deepEqual(bench.sent("AT+QICLOSE"), []);
    });

    it("sends no close for connections that a silent module had", async () => {
      const { bench, client } = await scene({ faults: ["silence for=1000000 ms=20000"] });
      const other = bench.open();
      await bench.until("connected", () => other.connected);
      await bench.pass(20_000);
      bench.call(() => {
        client.socket.write(bytesOf("anyone?"));
        other.socket.write(bytesOf("anyone?"));
      });
      await bench.until("end", () => other.ended && client.ended);
      assert.equal(other.failure?.kind, "no-answer");
      await bench.until("offline", () => !bench.online);
      await bench.until("online", () => bench.online);
      assert.deepEqual(bench.sent("AT+QICLOSE=1"), []);
    });

    it("of which the module says nothing reaches the socket with the first send", async () => {
      const { bench, client } = await scene({ faults: ["silence for=1000000 ms=20000"] });
      await bench.pass(20_000);
      client.socket.write(bytesOf("anyone?"));
      await bench.until("end", () => client.ended);
      assert.ok(["timeout", "no-answer"].includes(client.failure?.kind ?? ""), client.failure?.kind);
      await bench.until("offline", () => !bench.online);
      await bench.until("online", () => bench.online);
    });
  });
});
