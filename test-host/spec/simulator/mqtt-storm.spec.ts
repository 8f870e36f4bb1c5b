import assert from "node:assert/strict";
import fc from "fast-check";
import { AtBench } from "./at-bench.js";
import { opened, ScriptedBroker } from "./mqtt-support.js";

type Step =
  | { readonly kind: "publish"; readonly qos: 0 | 1 | 2; readonly id: number; readonly size: number }
  | { readonly kind: "subscribe"; readonly id: number }
  | { readonly kind: "message"; readonly qos: 0 | 1 | 2; readonly text: string }
  | { readonly kind: "mute"; readonly what: "publish" | "pubrel" | "subscribe" | "pingreq" }
  | { readonly kind: "listen" | "disconnect" | "close" | "end" | "reset" }
  | { readonly kind: "pass"; readonly ms: number };

const qos = fc.constantFrom<0 | 1 | 2>(0, 1, 2);

const steps: fc.Arbitrary<readonly Step[]> = fc.array(
  fc.oneof(
    {
      weight: 6,
      arbitrary: fc.record({
        kind: fc.constant("publish" as const),
        qos,
        id: fc.integer({ min: 1, max: 8 }),
        size: fc.integer({ min: 1, max: 300 }),
      }),
    },
    {
      weight: 1,
      arbitrary: fc.record({ kind: fc.constant("subscribe" as const), id: fc.integer({ min: 1, max: 3 }) }),
    },
    {
      weight: 3,
      arbitrary: fc.record({
        kind: fc.constant("message" as const),
        qos,
        text: fc.constantFrom("x", '"', "\r\nOK\r\n", ""),
      }),
    },
    {
      weight: 1,
      arbitrary: fc.record({
        kind: fc.constant("mute" as const),
        what: fc.constantFrom(
          "publish" as const,
          "pubrel" as const,
          "subscribe" as const,
          "pingreq" as const,
        ),
      }),
    },
    {
      weight: 2,
      arbitrary: fc.record({
        kind: fc.constantFrom(
          "listen" as const,
          "listen" as const,
          "disconnect" as const,
          "close" as const,
          "end" as const,
          "reset" as const,
        ),
      }),
    },
    {
      weight: 4,
      arbitrary: fc.record({ kind: fc.constant("pass" as const), ms: fc.integer({ min: 1, max: 20_000 }) }),
    },
  ),
  { maxLength: 40 },
);

/** Counts what the host was told, against what it asked for. */
class Ledger {
  /** Publications and subscriptions that were answered OK and have no result yet, by name and id. */
  readonly open = new Map<string, number>();

  began(name: string): void {
    this.open.set(name, (this.open.get(name) ?? 0) + 1);
  }

  /** It was answered ERROR after all. */
  refused(name: string): void {
    this.open.set(name, (this.open.get(name) ?? 1) - 1);
  }

  hear(text: string): void {
    for (const [, name = "", id = "", result = ""] of text.matchAll(/\+QMT(PUB|SUB): 0,(\d+),(\d)/g)) {
      if (result === "1") continue;
      const key = `${name} ${id}`;
      const count = this.open.get(key) ?? 0;
      assert.ok(count > 0, `a result that nobody waits for: ${key} in ${JSON.stringify(text)}`);
      this.open.set(key, count - 1);
    }
    // What had no result before the end will get none.
    if (/\+QMT(STAT|DISC|CLOSE): 0,/.test(text)) this.open.clear();
  }

  get unanswered(): number {
    return [...this.open.values()].reduce((sum, count) => sum + count, 0);
  }
}

class Host {
  readonly ledger = new Ledger();
  readonly #at: AtBench;
  readonly #broker: ScriptedBroker;
  #sentMessages = 0;

  constructor(at: AtBench, broker: ScriptedBroker) {
    this.#at = at;
    this.#broker = broker;
  }

  async ask(line: string): Promise<string> {
    const text = await this.#at.ask(line);
    this.ledger.hear(text);
    return text;
  }

  async step(step: Step): Promise<void> {
    switch (step.kind) {
      case "publish":
        await this.#publish(step.qos, step.qos === 0 ? 0 : step.id, step.size);
        break;
      case "subscribe":
        this.ledger.began(`SUB ${String(step.id)}`);
        if (/ERROR\r\n$/.test(await this.ask(`AT+QMTSUB=0,${String(step.id)},"t",1`)))
          this.ledger.refused(`SUB ${String(step.id)}`);
        break;
      case "message":
        this.#sentMessages++;
        this.#broker.send({
          cmd: "publish",
          qos: step.qos,
          dup: false,
          retain: false,
          topic: "t",
          payload: step.text,
          messageId: this.#sentMessages,
        });
        break;
      case "mute":
        this.#broker.mute.add(step.what);
        break;
      case "listen":
        this.#broker.mute.clear();
        break;
      case "disconnect":
        await this.ask("AT+QMTDISC=0");
        break;
      case "close":
        await this.ask("AT+QMTCLOSE=0");
        break;
      case "end":
        this.#broker.peer.end();
        break;
      case "reset":
        this.#broker.peer.reset();
        break;
      case "pass":
        this.ledger.hear(await this.#at.pass(step.ms));
    }
  }

  async #publish(level: 0 | 1 | 2, id: number, size: number): Promise<void> {
    const answer = await this.ask(`AT+QMTPUB=0,${String(id)},${String(level)},0,"a",${String(size)}`);
    if (!answer.endsWith("> ")) return;
    const key = `PUB ${String(id)}`;
    this.ledger.began(key);
    const heard = await this.#at.exchange("x".repeat(size), /OK\r\n|ERROR\r\n/);
    this.ledger.hear(heard);
    if (heard.includes("ERROR")) this.ledger.refused(key);
  }
}

describe("the simulated module's MQTT client in a storm", () => {
  it("answers every request once, keeps its window, and can always be opened again", async function () {
    this.timeout(60_000);
    await fc.assert(
      fc.asyncProperty(steps, fc.boolean(), async (plan, pending) => {
        const at = await AtBench.memory({
          settings: { mqtt: { pendingAtClose: pending ? "failed" : "silent" } },
        }).ready();
        await at.ask('AT+QMTCFG="version",0,4');
        await at.ask('AT+QMTCFG="keepalive",0,30');
        await at.ask('AT+QMTCFG="timeout",0,5,3,1');
        const broker = new ScriptedBroker(at.network);
        await opened(at, broker);
        await at.exchange('AT+QMTCONN=0,"device"\r', /QMTCONN: 0,0,0/);
        const host = new Host(at, broker);
        for (const step of plan) {
          await host.step(step);
          assert.ok((at.modem.module.mqtt.all[0]?.session?.inFlight ?? 0) <= 5);
        }
        broker.mute.clear();
        host.ledger.hear(await at.pass(120_000));
        assert.equal(host.ledger.unanswered, 0, JSON.stringify([...host.ledger.open]));
        assert.equal(at.modem.module.mqtt.all[0]?.session?.inFlight ?? 0, 0);
        await at.ask("AT+QMTCLOSE=0");
        await at.pass(20_000);
        await opened(at, broker);
        assert.match(await at.exchange('AT+QMTCONN=0,"device"\r', /QMTCONN: .*\r\n$/), /0,0,0/);
      }),
      { numRuns: 150 },
    );
  });
});
