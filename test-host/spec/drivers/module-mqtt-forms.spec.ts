import assert from "node:assert/strict";
import { bc66Mqtt } from "../../../drivers/bc66/mqtt.js";
import { bg95Mqtt } from "../../../drivers/bg95/mqtt.js";
import * as mqtt from "../../../drivers/quectel/commands/mqtt.js";
import type { ModemExtension } from "../../../drivers/quectel/extension.js";
import type { MqttClients, MqttReceiver } from "../../../drivers/quectel/mqtt-clients.js";
import { MqttInbox } from "../../../drivers/quectel/mqtt-inbox.js";
import type { Command, Parameter } from "../../../modules/at/command.js";
import { Bc66Bench, Bench } from "./bench.js";
import { Collector, Rig, sourceOf, textOf, type RigOptions } from "../at/harness.js";

const ok = "\r\nOK\r\n";
const error = "\r\nERROR\r\n";
const line = (text: string): string => `\r\n${text}\r\n`;

const both: Record<"bg95" | "bc66", MqttClients & ModemExtension> = {
  bg95: new Bench().modem.extension(bg95Mqtt.Clients),
  bc66: new Bc66Bench().modem.extension(bc66Mqtt.Clients),
};

interface Vector {
  readonly what: string;
  readonly module: "bg95" | "bc66";
  readonly run: (rig: Rig, sink: Collector) => readonly { failure: unknown; result: unknown }[];
  /** What goes out: the line, then what stands behind the prompt. */
  readonly sent: readonly string[];
  /** Pieces of the answer between which a report may come; a prompt stands alone. */
  readonly answer: readonly string[];
  readonly result?: unknown;
  readonly data?: string;
  readonly failure?: string;
}

function vector<R, P extends readonly Parameter[]>(
  module: "bg95" | "bc66",
  what: string,
  command: Command<R, P>,
  parameters: P,
  sent: string | readonly string[],
  answer: readonly string[],
  rest: Pick<Vector, "result" | "data" | "failure"> & { readonly payload?: string } = {},
): Vector {
  const { payload, ...expected } = rest;
  return {
    what,
    module,
    run: (rig, sink) =>
      rig.run(command, parameters, {
        sink,
        ...(payload === undefined ? undefined : { source: sourceOf(payload) }),
      }),
    sent: typeof sent === "string" ? [sent] : sent,
    answer,
    ...expected,
  };
}

/** A message by the dialect's own choice of command. */
function publication(
  module: "bg95" | "bc66",
  what: string,
  payload: string,
  sent: readonly string[],
  answer: readonly string[],
): Vector {
  const dialect = module === "bg95" ? bg95Mqtt : bc66Mqtt;
  return {
    what,
    module,
    run: rig => {
      const outcomes: { failure: unknown; result: unknown }[] = [];
      dialect.publish(rig.channel, [0, 7, 1, 0, "a/b"], sourceOf(payload), (failure, result) =>
        outcomes.push({ failure, result }),
      );
      return outcomes;
    },
    sent,
    answer,
  };
}

const take = bg95Mqtt.take;
const waiting = bg95Mqtt.waiting?.(0);
assert.ok(take !== undefined && waiting !== undefined);

const vectors: readonly Vector[] = [
  ...(["bg95", "bc66"] as const).flatMap(module => [
    vector(module, "setting", mqtt.setMqttItem, ["version", 0, 4], 'AT+QMTCFG="version",0,4\r', [ok]),
    vector(module, "setting refused", mqtt.setMqttItem, ["x", 0, 4], 'AT+QMTCFG="x",0,4\r', [error], {
      failure: "error",
    }),
    vector(
      module,
      "will",
      mqtt.setMqttItem,
      ["will", 0, 1, 1, 1, "t"],
      'AT+QMTCFG="will",0,1,1,1,"t","bye"\r',
      [ok],
      { payload: "bye" },
    ),
    vector(module, "no client open", mqtt.isMqttOpen(0), [], "AT+QMTOPEN?\r", [ok], { result: false }),
    vector(
      module,
      "another client open",
      mqtt.isMqttOpen(0),
      [],
      "AT+QMTOPEN?\r",
      [line('+QMTOPEN: 3,"host",8883'), ok],
      { result: false },
    ),
    vector(
      module,
      "this client open, and another",
      mqtt.isMqttOpen(0),
      [],
      "AT+QMTOPEN?\r",
      [line('+QMTOPEN: 0,"host",8883'), line('+QMTOPEN: 3,"host",8883'), ok],
      { result: true },
    ),
    vector(module, "connected", mqtt.isMqttConnected(0), [], "AT+QMTCONN?\r", [line("+QMTCONN: 0,3"), ok], {
      result: true,
    }),
    vector(module, "leaving", mqtt.isMqttConnected(0), [], "AT+QMTCONN?\r", [line("+QMTCONN: 0,4"), ok], {
      result: false,
    }),
    vector(
      module,
      "CONNECT",
      mqtt.connectMqtt,
      [0, "device", "user"],
      'AT+QMTCONN=0,"device","user","pass"\r',
      [ok],
      { payload: "pass" },
    ),
    vector(module, "CONNECT without a user", mqtt.connectMqtt, [0, "d", undefined], 'AT+QMTCONN=0,"d"\r', [
      ok,
    ]),
  ]),
  publication(
    "bg95",
    "message",
    '"\r\n\x1a\0',
    ['AT+QMTPUB=0,7,1,0,"a/b",5\r', '"\r\n\x1a\0'],
    ["\r\n> ", ok],
  ),
  publication("bg95", "empty message", "", ['AT+QMTPUB=0,7,1,0,"a/b"\r', "\x1a"], ["\r\n> ", ok]),
  publication("bc66", "message", '"\r\n\x1a\0', ['AT+QMTPUB=0,7,1,0,"a/b","220D0A1A00"\r'], [ok]),
  publication("bc66", "empty message", "", ['AT+QMTPUB=0,7,1,0,"a/b",""\r'], [ok]),
  vector(
    "bg95",
    "message taken",
    take,
    [0, 2],
    "AT+QMTRECV=0,2\r",
    ['\r\n+QMTRECV: 0,11,"a/b",17,"\r\nOK\r\n"+QMTRECV: "\r\n', ok],
    { result: { id: 11, topic: "a/b", byteLength: 17 }, data: '\r\nOK\r\n"+QMTRECV: ' },
  ),
  vector(
    "bg95",
    "empty message taken",
    take,
    [0, 2],
    "AT+QMTRECV=0,2\r",
    ['\r\n+QMTRECV: 0,0,"t",0,""\r\n', ok],
    {
      result: { id: 0, topic: "t", byteLength: 0 },
    },
  ),
  vector("bg95", "nothing to take", take, [0, 2], "AT+QMTRECV=0,2\r", [ok], {
    result: { id: 0, topic: "", byteLength: -1 },
  }),
  vector("bg95", "take without a connection", take, [0, 2], "AT+QMTRECV=0,2\r", [error], {
    failure: "error",
  }),
  vector(
    "bg95",
    "messages that wait",
    waiting,
    [],
    "AT+QMTRECV?\r",
    [line("+QMTRECV: 0,0,1,0,0,1"), line("+QMTRECV: 1,1,1,1,1,1"), ok],
    { result: [1, 4] },
  ),
];

describe("commands of the modules' MQTT", () => {
  for (const one of vectors)
    for (const report of ["", line("+QMTPUB: 0,9,0"), line("+QMTOPEN: 1,0"), line("+QMTCONN: 1,0,0")])
      it(`${one.module}: ${one.what}${report && `, with ${report.trim()} between its lines`}`, () => {
        for (const piece of [Infinity, 1, 2, 3, 7]) {
          const rig = new Rig({ urcs: both[one.module].urcs ?? [], inline: true });
          const sink = new Collector();
          const outcomes = one.run(rig, sink);
          rig.timer.advance(100);
          const sent = [rig.taken()];
          for (const text of one.answer) {
            rig.line.receive(report + text, piece);
            rig.timer.advance(100);
            const more = rig.taken();
            if (more !== "") sent.push(more);
          }
          assert.deepEqual(sent, one.sent);
          assert.equal(outcomes.length, 1);
          const failure = outcomes[0]?.failure;
          assert.equal(
            typeof failure === "object" && failure !== null && "kind" in failure ? failure.kind : failure,
            one.failure,
          );
          assert.deepEqual(outcomes[0]?.result, one.result);
          assert.equal(textOf(sink.bytes), one.data ?? "");
          assert.equal(rig.reports.length, report === "" ? 0 : one.answer.length);
          assert.equal(rig.counters.strays, 0);
        }
      });
});

class Receiver implements MqttReceiver {
  readonly inbox = new MqttInbox(1_024);
  readonly told: string[] = [];

  onReport(name: string, told: { int(index: number): number }): void {
    this.told.push(`${name} ${String(told.int(1))} ${String(told.int(2))}`);
  }

  onMessage(whole: boolean): void {
    const first = whole ? this.inbox.first : undefined;
    const bytes = this.inbox.read(undefined);
    const text = Buffer.from(bytes instanceof ArrayBuffer ? bytes : new ArrayBuffer(0)).toString("latin1");
    this.told.push(
      first === undefined ? "damaged" : `${first.topic} ${String(first.id)} ${JSON.stringify(text)}`,
    );
    this.inbox.next();
  }

  onLost(): void {
    this.told.push("lost");
  }

  wake(): void {
    this.told.push("wake");
  }
}

describe("reports of the modules' MQTT", () => {
  const nobody = "\r\n+QMTPUB: 5,1,0\r\n";
  const reports: readonly [module: "bg95" | "bc66", text: string, ...told: string[]][] = [
    ["bg95", "\r\n+QMTOPEN: 0,-1\r\n", "QMTOPEN -1 NaN"],
    ["bg95", "\r\n+QMTCONN: 0,0,5\r\n", "QMTCONN 0 5"],
    ["bg95", "\r\n+QMTCONN: 0,2\r\n", "QMTCONN 2 NaN"],
    ["bg95", "\r\n+QMTSUB: 0,1,0,1\r\n", "QMTSUB 1 0"],
    ["bg95", "\r\n+QMTUNS: 0,2,0\r\n", "QMTUNS 2 0"],
    ["bg95", "\r\n+QMTPUB: 0,65535,2\r\n", "QMTPUB 65535 2"],
    ["bg95", "\r\n+QMTSTAT: 0,1\r\n\r\n+QMTCLOSE: 0,0\r\n", "QMTSTAT 1 NaN", "QMTCLOSE 0 NaN"],
    ["bg95", "\r\n+QMTDISC: 0,0\r\n", "QMTDISC 0 NaN"],
    ["bg95", "\r\n+QMTRECV: 0,4\r\n", "QMTRECV 4 NaN"],
    ["bg95", nobody],
    ["bc66", '\r\n+QMTRECV: 0,0,"a/b","48690D0A22"\r\n', 'a/b 0 "Hi\\r\\n\\""'],
    ["bc66", '\r\n+QMTRECV: 0,12,"a,b","6869"\r\n\r\n+QMTPUB: 0,1,0\r\n', 'a,b 12 "hi"', "QMTPUB 1 0"],
    ["bc66", '\r\n+QMTRECV: 0,0,"t",""\r\n', 't 0 ""'],
    ["bc66", '\r\n+QMTRECV: 0,0,"t","4 8"\r\n\r\n+QMTPUB: 0,1,0\r\n', "damaged", "QMTPUB 1 0"],
    ["bc66", '\r\n+QMTRECV: 0,0,"t","486"\r\n\r\n+QMTPUB: 0,1,0\r\n', "damaged", "QMTPUB 1 0"],
    ["bc66", '\r\n+QMTRECV: 0,0,"a"b","4869"\r\n\r\n+QMTPUB: 0,1,0\r\n', "damaged", "QMTPUB 1 0"],
    ["bc66", '\r\n+QMTRECV: 5,0,"t","4869"\r\n\r\n+QMTPUB: 0,1,0\r\n', "QMTPUB 1 0"],
    ["bc66", "\r\n+QMTPING: 1\r\n\r\n+QMTPUBREL: 1,7,1\r\n"],
    ["bc66", nobody],
  ];
  for (const [module, text, ...told] of reports)
    it(`${module}: ${JSON.stringify(text.trim())}, in pieces of any size`, () => {
      for (const piece of [Infinity, 1, 2, 3, 7]) {
        const clients = both[module];
        const receiver = new Receiver();
        const options: RigOptions = {
          urcs: clients.urcs ?? [],
          onReport: (urc, parsed) => assert.ok(clients.onReport(urc.name, parsed)),
          onPayload: (urc, bytes, start, end, left) => {
            clients.onPayload?.(urc.name, bytes, start, end, left);
          },
        };
        const rig = new Rig(options);
        assert.equal(clients.attach(receiver), 0);
        rig.line.receive(text, piece);
        clients.detach(0);
        assert.deepEqual(receiver.told, told);
      }
    });

  it("know nothing of other commands", () => {
    const rig = new Rig({ onReport: (urc, parsed) => assert.ok(!both.bg95.onReport(urc.name, parsed)) });
    rig.line.receive('\r\n+QIURC: "recv",0\r\n');
    assert.equal(rig.reports.length, 1);
  });
});
