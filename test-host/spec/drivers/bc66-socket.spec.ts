import assert from "node:assert/strict";
import type { ModuleSocketOptions } from "../../../drivers/quectel/socket.js";
import type { MemoryPeer } from "../../simulator/memory-peer.js";
import { Bc66Bench, bytesOf, Client, pattern, PORT, type Bc66BenchSettings } from "./bench.js";

interface Scene {
  readonly bench: Bc66Bench;
  readonly client: Client;
  /** The server's end. */
  readonly peer: () => MemoryPeer;
  readonly received: number[];
}

async function scene(
  settings: Bc66BenchSettings = {},
  options: Partial<ModuleSocketOptions> = {},
): Promise<Scene> {
  const bench = await new Bc66Bench(settings).goOnline();
  const peers: MemoryPeer[] = [];
  const received: number[] = [];
  bench.network.serve(PORT, peer => {
    peers.push(peer);
    peer.onData = bytes => received.push(...bytes);
  });
  const client = bench.open(options);
  await bench.until("connected", () => client.connected || client.ended);
  return {
    bench,
    client,
    received,
    peer: () => {
      const peer = peers.at(-1);
      if (peer === undefined) throw new Error("nobody has connected");
      return peer;
    },
  };
}

const commandsOf = (bench: Bc66Bench, from: number): string[] =>
  bench.commands.slice(from).map(line => line.replace(/^(AT\+QISENDEX=\d,\d+,).*/, "$1..."));

describe("TCP over the simulated BC66", () => {
  describe("opening", () => {
    it("asks for buffer access mode", async () => {
      const { bench } = await scene();
      assert.deepEqual(bench.sent("AT+QIOPEN="), ['AT+QIOPEN=1,0,"TCP","echo.test",7,0,0']);
    });

    it("that failed closes the id, and the next takes it", async () => {
      const bench = await new Bc66Bench().goOnline();
      const first = bench.open({ port: 9 });
      await bench.until("failure", () => first.ended);
      assert.deepEqual([first.failure?.kind, first.failure?.code], ["connect", 566]);
      await bench.pass(10_000);
      assert.deepEqual(bench.sent("AT+QICLOSE"), ["AT+QICLOSE=0"]);
      bench.network.serve(PORT, () => undefined);
      const second = bench.open();
      await bench.until("connected", () => second.connected);
    });

    it("fails with the code of a name that does not exist", async () => {
      const { client } = await scene({}, { host: "nowhere.test" });
      assert.deepEqual([client.failure?.kind, client.failure?.code], ["dns", 565]);
    });

    for (const openUsedId of ["error", "urc-563"] as const)
      it(`frees an id that an earlier run left open, told by ${openUsedId}`, async () => {
        const bench = await new Bc66Bench({ settings: { openUsedId } }).goOnline();
        bench.network.serve(PORT, () => undefined);
        bench.modem.channel.run({ text: 'AT+QIOPEN=1,0,"TCP","echo.test",7,0,0', timeoutMs: 1_000 }, []);
        await bench.pass(5_000);
        const client = bench.open();
        await bench.until("connected", () => client.connected);
        assert.equal(client.failure, undefined);
      });

    it("of a sixth connection fails with a limit", async () => {
      const { bench } = await scene();
      const clients = [1, 2, 3, 4, 5].map(() => bench.open());
      await bench.pass(5_000);
      assert.deepEqual(
        clients.map(({ failure }) => failure?.kind),
        [undefined, undefined, undefined, undefined, "limit"],
      );
    });
  });

  describe("sending", () => {
    it("goes by hexadecimal digits at 115,200 baud, 512 bytes a command", async () => {
      const { bench, client, received } = await scene();
      const from = bench.commands.length;
      client.socket.write(pattern(1_100));
      await bench.until("received", () => received.length === 1_100);
      assert.deepEqual(received, [...pattern(1_100)]);
      assert.deepEqual(commandsOf(bench, from), [
        "AT+QISENDEX=0,512,...",
        "AT+QISENDEX=0,512,...",
        "AT+QISENDEX=0,76,...",
      ]);
    });

    it("goes by prompt at 9,600 baud where that costs less, 1,024 bytes a command", async () => {
      const { bench, client, received } = await scene({ baud: 9_600 });
      const from = bench.commands.length;
      client.socket.write(pattern(1_100));
      await bench.until("received", () => received.length === 1_100);
      assert.deepEqual(received, [...pattern(1_100)]);
      assert.deepEqual(commandsOf(bench, from), ["AT+QISEND=0,1024", "AT+QISENDEX=0,76,..."]);
    });

    it("takes the flight of a TLS client back to back", async () => {
      const { bench, client, received } = await scene();
      for (const byteLength of [690, 300, 513]) client.socket.write(pattern(byteLength));
      await bench.until("received", () => received.length === 1_503);
      assert.equal(bench.sent("AT+QISENDEX").length, 3);
    });

    it("waits and repeats when the module's buffer is full", async () => {
      const { bench, client, received } = await scene({ faults: ["send-fail nth=1"] });
      client.socket.write(bytesOf("hello"));
      await bench.until("received", () => received.length === 5);
      assert.equal(bench.sent("AT+QISENDEX").length, 2);
    });

    it("is accounted for", async () => {
      const accounts: [boolean, number][] = [];
      const { bench, client, peer, received } = await scene(
        {},
        { onTransfer: (sent, byteLength) => accounts.push([sent, byteLength]) },
      );
      client.socket.write(pattern(600));
      await bench.until("received", () => received.length === 600);
      await bench.pass(1_000);
      peer().write(pattern(700));
      await bench.until("answered", () => client.received.length === 700);
      assert.deepEqual(accounts, [
        [true, 512],
        [true, 88],
        [false, 512],
        [false, 188],
      ]);
    });
  });

  describe("receiving", () => {
    for (const [byteLength, reads] of [
      [1, 1],
      [512, 1],
      [513, 2],
      [1_024, 2],
      [2_000, 4],
    ] as const)
      it(`of ${String(byteLength)} bytes takes ${String(reads)} reads and none in vain`, async () => {
        const { bench, client, peer } = await scene();
        peer().write(pattern(byteLength));
        await bench.until("received", () => client.received.length === byteLength);
        await bench.pass(5_000);
        assert.deepEqual(client.received, [...pattern(byteLength)]);
        assert.equal(bench.sent("AT+QIRD").length, reads);
      });

    it("goes on with data that come between reads", async () => {
      const { bench, client, peer } = await scene({ link: "nb-iot" });
      const all = pattern(6_000);
      for (let i = 0; i < 6_000; i += 250)
        bench.scheduler.after(i * 3, () => peer().write(all.subarray(i, i + 250)));
      await bench.until("received", () => client.received.length === 6_000);
      assert.deepEqual(client.received, [...all]);
      const { length } = bench.sent("AT+QIRD");
      await bench.pass(60_000);
      assert.equal(bench.sent("AT+QIRD").length, length);
    });

    it("reads everything where the module does not tell the rest", async () => {
      const { bench, client, peer } = await scene({ faults: [] });
      bench.modem.channel.run({ text: 'AT+QICFG="showlength",0', timeoutMs: 1_000 }, []);
      await bench.pass(1_000);
      peer().write(pattern(1_300));
      await bench.until("received", () => client.received.length === 1_300);
      await bench.pass(1_000);
      peer().write(pattern(100));
      await bench.until("received", () => client.received.length === 1_400);
    });

    it("tells before bytes would be lost that the application does not read", async () => {
      const { bench, client, peer } = await scene();
      client.reading = false;
      const unread = (): unknown[] => bench.events.filter(([name]) => name === "unread");
      peer().write(pattern(1_500));
      await bench.pass(5_000);
      peer().write(pattern(500));
      await bench.pass(5_000);
      // All of it has a place here.
      assert.deepEqual(unread(), []);
      peer().write(pattern(1_000));
      await bench.pass(5_000);
      // The module holds the rest, and nothing is lost yet.
      assert.deepEqual(unread(), [["unread", 0, 2_000, 2_168]]);
      client.take();
      client.reading = true;
      await bench.until("received", () => client.received.length === 3_000);
      assert.equal(client.failure, undefined);
    });

    for (const overflowForm of ["with-id", "without-id"] as const)
      it(`ends the connection when the module has lost data, reported ${overflowForm}`, async () => {
        const { bench, client, peer } = await scene({ settings: { overflowForm } });
        client.reading = false;
        peer().write(pattern(6_000));
        await bench.until("the end", () => client.ended, 60_000);
        assert.deepEqual(client.failure, {
          kind: "overrun",
          command: "AT+QIRD",
          detail: "module buffer full",
        });
        await bench.pass(10_000);
        assert.deepEqual(bench.ids, []);
      });

    it("of a flight of 4.4 KB at once is complete, or ends typed when the module's buffer is small", async () => {
      const ends: string[] = [];
      for (const receiveBufferBytes of [2_168, Infinity])
        for (const link of ["none", "nb-iot"] as const) {
          const { bench, client, peer } = await scene({ link, settings: { receiveBufferBytes } });
          peer().write(pattern(4_400));
          await bench.until("end", () => client.ended || client.received.length === 4_400, 60_000);
          if (!client.ended) assert.deepEqual(client.received, [...pattern(4_400)]);
          ends.push(client.failure?.kind ?? "complete");
        }
      assert.deepEqual(ends, ["overrun", "complete", "complete", "complete"]);
    });
  });

  describe("end", () => {
    it("by this side waits for CLOSE OK", async () => {
      const { bench, client } = await scene();
      client.socket.close();
      await bench.pass(10_000);
      assert.deepEqual(bench.sent("AT+QICLOSE"), ["AT+QICLOSE=0"]);
      assert.deepEqual(bench.ids, []);
    });

    it("by the other side comes after everything that it sent", async () => {
      const { bench, client, peer } = await scene();
      peer().write(pattern(1_800));
      peer().end();
      await bench.until("end", () => client.ended);
      assert.deepEqual(client.received, [...pattern(1_800)]);
      assert.equal(client.failure?.kind, "peer-closed");
      await bench.pass(10_000);
      assert.deepEqual(bench.ids, []);
    });

    it("by a restart of the module reaches the socket, and the driver comes back", async () => {
      const { bench, client } = await scene();
      bench.module.powerUp();
      await bench.until("end", () => client.ended);
      assert.equal(client.failure?.kind, "module-reset");
      await bench.until("online", () => bench.online, 60_000);
      const again = bench.open();
      await bench.until("connected", () => again.connected);
    });

    it("by a restart amid a send reaches the socket", async () => {
      const { bench, client } = await scene({ link: "nb-iot" });
      client.socket.write(pattern(1_000));
      await bench.pass(50);
      bench.module.powerUp();
      await bench.until("end", () => client.ended);
      assert.equal(client.failure?.kind, "module-reset");
    });
  });

  it("echoes both ways on a slow link", async () => {
    const { bench, client, peer } = await scene({ link: "nb-iot" });
    const server = peer();
    server.onData = bytes => server.write(bytes);
    client.socket.write(pattern(2_000));
    await bench.until("echo", () => client.received.length === 2_000, 60_000);
    assert.deepEqual(client.received, [...pattern(2_000)]);
  });
});
