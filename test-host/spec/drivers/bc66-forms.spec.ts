import { signalStrength } from "../../../drivers/quectel/signal.js";
import assert from "node:assert/strict";
import * as commands from "../../../drivers/bc66/commands.js";
import * as tcp from "../../../drivers/bc66/commands-tcp.js";
import { bc66Urcs, overflow } from "../../../drivers/bc66/urcs.js";
import { resolveName } from "../../../drivers/quectel/commands/dns.js";
import { askTimeServer } from "../../../drivers/quectel/commands/tcpip.js";
import { identify, type Identity } from "../../../drivers/quectel/commands/general.js";
import {
  epsRegistration,
  networkTime,
  simNumber,
  simState,
} from "../../../drivers/quectel/commands/network.js";
import type { Command, Parameter } from "../../../modules/at/command.js";
import { Line } from "../../../modules/at/line.js";
import { Collector, Rig, sourceOf, textOf } from "../at/harness.js";

const ok = "\r\nOK\r\n";
const line = (text: string): string => `\r\n${text}\r\n`;
const {
  accessPoint,
  accessPointParameters,
  activate,
  attention,
  contextAddress,
  deactivate,
  networkClock,
  ownClock,
  powerDown,
  restart,
  serialNumber,
  setAccessPoint,
} = commands.bc66Commands;

interface Vector {
  readonly what: string;
  /** Runs the command; the array gets its outcome. */
  readonly run: (rig: Rig, sink: Collector) => readonly { failure: unknown; result: unknown }[];
  readonly sent: string;
  /** Pieces between which a report may come. */
  readonly answer: readonly string[];
  readonly result?: unknown;
  readonly data?: string;
  /** Kind and code. */
  readonly failure?: readonly [kind: string, code?: number];
  /** Sent behind the prompt. */
  readonly payload?: string;
}

function vector<R, P extends readonly Parameter[]>(
  what: string,
  command: Command<R, P>,
  parameters: P,
  sent: string,
  answer: readonly string[],
  rest: Omit<Vector, "what" | "run" | "sent" | "answer"> = {},
  payload?: string,
): Vector {
  return {
    what,
    run: (rig, sink) =>
      rig.run(command, parameters, {
        sink,
        ...(payload === undefined ? undefined : { source: sourceOf(payload) }),
      }),
    sent,
    answer,
    ...rest,
  };
}

const identity: Identity = { model: "Quectel_BC66", revision: "BC66NBR01A10" };
const may = Date.UTC(2019, 4, 6, 22, 10) / 1_000;

const vectors: readonly Vector[] = [
  // Manual and field logs, chapters 1 and 2.
  vector("AT with echo", attention, [], "AT\r", ["AT\r", ok]),
  vector("AT with the echo of older builds", attention, [], "AT\r", ["AT\r\n", ok]),
  vector(
    "ATI",
    identify,
    [],
    "ATI\r",
    [line("Quectel_Ltd"), "Quectel_BC66\r\n", "Revision: BC66NBR01A10\r\n", ok],
    {
      result: identity,
    },
  ),
  vector("IMEI", serialNumber, [], "AT+CGSN=1\r", [line("+CGSN: 867997030000011"), ok], {
    result: "867997030000011",
  }),
  vector("card number", simNumber, [], "AT+QCCID\r", [line("+QCCID: 89490200001000000025"), ok], {
    result: "89490200001000000025",
  }),
  vector("SIM with PIN", simState, [], "AT+CPIN?\r", [line("+CPIN: SIM PIN"), ok], { result: "SIM PIN" }),
  vector("no SIM", simState, [], "AT+CPIN?\r", [line("+CME ERROR: 10")], { failure: ["cme", 10] }),
  vector("registration, n=1", epsRegistration, [], "AT+CEREG?\r", [line("+CEREG: 1,5"), ok], { result: 5 }),
  vector("registration, n=5", epsRegistration, [], "AT+CEREG?\r", [line("+CEREG: 5,0,,,,,0,0"), ok], {
    result: 0,
  }),
  vector(
    "access point",
    accessPoint(1),
    [],
    "AT+QCGDEFCONT?\r",
    [line('+QCGDEFCONT: "IP","iot.1nce.net"'), ok],
    {
      result: { apn: "iot.1nce.net", user: undefined },
    },
  ),
  vector(
    "access point, set",
    setAccessPoint,
    accessPointParameters(1, "iot", "", ""),
    'AT+QCGDEFCONT="IP","iot"\r',
    [ok],
  ),
  vector(
    "access point with user, refused",
    setAccessPoint,
    accessPointParameters(1, "iot", "u", "p"),
    'AT+QCGDEFCONT="IP","iot","u","p"\r',
    ["\r\nERROR\r\n"],
    { failure: ["error"] },
  ),
  vector("address", contextAddress(1), [], "AT+CGPADDR=1\r", [line("+CGPADDR: 1,10.0.0.7"), ok], {
    result: "10.0.0.7",
  }),
  vector(
    "address without the blank",
    contextAddress(1),
    [],
    "AT+CGPADDR=1\r",
    [line("+CGPADDR:1,10.0.0.7"), ok],
    {
      result: "10.0.0.7",
    },
  ),
  vector("no address", contextAddress(1), [], "AT+CGPADDR=1\r", [ok], { result: "" }),
  vector("address of nothing", contextAddress(1), [], "AT+CGPADDR=1\r", [line("+CGPADDR: 1,0.0.0.0"), ok], {
    result: "",
  }),
  vector("activation", activate, [1], "AT+CGACT=1,1\r", [ok]),
  vector("deactivation, which ends in NO CARRIER", deactivate, [1], "AT+CGACT=0,1\r", ["\r\nNO CARRIER\r\n"]),
  vector("signal", signalStrength, [], "AT+CSQ\r", [line("+CSQ: 22,0"), ok], { result: -69 }),
  vector("no signal", signalStrength, [], "AT+CSQ\r", [line("+CSQ: 99,99"), ok], { result: NaN }),
  vector(
    "clock in quarter hours",
    networkClock,
    [],
    "AT+QCCLK?\r",
    [line("+QCCLK: 19/05/06,22:10:00+08"), ok],
    {
      result: may - 7_200,
    },
  ),
  vector("clock of India", networkClock, [], "AT+QCCLK?\r", [line("+QCCLK: 19/05/06,22:10:00+22"), ok], {
    result: may - 5.5 * 3_600,
  }),
  vector("clock in hours", ownClock, [], "AT+CCLK?\r", [line("+CCLK: 2019/05/06,22:10:00GMT+2"), ok], {
    result: may - 7_200,
  }),
  vector(
    "clock west of Greenwich",
    ownClock,
    [],
    "AT+CCLK?\r",
    [line("+CCLK: 2019/05/06,22:10:00GMT-4"), ok],
    {
      result: may + 4 * 3_600,
    },
  ),
  vector(
    "clock before the first synchronisation",
    ownClock,
    [],
    "AT+CCLK?\r",
    [line("+CCLK: 70/01/01,00:00:02GMT+0"), ok],
    {
      result: NaN,
    },
  ),
  vector("time server", askTimeServer, [1, "t.test"], 'AT+QNTP=1,"t.test"\r', [ok]),
  vector("name", resolveName, [1, "a.test"], 'AT+QIDNSGIP=1,"a.test"\r', [ok]),
  vector("restart", restart, [], "AT+QRST=1\r", [ok]),
  vector("power down", powerDown, [], "AT+QPOWD=0\r", [ok]),
  // Test answers and format strings of firmware A10, and drivers: chapter 3.
  vector(
    "open",
    tcp.openTcp,
    [1, 0, "TCP", "api.thingspeak.com", 80, 0, 0],
    'AT+QIOPEN=1,0,"TCP","api.thingspeak.com",80,0,0\r',
    [ok],
  ),
  vector(
    "send by prompt",
    tcp.sendTcpByPrompt,
    [0, 5],
    "AT+QISEND=0,5\r",
    ["\r\n> ", "", ok, "\r\nSEND OK\r\n"],
    { payload: "hello" },
    "hello",
  ),
  vector(
    "send in hexadecimal digits",
    tcp.sendTcpByHex,
    [0, 5],
    "AT+QISENDEX=0,5,3132330D0A\r",
    [ok, "\r\nSEND OK\r\n"],
    {},
    "123\r\n",
  ),
  vector(
    "send to a full module",
    tcp.sendTcpByHex,
    [0, 1],
    "AT+QISENDEX=0,1,00\r",
    [ok, "\r\nSEND FAIL\r\n"],
    {
      failure: ["send-fail"],
    },
    "\0",
  ),
  vector(
    "send without a connection",
    tcp.sendTcpByHex,
    [0, 1],
    "AT+QISENDEX=0,1,FF\r",
    ["\r\nERROR\r\n"],
    {
      failure: ["error"],
    },
    "\xff",
  ),
  vector("read", tcp.receiveTcp, [0, 512], "AT+QIRD=0,512\r", ["\r\n+QIRD: 7,300\r\nOK\r\n> \x00\r\n", ok], {
    result: 300,
    data: "OK\r\n> \x00",
  }),
  vector(
    "read without an empty line",
    tcp.receiveTcp,
    [0, 512],
    "AT+QIRD=0,512\r",
    ["\r\n+QIRD: 3,0\r\nabc\r\nOK\r\n"],
    {
      result: 0,
      data: "abc",
    },
  ),
  vector(
    "read of a module that does not tell the rest",
    tcp.receiveTcp,
    [0, 512],
    "AT+QIRD=0,512\r",
    ["\r\n+QIRD: 3\r\nabc\r\n", ok],
    {
      result: 1,
      data: "abc",
    },
  ),
  vector("read of nothing", tcp.receiveTcp, [0, 512], "AT+QIRD=0,512\r", [line("+QIRD: 0"), ok], {
    result: 0,
    data: "",
  }),
  vector("close", tcp.closeTcp, [0, undefined], "AT+QICLOSE=0\r", [ok, "\r\nCLOSE OK\r\n"]),
  vector("close that fails", tcp.closeTcp, [0, undefined], "AT+QICLOSE=0\r", [ok, "\r\nCLOSE FAIL\r\n"], {
    failure: ["error"],
  }),
];

function replay(test: Vector, piece: number, slip?: { readonly place: number; readonly text: string }): Rig {
  const rig = new Rig({ urcs: bc66Urcs });
  const sink = new Collector();
  const outcome = test.run(rig, sink);
  rig.timer.advance(5);
  const answer = [...test.answer];
  if (slip !== undefined) answer.splice(slip.place, 0, slip.text);
  for (const part of answer) {
    rig.line.receive(part, piece);
    // The pause behind a prompt.
    if (test.payload !== undefined) rig.timer.advance(600);
  }
  assert.equal(rig.taken(), test.sent + (test.payload ?? ""));
  const [end] = outcome;
  assert.ok(end, "no end");
  if (test.failure === undefined) {
    assert.equal(end.failure, undefined);
    assert.deepEqual(end.result, test.result);
  } else
    assert.deepEqual(end.failure, { command: test.sent.replace(/[=?].*/s, ""), ...asParts(test.failure) });
  if (test.data !== undefined) assert.equal(textOf(sink.bytes), test.data);
  assert.deepEqual([rig.counters.strays, rig.counters.timeouts, rig.exceptions], [0, 0, []]);
  return rig;
}

function asParts([kind, code]: readonly [string, number?]): object {
  return code === undefined ? { kind } : { kind, code };
}

describe("forms of a BC66's answers", () => {
  for (const test of vectors) {
    it(`${test.what}: in pieces of any size`, () => {
      for (const piece of [Infinity, 1, 2, 3, 7]) replay(test, piece);
    });

    it(`${test.what}: with a report between any two lines`, () => {
      for (let place = 0; place <= test.answer.length - 1; place++)
        for (const [text, report] of [
          ['\r\n+QIURC: "recv",1,100\r\n', "socket(recv|1|100)"],
          ["\r\n+CEREG: 2,,,,,0,0\r\n", "eps(2|||||0|0)"],
          ["\r\n+IP: 10.1.2.3\r\n", "address(10.1.2.3)"],
        ] as const) {
          // Not inside the echo, the prompt's payload or raw data: the pieces are whole lines.
          const rig = replay(test, 1, { place, text });
          assert.deepEqual(rig.reports, [report]);
        }
    });
  }
});

describe("reports of a BC66", () => {
  const reports: readonly (readonly [text: string, ...names: string[]])[] = [
    [
      "\n\rF1: 0000 0000\n\rV0: 0000 0000 [0001]\n\r00: 0006 000C\n\r01: 0000 0000\n\rU0: 0000 0001 [0000]\n\rT0: 0000 00B4\n\rLeaving the BROM\n\r\n\r",
      "boot()",
    ],
    // The first character was lost by a terminal, in a log.
    ["1: 0000 0000\n\rLeaving the BROM\n\r", "boot()"],
    ["\r\nRDY\r\n", "listening()"],
    ["\r\nRbbRDY\r\n"],
    ["\r\n+CFUN: 1\r\n", "ignored(: 1)"],
    ["\r\n+CFUN : 1\r\n", "ignored(: 1)"],
    ["\r\n+CEREG: 5\r\n", "eps(5)"],
    [
      '\r\n+CEREG: 1,"4B1F","35E5D4",9,,,"00100001","00000011"\r\n',
      "eps(1|4B1F|35E5D4|9|||00100001|00000011)",
    ],
    ["\r\n+CEREG: 2,,,,,0,0\r\n", "eps(2|||||0|0)"],
    ["\r\n+CEREG: 3,,,,,0,15\r\n", "eps(3|||||0|15)"],
    ["\r\n+IP: 10.0.0.7\r\n", "address(10.0.0.7)"],
    ["\r\n+QIOPEN: 0,0\r\n", "opened(0|0)"],
    ["\r\n+QIOPEN:0,566\r\n", "opened(0|566)"],
    ['\r\n+QIURC: "recv",0\r\n', "socket(recv|0)"],
    ['\r\n+QIURC: "recv",0,1460\r\n', "socket(recv|0|1460)"],
    ['\r\n+QIURC: "recv",0,"buff full"\r\n', "socket(recv|0|buff full)"],
    ['\r\n+QIURC: "recv",buff full\r\n', "socket(recv|buff full)"],
    ['\r\n+QIURC: "closed",0\r\n', "socket(closed|0)"],
    [
      '\r\n+QIURC: "dnsgip",0,1,0\r\n\r\n+QIURC: "dnsgip","1.2.3.4"\r\n',
      "socket(dnsgip|0|1|0)",
      "socket(dnsgip|1.2.3.4)",
    ],
    ['\r\n+QIURC: "dnsgip",565\r\n', "socket(dnsgip|565)"],
    ['\r\n+QNTP: 0,"19/05/06,22:10:00+32"\r\n', "time(0|19/05/06,22:10:00+32)"],
    ['\r\n+QNBIOTEVENT: "ENTER DEEPSLEEP"\r\n', "ignored(ENTER DEEPSLEEP)"],
    ["\r\n+CSCON: 1\r\n", "ignored(1)"],
    ["\r\n+QATWAKEUP\r\n", "ignored()"],
    ["\r\n+CTZV: +8\r\n", "ignored(V: +8)"],
  ];
  for (const [text, ...names] of reports)
    it(`${JSON.stringify(text.trim())} are told in pieces of any size`, () => {
      for (const piece of [Infinity, 1, 2, 3, 7]) {
        const rig = new Rig({ urcs: bc66Urcs });
        rig.line.receive(text, piece);
        assert.deepEqual(rig.reports, names);
      }
    });

  it("of a full buffer are told from others, with the connection where it stands in them", () => {
    const verdict = (text: string): number | undefined => {
      const bytes = Uint8Array.from(Buffer.from(text, "latin1"));
      const parsed = new Line(bytes);
      parsed.set(bytes, 0, bytes.length);
      parsed.match("+QIURC:");
      return overflow(parsed);
    };
    assert.equal(verdict('+QIURC: "recv",3,"buff full"'), 3);
    assert.equal(verdict('+QIURC: "recv",buff full'), NaN);
    assert.equal(verdict('+QIURC: "recv",3,512'), undefined);
    assert.equal(verdict('+QIURC: "recv",3'), undefined);
    assert.equal(verdict('+QIURC: "closed",3'), undefined);
  });
});

describe("times of modules", () => {
  const times: readonly (readonly [text: string, unitSeconds: number, seconds: number])[] = [
    ["2020/06/02,01:47:33+32", 900, Date.UTC(2020, 5, 1, 17, 47, 33) / 1_000],
    ["20/06/02,01:47:33-14", 900, Date.UTC(2020, 5, 2, 5, 17, 33) / 1_000],
    ["2023/03/26,16:32:07GMT-4", 3_600, Date.UTC(2023, 2, 26, 20, 32, 7) / 1_000],
    ["2023/03/26,16:32:07GMT+0", 3_600, Date.UTC(2023, 2, 26, 16, 32, 7) / 1_000],
    ["80/01/06,00:00:10+00", 900, NaN],
    ["70/01/01,00:00:02+00", 900, NaN],
    ["", 900, NaN],
    ["2023/03/26", 900, NaN],
  ];
  for (const [text, unitSeconds, seconds] of times)
    it(`${text || "nothing"} is ${String(seconds)}`, () => {
      assert.equal(networkTime(text, unitSeconds), seconds);
    });
});
