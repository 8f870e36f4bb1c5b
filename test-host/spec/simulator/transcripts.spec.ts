import assert from "node:assert/strict";
import { MemoryNetwork } from "../../simulator/memory.js";
import type { Bg95Changes } from "../../simulator/bg95/settings.js";
import { linkProfiles, type LinkName, type LinkProfile } from "../../simulator/link.js";
import { AtBench } from "./at-bench.js";
import { readTranscript, unmask, type Exchange } from "./transcript.js";
import { differences } from "./transcript-differences.js";

interface Scene {
  readonly name: string;
  readonly link?: LinkName | LinkProfile;
  readonly settings?: Bg95Changes;
  readonly before?: (bench: AtBench) => unknown;
  /** Between two commands of the log. */
  readonly between?: Readonly<Record<number, (bench: AtBench) => void>>;
}

/** Several logs were taken on GSM or EDGE, where AT+CGREG says what AT+CREG says. */
const gsm: LinkProfile = { ...linkProfiles["lte-m"], accessTechnology: 0 };
const bg96 = {
  model: "BG96",
  revision: "BG96MAR02A07M1G",
  firmware: "BG96MAR02A07M1G_01.019.01.019",
} as const;
const operator = (longName: string, numeric = "26201"): Bg95Changes => ({
  operator: { longName, shortName: longName, numeric },
});

function store(bench: AtBench, files: Readonly<Record<string, number>>): void {
  for (const [name, size] of Object.entries(files)) bench.modem.files.write(name, contentOf(size, 0x5505));
}

const scenes: readonly Scene[] = [
  { name: "bg96-start-up" },
  {
    name: "bg95-certificates",
    link: gsm,
    settings: { registration: "roaming", ...operator("Orange F"), mqtt: { openFailure: "final" } },
    before: bench => bench.network.serveTls(8883, {}, () => undefined),
  },
  { name: "bg96-damaged-identity", settings: bg96 },
  { name: "bg96-tcp-buffered", link: gsm },
  {
    name: "bg96-context-gone",
    link: "lte-m",
    before: bench => bench.ask("AT+QIACT=1"),
    between: { 1: bench => bench.modem.module.loseContext(1) },
  },
  { name: "bg95-radio-set-up" },
  {
    name: "bg95-nb-iot-roaming",
    link: "nb-iot",
    settings: { registration: "roaming", signal: [-109, -120, 60, -15], ...operator("Telekom.de") },
  },
  { name: "bg95-test-commands" },
  { name: "bg96-lower-case", settings: { revision: "BG96MAR02A10M1G" } },
  {
    name: "bg95-mqtt-without-sni",
    before: async bench => {
      // A server that has certificates by name only: without SNI there is none.
      bench.network.serveTls(8883, { SNICallback: (_name, done) => done(null) }, () => undefined);
      await bench.ask("AT+QIACT=1");
      await bench.ask('AT+QMTCFG="ssl",0,1,2');
      await bench.ask("ATE0");
    },
  },
  { name: "bg96-power-saving" },
  {
    name: "bg96-file-list",
    settings: { firmware: "BG96MAR03A06M1G_01.005.01.005" },
    before: bench =>
      store(bench, {
        "amazonca.pem": 1_544,
        "herer2.pem": 1_260,
        "herer3.pem": 1_228,
        "sectigca.pem": 2_166,
      }),
  },
  {
    name: "bg96-edge",
    link: gsm,
    settings: {
      registration: "roaming",
      signal: [-87, -100, 100, -10],
      ...operator("T-Mobile Hologram", "310260"),
    },
  },
  { name: "bg96-tcp-pushed", link: gsm },
  { name: "bg96-udp-service", link: gsm },
];

/** Bytes of a size whose checksum is the given one: all zero but the first word. */
function contentOf(size: number, checksum: number): Uint8Array {
  const bytes = new Uint8Array(size);
  bytes[0] = checksum >> 8;
  bytes[1] = checksum & 0xff;
  return bytes;
}

/** The bytes typed for a payload: as many as were announced, or with Ctrl+Z behind them. */
function payloadOf(exchange: Exchange): Uint8Array {
  const text = exchange.payload ?? "";
  const upload = /QFUPL="[^"]*",(\d+)/.exec(exchange.command);
  const checksum = exchange.answer
    .map(line => /\+QFUPL: \d+,([0-9a-f]+)/.exec(line)?.[1])
    .find(sum => sum !== undefined);
  if (upload) return contentOf(Number(upload[1]), parseInt(checksum ?? "0", 16));
  const length = /QISEND=\d+,(\d+)/.exec(exchange.command)?.[1];
  return Buffer.from(length === undefined ? text + "\x1a" : text.padEnd(Number(length)), "latin1");
}

function lines(text: string, command: string): string[] {
  return text
    .split(/[\r\n]+/)
    .map(line => line.trimEnd())
    .filter(line => line !== "" && line !== command.trimEnd());
}

async function replay(scene: Scene): Promise<{ exchange: Exchange; answer: string[] }[]> {
  const bench = new AtBench({
    link: scene.link ?? "none",
    ...(scene.settings ? { settings: scene.settings } : {}),
    network: scheduler =>
      new MemoryNetwork({
        scheduler,
        names: {
          "udp.os.1nce.com": "192.0.2.20",
          "www.google.com": "172.217.163.196",
          "********-ats.iot.us-east-1.amazonaws.com": "192.0.2.21",
          "[private HiveMQ SSL MQTT Broker]": "192.0.2.22",
        },
      }),
  });
  bench.network.serve(8009, peer => (peer.onData = bytes => peer.write(bytes)));
  bench.modem.bootNow();
  await bench.scheduler.run({ until: () => bench.modem.module.registration.isRegistered, untilMs: 60_000 });
  await scene.before?.(bench);
  bench.take();
  const replayed = [];
  for (const [index, exchange] of readTranscript(scene.name).entries()) {
    scene.between?.[index]?.(bench);
    bench.type(exchange.command + "\r");
    if (exchange.payload !== undefined) {
      await bench.scheduler.run({
        until: () => bench.modem.port.carriesData,
        untilMs: bench.scheduler.nowMs + 1_000,
      });
      if (bench.modem.port.carriesData) bench.type(payloadOf(exchange));
    }
    let heard = "";
    await bench.scheduler.run({
      until: () => {
        heard += bench.take();
        return lines(heard, exchange.command).length >= exchange.answer.length && !bench.modem.port.isBusy;
      },
      untilMs: bench.scheduler.nowMs + 60_000,
    });
    replayed.push({ exchange, answer: lines(heard + bench.take(), exchange.command) });
  }
  return replayed;
}

describe("field logs replayed against the simulated BG95", () => {
  for (const scene of scenes) {
    it(`${scene.name}: every answer is the log's, or differs as listed`, async () => {
      const replayed = await replay(scene);
      const found = replayed.flatMap(({ exchange, answer }) => {
        const logged = exchange.answer.map(unmask);
        const simulated = answer.map(unmask);
        return JSON.stringify(logged) === JSON.stringify(simulated)
          ? []
          : [{ command: exchange.command, simulated }];
      });
      const listed = (differences[scene.name] ?? []).map(({ command, simulated }) => ({
        command,
        simulated: [...simulated],
      }));
      assert.deepEqual(found, listed);
    });
  }

  it("lists differences of known transcripts only, each with a reason", () => {
    const names = new Set(scenes.map(scene => scene.name));
    for (const [name, list] of Object.entries(differences)) {
      assert.ok(names.has(name), name);
      for (const difference of list) assert.ok(difference.reason.length > 10, difference.command);
    }
  });
});
