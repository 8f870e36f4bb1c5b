import assert from "node:assert/strict";
import { generate, parser } from "mqtt-packet";
import type { Bc66Changes } from "../../simulator/bc66/settings.js";
import { MemoryNetwork } from "../../simulator/memory.js";
import { Scheduler } from "../../simulator/scheduler.js";
import { Authority } from "./authority.js";
import { Bc66Bench } from "./bc66-bench.js";
import { readTranscript, type Exchange } from "./transcript.js";
import type { Difference } from "./transcript-differences.js";

interface Scene {
  readonly name: string;
  readonly settings?: Bc66Changes;
  readonly before?: (bench: Bc66Bench) => unknown;
  /** What is typed behind a prompt, by its name in the log. */
  readonly payloads?: () => Readonly<Record<string, string>>;
  readonly differences: readonly Difference[];
}

function differs(command: string, simulated: readonly string[], reason: string): Difference {
  return { command, simulated, reason };
}

function withResult(command: string, ...lines: string[]): Difference {
  return differs(command, [...lines, "OK"], "the author of the log left out the final OK");
}

/** The ROM prints it before the module knows a rate; the log's terminal lost one character. */
const bootLines = [
  "F1: 0000 0000",
  "V0: 0000 0000 [0001]",
  "00: 0006 000C",
  "01: 0000 0000",
  "U0: 0000 0001 [0000]",
  "T0: 0000 00B4",
  "Leaving the BROM",
];

const readyLines = ["RDY", "+CFUN: 1", "+CPIN: READY"];
const rateIsStored = "the simulated module's rate is stored, so that it speaks before it is spoken to";

let root: Authority;
let server: Authority;
let device: Authority;

/** A text of exactly so many bytes: line ends are added behind. */
function sized(pem: string, bytes: number): string {
  return pem.trimEnd().padEnd(bytes, "\n");
}

const scenes: readonly Scene[] = [
  {
    name: "bc66-first-registration",
    settings: { registration: "searching", revision: "BC66NAR01A03" },
    before: bench => bench.ask("AT+IPR=115200"),
    differences: [
      differs("AT+QRST=1", ["OK", ...bootLines, ...readyLines], rateIsStored),
      withResult("AT+CEREG?", "+CEREG: 0,2"),
    ],
  },
  { name: "bc66-boot-loop", differences: [] },
  {
    name: "bc66-identify",
    settings: { trainingLines: 0 },
    differences: [
      differs("<reset>", bootLines, "the author's terminal lost the first character"),
      withResult("ATI", "Quectel_Ltd", "Quectel_BC66", "Revision: BC66NBR01A10"),
    ],
  },
  {
    name: "bc66-mutual-tls",
    payloads: () => ({
      "<cacert>": sized(root.certificatePem, 1_216),
      "<clientcert>": sized(device.certificatePem, 1_224),
      "<clientkey>": sized(device.keyPem, 1_679 + 32),
    }),
    before: bench =>
      bench.network.serveTls(
        8164,
        {
          key: server.keyPem,
          cert: server.certificatePem,
          requestCert: true,
          rejectUnauthorized: true,
          ca: root.certificatePem,
        },
        socket => {
          socket.on("error", () => undefined);
          socket.on("data", (bytes: Buffer) => socket.write(bytes));
        },
      ),
    differences: [
      differs(
        'AT+QSSLCFG=1,5,"clientkey"',
        [">", '+QSSLCFG: 1,5,"clientkey",1711', "OK"],
        "the key of the test is in PKCS #8, which is longer",
      ),
    ],
  },
  {
    name: "bc66-udp",
    before: async bench => {
      await bench.ask('AT+QCGDEFCONT="IP","iot.ht.hr"');
      await bench.ask("AT+IPR=115200");
      await bench.ask("AT&W");
      bench.modem.powerUp();
      await bench.pass(5_000);
    },
    differences: [
      withResult("AT+CEREG?", "+CEREG: 0,1"),
      withResult("AT+CGDCONT?", '+CGDCONT: 1,"IP","iot.ht.hr","<address>",0,0,0,,,,,,0,,0'),
      withResult("AT+CGPADDR?", "+CGPADDR: 1,<address>"),
      withResult("AT+QIPADDR", "+QIPADDR: <address>", "+QIPADDR: <address>"),
      withResult("AT+QISTATE=0,1", '+QISTATE: 0,"UDP","<address>",4445,4445,2,1,1'),
    ],
  },
  {
    name: "bc66-mqtt-sleeping",
    settings: {
      supplyMillivolts: 3_275,
      epochMs: Date.UTC(2023, 2, 26, 20, 32, 7),
      timeZoneQuarters: -16,
    },
    before: async bench => {
      serveMqtt(bench);
      await bench.ask('AT+QCGDEFCONT="IPV4V6","iot.nb"');
    },
    payloads: () => ({ "<cacert>": root.certificatePem }),
    differences: [
      withResult("AT+CEREG=1"),
      withResult("AT+CEREG?", "+CEREG: 1,1"),
      withResult("AT+QSCLK=0"),
      withResult("AT+CCLK?", "+CCLK: 2023/03/26,16:32:<s>GMT-4"),
      withResult("AT+CBC", "+CBC: 0,0,3275"),
      differs(
        "AT+CGDCONT?",
        ['+CGDCONT: 1,"IP","","<address>",0,0,0,,,,,,0,,0', "OK"],
        "the default context takes effect after a restart, which the program leaves out",
      ),
      withResult("AT+QNBIOTEVENT=1,1"),
      withResult('AT+CPSMS=1,,,"10100101","00100001"'),
      withResult('AT+QSSLCFG=1,1,"cacert"', ">", '+QSSLCFG: 1,1,"cacert",<count>'),
      withResult('AT+QSSLCFG=1,1,"seclevel",1'),
      withResult('AT+QMTCFG="ssl",0,1,1,1'),
      differs(
        'AT+QMTOPEN=0,"test.mosquitto.org",8883',
        ["OK", "+QMTOPEN: 0,0"],
        "the program waits for the result alone",
      ),
      differs(
        'AT+QMTCONN=0,"89490200001000000025"',
        ["OK", "+QMTCONN: 0,0,0"],
        "the program waits for the result alone",
      ),
      differs(
        'AT+QMTPUB=0,0,0,0,"device/state","{}"',
        ["OK", "+QMTPUB: 0,0,0", '+QMTRECV: 0,0,"device/status","it works"'],
        "the program keeps the message alone",
      ),
      differs("AT+QMTCLOSE=0", ["OK", "+QMTCLOSE: 0,0"], "the program does not wait for it"),
      withResult("AT+QSCLK=1"),
    ],
  },
  {
    name: "bc26-start-up",
    settings: { signal: { csq: 27, rxlev: 42, rsrq: 2, rsrp: 54 } },
    before: async bench => {
      await bench.ask('AT+QCGDEFCONT="IP","psm0.eDRX0.ctnb"');
      await bench.ask("AT+IPR=115200");
    },
    differences: [differs("AT+QRST=1", ["OK", ...bootLines, ...readyLines, "+IP: <address>"], rateIsStored)],
  },
  { name: "bc66-context", differences: [] },
  {
    name: "bc66-http-get",
    settings: { dataEcho: false },
    before: bench =>
      bench.network.serve(80, peer => {
        let text = "";
        peer.onData = bytes => {
          text += Buffer.from(bytes).toString("latin1");
          if (text.endsWith("\r\n")) peer.write("200");
        };
      }),
    differences: [],
  },
];

function serveMqtt(bench: Bc66Bench): void {
  bench.network.serveTls(8883, { key: server.keyPem, cert: server.certificatePem }, socket => {
    const reader = parser();
    socket.on("error", () => undefined);
    socket.on("data", (bytes: Buffer) => reader.parse(bytes));
    reader.on("packet", packet => {
      if (packet.cmd === "connect")
        socket.write(generate({ cmd: "connack", returnCode: 0, sessionPresent: false }));
      if (packet.cmd === "publish")
        socket.write(
          generate({
            cmd: "publish",
            qos: 0,
            dup: false,
            retain: false,
            topic: "device/status",
            payload: "it works",
          }),
        );
    });
  });
}

function lines(text: string, command: string): string[] {
  return text
    .split(/[\r\n]+/)
    .map(line => line.trimEnd())
    .filter(line => line !== "" && line !== command);
}

/** Addresses and seconds differ from run to run, as does a certificate's length. */
function unmask(line: string): string {
  return line
    .replace(/"?\b\d{1,3}(?:\.\d{1,3}){3}\b"?/g, found =>
      found.startsWith('"') ? '"<address>"' : "<address>",
    )
    .replace(/:\d\dGMT/, ":<s>GMT")
    .replace(/(1,1,"cacert",)\d+/, "$1<count>");
}

async function replay(scene: Scene): Promise<{ exchange: Exchange; answer: string[] }[]> {
  const scheduler = new Scheduler();
  const names = {
    "hf.quectel.com": "192.0.2.30",
    "test.mosquitto.org": "192.0.2.31",
    "api.thingspeak.com": "192.0.2.32",
  };
  const bench = new Bc66Bench(scheduler, new MemoryNetwork({ scheduler, names }), {
    ...(scene.settings ? { settings: scene.settings } : {}),
  });
  await bench.ready();
  await bench.ask("ATE1");
  await scene.before?.(bench);
  await bench.pass(100);
  const payloads = scene.payloads?.() ?? {};
  const replayed = [];
  for (const exchange of readTranscript(scene.name)) {
    const { command, payload, answer } = exchange;
    if (command === "<reset>") {
      bench.modem.resetLine(true);
      await bench.pass(60);
      bench.modem.resetLine(false);
    } else bench.type(`${command}\r`);
    if (payload !== undefined) {
      await scheduler.run({ until: () => bench.modem.port.carriesData, untilMs: scheduler.nowMs + 1_000 });
      bench.type(`${payloads[payload] ?? payload}\x1a`);
    }
    let heard = "";
    await scheduler.run({
      until: () => {
        heard += bench.take();
        return lines(heard, command).length >= answer.length && !bench.modem.port.isBusy;
      },
      untilMs: scheduler.nowMs + 60_000,
    });
    // What follows by itself, but no time for the module to fall asleep.
    heard += await bench.pass(2_500);
    replayed.push({ exchange, answer: lines(heard, command) });
  }
  return replayed;
}

describe("field logs replayed against the simulated BC66", () => {
  before(async () => {
    root = await Authority.root({ name: "Root", key: "rsa" });
    device = await root.issue({ name: "device", key: "rsa" });
    server = await root.issue({ name: "hf.quectel.com", key: "rsa" });
  });

  for (const scene of scenes) {
    it(`${scene.name}: every answer is the log's, or differs as listed`, async () => {
      if (scene.name === "bc66-mqtt-sleeping")
        server = await root.issue({ name: "test.mosquitto.org", key: "rsa" });
      const found = (await replay(scene)).flatMap(({ exchange, answer }) => {
        const simulated = answer.map(unmask);
        return JSON.stringify(exchange.answer.map(unmask)) === JSON.stringify(simulated)
          ? []
          : [{ command: exchange.command, simulated }];
      });
      const listed = scene.differences.map(({ command, simulated }) => ({
        command,
        simulated: [...simulated],
      }));
      assert.deepEqual(found, listed);
      for (const { command, reason } of scene.differences) assert.ok(reason.length > 10, command);
    });
  }
});
