import assert from "node:assert/strict";
import { nodeTls, sdkProfile } from "../../../hosts/workstation/tls-engine.js";
import type { TlsEngine, TlsEngineOptions, TlsEngineRecord } from "../../../modules/tls/engine.js";
import { ENGINES, withProgram } from "./support.js";
import { withLine, type LineOptions, type TlsLine } from "./tls-line.js";
import { identities, mutual, type Identities } from "./tls-peer.js";

const C02F = 0xc02f;

function sumOf(count: number): number {
  let total = 0;
  for (let index = 0; index < count; index++) total = (total * 31 + 0x61) % 65521;
  return total;
}

/** Connects after some rounds of the event loop, and refuses to send. */
class SlowEngine implements TlsEngine {
  readonly #options: TlsEngineOptions;
  #open = true;

  constructor(options: TlsEngineOptions) {
    this.#options = options;
  }

  start(): void {
    const bytes = Buffer.from("hello");
    this.#options.transmit(bytes);
    // Valid during the call only.
    bytes.fill(0);
    const wait = (rounds: number): void => {
      if (rounds > 0) setImmediate(() => wait(rounds - 1));
      else if (this.#open) this.#options.connected();
    };
    wait(5);
  }

  receive(): void {
    // Nothing is expected.
  }

  write(): void {
    throw new Error("no more");
  }

  end(): void {
    this.#options.closed();
  }

  close(): void {
    this.#open = false;
  }
}

const slowRecord: TlsEngineRecord = {
  io: SlowEngine,
  clientKeys: [],
  splitMessages: true,
  leafAlone: true,
  suites: [],
};

describe("TLS engines of the host, driven by firmware", () => {
  let ids: Identities;

  before(async function () {
    this.timeout(30_000);
    ids = await identities();
  });

  for (const engine of ENGINES) {
    const run = (work: (line: TlsLine) => Promise<void>, options: Partial<LineOptions> = {}): Promise<void> =>
      withLine({ engine, identities: ids, server: mutual(ids), ...options }, work);

    describe(engine, () => {
      it("does a mutual handshake with TLS 1.2, one transmit for each record, and tells the suite", async () => {
        await run(async line => {
          assert.deepEqual(await line.order({ run: "open" }), [["connected", C02F]]);
          assert.equal(line.peer.socket?.authorized, true);
          assert.equal(line.peer.socket.getProtocol(), "TLSv1.2");
          const certificate = ids.client.certificate.length + 15;
          assert.deepEqual(line.transmitted.slice(1), [certificate, 75, 269, 6, 45]);
        });
      });

      it("does the handshake when the server's bytes come one by one", async () => {
        await run(async line => {
          line.alter = bytes => Array.from(bytes, byte => Uint8Array.of(byte));
          assert.deepEqual(await line.order({ run: "open" }), [["connected", C02F]]);
        });
      }).timeout(60_000);

      it("gives the firmware the limits of its engine", async () => {
        await run(async line => {
          const limits = [["limits", "rsa", false, false, sdkProfile.suites.join()]];
          assert.deepEqual(await line.order({ run: "limits" }), limits);
        });
      });

      it("gives the firmware no TLS when it has none", async () => {
        await withProgram("tls", { engine }, async bench => {
          await bench.start();
          assert.deepEqual(await bench.ask({ run: "limits" }), [["limits"]]);
        });
      });

      it("carries large data both ways, a record for each write", async () => {
        await run(async line => {
          line.peer.onData = (bytes, socket) => socket.write(bytes);
          await line.order({ run: "open" });
          line.transmitted.length = 0;
          let received = 0;
          for (let index = 0; index < 8; index++) {
            const told = await line.order({ run: "send", count: 16384 });
            for (const entry of told) {
              assert.ok(Array.isArray(entry) && entry[0] === "received", JSON.stringify(entry));
              assert.equal(entry[2], sumOf(Number(entry[1])));
              received += Number(entry[1]);
            }
          }
          assert.equal(received, 8 * 16384);
          assert.equal(line.peer.receivedBytes, 8 * 16384);
          assert.deepEqual(new Set(line.transmitted), new Set([16384 + 29]));
        });
      });

      it("takes leave with close_notify and tells the peer's", async () => {
        await run(async line => {
          await line.order({ run: "open" });
          assert.deepEqual(await line.order({ run: "end" }), []);
          assert.equal(line.transmitted.at(-1), 31);
          assert.equal(line.peer.ended, true);
          line.peer.socket?.end();
          assert.deepEqual(await line.listen(), [["closed"]]);
        });
      });

      it("tells a peer that takes leave first, and still sends", async () => {
        await run(async line => {
          await line.order({ run: "open" });
          line.peer.socket?.end();
          assert.deepEqual(await line.listen(), [["closed"]]);
          assert.deepEqual(await line.order({ run: "send", count: 10 }), []);
          assert.equal(line.peer.receivedBytes, 10);
        });
      });

      for (const on of ["transmit", "connected", "received"])
        it(`calls back no more after it was closed in ${on}`, async () => {
          await run(async line => {
            line.peer.onData = (_bytes, socket) => {
              socket.write("a");
              socket.write("b");
              socket.end();
            };
            // What still comes from the server meets an engine that is closed.
            const called = (told: unknown[]): unknown[] =>
              told.filter(entry => JSON.stringify(entry) !== '["threw","closed"]');
            const opened = called(await line.order({ run: "open", misdeed: "close", on }));
            assert.deepEqual(opened, on === "transmit" ? [] : [["connected", C02F]]);
            const told = called(await line.order({ run: "send", count: 1 }));
            assert.deepEqual(told, on === "received" ? [["received", 1, 0x61]] : []);
            line.peer.socket?.end("data");
            assert.deepEqual(called(await line.listen()), []);
          });
        });

      it("is closed twice without harm", async () => {
        await run(async line => {
          await line.order({ run: "open" });
          assert.deepEqual(await line.order({ run: "close" }), []);
          assert.deepEqual(await line.order({ run: "close" }), []);
        });
      });

      it("starts a new engine after one was closed in its handshake", async () => {
        await run(async line => {
          await line.order({ run: "new" });
          await line.order({ run: "close" });
          assert.deepEqual(await line.order({ run: "open" }), [["connected", C02F]]);
        });
      });

      it("lends bytes for the time of the call only", async () => {
        await run(async line => {
          line.peer.onData = (_bytes, socket) => socket.write("kept");
          await line.order({ run: "open", misdeed: "keep", on: "received" });
          await line.order({ run: "send", count: 1 });
          const [kept] = await line.order({ run: "kept" });
          assert.deepEqual(kept, engine === "xs" ? ["kept", 0, null] : ["kept", 4, 0xdb]);
        });
      });

      const misuses: readonly (readonly [string, readonly unknown[], string])[] = [
        ["a write before the handshake", [{ run: "new" }, { run: "send", count: 1 }], "not connected"],
        ["a write of more than a record", [{ run: "open" }, { run: "send", count: 16385 }], "too large"],
        ["a second start", [{ run: "open" }, { run: "start" }], "the engine was started or closed before"],
        ["a write after end", [{ run: "open" }, { run: "end" }, { run: "send", count: 1 }], "not connected"],
        ["a start after close", [{ run: "new" }, { run: "close" }, { run: "start" }], "closed"],
      ];
      for (const [title, orders, message] of misuses)
        it(`throws the engine's exception into the firmware: ${title}`, async () => {
          await run(async line => {
            let told: unknown[] = [];
            for (const order of orders) told = await line.order(order);
            assert.deepEqual(told, [["threw", message]]);
          });
        });
    });
  }

  it("xs: an exception of a callback leaves through the call that caused it, and the rest still comes", async () => {
    await withLine({ engine: "xs", identities: ids, server: mutual(ids) }, async line => {
      const told = await line.order({ run: "open", misdeed: "throw", on: "connected" });
      assert.deepEqual(told, [
        ["connected", C02F],
        ["threw", "thrown by a callback"],
      ]);
      line.peer.socket?.end("data");
      assert.deepEqual((await line.listen()).slice(-1), [["closed"]]);
    });
  });

  it("node: an exception of a callback ends the run, as out of any callback", async () => {
    await withLine({ engine: "node", identities: ids, server: mutual(ids) }, async line => {
      await assert.rejects(
        line.order({ run: "open", misdeed: "throw", on: "connected" }),
        /unhandled exception: Error: thrown by a callback/,
      );
    });
  });

  it("xs: byte counts and compute steps of a connection are the same in every run", async () => {
    const runs = [0, 1].map(async () => {
      const seen: unknown[] = [];
      await withLine(
        { engine: "xs", identities: ids, server: mutual(ids), clock: 1_800_000_000 },
        async line => {
          line.peer.onData = (bytes, socket) => socket.write(bytes);
          seen.push(await line.order({ run: "open" }), await line.order({ run: "send", count: 3000 }));
          const { compute } = await line.bench.message({ run: "send", count: 3000 });
          seen.push([...line.transmitted], [...line.sentByServer], compute);
        },
      );
      return seen;
    });
    const [first, second] = await Promise.all(runs);
    assert.deepEqual(first, second);
  });

  it("xs: charges the steps that a handshake is said to take, in the turn of our Finished", async () => {
    const steps = 4_000_000;
    const longestOf = async (handshakeSteps: number): Promise<number> => {
      let longest = 0;
      const options = { nativeCost: { handshakeSteps } };
      await withLine({ engine: "xs", identities: ids, server: mutual(ids), options }, async line => {
        const { bench } = line;
        const readable = bench.readable.bind(bench);
        bench.readable = async bytes => {
          const turn = await readable(bytes);
          longest = Math.max(longest, turn.compute);
          return turn;
        };
        await line.order({ run: "open" });
      });
      return longest;
    };
    assert.equal((await longestOf(steps)) - (await longestOf(0)), steps);
  });

  it("xs: an open connection holds 10 slots beside its options, and no chunks, whatever passes", async () => {
    await withLine({ engine: "xs", identities: ids, server: mutual(ids) }, async line => {
      const { engine } = line.bench;
      line.peer.onData = (bytes, socket) => socket.write(bytes);
      await line.order({ run: "prepare" });
      const before = await engine.memory();
      await line.order({ run: "open" });
      const open = await engine.memory();
      for (let index = 0; index < 4; index++) await line.order({ run: "send", count: 16384 });
      const after = await engine.memory();
      assert.ok(open.slots - before.slots <= 10, String(open.slots - before.slots));
      assert.equal(open.chunkBytes, before.chunkBytes);
      assert.deepEqual([after.slots, after.chunkBytes], [open.slots, open.chunkBytes]);
    });
  });

  for (const engine of ENGINES)
    it(`${engine}: waits for an engine of another make, which does not tell when it has settled`, async () => {
      const options = { tls: slowRecord };
      await withLine({ engine, identities: ids, server: mutual(ids), options }, async line => {
        assert.deepEqual(await line.order({ run: "limits" }), [["limits", "", true, true, ""]]);
        const sent: string[] = [];
        line.peer.receive = bytes => sent.push(Buffer.from(bytes).toString());
        assert.deepEqual(await line.order({ run: "open" }), [["connected", null]]);
        assert.deepEqual(sent, ["hello"]);
        assert.deepEqual(await line.order({ run: "send", count: 1 }), [["threw", "no more"]]);
      });
    });

  it("takes a plain record instead of a function of the clock", async () => {
    await withLine(
      { engine: "xs", identities: ids, server: mutual(ids), clock: 0, options: { tls: nodeTls() } },
      async line => {
        assert.deepEqual(await line.order({ run: "open" }), [["connected", C02F]]);
      },
    );
  });

  it("an engine that is stopped in a handshake leaves nothing behind", async () => {
    let line: TlsLine | undefined;
    await withLine({ engine: "xs", identities: ids, server: mutual(ids) }, async made => {
      line = made;
      await made.bench.message({ run: "open" });
    });
    assert.ok(line);
    await assert.rejects(line.bench.start(), { kind: "stopped" });
  });
});
