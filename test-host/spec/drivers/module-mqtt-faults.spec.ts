import assert from "node:assert/strict";
import { bc66Mqtt } from "../../../drivers/bc66/mqtt.js";
import { bg95Mqtt } from "../../../drivers/bg95/mqtt.js";
import { ScriptedBroker } from "../simulator/mqtt-support.js";
import { Bc66Bench, Bench, type AnyBench } from "./bench.js";
import { App } from "./module-mqtt-support.js";

interface Kind {
  readonly name: string;
  readonly dialect: typeof bg95Mqtt;
  readonly bench: (faults: readonly string[]) => AnyBench;
}

const kinds: readonly Kind[] = [
  { name: "BG95", dialect: bg95Mqtt, bench: faults => new Bench({ faults }) },
  { name: "BC66", dialect: bc66Mqtt, bench: faults => new Bc66Bench({ faults }) },
];

const payload = (n: number): string => `message ${String(n)} "${"x".repeat(20 * n)}"\r\n`;
const count = 4;

/** A broker that sends back what is published to `loop`. */
function loop(bench: AnyBench): ScriptedBroker {
  const broker = new ScriptedBroker(bench.network);
  let seen = 0;
  const look = (): void => {
    for (; seen < broker.packets.length; seen++) {
      const packet = broker.packets[seen];
      if (packet?.cmd === "publish" && packet.topic === "loop")
        broker.send({ ...packet, qos: 1, messageId: 1 + (seen % 65_535), dup: false, retain: false });
    }
    bench.timer.set(look, 20);
  };
  look();
  return broker;
}

/** Publishes until all is delivered; returns what happened meanwhile. */
async function session(kind: Kind, faults: readonly string[]): Promise<{ app: App; broker: ScriptedBroker }> {
  const bench = kind.bench(faults);
  bench.call(() => {
    bench.cellular.connect();
  });
  await bench.until("online", () => bench.online);
  const broker = loop(bench);
  const app = new App(bench, { dialect: kind.dialect, acknowledgeTimeout: 10_000 });
  const stay = app.stay();
  app.subscribe(stay, "loop");
  for (let n = 1; n <= count; n++) app.publish(stay, payload(n), { topic: "loop", qos: n === 2 ? 2 : 1 });
  await bench.until(
    `delivery with ${faults.join("; ")}`,
    () => app.results.length === count && app.grants.length > 0,
  );
  bench.call(() => stay.close());
  return { app, broker };
}

const sent = Array.from({ length: count }, (_, i) => payload(i + 1));

function check({ app, broker }: { app: App; broker: ScriptedBroker }, fault: string): void {
  assert.deepEqual(app.results, Array(count).fill(undefined), fault);
  const arrived = broker.packets.flatMap(packet =>
    packet.cmd === "publish" ? [packet.payload.toString()] : [],
  );
  for (const text of sent) assert.ok(arrived.includes(text), fault);
  for (const text of arrived) assert.ok(sent.includes(text), `${fault}: ${text}`);
  for (const { bytes } of app.messages) assert.ok(sent.includes(Buffer.from(bytes).toString()), fault);
}

for (const kind of kinds)
  describe(`MQTT by the ${kind.name} delivers every message unchanged`, function () {
    this.timeout(60_000);

    it("without a fault", async () => {
      const all = await session(kind, []);
      check(all, "none");
      assert.equal(all.app.errors, 0);
    });

    const commands = [
      "+QMTOPEN",
      "+QMTCFG",
      "+QMTCONN",
      "+QMTSUB",
      "+QMTPUB",
      ...(kind.name === "BG95" ? ["+QMTRECV"] : []),
    ];
    for (const what of ["reset", "error", "late", "gap"])
      it(`after ${what} at each of its commands`, async () => {
        for (const command of commands)
          for (let nth = 1; nth <= 3; nth++) {
            const fault = `${what} command=${command} nth=${String(nth)}${
              what === "late" ? " ms=100000" : what === "gap" ? " ms=3000" : ""
            }`;
            check(await session(kind, [fault]), fault);
          }
      });

    it("after the loss and the delay of each of its reports", async () => {
      for (const report of ["OPEN", "CONN", "SUB", "PUB", "RECV"])
        for (let nth = 1; nth <= 3; nth++)
          for (const ms of ["", " ms=30000"]) {
            const fault = `hold-urc urc=+QMT${report} nth=${String(nth)}${ms}`;
            check(await session(kind, [fault]), fault);
          }
    });

    it("after the end of the connection behind any byte", async () => {
      for (let bytes = 1; bytes < 400; bytes += 23)
        for (const how of ["peer-close", "peer-reset"]) {
          const fault = `${how} socket=100 sent=${String(bytes)}`;
          check(await session(kind, [fault]), fault);
        }
    });

    it("after the loss of any byte from the module", async () => {
      for (let at = 1; at < 2_400; at += 13) {
        const fault = `lose to=host at=${String(at)}`;
        check(await session(kind, [fault]), fault);
      }
    });
  });

for (const kind of kinds)
  describe(`MQTT by the ${kind.name} goes on`, function () {
    this.timeout(60_000);

    // Whether what the module took is what was meant nobody can know: a command line has no checksum,
    // and a lost digit of a length or letter of a topic makes another valid command.
    it("after the loss of any byte to the module", async () => {
      for (let at = 1; at < 2_400; at += 13) {
        const { app } = await session(kind, [`lose to=module at=${String(at)}`]);
        assert.deepEqual(app.results, Array(count).fill(undefined), String(at));
      }
    });
  });
