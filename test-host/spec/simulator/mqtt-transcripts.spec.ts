import { Aedes } from "aedes";
import assert from "node:assert/strict";
import { MemoryNetwork } from "../../simulator/memory.js";
import { Scheduler } from "../../simulator/scheduler.js";
import { Authority } from "./authority.js";
import { Bc66Bench } from "./bc66-bench.js";
import { readTranscript, type Exchange } from "./transcript.js";

const host = "example-ats.iot.us-east-2.amazonaws.com";
/** As long as the certificate of the manual's example. */
const certificateBytes = 1_220;

function lines(text: string): string[] {
  return text
    .split(/[\r\n]+/)
    .map(line => line.trimEnd())
    .filter(line => line !== "");
}

function bench(names: Readonly<Record<string, string>>): Promise<Bc66Bench> {
  const scheduler = new Scheduler();
  return new Bc66Bench(scheduler, new MemoryNetwork({ scheduler, names })).ready();
}

/** Types the manual's commands, and collects as many lines as it shows for each. */
async function replay(at: Bc66Bench, exchanges: readonly Exchange[], certificate = ""): Promise<string[][]> {
  const answers: string[][] = [];
  for (const { command, payload, answer } of exchanges) {
    let heard = "";
    const isComplete = (): boolean => {
      heard += at.take();
      return lines(heard).length >= answer.length && !at.modem.port.isBusy;
    };
    at.type(command + "\r");
    if (payload !== undefined) {
      await at.scheduler.run({ until: () => at.modem.port.carriesData, untilMs: at.scheduler.nowMs + 1_000 });
      at.type(`${command.includes("QSSLCFG") ? certificate : payload}\x1a`);
    }
    await at.scheduler.run({ until: isComplete, untilMs: at.scheduler.nowMs + 60_000 });
    answers.push(lines(heard));
  }
  return answers;
}

describe("the manual's MQTT examples on the simulated BC66, with a broker behind", () => {
  let aedes: Aedes;

  beforeEach(async () => {
    aedes = await Aedes.createBroker();
  });

  afterEach(() => new Promise<void>(resolve => aedes.close(() => resolve())));

  // The address of the example has been zeroed; the broker closes after DISCONNECT, which it leaves out.
  it("plain: every line is the manual's", async () => {
    const at = await bench({ "000.000.000.000": "192.0.2.30" });
    at.network.serveDuplex(8401, stream => aedes.handle(stream));
    const payload = "This is the payload related to topic";
    const message = {
      cmd: "publish",
      qos: 0,
      dup: false,
      retain: false,
      topic: "topic/example",
      payload,
    } as const;
    aedes.on("subscribe", ([subscription]) => {
      if (subscription?.topic === "topic/pub") aedes.publish(message, () => undefined);
    });
    const exchanges = readTranscript("bc66-mqtt");
    const answers = await replay(at, exchanges);
    assert.deepEqual(
      answers,
      exchanges.map(({ answer }) => [...answer]),
    );
  });

  it("over TLS, with quotes inside a payload: every line is the manual's", async () => {
    const root = await Authority.root({ name: "Root", key: "rsa" });
    const server = await root.issue({ name: host, key: "rsa" });
    const at = await bench({ [host]: "192.0.2.30" });
    at.network.serveTls(8883, { key: server.keyPem, cert: server.certificatePem }, aedes.handle);
    await at.ask('AT+QSSLCFG=1,5,"seclevel",1');
    const certificate = root.certificatePem.trimEnd().padEnd(certificateBytes, "\n");
    const exchanges = readTranscript("bc66-mqtt-tls");
    const answers = await replay(at, exchanges, certificate);
    assert.equal(certificate.length, certificateBytes);
    assert.deepEqual(
      answers,
      exchanges.map(({ answer }) => [...answer]),
    );
  });
});
