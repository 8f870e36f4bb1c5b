import assert from "node:assert/strict";
import type { ModuleSocketOptions } from "../../../drivers/quectel/socket.js";
import { Bench, Client, PORT } from "./bench.js";

/** As JavaScript calls it, which no type holds back. */
type Loose = (value?: unknown) => unknown;

interface Scene {
  readonly bench: Bench;
  readonly client: Client;
  readonly received: number[];
  readonly write: Loose;
  readonly read: Loose;
}

async function scene(options: Partial<ModuleSocketOptions> = {}): Promise<Scene> {
  const bench = await new Bench({}).goOnline();
  const received: number[] = [];
  bench.network.serve(PORT, peer => {
    peer.onData = bytes => received.push(...bytes);
    peer.write("0123456789");
  });
  const client = bench.open(options);
  client.reading = false;
  await bench.until("data", () => client.calls.some(call => call.startsWith("readable")));
  const socket = client.socket;
  return {
    bench,
    client,
    received,
    write: value => (socket.write as Loose).call(socket, value),
    read: value => (socket.read as Loose).call(socket, value),
  };
}

const wide = Uint16Array.of(0x3130);

/** What Moddable's own tests of its TCP class (tests/modules/io/socket/tcp) ask for and a wrong call may not do in silence. */
describe("TCP takes and refuses what Moddable's class does", () => {
  const refused: readonly (readonly [string, unknown])[] = [
    ["a symbol", Symbol.match],
    ["a function", Math.sin],
    ["an array of wider numbers", wide],
    ["a text", "text"],
  ];
  for (const [name, value] of refused) {
    it(`write of ${name} throws a TypeError and writes nothing`, async () => {
      const { bench, write, received } = await scene();
      assert.throws(() => write(value), TypeError);
      await bench.pass(5_000);
      assert.deepEqual(received, []);
    });

    it(`read into ${name} throws a TypeError and takes nothing`, async () => {
      const { read, client } = await scene();
      assert.throws(() => read(value), TypeError);
      client.take();
      assert.equal(client.text, "0123456789");
    });
  }

  it("a number is written in number format only", async () => {
    const { bench, client, write, received } = await scene();
    assert.throws(() => write(32), TypeError);
    client.socket.format = "number";
    write(33);
    await bench.until("a byte", () => received.length > 0);
    assert.deepEqual(received, [33]);
  });

  // `new Uint8Array(view)` of a DataView is empty: the SDK's `mqtt` example publishes by such views.
  it("any view of single bytes is written and filled in place", async () => {
    const { bench, read, write, received } = await scene();
    const bytes = Uint8Array.of(1, 2, 3, 4);
    write(new DataView(bytes.buffer, 1, 2));
    write(new Int8Array(bytes.buffer, 3, 1));
    await bench.until("bytes", () => received.length === 3);
    assert.deepEqual(received, [2, 3, 4]);
    assert.equal(read(new DataView(bytes.buffer, 1, 2)), 2);
    assert.deepEqual([...bytes], [1, 0x30, 0x31, 4]);
  });

  it("another format throws a RangeError, in the constructor and later, and changes nothing", async () => {
    const { bench, client } = await scene();
    const socket = client.socket as { format: string };
    assert.throws(() => (socket.format = "text"), RangeError);
    assert.equal(socket.format, "buffer");
    assert.throws(() => bench.open({ format: "text" as "buffer" }), RangeError);
  });

  it("a port that is no number at all throws a TypeError, digits are taken", async () => {
    const { bench } = await scene();
    assert.throws(() => bench.open({ port: Symbol.match as unknown as number }), TypeError);
    const { socket } = bench.open({ port: "80" as unknown as number });
    assert.equal("remotePort" in socket && socket.remotePort, 80);
  });

  it("remoteAddress and remotePort cannot be assigned", async () => {
    const { client } = await scene();
    const socket = client.socket as unknown as Record<string, unknown>;
    for (const name of ["remoteAddress", "remotePort"]) {
      const before = socket[name];
      assert.throws(() => (socket[name] = "other"), TypeError);
      assert.equal(socket[name], before);
    }
  });

  it("after close every member but close throws a SyntaxError", async () => {
    const { client } = await scene();
    const socket = client.socket;
    assert.ok("remoteAddress" in socket && "remotePort" in socket);
    socket.close();
    socket.close();
    const members = [
      () => socket.read(),
      () => socket.write(Uint8Array.of(1)),
      () => socket.format,
      () => socket.remoteAddress,
      () => socket.remotePort,
    ];
    for (const member of members) assert.throws(member, SyntaxError);
  });
});
