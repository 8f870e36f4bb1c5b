import assert from "node:assert/strict";
import type { Bg95Changes } from "../../simulator/bg95/settings.js";
import type { LinkName } from "../../simulator/link.js";
import type { MqttSettings } from "../../simulator/modem/mqtt-settings.js";
import { AtBench } from "./at-bench.js";
import { connected, opened, ScriptedBroker } from "./mqtt-support.js";

const ok = "\r\nOK\r\n";
const error = "\r\nERROR\r\n";

function urc(...lines: readonly string[]): string {
  return lines.map(line => `\r\n${line}\r\n`).join("");
}

function bench(
  mqtt: Partial<MqttSettings> = {},
  link: LinkName = "none",
  more: Bg95Changes = {},
): Promise<AtBench> {
  return AtBench.memory({ link, settings: { ...more, mqtt } }).ready();
}

describe("MQTT client of the simulated BG95", () => {
  describe("configuration", () => {
    const shown: readonly [question: string, initial: string, set: string, after: string][] = [
      ['"version",0', '"version",3', '"version",0,4', '"version",4'],
      ['"pdpcid",0', '"pdpcid",1', '"pdpcid",0,16', '"pdpcid",16'],
      ['"ssl",0', '"ssl",0', '"SSL",0,1,2', '"ssl",1,2'],
      ['"keepalive",0', '"keepalive",120', '"keepalive",0,3600', '"keepalive",3600'],
      ['"session",0', '"session",1', '"session",0,0', '"session",0'],
      ['"timeout",0', '"timeout",5,3,0', '"timeout",0,60,10,1', '"timeout",60,10,1'],
      ['"will",0', '"will",0', '"will",0,1,2,1,"gone","device"', '"will",1,2,1,"gone","device"'],
      ['"recv/mode",0', '"recv/mode",0,0', '"recv/mode",0,1,1', '"recv/mode",1,1'],
      ['"aliauth",0', '"aliauth","","",""', '"aliauth",0,"a","b","c"', '"aliauth","a","b","c"'],
    ];
    for (const [question, initial, set, after] of shown) {
      it(`shows ${initial}, and ${after} after AT+QMTCFG=${set}`, async () => {
        const at = await bench();
        assert.equal(await at.ask(`AT+QMTCFG=${question}`), `\r\n+QMTCFG: ${initial}\r\n${ok}`);
        assert.equal(await at.ask(`AT+QMTCFG=${set}`), ok);
        assert.equal(await at.ask(`AT+QMTCFG=${question}`), `\r\n+QMTCFG: ${after}\r\n${ok}`);
        const other = question.replace(",0", ",1");
        assert.equal(await at.ask(`AT+QMTCFG=${other}`), `\r\n+QMTCFG: ${initial}\r\n${ok}`);
      });
    }

    const refused: readonly string[] = [
      '"version",0,5',
      '"version",6,4',
      '"pdpcid",0,17',
      '"ssl",0,1,6',
      '"keepalive",0,3601',
      '"timeout",0,0,3,0',
      '"timeout",0,61,3,0',
      '"timeout",0,5,11,0',
      '"timeout",0,5',
      '"will",0,1,3,0,"t","m"',
      '"will",0,1,0,0,"","m"',
      `"will",0,1,0,0,"${"t".repeat(256)}","m"`,
      `"will",0,1,0,0,"t","${"m".repeat(256)}"`,
      '"recv/mode",0,1',
      '"recv/mode",0,2,0',
      '"dataformat",0,1,1',
      '"echomode",0,1',
      "version,0,4",
      '"version"',
    ];
    for (const item of refused) {
      it(`refuses AT+QMTCFG=${item.length > 60 ? item.slice(0, 60) + "..." : item}`, async () => {
        assert.equal(await (await bench()).ask(`AT+QMTCFG=${item}`), error);
      });
    }

    it("is gone after a restart", async () => {
      const at = await bench();
      await at.ask('AT+QMTCFG="version",0,4');
      at.modem.module.power.crash();
      await at.pass(20_000);
      await at.ready();
      assert.match(await at.ask('AT+QMTCFG="version",0'), /"version",3/);
    });

    it("names the client in its answers when set so", async () => {
      const at = await bench({ queryNamesClient: true });
      assert.match(await at.ask('AT+QMTCFG="version",2'), /"version",2,3/);
    });

    for (const [configureWhileOpen, answer] of [
      ["for-later", ok],
      ["error", error],
    ] as const) {
      it(`of what the opening fixes is "${configureWhileOpen}" while the client is open`, async () => {
        const at = await bench({ configureWhileOpen });
        await opened(at);
        assert.equal(await at.ask('AT+QMTCFG="keepalive",0,10'), answer);
        assert.equal(await at.ask('AT+QMTCFG="timeout",0,10,2,0'), ok);
        assert.equal(await at.ask('AT+QMTCFG="keepalive",1,10'), ok);
      });
    }
  });

  describe("opening", () => {
    const refused: readonly string[] = [
      '6,"broker.test",1883',
      '0,"broker.test",0',
      '0,"broker.test",65536',
      '0,"broker.test"',
      "0,broker.test,1883",
      `0,"${"h".repeat(101)}",1883`,
      '0,"broker.test",1883,1',
    ];
    for (const args of refused) {
      it(`refuses AT+QMTOPEN=${args.slice(0, 40)}`, async () => {
        assert.equal(await (await bench()).ask(`AT+QMTOPEN=${args}`), error);
      });
    }

    it("answers OK and 0 later, and lists the client", async () => {
      const at = await bench();
      new ScriptedBroker(at.network);
      assert.equal(await at.ask("AT+QMTOPEN?"), ok);
      const answer = await at.exchange('AT+QMTOPEN=5,"broker.test",1883\r', /QMTOPEN: .*\r\n$/);
      assert.equal(answer, ok + urc("+QMTOPEN: 5,0"));
      assert.equal(await at.ask("AT+QMTOPEN?"), `\r\n+QMTOPEN: 5,"broker.test",1883\r\n${ok}`);
      assert.equal(await at.ask("AT+QMTCONN?"), `\r\n+QMTCONN: 5,1\r\n${ok}`);
    });

    const failures: readonly [cause: string, code: number, run: (at: AtBench) => unknown, line?: string][] = [
      ["the PDP context is down", 3, at => at.ask("AT+QIDEACT=1")],
      ["the name is unknown", 4, () => undefined, 'AT+QMTOPEN=0,"nobody.test",1883'],
      ["nobody listens", 5, () => undefined],
      ["the host name is empty", 1, () => undefined, 'AT+QMTOPEN=0,"",1883'],
      ["a CA file is missing", -1, configureVerification],
      ["the peer speaks no TLS", -1, speakPlainly],
    ];
    for (const [cause, code, prepare, line = 'AT+QMTOPEN=0,"broker.test",1883'] of failures) {
      it(`ends with ${String(code)} when ${cause}, and the client stays free`, async () => {
        const at = await bench();
        await prepare(at);
        assert.equal(
          await at.exchange(line + "\r", /QMTOPEN: .*\r\n$/),
          ok + urc(`+QMTOPEN: 0,${String(code)}`),
        );
        assert.equal(await at.ask("AT+QMTOPEN?"), ok);
        assert.equal(await at.ask("AT+QMTCLOSE=0"), error);
      });
    }

    async function configureVerification(at: AtBench): Promise<void> {
      new ScriptedBroker(at.network);
      await at.ask('AT+QMTCFG="ssl",0,1,2');
      await at.ask('AT+QSSLCFG="seclevel",2,1');
    }

    async function speakPlainly(at: AtBench): Promise<void> {
      at.network.serve(1883, peer => (peer.onData = () => peer.write("220 who is there\r\n")));
      await at.ask('AT+QMTCFG="ssl",0,1,2');
    }

    it("ends with 2 while the client is open, as after a restart of the host", async () => {
      const at = await bench();
      await opened(at);
      const answer = await at.exchange('AT+QMTOPEN=0,"broker.test",1883\r', /QMTOPEN: .*\r\n$/);
      assert.equal(answer, ok + urc("+QMTOPEN: 0,2"));
      assert.equal(await at.ask("AT+QMTOPEN?"), `\r\n+QMTOPEN: 0,"broker.test",1883\r\n${ok}`);
    });

    it("is refused while the client is open, when set so", async () => {
      const at = await bench({ openUsedClient: "error" });
      await opened(at);
      assert.equal(await at.ask('AT+QMTOPEN=0,"broker.test",1883'), error);
    });

    it("answers a failure before ERROR, when set so", async () => {
      const at = await bench({ openFailure: "final" });
      assert.equal(await at.ask('AT+QMTOPEN=0,"nobody.test",1883'), "\r\n+QMTOPEN: 0,4\r\n" + error);
    });

    it("activates its context by itself, when set so", async () => {
      const at = await AtBench.memory({
        link: "lte-m",
        settings: { mqtt: { contextDown: "activates" } },
      }).ready(false);
      await opened(at);
      assert.match(await at.ask("AT+QIACT?"), /QIACT: 1,1/);
    });

    it("takes the link's time: name, connection, and no answer at all for 75 s", async () => {
      const at = await bench({}, "lte-m");
      new ScriptedBroker(at.network);
      const startMs = at.scheduler.nowMs;
      await at.exchange('AT+QMTOPEN=0,"broker.test",1883\r', /QMTOPEN: 0,0/);
      const tookMs = at.scheduler.nowMs - startMs;
      assert.ok(tookMs > 1_000 && tookMs < 1_400, String(tookMs));
      at.modem.module.loseContext(1);
      assert.equal(
        await at.exchange('AT+QMTOPEN=1,"broker.test",1883\r', /QMTOPEN: .*/, 500_000),
        ok + urc("+QMTOPEN: 1,3"),
      );
    });

    it("is given up by AT+QMTCLOSE without a result of its own", async () => {
      const at = await bench({}, "lte-m");
      new ScriptedBroker(at.network);
      await at.ask('AT+QMTOPEN=0,"broker.test",1883');
      const answer = await at.exchange("AT+QMTCLOSE=0\r", /QMTCLOSE: .*\r\n$/);
      assert.equal(answer, ok + urc("+QMTCLOSE: 0,0"));
      assert.equal(await at.pass(60_000), "");
    });

    it("makes no connection when AT+QMTCLOSE comes while the context is activated", async () => {
      const at = await AtBench.memory({
        link: "lte-m",
        settings: { mqtt: { contextDown: "activates" } },
      }).ready(false);
      const broker = new ScriptedBroker(at.network);
      await at.ask('AT+QMTOPEN=0,"broker.test",1883');
      await at.ask("AT+QMTCLOSE=0");
      await at.pass(60_000);
      assert.equal(broker.connections, 0);
    });

    it("has six clients side by side", async () => {
      const at = await bench();
      const broker = new ScriptedBroker(at.network);
      for (const id of [0, 1, 2, 3, 4, 5])
        await at.exchange(`AT+QMTOPEN=${String(id)},"broker.test",1883\r`, /QMTOPEN: \d,0/);
      assert.equal(broker.connections, 6);
      assert.equal((await at.ask("AT+QMTOPEN?")).match(/\+QMTOPEN/g)?.length, 6);
    });
  });

  describe("connecting", () => {
    it("sends what was configured", async () => {
      const at = await bench();
      for (const item of ['"version",0,4', '"keepalive",0,77', '"session",0,0', '"will",0,1,1,1,"gone","d"'])
        await at.ask(`AT+QMTCFG=${item}`);
      const broker = await opened(at);
      const answer = await at.exchange('AT+QMTCONN=0,"device","me","s,e;c"\r', /QMTCONN: .*\r\n$/);
      assert.equal(answer, ok + urc("+QMTCONN: 0,0,0"));
      const { clientId, username, password, keepalive, clean, will, protocolVersion } =
        broker.last("connect");
      assert.deepEqual([clientId, username, String(password)], ["device", "me", "s,e;c"]);
      assert.deepEqual([keepalive, clean, protocolVersion], [77, false, 4]);
      assert.deepEqual([will?.topic, String(will?.payload), will?.qos, will?.retain], ["gone", "d", 1, true]);
    });

    it("speaks MQTT 3.1 unless told otherwise", async () => {
      const at = await bench();
      const broker = await opened(at);
      await at.exchange('AT+QMTCONN=0,"device"\r', /QMTCONN: 0,0,0/);
      assert.equal(broker.last("connect").protocolId, "MQIsdp");
      assert.equal(broker.last("connect").protocolVersion, 3);
    });

    for (const [code, refusedResult] of [
      [1, 0],
      [2, 0],
      [4, 0],
      [5, 0],
      [5, 2],
    ] as const) {
      it(`tells refusal ${String(code)} with result ${String(refusedResult)}, then the broker's close`, async () => {
        const at = await bench({ refusedResult });
        const broker = await opened(at);
        broker.connackCode = code;
        const answer = await at.exchange('AT+QMTCONN=0,"device"\r', /QMTSTAT: .*\r\n$/);
        assert.equal(
          answer,
          ok + urc(`+QMTCONN: 0,${String(refusedResult)},${String(code)}`, "+QMTSTAT: 0,1"),
        );
        assert.equal(await at.ask("AT+QMTOPEN?"), ok);
      });
    }

    const refused: readonly [title: string, line: string][] = [
      ["a client that is not open", 'AT+QMTCONN=1,"device"'],
      ["an empty client id with MQTT 3.1", 'AT+QMTCONN=0,""'],
      ["a client id without quotes", "AT+QMTCONN=0,device"],
      ["a password without user", 'AT+QMTCONN=0,"device",,"secret"'],
      ["more than a password", 'AT+QMTCONN=0,"device","a","b","c"'],
    ];
    for (const [title, line] of refused) {
      it(`refuses ${title}`, async () => {
        const at = await bench();
        await opened(at);
        assert.equal(await at.ask(line), error);
      });
    }

    it("refuses a second AT+QMTCONN", async () => {
      const at = await bench();
      await connected(at);
      assert.equal(await at.ask('AT+QMTCONN=0,"device"'), error);
    });

    for (const line of [
      'AT+QMTSUB=0,1,"a",0',
      'AT+QMTUNS=0,1,"a"',
      'AT+QMTPUB=0,0,0,0,"a"',
      "AT+QMTDISC=0",
      "AT+QMTRECV=0",
    ]) {
      it(`refuses ${line} before it`, async () => {
        const at = await bench();
        await opened(at);
        assert.equal(await at.ask(line), error);
        assert.equal(await at.ask(line.replace("=0", "=3")), error);
      });
    }
  });

  describe("subscriptions", () => {
    it("take several topics and tell what was granted", async () => {
      const at = await bench();
      const broker = await connected(at);
      const answer = await at.exchange('AT+QMTSUB=0,7,"a/+",2,"b",1,"c/#",0\r', /QMTSUB: .*\r\n$/);
      assert.equal(answer, ok + urc("+QMTSUB: 0,7,0,2,1,0"));
      assert.deepEqual(broker.last("subscribe").subscriptions, [
        { topic: "a/+", qos: 2 },
        { topic: "b", qos: 1 },
        { topic: "c/#", qos: 0 },
      ]);
    });

    it("show a refusal as 128", async () => {
      const at = await bench();
      const broker = await connected(at);
      broker.granted = 128;
      assert.match(await at.exchange('AT+QMTSUB=0,7,"a",2\r', /QMTSUB: .*\r\n$/), /\+QMTSUB: 0,7,0,128/);
    });

    it("end with AT+QMTUNS", async () => {
      const at = await bench();
      const broker = await connected(at);
      assert.equal(
        await at.exchange('AT+QMTUNS=0,65535,"a","b"\r', /QMTUNS: .*\r\n$/),
        ok + urc("+QMTUNS: 0,65535,0"),
      );
      assert.deepEqual(broker.last("unsubscribe").unsubscriptions, ["a", "b"]);
    });

    for (const line of [
      'AT+QMTSUB=0,0,"a",0',
      'AT+QMTSUB=0,65536,"a",0',
      'AT+QMTSUB=0,1,"a",3',
      'AT+QMTSUB=0,1,"a"',
      'AT+QMTSUB=0,1,"",0',
      "AT+QMTSUB=0,1",
      `AT+QMTSUB=0,1,"${"t".repeat(256)}",0`,
      'AT+QMTUNS=0,0,"a"',
      "AT+QMTUNS=0,1",
    ]) {
      it(`refuse ${line.slice(0, 40)}`, async () => {
        const at = await bench();
        await connected(at);
        assert.equal(await at.ask(line), error);
      });
    }

    it("carry UTF-8 topics through unchanged", async () => {
      const at = await bench();
      const broker = await connected(at);
      const topic = "température/日本";
      const bytes = Buffer.from(topic, "utf8").toString("latin1");
      await at.exchange(`AT+QMTSUB=0,1,"${bytes}",0\r`, /QMTSUB: 0,1,0,0/);
      assert.equal(broker.last("subscribe").subscriptions[0]?.topic, topic);
      broker.send({ cmd: "publish", qos: 0, dup: false, retain: false, topic, payload: "x" });
      assert.equal(await at.pass(1), urc(`+QMTRECV: 0,0,"${bytes}","x"`));
    });
  });

  describe("ends", () => {
    it("tells the broker's close after DISCONNECT, and nothing for AT+QMTCLOSE then", async () => {
      const at = await bench();
      const broker = await connected(at);
      assert.equal(
        await at.exchange("AT+QMTDISC=0\r", /QMTSTAT.*\r\n$/),
        ok + urc("+QMTDISC: 0,0", "+QMTSTAT: 0,5"),
      );
      assert.equal(broker.names.at(-1), "disconnect");
      assert.equal(await at.ask("AT+QMTCLOSE=0"), ok);
      assert.equal(await at.pass(60_000), "");
      assert.equal(await at.ask("AT+QMTCLOSE=0"), error);
      await opened(at, broker);
    });

    for (const [closeAfterDisconnect, answer, later] of [
      ["error", error, ""],
      ["result", ok, urc("+QMTCLOSE: 0,0")],
    ] as const) {
      it(`answers AT+QMTCLOSE after AT+QMTDISC with "${closeAfterDisconnect}", when set so`, async () => {
        const at = await bench({ closeAfterDisconnect, statAfterDisconnect: false });
        await connected(at);
        assert.equal(await at.exchange("AT+QMTDISC=0\r", /QMTDISC.*\r\n$/), ok + urc("+QMTDISC: 0,0"));
        assert.equal(await at.pass(1_000), "");
        assert.equal(
          (await at.exchange("AT+QMTCLOSE=0\r", /OK|ERROR/)) + (await at.pass(1_000)),
          answer + later,
        );
      });
    }

    it("frees the client when the broker does not close after DISCONNECT", async () => {
      const at = await bench();
      const broker = await connected(at);
      broker.mute.add("disconnect");
      await at.exchange("AT+QMTDISC=0\r", /QMTDISC: 0,0/);
      assert.equal(await at.ask("AT+QMTCONN?"), `\r\n+QMTCONN: 0,4\r\n${ok}`);
      assert.equal(await at.pass(11_000), "");
      assert.equal(await at.ask("AT+QMTCONN?"), ok);
      assert.equal(broker.endedBy, "reset");
    });

    it("closes without DISCONNECT by AT+QMTCLOSE", async () => {
      const at = await bench();
      const broker = await connected(at);
      assert.equal(await at.exchange("AT+QMTCLOSE=0\r", /QMTCLOSE: .*\r\n$/), ok + urc("+QMTCLOSE: 0,0"));
      assert.deepEqual([broker.names.at(-1), broker.endedBy], ["connect", "fin"]);
      assert.equal(await at.ask("AT+QMTOPEN?"), ok);
    });

    it("waits 10 s for a broker that cannot be reached any more", async () => {
      const at = await bench();
      const broker = await connected(at);
      at.modem.module.loseContext(1);
      const startMs = at.scheduler.nowMs;
      await at.exchange("AT+QMTCLOSE=0\r", /QMTCLOSE: 0,0\r\n$/);
      assert.equal(Math.round(at.scheduler.nowMs - startMs), 10_000);
      assert.notEqual(broker.endedBy, "fin");
    });

    for (const [closeUnopened, answer] of [
      ["error", error],
      ["result", ok + urc("+QMTCLOSE: 2,-1")],
    ] as const) {
      it(`answers AT+QMTCLOSE of a client that is not open with "${closeUnopened}"`, async () => {
        const at = await bench({ closeUnopened });
        assert.equal(await at.exchange("AT+QMTCLOSE=2\r", /-1\r\n|ERROR\r\n/), answer);
      });
    }

    it("leaves nothing open at a restart", async () => {
      const at = await bench();
      const broker = await connected(at);
      at.modem.module.power.crash();
      await at.pass(20_000);
      await at.ready();
      assert.equal(broker.endedBy, "reset");
      assert.equal(await at.ask("AT+QMTOPEN?"), ok);
    });
  });

  describe("reasons for +QMTSTAT", () => {
    const causes: readonly [
      cause: string,
      status: number,
      run: (at: AtBench, broker: ScriptedBroker) => unknown,
    ][] = [
      ["the broker closes", 1, (_, broker) => broker.peer.end()],
      ["the broker resets", 1, (_, broker) => broker.peer.reset()],
      ["PINGREQ is not answered", 2, (_, broker) => broker.mute.add("pingreq")],
      [
        "a packet is never acknowledged",
        6,
        (at, broker) => {
          broker.mute.add("subscribe");
          at.type('AT+QMTSUB=0,1,"a",0\r');
        },
      ],
      ["the network takes the context down", 7, at => at.modem.module.deactivateByNetwork(1)],
      ["the host takes the context down", 7, at => at.type("AT+QIDEACT=1\r")],
      ["the broker breaks the protocol", 7, (_, broker) => broker.peer.write("\x00\x00")],
    ];
    for (const [cause, status, run] of causes) {
      it(`${String(status)} when ${cause}; the client is free then`, async () => {
        const at = await bench();
        const broker = await connected(at, '"keepalive",0,30');
        run(at, broker);
        const heard = await at.wait(/QMTSTAT: .*\r\n/, 1_000_000);
        assert.match(heard, new RegExp(`\\+QMTSTAT: 0,${String(status)}\r\n`));
        assert.doesNotMatch(await at.pass(600_000), /QMT/);
        await at.ask("AT+QIDEACT=1");
        await at.ask("AT+QIACT=1");
        assert.equal(await at.ask("AT+QMTOPEN?"), ok);
        await opened(at, broker);
      });
    }

    for (const [connectFailure, lines] of [
      ["both", ["+QMTCONN: 0,2", "+QMTSTAT: 0,4"]],
      ["status-only", ["+QMTSTAT: 0,4"]],
    ] as const) {
      it(`4 when CONNACK does not come within one timeout, with "${connectFailure}"`, async () => {
        const at = await bench({ connectFailure });
        const broker = await opened(at);
        broker.mute.add("connect");
        const startMs = at.scheduler.nowMs;
        at.scheduler.after(1_000, () => at.type("AT+QMTCONN?\r"));
        const answer = await at.exchange('AT+QMTCONN=0,"device"\r', /QMTSTAT: .*\r\n$/);
        assert.equal(answer, `${ok}\r\n+QMTCONN: 0,2\r\n${ok}${urc(...lines)}`);
        assert.equal(Math.round(at.scheduler.nowMs - startMs), 5_000);
        assert.deepEqual(broker.names, ["connect"]);
      });
    }

    it("3 when not even the CONNECT went through", async () => {
      const at = await bench();
      await opened(at);
      at.modem.module.mqtt.streams.sockets.silence(1);
      const answer = await at.exchange('AT+QMTCONN=0,"device"\r', /QMTSTAT: .*\r\n$/);
      assert.equal(answer, ok + urc("+QMTCONN: 0,2", "+QMTSTAT: 0,3"));
    });

    it("1 when the broker has waited long enough for CONNECT", async () => {
      const at = await bench();
      const broker = await opened(at);
      broker.peer.end();
      assert.equal(await at.pass(100), urc("+QMTSTAT: 0,1"));
      assert.equal(await at.ask('AT+QMTCONN=0,"device"'), error);
    });

    it("tells what was under way as failed first, when set so", async () => {
      const at = await bench({ pendingAtClose: "failed" });
      const broker = await connected(at);
      broker.mute.add("subscribe");
      await at.ask('AT+QMTSUB=0,9,"a",0');
      broker.peer.end();
      assert.equal(await at.pass(1), urc("+QMTSUB: 0,9,2", "+QMTSTAT: 0,1"));
    });
  });

  describe("keep-alive", () => {
    it("sends PINGREQ when nothing was sent for so long", async () => {
      const at = await bench();
      const broker = await connected(at, '"keepalive",0,60');
      await at.pass(59_000);
      assert.equal(broker.names.includes("pingreq"), false);
      await at.pass(241_500);
      assert.equal(broker.names.filter(name => name === "pingreq").length, 5);
    });

    it("counts from the last packet", async () => {
      const at = await bench();
      const broker = await connected(at, '"keepalive",0,60');
      await at.pass(50_000);
      await at.exchange('AT+QMTSUB=0,1,"a",0\r', /QMTSUB/);
      await at.pass(59_000);
      assert.equal(broker.names.includes("pingreq"), false);
    });

    it("is off with 0", async () => {
      const at = await bench();
      const broker = await connected(at, '"keepalive",0,0');
      assert.equal(await at.pass(86_400_000), "");
      assert.deepEqual(broker.names, ["connect"]);
    });

    it("gives up 2 after the packet timeout for each try", async () => {
      const at = await bench();
      const broker = await connected(at, '"keepalive",0,60', '"timeout",0,10,4,1');
      broker.mute.add("pingreq");
      const startMs = at.scheduler.nowMs;
      assert.equal(await at.wait(/QMTSTAT: .*\r\n/), urc("+QMTSTAT: 0,2"));
      assert.equal(Math.round(at.scheduler.nowMs - startMs), 100_000);
      assert.equal(broker.names.filter(name => name === "pingreq").length, 4);
    });
  });
});
