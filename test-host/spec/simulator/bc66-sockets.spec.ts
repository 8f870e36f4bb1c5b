import assert from "node:assert/strict";
import fc from "fast-check";
import type { Bc66Changes } from "../../simulator/bc66/settings.js";
import type { MemoryPeer } from "../../simulator/memory-peer.js";
import { Bc66Bench } from "./bc66-bench.js";

const port = 5_000;

interface Scene {
  readonly settings?: Bc66Changes;
  readonly faults?: readonly string[];
  readonly mode?: 0 | 1;
  readonly before?: readonly string[];
  readonly link?: "none" | "nb-iot";
}

/** Socket 0 open to a peer that the test holds. */
async function connected(
  scene: Scene = {},
): Promise<{ bench: Bc66Bench; peer: MemoryPeer; received: () => string }> {
  const bench = await Bc66Bench.memory({
    settings: scene.settings ?? {},
    faults: scene.faults ?? [],
    link: scene.link ?? "none",
  }).ready();
  const peers: MemoryPeer[] = [];
  let text = "";
  bench.network.serve(port, peer => {
    peers.push(peer);
    peer.onData = bytes => (text += Buffer.from(bytes).toString("latin1"));
  });
  for (const line of ["AT+QISDE=0", ...(scene.before ?? [])])
    assert.equal(await bench.ask(line), "\r\nOK\r\n", line);
  const line = `AT+QIOPEN=1,0,"TCP","broker.test",${String(port)},0,${String(scene.mode ?? 0)}\r`;
  assert.equal(await bench.exchange(line, /QIOPEN: .*\r\n$/), "\r\nOK\r\n\r\n+QIOPEN: 0,0\r\n");
  const [peer] = peers;
  assert.ok(peer);
  return { bench, peer, received: () => text };
}

describe("sockets of the simulated BC66", () => {
  describe("opening", () => {
    const cases: readonly (readonly [title: string, line: string, answer: RegExp])[] = [
      [
        "a name that nobody knows",
        `AT+QIOPEN=1,0,"TCP","unknown.test",${String(port)}`,
        /OK\r\n\r\n\+QIOPEN: 0,565\r\n$/,
      ],
      [
        "a port that nobody listens at",
        'AT+QIOPEN=1,0,"TCP","broker.test",9',
        /OK\r\n\r\n\+QIOPEN: 0,566\r\n$/,
      ],
      [
        "a port in quotes",
        `AT+QIOPEN=1,0,"TCP","broker.test","${String(port)}",0,1`,
        /OK\r\n\r\n\+QIOPEN: 0,0\r\n$/,
      ],
      ["context 2", `AT+QIOPEN=2,0,"TCP","broker.test",${String(port)}`, /OK\r\n\r\n\+QIOPEN: 0,561\r\n$/],
      ["IPv6", `AT+QIOPEN=1,0,"TCP","broker.test",${String(port)},0,0,1`, /OK\r\n\r\n\+QIOPEN: 0,566\r\n$/],
      ["id 5", `AT+QIOPEN=1,5,"TCP","broker.test",${String(port)}`, /^\r\nERROR\r\n$/],
      ["context 4", `AT+QIOPEN=4,0,"TCP","broker.test",${String(port)}`, /^\r\nERROR\r\n$/],
      ["a listener", 'AT+QIOPEN=1,0,"TCP LISTENER","127.0.0.1",0,5000', /^\r\nERROR\r\n$/],
      ["transparent mode", `AT+QIOPEN=1,0,"TCP","broker.test",${String(port)},0,2`, /^\r\nERROR\r\n$/],
      ["port 0", 'AT+QIOPEN=1,0,"TCP","broker.test",0', /^\r\nERROR\r\n$/],
    ];
    for (const [title, line, answer] of cases) {
      it(`of ${title}`, async () => {
        const bench = await Bc66Bench.memory().ready();
        bench.network.serve(port, () => undefined);
        assert.match(await bench.exchange(`${line}\r`, /(QIOPEN: .*|ERROR)\r\n$/), answer);
      });
    }

    it("that failed keeps the id until QICLOSE", async () => {
      const bench = await Bc66Bench.memory().ready();
      await bench.exchange('AT+QIOPEN=1,0,"TCP","broker.test",9\r', /QIOPEN: .*\r\n/);
      bench.network.serve(9, () => undefined);
      assert.equal(await bench.ask('AT+QIOPEN=1,0,"TCP","broker.test",9'), "\r\nERROR\r\n");
      assert.match(await bench.ask("AT+QIGETERROR"), /563,socket indentity has been used/);
      assert.equal(await bench.exchange("AT+QICLOSE=0\r", /CLOSE OK\r\n$/), "\r\nOK\r\n\r\nCLOSE OK\r\n");
      assert.match(await bench.exchange('AT+QIOPEN=1,0,"TCP","broker.test",9\r', /QIOPEN: .*\r\n/), /0,0/);
    });

    it("with an id in use is refused by a URC when set so", async () => {
      const { bench } = await connected({ settings: { openUsedId: "urc-563" } });
      assert.match(
        await bench.exchange(`AT+QIOPEN=1,0,"TCP","broker.test",${String(port)}\r`, /QIOPEN: .*\r\n/),
        /0,563/,
      );
    });

    it("without a bearer is refused, or fails with 561 when set so", async () => {
      for (const [openWithoutBearer, answer] of [
        ["error", "\r\nERROR\r\n"],
        ["urc-561", "\r\nOK\r\n\r\n+QIOPEN: 0,561\r\n"],
      ] as const) {
        const bench = await Bc66Bench.memory({ settings: { openWithoutBearer } }).ready();
        await bench.ask("AT+CFUN=0");
        const line = `AT+QIOPEN=1,0,"TCP","broker.test",${String(port)}\r`;
        assert.equal(await bench.exchange(line, /(ERROR|QIOPEN: .*)\r\n$/), answer);
      }
    });

    it("takes a round trip and half a second on NB-IoT", async () => {
      const bench = await Bc66Bench.memory({ link: "nb-iot" }).ready();
      bench.network.serve(port, () => undefined);
      const startMs = bench.scheduler.nowMs;
      await bench.exchange(`AT+QIOPEN=1,0,"TCP","192.0.2.10",${String(port)}\r`, /QIOPEN: .*\r\n/);
      const tookMs = bench.scheduler.nowMs - startMs;
      assert.ok(tookMs > 1_300 && tookMs < 1_800, String(tookMs));
    });
  });

  describe("sending", () => {
    const ways: readonly (readonly [
      title: string,
      before: readonly string[],
      line: string,
      data: string,
      sent: string,
    ])[] = [
      ["in the line", [], "AT+QISEND=0,5,hello", "", "hello"],
      ["in the line with commas and quotes", [], 'AT+QISEND=0,9,a,"b",c:d', "", 'a,"b",c:d'],
      ["in the line, cut at its length", [], "AT+QISEND=0,3,hello", "", "hel"],
      ["in the line in hexadecimal", ['AT+QICFG="dataformat",1,0'], "AT+QISEND=0,2,4A4B", "", "JK"],
      ["by prompt with a length", [], "AT+QISEND=0,7", "a\r\n\x1a\x1bbc", "a\r\n\x1a\x1bbc"],
      ["by prompt until 0x1A", [], "AT+QISEND=0", "hello\x1a", "hello"],
      ["by prompt up to 1024 bytes", [], "AT+QISEND=0", "x".repeat(1_024), "x".repeat(1_024)],
      ["in hexadecimal", [], "AT+QISENDEX=0,3,00FF0a", "", "\x00\xff\n"],
      ["in hexadecimal with quotes", [], 'AT+QISENDEX=0,2,"3132"', "", "12"],
    ];
    for (const [title, before, line, data, sent] of ways) {
      it(`${title}: OK, then SEND OK`, async () => {
        const { bench, received } = await connected({ before });
        if (data !== "") assert.equal(await bench.ask(line), "\r\n>");
        else bench.type(`${line}\r`);
        assert.equal(await bench.exchange(data, /SEND [A-Z]+\r\n$/), "\r\nOK\r\n\r\nSEND OK\r\n");
        await bench.pass(10);
        assert.equal(received(), sent);
      });
    }

    const refused = [
      "AT+QISEND=1,5,hello",
      "AT+QISEND=0,1025",
      "AT+QISEND=0,6,short",
      "AT+QISENDEX=0,3,00FF",
      "AT+QISENDEX=0,1,XX",
      `AT+QISENDEX=0,513,${"00".repeat(513)}`,
    ];
    for (const line of refused) {
      it(`refuses ${line.slice(0, 30)}`, async () => {
        const { bench } = await connected();
        assert.equal(await bench.ask(line), "\r\nERROR\r\n");
      });
    }

    it("sends a text shorter than its length when set so", async () => {
      const { bench, received } = await connected({ settings: { shortInline: "sent" } });
      await bench.exchange("AT+QISEND=0,6,short\r", /SEND OK\r\n$/);
      await bench.pass(10);
      assert.equal(received(), "short");
    });

    it("is cancelled by Esc", async () => {
      const { bench, received } = await connected();
      await bench.ask("AT+QISEND=0");
      assert.equal(await bench.exchange("hello\x1b", /OK\r\n$/), "\r\nOK\r\n");
      await bench.pass(1_000);
      assert.equal(received(), "");
    });

    it("without a length is cut at 1024 bytes, and waits for 0x1A, when set so", async () => {
      const { bench, received } = await connected({ settings: { sendEndsAtLimit: false } });
      await bench.ask("AT+QISEND=0");
      bench.type("x".repeat(1_100));
      assert.equal(await bench.pass(1_000), "");
      await bench.exchange("\x1a", /SEND OK\r\n$/);
      await bench.pass(10);
      assert.equal(received().length, 1_024);
    });

    it("bears a 0x1A behind the announced bytes", async () => {
      const { bench } = await connected();
      await bench.ask("AT+QISEND=0,2");
      await bench.exchange("hi\x1a", /SEND OK\r\n$/);
      assert.equal(await bench.ask("AT"), "\r\nOK\r\n");
    });

    it("fails while 4 KB are not acknowledged", async () => {
      const { bench, peer } = await connected();
      peer.setReading(false);
      for (let piece = 0; piece < 4; piece++) {
        await bench.ask("AT+QISEND=0,1024");
        assert.match(await bench.exchange("x".repeat(1_024), /SEND [A-Z]+\r\n$/), /SEND OK/);
      }
      assert.equal(await bench.ask("AT+QISEND=0,0"), "\r\n+QISEND: 4096,0,4096\r\n\r\nOK\r\n");
      assert.equal(await bench.ask("AT+QITXCACHE"), "\r\n+QITXCACHE: 0\r\n\r\nOK\r\n");
      assert.equal(
        await bench.exchange("AT+QISEND=0,1,x\r", /SEND [A-Z]+\r\n$/),
        "\r\nOK\r\n\r\nSEND FAIL\r\n",
      );
      peer.setReading(true);
      await bench.pass(100);
      assert.equal(await bench.ask("AT+QISEND=0,0"), "\r\n+QISEND: 4096,4096,0\r\n\r\nOK\r\n");
    });

    it("echoes payload unless one of two settings forbids it", async () => {
      for (const [lines, echo] of [
        [["AT+QISDE=1"], true],
        [["AT+QISDE=0"], false],
        [["AT+QISDE=1", 'AT+QICFG="echomode",0'], false],
      ] as const) {
        const { bench } = await connected({ before: lines });
        await bench.ask("AT+QISEND=0,2");
        assert.equal((await bench.exchange("hi", /SEND OK\r\n$/)).startsWith("hi"), echo);
      }
    });

    it("loses what comes within the pause behind the prompt, and waits for the rest", async () => {
      const { bench, received } = await connected({ settings: { port: { promptPauseMs: 500 } } });
      await bench.ask("AT+QISEND=0,4");
      await bench.pass(5);
      bench.type("lost");
      assert.equal(await bench.pass(5_000), "");
      await bench.exchange("kept", /SEND OK\r\n$/);
      await bench.pass(10);
      assert.equal(received(), "kept");
    });

    it("has a prompt with a blank when set so", async () => {
      const { bench } = await connected({ settings: { port: { promptText: "> " } } });
      assert.equal(await bench.ask("AT+QISEND=0,4"), "\r\n> ");
    });
  });

  describe("receiving", () => {
    const read: readonly (readonly [before: readonly string[], answer: string])[] = [
      [[], "\r\n+QIRD: 3\r\nabc\r\n\r\nOK\r\n"],
      [['AT+QICFG="showlength",1'], "\r\n+QIRD: 3,2\r\nabc\r\n\r\nOK\r\n"],
      [['AT+QICFG="viewmode",1'], "\r\n+QIRD: 3,abc\r\n\r\nOK\r\n"],
      [['AT+QICFG="viewmode",1', 'AT+QICFG="showlength",1'], "\r\n+QIRD: 3,2,abc\r\n\r\nOK\r\n"],
      [['AT+QICFG="dataformat",0,1'], "\r\n+QIRD: 3\r\n616263\r\n\r\nOK\r\n"],
    ];
    for (const [before, answer] of read) {
      it(`in buffer mode with ${before.length === 0 ? "the defaults" : before.join(" and ")}`, async () => {
        const { bench, peer } = await connected({ before });
        peer.write("abcde");
        const length = before.some(line => line.includes("showlength")) ? ",5" : "";
        assert.equal(await bench.pass(100), `\r\n+QIURC: "recv",0${length}\r\n`);
        assert.equal(await bench.ask("AT+QIRD=0,3"), answer);
      });
    }

    it("reports once until the buffer has been read empty", async () => {
      const { bench, peer } = await connected();
      peer.write("abc");
      assert.equal(await bench.pass(100), '\r\n+QIURC: "recv",0\r\n');
      peer.write("def");
      assert.equal(await bench.pass(100), "");
      await bench.ask("AT+QIRD=0,4");
      peer.write("g");
      assert.equal(await bench.pass(100), "");
      await bench.ask("AT+QIRD=0,512");
      peer.write("h");
      assert.equal(await bench.pass(100), '\r\n+QIURC: "recv",0\r\n');
    });

    it("answers 0 when nothing is there, and takes 512 at most", async () => {
      const { bench } = await connected();
      assert.equal(await bench.ask("AT+QIRD=0,512"), "\r\n+QIRD: 0\r\n\r\nOK\r\n");
      assert.equal(await bench.ask("AT+QIRD=0,513"), "\r\nERROR\r\n");
      assert.equal(await bench.ask("AT+QIRD=1,1"), "\r\nERROR\r\n");
    });

    const pushed: readonly (readonly [before: readonly string[], urc: string])[] = [
      [[], '\r\n+QIURC: "recv",0,3\r\nabc'],
      [['AT+QICFG="viewmode",1'], '\r\n+QIURC: "recv",0,3,abc\r\n'],
      [['AT+QICFG="dataformat",0,1'], '\r\n+QIURC: "recv",0,3\r\n616263'],
    ];
    for (const [before, urc] of pushed) {
      it(`pushes in access mode 1 with ${before.length === 0 ? "the defaults" : before.join()}`, async () => {
        const { bench, peer } = await connected({ before, mode: 1 });
        peer.write("abc");
        assert.equal(await bench.pass(100), urc);
        assert.equal(await bench.ask("AT+QIRD=0,1"), "\r\nERROR\r\n");
      });
    }

    it("pushes in pieces of at most the bytes that are set", async () => {
      for (const [settings, lengths] of [
        [{}, [512, 88]],
        [{ pushBytes: 256 }, [256, 256, 88]],
      ] as const) {
        const { bench, peer } = await connected({ settings, mode: 1 });
        peer.write("x".repeat(600));
        const heard = await bench.pass(100);
        assert.deepEqual(
          [...heard.matchAll(/"recv",0,(\d+)/g)].map(match => Number(match[1])),
          lengths,
        );
      }
    });

    it("switches between the modes", async () => {
      const { bench, peer } = await connected();
      await bench.ask("AT+QISWTMD=0,1");
      peer.write("abc");
      assert.match(await bench.pass(100), /0,3\r\nabc$/);
      assert.match(await bench.ask("AT+QISTATE=1,0"), /,2,1,1\r\n/);
    });

    const overflow = [
      ["with-id", '\r\n+QIURC: "recv",0,"buff full"\r\n'],
      ["without-id", '\r\n+QIURC: "recv",buff full\r\n'],
    ] as const;
    for (const [overflowForm, urc] of overflow) {
      it(`loses acknowledged bytes beyond 2168 and says so, ${overflowForm}`, async () => {
        const { bench, peer } = await connected({ settings: { overflowForm } });
        peer.write("x".repeat(4_400));
        const heard = await bench.pass(1_000);
        assert.ok(heard.startsWith('\r\n+QIURC: "recv",0\r\n') && heard.includes(urc), heard);
        assert.equal(await readAll(bench), 2_168);
        assert.equal(bench.modem.sockets[0]?.lostBytes, 4_400 - 2_168);
      });
    }

    it("loses nothing with an unlimited buffer", async () => {
      const { bench, peer } = await connected({ settings: { receiveBufferBytes: Infinity } });
      peer.write("x".repeat(4_400));
      assert.equal(await bench.pass(1_000), '\r\n+QIURC: "recv",0\r\n');
      assert.equal(await readAll(bench), 4_400);
    });

    it("loses the report of what comes while a payload is typed; reading finds it", async () => {
      const { bench, peer } = await connected();
      await bench.ask("AT+QISEND=0,2");
      peer.write("late");
      await bench.pass(100);
      assert.ok(!(await bench.exchange("hi", /SEND OK\r\n$/)).includes("recv"));
      assert.equal(await bench.pass(1_000), "");
      assert.match(await bench.ask("AT+QIRD=0,512"), /late/);
    });

    it("hands over every byte in order, whatever the pieces", async () => {
      await fc.assert(
        fc.asyncProperty(
          fc.array(fc.uint8Array({ minLength: 1, maxLength: 700 }), { minLength: 1, maxLength: 5 }),
          fc.integer({ min: 1, max: 512 }),
          async (pieces, most) => {
            const { bench, peer } = await connected({
              settings: { receiveBufferBytes: Infinity },
              before: ['AT+QICFG="dataformat",0,1'],
            });
            for (const piece of pieces) peer.write(piece);
            await bench.pass(100);
            let heard = "";
            for (;;) {
              const answer = await bench.ask(`AT+QIRD=0,${String(most)}`);
              const hex = /\+QIRD: \d+\r\n([0-9A-F]+)\r\n/.exec(answer)?.[1];
              if (hex === undefined) break;
              heard += hex;
            }
            assert.equal(heard.toLowerCase(), Buffer.concat(pieces).toString("hex"));
          },
        ),
        { numRuns: 20 },
      );
    });
  });

  describe("closing", () => {
    it("by the peer is reported after its data, and the id needs QICLOSE", async () => {
      const { bench, peer } = await connected();
      peer.write("bye");
      peer.end();
      assert.equal(await bench.pass(100), '\r\n+QIURC: "recv",0\r\n\r\n+QIURC: "closed",0\r\n');
      assert.match(await bench.ask("AT+QIRD=0,512"), /bye/);
      assert.match(await bench.ask("AT+QISTATE=0,1"), /"TCP","192.0.2.10",5000,\d+,4,1,0\r\n/);
      assert.equal(await bench.ask("AT+QISEND=0,1,x"), "\r\nERROR\r\n");
      assert.equal(await bench.exchange("AT+QICLOSE=0\r", /CLOSE OK/), "\r\nOK\r\n\r\nCLOSE OK\r\n");
      assert.equal(await bench.ask("AT+QISTATE=0,1"), "\r\nOK\r\n");
    });

    it("of what is not open is an error, or goes well when set so", async () => {
      const strict = await Bc66Bench.memory().ready();
      assert.equal(await strict.ask("AT+QICLOSE=3"), "\r\nERROR\r\n");
      const lax = await Bc66Bench.memory({ settings: { closeUnopened: "result" } }).ready();
      assert.equal(await lax.exchange("AT+QICLOSE=3\r", /CLOSE/), "\r\nOK\r\n\r\nCLOSE OK\r\n");
    });

    it("waits 5 s for a peer that does not end its side", async () => {
      const { bench, peer } = await connected();
      peer.onEnd = () => undefined;
      const startMs = bench.scheduler.nowMs;
      await bench.exchange("AT+QICLOSE=0\r", /CLOSE OK/);
      assert.equal(bench.scheduler.nowMs - startMs, 5_000);
    });

    it("happens to all sockets when the network takes the bearer, which comes up again", async () => {
      const { bench } = await connected({ faults: ["pdpdeact command=+CBC"] });
      bench.type("AT+CBC\r");
      assert.match(await bench.pass(1_000), /\+QIURC: "closed",0\r\n[\s\S]*\+IP: /);
    });

    it("is not heard of where set so, and the bearer stays down", async () => {
      const settings = { closedUrcAfterDeactivation: false, reactivates: false };
      const { bench } = await connected({ settings, faults: ["pdpdeact command=+CBC"] });
      bench.type("AT+CBC\r");
      assert.equal(await bench.pass(1_000), "\r\n+CBC: 0,0,3280\r\n\r\nOK\r\n");
      assert.equal(await bench.ask("AT+CGPADDR=1"), "\r\nOK\r\n");
    });
  });

  it("sends and receives datagrams", async () => {
    const bench = await Bc66Bench.memory().ready();
    bench.network.serveDatagrams(port, (bytes, reply) => reply(Buffer.from(bytes).reverse()));
    await bench.exchange(`AT+QIOPEN=1,1,"UDP","192.0.2.10",${String(port)},4445,1\r`, /QIOPEN: 1,0/);
    assert.match(
      await bench.exchange("AT+QISENDEX=1,3,313233\r", /recv.*\r\n...$/),
      /SEND OK\r\n\r\n\+QIURC: "recv",1,3\r\n321$/,
    );
  });

  async function readAll(bench: Bc66Bench): Promise<number> {
    for (let sum = 0; ;) {
      const length = Number(/\+QIRD: (\d+)/.exec(await bench.ask("AT+QIRD=0,512"))?.[1]);
      if (length === 0) return sum;
      sum += length;
    }
  }
});
