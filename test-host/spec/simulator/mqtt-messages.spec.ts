import assert from "node:assert/strict";
import type { MqttSettings } from "../../simulator/modem/mqtt-settings.js";
import type { LinkName } from "../../simulator/link.js";
import { AtBench } from "./at-bench.js";
import { connected, opened, type ScriptedBroker } from "./mqtt-support.js";

const ok = "\r\nOK\r\n";
const error = "\r\nERROR\r\n";
const prompt = "\r\n> ";

function urc(...lines: readonly string[]): string {
  return lines.map(line => `\r\n${line}\r\n`).join("");
}

function bench(mqtt: Partial<MqttSettings> = {}, link: LinkName = "none"): Promise<AtBench> {
  return AtBench.memory({ link, settings: { mqtt } }).ready();
}

async function connectedAgain(at: AtBench, broker: ScriptedBroker): Promise<void> {
  at.type("\x1b");
  await at.pass(100);
  await at.ask("AT+QIDEACT=1");
  await at.ask("AT+QIACT=1");
  await opened(at, broker);
  await at.exchange('AT+QMTCONN=0,"device"\r', /QMTCONN: 0,0,0\r\n$/);
}

/** All byte values but the two that end a prompt, then text that looks like answers. */
const awkward = Buffer.concat([
  Buffer.from(
    Array.from({ length: 256 }, (_, value) => value).filter(value => value !== 0x1a && value !== 0x1b),
  ),
  Buffer.from('\r\nOK\r\n"+QMTRECV: 0,0,"a","b"\r\nERROR\r\n> '),
]);

describe("publications of the simulated BG95", () => {
  describe("after a prompt", () => {
    const cuts: readonly [title: string, size: number][] = [
      ["at once", Infinity],
      ["byte by byte", 1],
      ["in sevens", 7],
    ];
    for (const [title, size] of cuts) {
      for (const hasLength of [true, false]) {
        it(`take every byte ${title} ${hasLength ? "by count" : "until Ctrl+Z"}`, async () => {
          const at = await bench();
          const broker = await connected(at);
          const length = hasLength ? `,${String(awkward.length)}` : "";
          assert.equal(await at.ask(`AT+QMTPUB=0,0,0,0,"a"${length}`), prompt);
          const typed = hasLength ? awkward : Buffer.concat([awkward, Buffer.of(0x1a)]);
          for (let start = 0; start < typed.length; start += size) {
            at.type(typed.subarray(start, start + size));
            if (size === Infinity) break;
          }
          assert.equal(await at.pass(100), ok + urc("+QMTPUB: 0,0,0"));
          const { payload, topic, qos, retain } = broker.last("publish");
          assert.deepEqual(
            [Buffer.from(payload).toString("hex"), topic, qos, retain],
            [awkward.toString("hex"), "a", 0, false],
          );
        });
      }
    }

    it("takes Ctrl+Z and ESC as payload when a length is given", async () => {
      const at = await bench();
      const broker = await connected(at);
      await at.ask('AT+QMTPUB=0,0,0,1,"a",3');
      await at.exchange("\x1a\x1b\x00", /QMTPUB: 0,0,0/);
      assert.equal(Buffer.from(broker.last("publish").payload).toString("hex"), "1a1b00");
      assert.equal(broker.last("publish").retain, true);
    });

    it("is cancelled by ESC", async () => {
      const at = await bench();
      const broker = await connected(at);
      await at.ask('AT+QMTPUB=0,0,0,0,"a"');
      assert.equal(await at.exchange("never\x1b", /OK/), ok);
      assert.equal(await at.pass(10_000), "");
      assert.equal(broker.names.includes("publish"), false);
    });

    it("sends a command that comes instead of the payload", async () => {
      const at = await bench();
      const broker = await connected(at);
      await at.ask('AT+QMTPUB=0,0,0,0,"a"');
      await at.exchange("AT+QMTCLOSE=0\r\x1a", /QMTPUB: 0,0,0/);
      assert.equal(String(broker.last("publish").payload), "AT+QMTCLOSE=0\r");
    });

    it("carries 4096 bytes and no more", async () => {
      const at = await bench();
      const broker = await connected(at);
      assert.equal(await at.ask('AT+QMTPUB=0,0,0,0,"a",4096'), prompt);
      await at.exchange("x".repeat(4096), /QMTPUB: 0,0,0/);
      assert.equal(broker.last("publish").payload.length, 4096);
      assert.equal(await at.ask('AT+QMTPUB=0,0,0,0,"a",4097'), error);
      assert.equal(await at.ask('AT+QMTPUB=0,0,0,0,"a",0'), error);
    });

    it("cuts what Ctrl+Z ends beyond 4096, or refuses it when set so", async () => {
      for (const [overlongPayload, answer] of [
        ["cut", ok + urc("+QMTPUB: 0,0,0")],
        ["error", error],
      ] as const) {
        const at = await bench({ overlongPayload });
        const broker = await connected(at);
        await at.ask('AT+QMTPUB=0,0,0,0,"a"');
        at.type("x".repeat(4097) + "\x1a");
        assert.equal(await at.pass(100), answer);
        if (overlongPayload === "cut") assert.equal(broker.last("publish").payload.length, 4096);
      }
    });

    it("echoes the payload when set so", async () => {
      const at = await bench({ payloadEcho: true });
      await connected(at);
      await at.ask('AT+QMTPUB=0,0,0,0,"a"');
      assert.equal(await at.exchange("shown\x1a", /QMTPUB: .*\r\n$/), "shown" + ok + urc("+QMTPUB: 0,0,0"));
    });

    it("answers ERROR when the broker has gone since the prompt", async () => {
      const at = await bench();
      const broker = await connected(at);
      await at.ask('AT+QMTPUB=0,0,0,0,"a",2');
      broker.peer.end();
      await at.pass(100);
      at.type("xy");
      assert.equal(await at.pass(100), error + urc("+QMTSTAT: 0,1"));
    });
  });

  const refused: readonly string[] = [
    '0,0,1,0,"a",1',
    '0,0,2,0,"a",1',
    '0,65536,1,0,"a",1',
    '0,1,3,0,"a",1',
    '0,1,1,2,"a",1',
    '0,1,1,0,"",1',
    "0,1,1,0,a,1",
    `0,1,1,0,"${"t".repeat(256)}",1`,
    '0,1,1,0,"a",1,1',
    "0,1,1,0",
  ];
  for (const args of refused) {
    it(`refuse AT+QMTPUB=${args.slice(0, 40)}`, async () => {
      const at = await bench();
      await connected(at);
      assert.equal(await at.ask(`AT+QMTPUB=${args}`), error);
    });
  }

  describe("in the command line", () => {
    it("go out by AT+QMTPUBEX", async () => {
      const at = await bench();
      const broker = await connected(at);
      const answer = await at.exchange('AT+QMTPUBEX=0,3,1,0,"a","one, two; three "\r', /QMTPUB: .*\r\n$/);
      assert.equal(answer, ok + urc("+QMTPUB: 0,3,0"));
      assert.equal(String(broker.last("publish").payload), "one, two; three ");
    });

    const refusedLines: readonly [title: string, text: string][] = [
      ["561 bytes", `"${"x".repeat(561)}"`],
      ["no quotes", "plain"],
      ["a quote inside", '"say "yes""'],
      ["an open end", '"half'],
    ];
    for (const [title, text] of refusedLines) {
      it(`are refused with ${title}`, async () => {
        const at = await bench();
        await connected(at);
        assert.equal(await at.ask(`AT+QMTPUBEX=0,0,0,0,"a",${text}`), error);
      });
    }

    it("take 560 bytes, and quotes when set so", async () => {
      const at = await bench({ inlineQuotes: "whole" });
      const broker = await connected(at);
      await at.exchange(`AT+QMTPUBEX=0,0,0,0,"a","${"x".repeat(560)}"\r`, /QMTPUB: 0,0,0/);
      assert.equal(broker.last("publish").payload.length, 560);
      await at.exchange('AT+QMTPUBEX=0,0,0,0,"a","{"a": 1, "b":"2"}"\r', /QMTPUB: 0,0,0/);
      assert.equal(String(broker.last("publish").payload), '{"a": 1, "b":"2"}');
    });
  });

  describe("with acknowledgement", () => {
    it("tell 0 after PUBACK, and after PUBCOMP", async () => {
      const at = await bench({}, "lte-m");
      const broker = await connected(at);
      for (const [qos, packets] of [
        [1, ["publish"]],
        [2, ["publish", "pubrel"]],
      ] as const) {
        const before = broker.packets.length;
        await at.ask(`AT+QMTPUB=0,9,${String(qos)},0,"a",1`);
        assert.equal(await at.exchange("x", /QMTPUB: .*\r\n$/), ok + urc("+QMTPUB: 0,9,0"));
        assert.deepEqual(broker.names.slice(before), packets);
      }
    });

    const silences: readonly [
      qos: 1 | 2,
      muted: "publish" | "pubrel",
      notices: boolean,
      lines: readonly string[],
      sent: readonly string[],
    ][] = [
      [1, "publish", false, ["+QMTPUB: 0,9,2", "+QMTSTAT: 0,6"], ["publish", "publish", "publish"]],
      [
        1,
        "publish",
        true,
        ["+QMTPUB: 0,9,1,1", "+QMTPUB: 0,9,1,2", "+QMTPUB: 0,9,2", "+QMTSTAT: 0,6"],
        ["publish", "publish", "publish"],
      ],
      [2, "publish", false, ["+QMTPUB: 0,9,2", "+QMTSTAT: 0,6"], ["publish", "publish", "publish"]],
      [2, "pubrel", false, ["+QMTPUB: 0,9,2", "+QMTSTAT: 0,6"], ["publish", "pubrel", "pubrel", "pubrel"]],
    ];
    for (const [qos, muted, notices, lines, sent] of silences) {
      it(`QoS ${String(qos)} without answer to ${muted} fails after 15 s${notices ? ", with notices" : ""}`, async () => {
        const at = await bench();
        const broker = await connected(at, `"timeout",0,5,3,${notices ? "1" : "0"}`);
        broker.mute.add(muted);
        await at.ask(`AT+QMTPUB=0,9,${String(qos)},0,"a",1`);
        const startMs = at.scheduler.nowMs;
        assert.equal(await at.exchange("x", /QMTSTAT: .*\r\n$/), ok + urc(...lines));
        assert.equal(Math.round(at.scheduler.nowMs - startMs), 15_000);
        assert.deepEqual(broker.names.slice(1), sent);
        const duplicates = broker.packets
          .filter(packet => packet.cmd === "publish")
          .map(packet => packet.dup);
        assert.deepEqual(
          duplicates,
          duplicates.map((_, index) => index > 0),
        );
      });
    }

    it("are sent again and succeed late", async () => {
      const at = await bench();
      const broker = await connected(at, '"timeout",0,5,3,1');
      broker.mute.add("publish");
      await at.ask('AT+QMTPUB=0,9,1,0,"a",1');
      at.type("x");
      await at.pass(6_000);
      broker.mute.clear();
      assert.equal(await at.wait(/9,0\r\n$/), urc("+QMTPUB: 0,9,1,2", "+QMTPUB: 0,9,0"));
    });

    it("keep the client open after a failure, when set so", async () => {
      const at = await bench({ failedSendCloses: false });
      const broker = await connected(at);
      broker.mute.add("publish");
      await at.ask('AT+QMTPUB=0,9,1,0,"a",1');
      await at.exchange("x", /9,2\r\n$/);
      assert.match(await at.ask("AT+QMTCONN?"), /QMTCONN: 0,3/);
    });

    for (const [windowFull, answer] of [
      ["error", error],
      ["failed", ok + urc("+QMTPUB: 0,6,2")],
    ] as const) {
      it(`have a window of five; the sixth is "${windowFull}"`, async () => {
        const at = await bench({ windowFull });
        const broker = await connected(at);
        broker.mute.add("publish");
        for (const id of [1, 2, 3, 4, 5]) {
          await at.ask(`AT+QMTPUB=0,${String(id)},1,0,"a",1`);
          await at.exchange("x", /OK/);
        }
        assert.equal(await at.exchange('AT+QMTPUB=0,6,1,0,"a",1\r', /ERROR\r\n|6,2\r\n/), answer);
        assert.equal(await at.ask('AT+QMTPUB=0,0,0,0,"a",1'), prompt);
        await at.exchange("x", /QMTPUB: 0,0,0/);
        broker.send({ cmd: "puback", messageId: 3 });
        await at.wait(/QMTPUB: 0,3,0/);
        assert.equal(await at.ask('AT+QMTPUB=0,6,1,0,"a",1'), prompt);
      });
    }

    it("refuse an id that is under way", async () => {
      const at = await bench();
      const broker = await connected(at);
      broker.mute.add("publish");
      await at.ask('AT+QMTPUB=0,1,1,0,"a",1');
      await at.exchange("x", /OK/);
      assert.equal(await at.ask('AT+QMTPUB=0,1,1,0,"a",1'), error);
    });
  });

  it("QoS 0 has no result after the end of the connection", async () => {
    const at = await bench({}, "lte-m");
    const broker = await connected(at);
    await at.ask('AT+QMTPUB=0,0,0,0,"a",1');
    at.modem.module.deactivateByNetwork(1);
    await connectedAgain(at, broker);
    await at.ask('AT+QMTPUB=0,0,0,0,"a",1');
    await at.exchange("x", /OK\r\n/);
    at.modem.module.deactivateByNetwork(1);
    assert.doesNotMatch(await at.pass(10_000), /QMTPUB/);
  });

  it("QoS 0 fails once the connection takes no more", async () => {
    const at = await bench({ sendBufferBytes: 2_000 });
    const broker = await connected(at);
    broker.peer.setReading(false);
    const results: string[] = [];
    while (results.length < 3) {
      await at.ask('AT+QMTPUB=0,0,0,0,"a",900');
      results.push(await at.exchange("x".repeat(900), /QMTPUB: .*\r\n/));
    }
    assert.deepEqual(
      results.map(text => text.slice(ok.length)),
      [0, 0, 2].map(value => urc(`+QMTPUB: 0,0,${String(value)}`)),
    );
  });
});

describe("messages to the simulated BG95", () => {
  function publish(
    broker: ScriptedBroker,
    payload: string | Buffer,
    qos: 0 | 1 | 2 = 0,
    messageId = 0,
  ): void {
    broker.send({ cmd: "publish", qos, dup: false, retain: false, topic: "t", payload, messageId });
  }

  const forms: readonly [title: string, payload: string, lengthLine: string, plainLine: string][] = [
    ["plain text", "hello", '"t",5,"hello"', '"t","hello"'],
    ["quotes and commas", 'a","b', '"t",5,"a","b"', '"t","a","b"'],
    ["line ends", "a\r\nOK\r\nb", '"t",8,"a\r\nOK\r\nb"', '"t","a\r\nOK\r\nb"'],
    ["NUL", "a\0b", '"t",3,"a\0b"', '"t","a\0b"'],
    ["nothing", "", '"t",0,""', '"t",""'],
  ];
  for (const [title, payload, withLength, plain] of forms) {
    it(`come in the URC as they are: ${title}`, async () => {
      const at = await bench();
      const broker = await connected(at);
      publish(broker, payload);
      assert.equal(await at.pass(1), urc(`+QMTRECV: 0,0,${plain}`));
      await at.ask('AT+QMTCFG="recv/mode",0,0,1');
      publish(broker, payload);
      assert.equal(await at.pass(1), urc(`+QMTRECV: 0,0,${withLength}`));
    });

    it(`wait in a buffer as they are: ${title}`, async () => {
      const at = await bench();
      const broker = await connected(at, '"recv/mode",0,1,0');
      publish(broker, payload);
      assert.equal(await at.pass(1), urc("+QMTRECV: 0,0"));
      assert.equal(await at.ask("AT+QMTRECV?"), `\r\n+QMTRECV: 0,1,0,0,0,0\r\n${ok}`);
      assert.equal(
        await at.exchange("AT+QMTRECV=0,0\r", /\r\n\r\nOK\r\n$/),
        `\r\n+QMTRECV: 0,0,${plain}\r\n${ok}`,
      );
      assert.equal(await at.ask("AT+QMTRECV=0,0"), ok);
      await at.ask('AT+QMTCFG="recv/mode",0,1,1');
      publish(broker, payload);
      await at.pass(1);
      assert.equal(
        await at.exchange("AT+QMTRECV=0\r", /\r\n\r\nOK\r\n$/),
        `\r\n+QMTRECV: 0,0,${withLength}\r\n${ok}`,
      );
    });
  }

  it("are acknowledged and told with their id", async () => {
    const at = await bench();
    const broker = await connected(at);
    publish(broker, "one", 1, 11);
    publish(broker, "two", 2, 12);
    assert.equal(await at.pass(1), urc('+QMTRECV: 0,11,"t","one"', '+QMTRECV: 0,12,"t","two"'));
    assert.deepEqual(broker.names.slice(1), ["puback", "pubrec", "pubcomp"]);
  });

  it("of QoS 2 are told once however often they are sent before PUBREL", async () => {
    const at = await bench();
    const broker = await connected(at);
    broker.mute.add("pubrec");
    publish(broker, "once", 2, 5);
    publish(broker, "once", 2, 5);
    assert.equal(await at.pass(1), urc('+QMTRECV: 0,5,"t","once"'));
    broker.send({ cmd: "pubrel", messageId: 5 });
    publish(broker, "again", 2, 5);
    assert.equal(await at.pass(1), urc('+QMTRECV: 0,5,"t","again"'));
  });

  for (const [receiveOverflow, lines, kept] of [
    ["drop-new", [], ["1", "2", "3", "4", "5"]],
    ["overwrite-oldest", ["+QMTRECV: 0,0"], ["2", "3", "4", "5", "6"]],
  ] as const) {
    it(`wait in five buffers; the sixth: ${receiveOverflow}`, async () => {
      const at = await bench({ receiveOverflow });
      const broker = await connected(at, '"recv/mode",0,1,0');
      for (const text of ["1", "2", "3", "4", "5"]) publish(broker, text);
      await at.pass(1);
      publish(broker, "6", 1, 1);
      assert.equal(await at.pass(1), urc(...lines));
      // Lost and yet acknowledged: the broker will not send it again.
      assert.equal(broker.names.at(-1), "puback");
      const read: string[] = [];
      for (let round = 0; round < 6; round++) {
        const text = /"t","(.)"/.exec(await at.ask("AT+QMTRECV=0"))?.[1];
        if (text !== undefined) read.push(text);
      }
      assert.deepEqual(read, kept);
      assert.equal(await at.ask("AT+QMTRECV=0"), ok);
    });
  }

  it("are read all at once without an id, when set so", async () => {
    const at = await bench({ readWithoutId: "all" });
    const broker = await connected(at, '"recv/mode",0,1,0');
    publish(broker, "1");
    publish(broker, "2");
    await at.pass(1);
    assert.match(
      await at.exchange("AT+QMTRECV=0\r", /OK\r\n$/),
      /"t","1"\r\n\+QMTRECV: 0,0,"t","2"\r\n\r\nOK/,
    );
  });

  it("that wait are gone with the connection", async () => {
    const at = await bench();
    const broker = await connected(at, '"recv/mode",0,1,0');
    publish(broker, "1");
    await at.pass(1);
    broker.peer.end();
    await at.pass(1);
    assert.equal(await at.ask("AT+QMTRECV=0,0"), error);
    assert.equal(await at.ask("AT+QMTRECV?"), ok);
    await connected(at);
    assert.equal(await at.ask("AT+QMTRECV?"), `\r\n+QMTRECV: 0,0,0,0,0,0\r\n${ok}`);
  });

  it("that come while a prompt is open are told after it", async () => {
    const at = await bench();
    const broker = await connected(at);
    await at.ask('AT+QMTPUB=0,0,0,0,"a",2');
    publish(broker, "meanwhile");
    assert.equal(await at.pass(1_000), "");
    const heard = await at.exchange("xy", /QMTPUB: 0,0,0[^]*RECV[^]*\r\n$|RECV[^]*QMTPUB: 0,0,0\r\n$/);
    assert.match(heard, /OK[^]*\+QMTRECV: 0,0,"t","meanwhile"/);
  });

  it("take the link's time", async () => {
    const at = await bench({}, "nb-iot");
    const broker = await connected(at);
    const startMs = at.scheduler.nowMs;
    publish(broker, "x".repeat(2_000));
    await at.wait(/QMTRECV[^]*\r\n$/);
    const tookMs = at.scheduler.nowMs - startMs;
    // 2 KB at 20 kbit/s and half a round trip.
    assert.ok(tookMs > 1_600 && tookMs < 2_400, String(tookMs));
  });
});

describe("faults around the simulated BG95's MQTT client", () => {
  it("a restart in the middle of a payload leaves no client and no publication", async () => {
    const at = await AtBench.memory({ faults: ["reset command=+QMTPUB nth=2"] }).ready();
    const broker = await connected(at);
    await at.ask('AT+QMTPUB=0,0,0,0,"a",5');
    await at.exchange("first", /QMTPUB: 0,0,0/);
    at.type('AT+QMTPUB=0,0,0,0,"a",6\rsecond');
    assert.match(await at.wait(/APP RDY/, 20_000), /RDY/);
    assert.equal(broker.names.filter(name => name === "publish").length, 1);
    assert.equal(broker.endedBy, "reset");
  });

  // CONNECT takes 20 bytes, PUBLISH of 40 bytes to "a" with an id 47: the fault strikes inside it.
  const midPublish: readonly [fault: string, heard: RegExp, endedBy: "reset" | undefined][] = [
    ["reset sent=40 socket=100", /^(?![^]*QMT)[^]*APP RDY/, "reset"],
    ["peer-reset sent=40 socket=100", /^\r\n\+QMTSTAT: 0,1\r\n$/, "reset"],
    ["context-loss sent=40 socket=100", /^\r\n\+QMTPUB: 0,1,2\r\n\r\n\+QMTSTAT: 0,6\r\n$/, "reset"],
    ["pdpdeact sent=40 socket=100", /"pdpdeact",1\r\n\r\n\+QMTSTAT: 0,7\r\n$/, "reset"],
  ];
  for (const [fault, heard, endedBy] of midPublish) {
    it(`${fault} leaves a publication without its acknowledgement`, async () => {
      const at = await AtBench.memory({ faults: [fault], link: "lte-m" }).ready();
      const broker = await connected(at);
      broker.mute.add("publish");
      await at.ask('AT+QMTPUB=0,1,1,0,"a",40');
      assert.match(await at.exchange("x".repeat(40), /OK\r\n/), /OK/);
      assert.match(await at.pass(20_000), heard);
      assert.equal(broker.endedBy, endedBy);
    });
  }

  it("a restart while the answer is awaited says nothing more of it", async () => {
    const at = await bench();
    const broker = await connected(at);
    broker.mute.add("publish");
    await at.ask('AT+QMTPUB=0,1,1,0,"a",1');
    await at.exchange("x", /OK/);
    at.modem.module.power.crash();
    assert.doesNotMatch(await at.pass(60_000), /QMT/);
  });

  it("a context lost without a word is noticed by PINGREQ", async () => {
    const at = await bench();
    const broker = await connected(at, '"keepalive",0,60');
    at.modem.module.loseContext(1);
    broker.peer.write("nobody hears");
    assert.equal(await at.wait(/QMTSTAT: .*\r\n/), urc("+QMTSTAT: 0,2"));
  });

  it("cover lost for a while delays the publication, and its copies arrive after it", async () => {
    const at = await bench({}, "lte-m");
    const broker = await connected(at);
    at.modem.module.loseRegistration(7_000);
    await at.ask('AT+QMTPUB=0,1,1,0,"a",1');
    assert.equal(await at.exchange("x", /QMTPUB: .*\r\n/), ok + urc("+QMTPUB: 0,1,0"));
    await at.pass(60_000);
    assert.deepEqual(broker.names.slice(1), ["publish", "publish"]);
  });

  it("a held-back result comes late, a lost one never", async () => {
    for (const [fault, awaited] of [
      ["hold-urc urc=+QMTPUB ms=9000", /QMTPUB: 0,0,0/],
      ["hold-urc urc=+QMTPUB", /^$/],
    ] as const) {
      const at = await AtBench.memory({ faults: [fault] }).ready();
      await connected(at);
      await at.ask('AT+QMTPUB=0,0,0,0,"a",1');
      assert.equal(await at.exchange("x", /OK\r\n$/), ok);
      assert.equal(await at.pass(8_000), "");
      assert.match(await at.pass(2_000), awaited);
    }
  });
});
