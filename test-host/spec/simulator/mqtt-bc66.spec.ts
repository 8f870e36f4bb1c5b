import assert from "node:assert/strict";
import type { MqttSettings } from "../../simulator/modem/mqtt-settings.js";
import { Bc66Bench } from "./bc66-bench.js";
import { connected, opened, ScriptedBroker } from "./mqtt-support.js";

const ok = "\r\nOK\r\n";
const error = "\r\nERROR\r\n";

function urc(...lines: readonly string[]): string {
  return lines.map(line => `\r\n${line}\r\n`).join("");
}

function bench(mqtt: Partial<MqttSettings> = {}): Promise<Bc66Bench> {
  return Bc66Bench.memory({ settings: { mqtt } }).ready();
}

describe("MQTT client of the simulated BC66", () => {
  describe("configuration", () => {
    const shown: readonly [question: string, initial: string, set: string, after: string][] = [
      ['"dataformat",3', '"dataformat",0,0', '"dataformat",3,1,1', '"dataformat",1,1'],
      ['"keepalive",3', '"keepalive",120', '"keepalive",3,0', '"keepalive",0'],
      ['"session",3', '"session",1', '"session",3,0', '"session",0'],
      ['"timeout",3', '"timeout",10,3,0', '"timeout",3,1,0,1', '"timeout",1,0,1'],
      ['"will",3', '"will",0', '"will",3,1,0,0,"t","m"', '"will",1,0,0,"t","m"'],
      ['"version",3', '"version",3', '"version",3,4', '"version",4'],
      ['"aliauth",3', '"aliauth","","",""', '"aliauth",3,"a","b","c"', '"aliauth","a","b","c"'],
      ['"echomode",3', '"echomode",0', '"echomode",3,1', '"echomode",1'],
      ['"ssl",3', '"ssl",0', '"ssl",3,1,1,5', '"ssl",1,1,5'],
    ];
    for (const [question, initial, set, after] of shown) {
      it(`shows ${initial}, and ${after} after AT+QMTCFG=${set}`, async () => {
        const at = await bench();
        assert.equal(await at.ask(`AT+QMTCFG=${question}`), `\r\n+QMTCFG: ${initial}\r\n${ok}`);
        assert.equal(await at.ask(`AT+QMTCFG=${set}`), ok);
        assert.equal(await at.ask(`AT+QMTCFG=${question}`), `\r\n+QMTCFG: ${after}\r\n${ok}`);
      });
    }

    const refused: readonly string[] = [
      '"ssl",0,1',
      '"ssl",0,1,1',
      '"ssl",0,1,4,0',
      '"ssl",0,1,1,6',
      '"ssl",0,0,1',
      '"recv/mode",0,0,1',
      '"pdpcid",0,1',
      '"dataformat",0,2,0',
      '"timeout",0,10,11,0',
      `"aliauth",0,"${"a".repeat(65)}","b","c"`,
    ];
    for (const item of refused) {
      it(`refuses AT+QMTCFG=${item.slice(0, 40)}`, async () => {
        assert.equal(await (await bench()).ask(`AT+QMTCFG=${item}`), error);
      });
    }

    for (const item of [
      '"will",0,0',
      '"session",0,1',
      '"keepalive",0,1',
      '"version",0,4',
      '"ssl",0,0',
      '"aliauth",0,"","",""',
    ]) {
      it(`refuses AT+QMTCFG=${item} while the client is open`, async () => {
        const at = await bench();
        assert.equal(await at.ask(`AT+QMTCFG=${item}`), ok);
        await opened(at);
        assert.equal(await at.ask(`AT+QMTCFG=${item}`), error);
      });
    }

    it("is gone after a restart, connection and all", async () => {
      const at = await bench();
      const broker = await connected(at, '"dataformat",0,1,1');
      at.modem.module.power.crash();
      await at.pass(10_000);
      await at.ready();
      assert.equal(broker.endedBy, "reset");
      assert.match(await at.ask('AT+QMTCFG="version",0'), /"version",3/);
      assert.match(await at.ask('AT+QMTCFG="dataformat",0'), /"dataformat",0,0/);
      assert.equal(await at.ask("AT+QMTOPEN?"), ok);
    });
  });

  describe("opening", () => {
    const causes: readonly [
      cause: string,
      line: string,
      limitMs: number,
      prepare?: (at: Bc66Bench) => unknown,
    ][] = [
      ["the name is unknown", 'AT+QMTOPEN=0,"nobody.test",1883', 0],
      ["nobody listens", 'AT+QMTOPEN=0,"broker.test",1883', 0],
      ["the settings allow no TLS", 'AT+QMTOPEN=0,"broker.test",1883', 0, withTls],
      ["the bearer is down", 'AT+QMTOPEN=0,"broker.test",1883', 0, at => at.ask("AT+CGACT=0,1")],
      [
        "nothing gets through for 75 s",
        'AT+QMTOPEN=0,"broker.test",1883',
        75_000,
        at => at.modem.link.addOutage({ fromMs: 0, forMs: 600_000 }),
      ],
    ];
    for (const [cause, line, limitMs, prepare] of causes) {
      it(`has no other code than -1: ${cause}`, async () => {
        const at = await bench();
        await prepare?.(at);
        const startMs = at.scheduler.nowMs;
        assert.equal(await at.exchange(line + "\r", /QMTOPEN: .*\r\n$/), ok + urc("+QMTOPEN: 0,-1"));
        assert.equal(Math.round(at.scheduler.nowMs - startMs), limitMs);
        assert.equal(await at.ask("AT+QMTOPEN?"), ok);
      });
    }

    async function withTls(at: Bc66Bench): Promise<string> {
      new ScriptedBroker(at.network);
      await at.ask('AT+QSSLCFG=1,5,"seclevel",1');
      return at.ask('AT+QMTCFG="ssl",0,1,1,5');
    }

    it("ends with -1 for a client that is open", async () => {
      const at = await bench();
      await opened(at);
      const answer = await at.exchange('AT+QMTOPEN=0,"broker.test",1883\r', /QMTOPEN: .*\r\n$/);
      assert.equal(answer, ok + urc("+QMTOPEN: 0,-1"));
      assert.match(await at.ask("AT+QMTOPEN?"), /QMTOPEN: 0,"broker.test",1883/);
    });

    it("takes a host of 150 bytes and none of 151", async () => {
      const at = await bench();
      assert.equal(await at.ask(`AT+QMTOPEN=0,"${"h".repeat(151)}",1883`), error);
      assert.match(await at.exchange(`AT+QMTOPEN=0,"${"h".repeat(150)}",1883\r`, /QMTOPEN.*\r\n$/), /0,-1/);
    });

    const limits: readonly [name: string, most: number, line: (text: string) => string][] = [
      ["client id", 128, text => `AT+QMTCONN=0,"${text}"`],
      ["user", 256, text => `AT+QMTCONN=0,"device","${text}"`],
      ["password", 256, text => `AT+QMTCONN=0,"device","me","${text}"`],
    ];
    for (const [name, most, line] of limits) {
      it(`takes a ${name} of ${String(most)} bytes and no more`, async () => {
        const at = await bench();
        await opened(at);
        assert.equal(await at.ask(line("x".repeat(most + 1))), error);
        assert.match(await at.exchange(line("x".repeat(most)) + "\r", /QMTCONN: .*\r\n$/), /QMTCONN: 0,0,0/);
      });
    }

    it("is undone by a broker that drops a silent connection", async () => {
      const at = await bench();
      const broker = await opened(at);
      at.scheduler.after(10_000, () => broker.peer.end());
      assert.equal(await at.pass(11_000), urc("+QMTSTAT: 0,1"));
      assert.equal(await at.ask('AT+QMTCONN=0,"device"'), error);
    });
  });

  for (const [retransmitsConnect, sent] of [
    [true, 4],
    [false, 1],
  ] as const) {
    it(`waits 40 s for CONNACK and sends CONNECT ${String(sent)} times`, async () => {
      const at = await bench({ retransmitsConnect });
      const broker = await opened(at);
      broker.mute.add("connect");
      const startMs = at.scheduler.nowMs;
      const answer = await at.exchange('AT+QMTCONN=0,"device"\r', /QMTSTAT: .*\r\n$/);
      assert.equal(answer, ok + urc("+QMTCONN: 0,2", "+QMTSTAT: 0,4"));
      assert.equal(Math.round(at.scheduler.nowMs - startMs), 40_000);
      assert.equal(broker.packets.length, sent);
    });
  }

  describe("publications", () => {
    const inline: readonly [title: string, text: string][] = [
      ["plain", "hello MQTT."],
      ["the manual's, with quotes inside", 'i am json : "{"a":"1","b":"2"}"'],
      ["a JSON object", '{"a": 1, "b":[1,2]}'],
      ["700 bytes", "x".repeat(700)],
      ["empty", ""],
    ];
    for (const [title, text] of inline) {
      it(`in the command line: ${title}`, async () => {
        const at = await bench();
        const broker = await connected(at);
        const answer = await at.exchange(`AT+QMTPUB=0,0,0,0,"t","${text}"\r`, /QMTPUB: .*\r\n$/);
        assert.equal(answer, ok + urc("+QMTPUB: 0,0,0"));
        assert.equal(String(broker.last("publish").payload), text);
      });
    }

    const refused: readonly [title: string, args: string][] = [
      ["a semicolon in the payload", '0,0,0,0,"t","a;b"'],
      ["a semicolon after quotes in the payload", '0,0,0,0,"t","say "a;b" now"'],
      ["701 bytes", `0,0,0,0,"t","${"x".repeat(701)}"`],
      ["a length", '0,0,0,0,"t",5'],
      ["a message id with QoS 0", '0,1,0,0,"t","x"'],
      ["no message id with QoS 1", '0,0,1,0,"t","x"'],
      ["a topic of 256 bytes", `0,0,0,0,"${"t".repeat(256)}","x"`],
    ];
    for (const [title, args] of refused) {
      it(`are refused with ${title}, and nothing is sent`, async () => {
        const at = await bench();
        const broker = await connected(at);
        assert.equal(await at.ask(`AT+QMTPUB=${args}`), error);
        await at.pass(1_000);
        assert.deepEqual(broker.names, ["connect"]);
      });
    }

    it("after the prompt end with Ctrl+Z and hold what quotes cannot", async () => {
      const at = await bench();
      const broker = await connected(at);
      assert.match(await at.ask('AT+QMTPUB=0,4,1,1,"t"'), /^\r\n> ?/);
      const payload = 'a;"b"\r\nOK\r\n\0\xff';
      assert.equal(await at.exchange(payload + "\x1a", /QMTPUB: .*\r\n$/), ok + urc("+QMTPUB: 0,4,0"));
      const sent = broker.last("publish");
      assert.deepEqual(
        [Buffer.from(sent.payload).toString("latin1"), sent.retain, sent.qos],
        [payload, true, 1],
      );
    });

    it("after the prompt hold 1024 bytes", async () => {
      for (const [overlongPayload, awaited] of [
        ["cut", /QMTPUB: 0,0,0/],
        ["error", /ERROR/],
      ] as const) {
        const at = await bench({ overlongPayload });
        const broker = await connected(at);
        await at.ask('AT+QMTPUB=0,0,0,0,"t"');
        await at.exchange("x".repeat(1024) + "\x1a", /QMTPUB: 0,0,0/);
        assert.equal(broker.last("publish").payload.length, 1024);
        await at.ask('AT+QMTPUB=0,0,0,0,"t"');
        assert.match(await at.exchange("x".repeat(1025) + "\x1a", awaited), awaited);
        assert.equal(broker.last("publish").payload.length, 1024);
      }
    });

    it("in hex are bytes on the way, from prompt and command line alike", async () => {
      const at = await bench();
      const broker = await connected(at, '"dataformat",0,1,0');
      await at.exchange('AT+QMTPUB=0,0,0,0,"t","001aFF22"\r', /QMTPUB: 0,0,0/);
      assert.equal(Buffer.from(broker.last("publish").payload).toString("hex"), "001aff22");
      await at.ask('AT+QMTPUB=0,0,0,0,"t"');
      await at.exchange("1B3b\x1a", /QMTPUB: 0,0,0/);
      assert.equal(Buffer.from(broker.last("publish").payload).toString("hex"), "1b3b");
      for (const text of ["001", "0g"]) assert.equal(await at.ask(`AT+QMTPUB=0,0,0,0,"t","${text}"`), error);
    });

    it("echo what is typed after the prompt with echomode 1", async () => {
      const at = await bench();
      await connected(at, '"echomode",0,1');
      await at.ask('AT+QMTPUB=0,0,0,0,"t"');
      assert.equal(await at.exchange("seen\x1a", /QMTPUB: .*\r\n$/), "seen" + ok + urc("+QMTPUB: 0,0,0"));
    });

    it("without PUBACK are sent four times in 40 s, each copy told with notices", async () => {
      const at = await bench();
      const broker = await connected(at, '"timeout",0,10,3,1');
      broker.mute.add("publish");
      const startMs = at.scheduler.nowMs;
      const answer = await at.exchange('AT+QMTPUB=0,4,1,0,"t","x"\r', /QMTSTAT: .*\r\n$/);
      const notices = [1, 2, 3].map(times => `+QMTPUB: 0,4,1,${String(times)}`);
      assert.equal(answer, ok + urc(...notices, "+QMTPUB: 0,4,2", "+QMTSTAT: 0,6"));
      assert.equal(Math.round(at.scheduler.nowMs - startMs), 40_000);
      assert.equal(broker.names.filter(name => name === "publish").length, 4);
    });

    it("without PUBCOMP tell PUBREL by name, and PINGREQ too", async () => {
      const at = await bench();
      const broker = await connected(at, '"timeout",0,10,1,1', '"keepalive",0,60');
      broker.mute.add("pubrel");
      const answer = await at.exchange('AT+QMTPUB=0,4,2,0,"t","x"\r', /QMTSTAT: .*\r\n$/);
      assert.equal(answer, ok + urc("+QMTPUBREL: 0,4,1,1", "+QMTPUB: 0,4,2", "+QMTSTAT: 0,6"));
      const again = await connected(at);
      again.mute.add("pingreq");
      assert.equal(await at.wait(/QMTSTAT: .*\r\n$/), urc("+QMTPING: 0", "+QMTSTAT: 0,2"));
    });
  });

  describe("messages", () => {
    const payloads: readonly [title: string, payload: string][] = [
      ["quotes inside", 'i am json : "{"a":"1","b":"2"}"'],
      ["line ends", "a\r\nOK\r\n"],
      ["NUL", "a\0b"],
      ["nothing", ""],
    ];
    for (const [title, payload] of payloads) {
      it(`come without a length and as they are: ${title}`, async () => {
        const at = await bench();
        const broker = await connected(at);
        broker.send({ cmd: "publish", qos: 0, dup: false, retain: false, topic: "t", payload });
        assert.equal(await at.pass(1), urc(`+QMTRECV: 0,0,"t","${payload}"`));
      });
    }

    it("come in hex when set so", async () => {
      const at = await bench();
      const broker = await connected(at, '"dataformat",0,0,1');
      broker.send({
        cmd: "publish",
        qos: 1,
        dup: false,
        retain: false,
        topic: "t",
        payload: '"\r\n\xff',
        messageId: 2,
      });
      assert.equal(await at.pass(1), urc('+QMTRECV: 0,2,"t","220D0AC3BF"'));
    });

    it("that come while a prompt is open are thrown away", async () => {
      const at = await bench();
      const broker = await connected(at);
      await at.ask('AT+QMTPUB=0,0,0,0,"t"');
      broker.send({
        cmd: "publish",
        qos: 1,
        dup: false,
        retain: false,
        topic: "t",
        payload: "lost",
        messageId: 2,
      });
      await at.pass(100);
      assert.equal(broker.names.at(-1), "puback");
      assert.equal(await at.exchange("x\x1a", /QMTPUB: .*\r\n$/), ok + urc("+QMTPUB: 0,0,0"));
      assert.equal(await at.pass(1_000), "");
    });
  });

  for (const line of ['AT+QMTPUBEX=0,0,0,0,"t","x"', "AT+QMTRECV?", "AT+QMTRECV=0,0"]) {
    it(`does not know ${line}`, async () => {
      const at = await bench();
      await connected(at);
      assert.equal(await at.ask(line), error);
    });
  }

  it("subscribes and unsubscribes as in the manual's example", async () => {
    const at = await bench();
    const broker = await connected(at);
    assert.equal(
      await at.exchange('AT+QMTSUB=0,1,"topic/example",2\r', /QMTSUB: .*\r\n$/),
      ok + urc("+QMTSUB: 0,1,0,2"),
    );
    broker.granted = 128;
    assert.equal(
      await at.exchange('AT+QMTSUB=0,1,"topic/pub",0\r', /QMTSUB: .*\r\n$/),
      ok + urc("+QMTSUB: 0,1,0,128"),
    );
    assert.equal(
      await at.exchange('AT+QMTUNS=0,2,"topic/example"\r', /QMTUNS: .*\r\n$/),
      ok + urc("+QMTUNS: 0,2,0"),
    );
    assert.equal(
      await at.exchange("AT+QMTDISC=0\r", /QMTSTAT: .*\r\n$/),
      ok + urc("+QMTDISC: 0,0", "+QMTSTAT: 0,5"),
    );
    assert.equal(await at.ask("AT+QMTCLOSE=0"), error);
  });
});
