import assert from "node:assert/strict";
import fc from "fast-check";
import type { MemoryPeer } from "../../simulator/memory-peer.js";
import { AtBench } from "./at-bench.js";

const open = 'AT+QIOPEN=1,0,"TCP","broker.test",7';

/** A bench with socket 0 open to a peer that is handed out. */
async function connected(
  options: Parameters<typeof AtBench.memory>[0] = {},
  line = open,
): Promise<{ bench: AtBench; peer: MemoryPeer }> {
  const bench = await AtBench.memory(options).ready();
  let peer: MemoryPeer | undefined;
  bench.network.serve(7, accepted => (peer = accepted));
  await bench.exchange(line + "\r", /QIOPEN: 0,0\r\n$|CONNECT\r\n$/);
  assert.ok(peer);
  return { bench, peer };
}

describe("sockets of the simulated BG95", () => {
  describe("opening", () => {
    it("answers OK at once and +QIOPEN later", async () => {
      const bench = await AtBench.memory({ link: "lte-m" }).ready();
      bench.network.serve(7, () => undefined);
      const startMs = bench.scheduler.nowMs;
      assert.equal(await bench.ask(open), "\r\nOK\r\n");
      assert.ok(bench.scheduler.nowMs - startMs < 10);
      assert.equal(await bench.wait(/QIOPEN/), "\r\n+QIOPEN: 0,0\r\n");
      const tookMs = bench.scheduler.nowMs - startMs;
      assert.ok(tookMs > 700 && tookMs < 1_500, `took ${String(tookMs)} ms`);
    });

    const failures: readonly [title: string, line: string, code: number, text: string][] = [
      ["nobody listens", 'AT+QIOPEN=1,0,"TCP","broker.test",9', 566, "socket connect failed"],
      ["the name is unknown", 'AT+QIOPEN=1,0,"TCP","nowhere.test",7', 565, "DNS parse failed"],
    ];
    for (const [title, line, code, text] of failures) {
      it(`reports ${String(code)} when ${title}, and the id waits for QICLOSE`, async () => {
        const bench = await AtBench.memory().ready();
        assert.match(
          await bench.exchange(line + "\r", /QIOPEN: .*\r\n$/),
          new RegExp(`\\+QIOPEN: 0,${String(code)}`),
        );
        assert.equal(
          await bench.ask("AT+QIGETERROR"),
          `\r\n+QIGETERROR: ${String(code)}, ${text}\r\n\r\nOK\r\n`,
        );
        assert.match(await bench.exchange(line + "\r", /QIOPEN: .*\r\n$/), /\+QIOPEN: 0,563/);
        assert.equal(await bench.ask("AT+QICLOSE=0"), "\r\nOK\r\n");
      });
    }

    it("frees the id of a failed opening at once when set so", async () => {
      const bench = await AtBench.memory({ settings: { failedOpenKeepsId: false } }).ready();
      const line = 'AT+QIOPEN=1,0,"TCP","broker.test",9\r';
      for (let attempt = 0; attempt < 2; attempt++) {
        assert.match(await bench.exchange(line, /QIOPEN: .*\r\n$/), /0,566/);
      }
      assert.equal(bench.modem.sockets.length, 0);
    });

    it("refuses without an active context, or reports 561 when set so", async () => {
      for (const [openWithoutContext, answer] of [
        ["error", "\r\nERROR\r\n"],
        ["urc-561", "\r\nOK\r\n\r\n+QIOPEN: 0,561\r\n"],
      ] as const) {
        const bench = await AtBench.memory({ settings: { openWithoutContext } }).ready(false);
        bench.type(open + "\r");
        assert.equal(await bench.pass(100), answer);
        assert.match(await bench.ask("AT+QIGETERROR"), /561/);
      }
    });

    it("answers an id in use with ERROR when set so", async () => {
      const { bench } = await connected({ settings: { openUsedId: "error" } });
      assert.equal(await bench.ask(open), "\r\nERROR\r\n");
      assert.match(await bench.ask("AT+QIGETERROR"), /563/);
    });

    const malformed: readonly string[] = [
      'AT+QIOPEN=1,12,"TCP","broker.test",7',
      'AT+QIOPEN=17,0,"TCP","broker.test",7',
      'AT+QIOPEN=1,0,TCP,"broker.test",7',
      'AT+QIOPEN=1,0,"SCTP","broker.test",7',
      'AT+QIOPEN=1,0,"TCP","broker.test",0',
      'AT+QIOPEN=1,0,"TCP","broker.test",70000',
      'AT+QIOPEN=1,0,"TCP","broker.test"',
      'AT+QIOPEN=1,0,"TCP LISTENER","127.0.0.1",0,0',
    ];
    for (const line of malformed) {
      it(`refuses ${line}`, async () => {
        const bench = await AtBench.memory().ready();
        assert.equal(await bench.ask(line), "\r\nERROR\r\n");
      });
    }
  });

  describe("sending", () => {
    it("prompts, takes exactly the announced bytes whatever they are, and answers SEND OK", async () => {
      const { bench, peer } = await connected();
      const got: number[] = [];
      peer.onData = bytes => void got.push(...bytes);
      assert.equal(await bench.ask("AT+QISEND=0,6"), "\r\n> ");
      assert.equal(await bench.exchange("\x1aAT\r\x1b\x00", /SEND OK/), "\r\nSEND OK\r\n");
      await bench.pass(10);
      assert.equal(Buffer.from(got).toString("latin1"), "\x1aAT\r\x1b\x00");
    });

    it("sends at Ctrl+Z and cancels at ESC without a length", async () => {
      const { bench, peer } = await connected();
      await bench.ask("AT+QISEND=0");
      assert.equal(await bench.exchange("hi\x1a", /SEND OK\r\n/), "\r\nSEND OK\r\n");
      await bench.ask("AT+QISEND=0");
      assert.equal(await bench.exchange("no\x1b", /OK\r\n/), "\r\nOK\r\n");
      await bench.pass(10);
      assert.equal(peer.receivedBytes, 2);
    });

    it("drops what exceeds 1460 bytes before Ctrl+Z", async () => {
      const { bench, peer } = await connected();
      await bench.ask("AT+QISEND=0");
      await bench.exchange(Buffer.concat([Buffer.alloc(1_500, 1), Buffer.of(0x1a)]), /SEND OK\r\n/);
      await bench.pass(10);
      assert.equal(peer.receivedBytes, 1_460);
    });

    it("refuses a length beyond 1460", async () => {
      const { bench } = await connected();
      assert.equal(await bench.ask("AT+QISEND=0,1461"), "\r\nERROR\r\n");
    });

    it("echoes payload until AT+QISDE=0", async () => {
      const { bench } = await connected();
      await bench.ask("AT+QISDE=1");
      await bench.ask("AT+QISEND=0,2");
      assert.equal(await bench.exchange("hi", /SEND OK\r\n/), "hi\r\nSEND OK\r\n");
    });

    it("counts sent, acknowledged and outstanding bytes with a length of 0", async () => {
      const { bench } = await connected({ link: "lte-m" });
      await bench.ask("AT+QISEND=0,2");
      await bench.exchange("hi", /SEND OK\r\n/);
      assert.equal(await bench.ask("AT+QISEND=0,0"), "\r\n+QISEND: 2,0,2\r\n\r\nOK\r\n");
      await bench.pass(1_000);
      assert.equal(await bench.ask("AT+QISEND=0,0"), "\r\n+QISEND: 2,2,0\r\n\r\nOK\r\n");
    });

    it("answers SEND FAIL while the send buffer is full, and recovers", async () => {
      const { bench, peer } = await connected({ settings: { sendBufferBytes: 100 } });
      peer.setReading(false);
      await bench.ask("AT+QISEND=0,80");
      assert.equal(await bench.exchange(Buffer.alloc(80), /SEND .*\r\n/), "\r\nSEND OK\r\n");
      await bench.ask("AT+QISEND=0,30");
      assert.equal(await bench.exchange(Buffer.alloc(30), /SEND .*\r\n/), "\r\nSEND FAIL\r\n");
      peer.setReading(true);
      await bench.pass(10);
      await bench.ask("AT+QISEND=0,30");
      assert.equal(await bench.exchange(Buffer.alloc(30), /SEND .*\r\n/), "\r\nSEND OK\r\n");
    });

    it("takes hex by AT+QISENDEX, at most 512 characters", async () => {
      const { bench, peer } = await connected();
      assert.equal(await bench.ask('AT+QISENDEX=0,"48690a"'), "\r\nSEND OK\r\n");
      assert.equal(await bench.ask(`AT+QISENDEX=0,"${"00".repeat(257)}"`), "\r\nERROR\r\n");
      assert.equal(await bench.ask('AT+QISENDEX=0,"486"'), "\r\nERROR\r\n");
      await bench.pass(10);
      assert.equal(peer.receivedBytes, 3);
    });

    it("waits for ever when fewer bytes come than announced", async () => {
      const { bench } = await connected();
      await bench.ask("AT+QISEND=0,5");
      bench.type("AT\r");
      assert.equal(await bench.pass(3_600_000), "");
    });
  });

  describe("receiving", () => {
    it("reports recv once until the buffer has been read empty", async () => {
      const { bench, peer } = await connected();
      peer.write("abc");
      assert.equal(await bench.pass(10), '\r\n+QIURC: "recv",0\r\n');
      peer.write("def");
      assert.equal(await bench.pass(10), "");
      assert.equal(await bench.ask("AT+QIRD=0,4"), "\r\n+QIRD: 4\r\nabcd\r\n\r\nOK\r\n");
      peer.write("g");
      assert.equal(await bench.pass(10), "");
      assert.equal(await bench.ask("AT+QIRD=0"), "\r\n+QIRD: 3\r\nefg\r\n\r\nOK\r\n");
      assert.equal(await bench.ask("AT+QIRD=0"), "\r\n+QIRD: 0\r\n\r\nOK\r\n");
      peer.write("h");
      assert.equal(await bench.pass(10), '\r\n+QIURC: "recv",0\r\n');
    });

    it("tells received, read and unread bytes with a length of 0", async () => {
      const { bench, peer } = await connected();
      peer.write("abcdef");
      await bench.pass(10);
      await bench.ask("AT+QIRD=0,2");
      assert.equal(await bench.ask("AT+QIRD=0,0"), "\r\n+QIRD: 6,2,4\r\n\r\nOK\r\n");
    });

    it("reads at most 1500 bytes at a time", async () => {
      const { bench, peer } = await connected();
      peer.write(Buffer.alloc(2_000, 0x41));
      await bench.pass(10);
      assert.match(await bench.ask("AT+QIRD=0"), /^\r\n\+QIRD: 1500\r\nA{1500}\r\n\r\nOK\r\n$/);
      assert.equal(await bench.ask("AT+QIRD=0,1501"), "\r\nERROR\r\n");
    });

    it("appends the length to recv when told to", async () => {
      const { bench, peer } = await connected();
      await bench.ask('AT+QICFG="recvind",1');
      peer.write("abc");
      assert.equal(await bench.pass(10), '\r\n+QIURC: "recv",0,3\r\n');
    });

    it("pushes payload behind the URC in direct push mode, where QIRD is refused", async () => {
      const { bench, peer } = await connected({}, open + ",0,1");
      peer.write("hi\r\nOK\r\n");
      assert.equal(await bench.pass(10), '\r\n+QIURC: "recv",0,8\r\nhi\r\nOK\r\n');
      assert.equal(await bench.ask("AT+QIRD=0"), "\r\nERROR\r\n");
    });

    it("closes the window when the receive buffer is full and loses nothing", async () => {
      const { bench, peer } = await connected({ settings: { receiveBufferBytes: 2_000 } });
      peer.write(Buffer.alloc(5_000, 0x42));
      await bench.pass(1_000);
      assert.equal(await bench.ask("AT+QIRD=0,0"), "\r\n+QIRD: 1400,0,1400\r\n\r\nOK\r\n");
      let read = 0;
      while (read < 5_000) {
        const answer = await bench.ask("AT+QIRD=0,1500");
        read += Number(/QIRD: (\d+)/.exec(answer)?.[1]);
        await bench.pass(10);
      }
      assert.equal(read, 5_000);
    });

    it("carries any bytes in any pieces both ways in order", async () => {
      await fc.assert(
        fc.asyncProperty(
          fc.array(fc.uint8Array({ minLength: 1, maxLength: 200 }), { maxLength: 6 }),
          async pieces => {
            const { bench, peer } = await connected({ link: "nb-iot", seed: pieces.length });
            peer.onData = bytes => peer.write(bytes);
            for (const piece of pieces) {
              await bench.ask(`AT+QISEND=0,${String(piece.length)}`);
              await bench.exchange(piece, /SEND OK\r\n$/);
            }
            await bench.pass(60_000);
            const all = Buffer.concat(pieces).toString("latin1");
            bench.type("AT+QIRD=0\r");
            const answer = await bench.pass(100);
            assert.equal(
              answer,
              all === ""
                ? "\r\n+QIRD: 0\r\n\r\nOK\r\n"
                : `\r\n+QIRD: ${String(all.length)}\r\n${all}\r\n\r\nOK\r\n`,
            );
          },
        ),
        { numRuns: 25 },
      );
    });

    it("refuses to read from an id that is not open, and tells nothing of its state", async () => {
      const bench = await AtBench.memory().ready();
      assert.equal(await bench.ask("AT+QIRD=3"), "\r\nERROR\r\n");
      assert.equal(await bench.ask("AT+QISTATE=1,3"), "\r\nOK\r\n");
    });
  });

  describe("closing", () => {
    it("reports closed once, keeps unread data readable and the id occupied until QICLOSE", async () => {
      const { bench, peer } = await connected();
      peer.write("last");
      peer.end();
      assert.equal(await bench.pass(10), '\r\n+QIURC: "recv",0\r\n\r\n+QIURC: "closed",0\r\n');
      assert.match(await bench.ask("AT+QISTATE=1,0"), /"TCP","192.0.2.10",7,\d+,4,1,0,0,"uart1"/);
      assert.equal(await bench.ask("AT+QISEND=0,1"), "\r\nERROR\r\n");
      assert.equal(await bench.ask("AT+QIRD=0"), "\r\n+QIRD: 4\r\nlast\r\n\r\nOK\r\n");
      assert.match(await bench.exchange(open + "\r", /QIOPEN: .*\r\n$/), /0,563/);
      assert.equal(await bench.ask("AT+QICLOSE=0"), "\r\nOK\r\n");
      assert.match(await bench.exchange(open + "\r", /QIOPEN: .*\r\n$/), /0,0/);
    });

    it("reports closed after a reset too", async () => {
      const { bench, peer } = await connected();
      peer.reset();
      assert.equal(await bench.pass(10), '\r\n+QIURC: "closed",0\r\n');
    });

    it("blocks the port until the peer's FIN", async () => {
      const { bench, peer } = await connected();
      peer.onEnd = () => void bench.scheduler.after(3_000, () => peer.end());
      const startMs = bench.scheduler.nowMs;
      bench.type("AT+QICLOSE=0\rAT\r");
      assert.equal(await bench.pass(2_900), "");
      assert.equal(await bench.pass(200), "\r\nOK\r\n\r\nOK\r\n");
      assert.ok(bench.scheduler.nowMs - startMs >= 3_000);
    });

    const timeouts: readonly [line: string, ms: number][] = [
      ["AT+QICLOSE=0", 10_000],
      ["AT+QICLOSE=0,2", 2_000],
      ["AT+QICLOSE=0,0", 0],
    ];
    for (const [line, ms] of timeouts) {
      it(`${line} gives up after ${String(ms)} ms when the peer is silent`, async () => {
        const { bench, peer } = await connected();
        peer.onEnd = () => undefined;
        const startMs = bench.scheduler.nowMs;
        assert.equal(await bench.ask(line), "\r\nOK\r\n");
        assert.equal(bench.scheduler.nowMs - startMs, ms);
      });
    }

    it("says OK to an id that is not open", async () => {
      const bench = await AtBench.memory().ready();
      assert.equal(await bench.ask("AT+QICLOSE=5"), "\r\nOK\r\n");
    });

    it("reports closed after a local QICLOSE when set so", async () => {
      const { bench } = await connected({ settings: { closedUrcAfterLocalClose: true } });
      bench.type("AT+QICLOSE=0\r");
      assert.equal(await bench.pass(100), '\r\nOK\r\n\r\n+QIURC: "closed",0\r\n');
    });

    it("kills the sockets of a context that the network deactivates, with closed when set so", async () => {
      for (const [closedUrcAfterDeactivation, urcs] of [
        [false, '\r\n+QIURC: "pdpdeact",1\r\n'],
        [true, '\r\n+QIURC: "closed",0\r\n\r\n+QIURC: "pdpdeact",1\r\n'],
      ] as const) {
        const { bench } = await connected({ settings: { closedUrcAfterDeactivation } });
        bench.modem.module.deactivateByNetwork(1);
        assert.equal(await bench.pass(10), urcs);
        assert.equal(await bench.ask("AT+QISEND=0,1"), "\r\nERROR\r\n");
        await bench.ask("AT+QIDEACT=1");
        assert.equal(await bench.ask("AT+QISTATE"), "\r\nOK\r\n");
      }
    });

    it("keeps sending into the void after a silent loss of the context", async () => {
      const { bench, peer } = await connected();
      bench.modem.module.loseContext(1);
      assert.equal(await bench.ask("AT+QIACT?"), "\r\nOK\r\n");
      await bench.ask("AT+QISEND=0,2");
      assert.equal(await bench.exchange("hi", /SEND .*\r\n/), "\r\nSEND OK\r\n");
      await bench.pass(60_000);
      assert.equal(await bench.ask("AT+QISEND=0,0"), "\r\n+QISEND: 2,0,2\r\n\r\nOK\r\n");
      assert.equal(peer.receivedBytes, 0);
      assert.equal(await bench.ask("AT+QIACT=1"), "\r\nOK\r\n");
    });
  });

  describe("transparent access mode", () => {
    it("pipes both ways after CONNECT, leaves at +++ and returns by ATO", async () => {
      const bench = await AtBench.memory().ready();
      let peer: MemoryPeer | undefined;
      bench.network.serve(7, accepted => {
        peer = accepted;
        accepted.onData = bytes => accepted.write(bytes);
      });
      assert.equal(await bench.ask(open + ",0,2"), "\r\nCONNECT\r\n");
      assert.equal(await bench.exchange("ping\r", /ping/), "ping\r");
      await bench.pass(1_500);
      bench.type("+++");
      assert.equal(await bench.pass(1_100), "\r\nOK\r\n");
      assert.equal(await bench.ask("AT"), "\r\nOK\r\n");
      peer?.write("meanwhile");
      await bench.pass(10);
      bench.type("ATO\r");
      assert.equal(await bench.pass(10), "\r\nCONNECT\r\nmeanwhile");
      peer?.end();
      assert.equal(await bench.pass(10), "\r\nNO CARRIER\r\n");
      assert.equal(await bench.ask("ATO"), "\r\nNO CARRIER\r\n");
    });

    it("passes +++ on as data without the pauses", async () => {
      const { bench, peer } = await connected({}, open + ",0,2");
      bench.type("a+++b");
      await bench.pass(5_000);
      assert.equal(peer.receivedBytes, 5);
    });

    it("answers ERROR when the connection fails", async () => {
      const bench = await AtBench.memory().ready();
      assert.equal(await bench.ask('AT+QIOPEN=1,0,"TCP","broker.test",9,0,2'), "\r\nERROR\r\n");
    });
  });

  describe("UDP and listeners", () => {
    it("sends and reads one datagram at a time by UDP SERVICE", async () => {
      const bench = await AtBench.memory().ready();
      bench.network.serveDatagrams(53, (bytes, reply) => {
        reply(bytes);
        reply(Buffer.from("two"));
      });
      await bench.exchange('AT+QIOPEN=1,2,"UDP SERVICE","127.0.0.1",0,3030,0\r', /QIOPEN: 2,0\r\n$/);
      await bench.ask('AT+QISEND=2,3,"192.0.2.10",53');
      await bench.exchange("one", /SEND OK\r\n/);
      await bench.pass(10);
      assert.equal(await bench.ask("AT+QIRD=2"), '\r\n+QIRD: 3,"192.0.2.10",53\r\none\r\n\r\nOK\r\n');
      assert.equal(await bench.ask("AT+QIRD=2"), '\r\n+QIRD: 3,"192.0.2.10",53\r\ntwo\r\n\r\nOK\r\n');
      assert.equal(await bench.ask("AT+QIRD=2"), "\r\n+QIRD: 0\r\n\r\nOK\r\n");
    });

    it("accepts connections of a listener with ids from 11 downwards", async () => {
      const bench = await AtBench.memory().ready();
      await bench.exchange('AT+QIOPEN=1,1,"TCP LISTENER","127.0.0.1",0,2020,0\r', /QIOPEN: 1,0\r\n$/);
      const peer = bench.network.dial(2_020);
      assert.ok(peer);
      assert.match(await bench.pass(10), /^\r\n\+QIURC: "incoming",11,1,"198\.51\.100\.7",\d+\r\n$/);
      peer.write("hello");
      assert.equal(await bench.pass(10), '\r\n+QIURC: "recv",11\r\n');
      assert.equal(await bench.ask("AT+QIRD=11"), "\r\n+QIRD: 5\r\nhello\r\n\r\nOK\r\n");
    });
  });

  it("exhausts its 12 ids when nothing is closed", async () => {
    const bench = await AtBench.memory().ready();
    bench.network.serve(7, () => undefined);
    for (let id = 0; id < 12; id++) {
      await bench.exchange(`AT+QIOPEN=1,${String(id)},"TCP","broker.test",7\r`, /QIOPEN: \d+,0\r\n$/);
    }
    assert.equal(bench.modem.sockets.length, 12);
    assert.equal(await bench.ask('AT+QIOPEN=1,12,"TCP","broker.test",7'), "\r\nERROR\r\n");
  });
});
