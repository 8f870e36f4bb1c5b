import assert from "node:assert/strict";
import type { Failure } from "../../../modules/diagnosis/failure.js";
import { Random } from "../../simulator/random.js";
import { Bench, pattern, PORT, type BenchSettings, type Client } from "./bench.js";

const HOUR_MS = 3_600_000;
const commands = [
  "+QISEND",
  "+QIRD",
  "+QIOPEN",
  "+QICLOSE",
  "+QIACT",
  "+QIDEACT",
  "+CEREG",
  "+CPIN",
  "+CFUN",
  "+QLTS",
  "+CSQ",
  "E0",
  "+QISDE",
];
const reports = ["+QIURC", "+QIOPEN", "+CEREG", "+QIND"];

/** Faults of every kind, at random moments within the time. */
function randomFaults(random: Random, count: number, withinMs: number): string[] {
  const ms = (): string => String(Math.floor(random.next() * withinMs));
  const pick = (from: readonly string[]): string => from[random.integer(from.length)] ?? "";
  const nth = (): string => String(1 + random.integer(30));
  const seconds = (most: number): string => String(1_000 * (1 + random.integer(most)));
  const kinds: (() => string)[] = [
    () => `reset ms=${ms()}`,
    () => `silence for=${seconds(900)} ms=${ms()}`,
    () => `pdpdeact context=1 ms=${ms()}`,
    () => `context-loss context=1 ms=${ms()}`,
    () => `registration-loss for=${seconds(300)} ms=${ms()}`,
    () => `peer-close socket=${String(random.integer(2))} ms=${ms()}`,
    () => `peer-reset socket=${String(random.integer(2))} ms=${ms()}`,
    () => `send-fail nth=${nth()}`,
    () => `late command=${pick(commands)} nth=${nth()} ms=${seconds(200)}`,
    () => `gap command=${pick(commands)} nth=${nth()} ms=${seconds(5)}`,
    () => `error command=${pick(commands)} nth=${nth()}`,
    () => `hold-urc urc=${pick(reports)} nth=${nth()}`,
    () => `hold-urc urc=${pick(reports)} nth=${nth()} ms=${seconds(60)}`,
    () => `reset byte=${String(1 + random.integer(20_000))}`,
    () => `reset command=${pick(commands)} nth=${nth()}`,
  ];
  return Array.from({ length: count }, () => (kinds[random.integer(kinds.length)] ?? (() => ""))());
}

/**
 * An application that holds a connection as long as it can: sends a piece now and then, expects
 * one, closes when none comes, and opens the next. Every byte has its place, so that a wrong one shows.
 */
class Talk {
  connections = 0;
  exchanged = 0;
  readonly failures: Failure[] = [];
  /** False on a noisy line, where no checksum tells a changed byte of payload from a right one. */
  exact = true;
  readonly #bench: Bench;
  readonly #random: Random;
  #client: Client | undefined;
  #written = 0;
  /** Bytes from the other side that were found right. */
  #checked = 0;
  #quietTurns = 0;
  /** The connection is to be closed, and the next opened. */
  #renew = false;

  constructor(bench: Bench, random: Random) {
    this.#bench = bench;
    this.#random = random;
    bench.network.serve(PORT, peer => {
      let sent = 0;
      let received = 0;
      let completed = false;
      peer.onData = bytes => {
        if (this.exact) completed ||= this.#completedBy(bytes, received);
        received += bytes.length;
        const size = 1 + random.integer(4_000);
        peer.write(pattern(size, sent));
        sent += size;
      };
    });
    this.#turn();
  }

  #turn(): void {
    this.#bench.scheduler.after(2_000 + this.#random.integer(20_000), () => {
      this.#act();
      this.#turn();
    });
  }

  #act(): void {
    const bench = this.#bench;
    const client = this.#client;
    if (client?.ended === true) {
      if (client.failure) this.failures.push(client.failure);
      this.#check(client);
      this.#client = undefined;
    } else if (client === undefined) {
      if (bench.online) {
        this.#written = this.#checked = 0;
        this.#quietTurns = 0;
        this.connections++;
        this.#client = bench.open();
      }
    } else if (client.connected) {
      if (client.received.length > 0) this.#quietTurns = 0;
      this.exchanged += client.received.length;
      this.#check(client);
      // As a keep-alive would: nothing came for long, so the connection counts as dead.
      if (++this.#quietTurns > 20 || this.#renew || this.#random.integer(50) === 0) {
        this.#renew = false;
        bench.call(() => {
          client.socket.close();
        });
        client.ended = true;
        return;
      }
      const piece = pattern(1 + this.#random.integer(2_000), this.#written);
      if (client.room >= piece.length) {
        client.room = bench.call(() => client.socket.write(piece));
        this.#written += piece.length;
      }
    } else if (++this.#quietTurns > 40) {
      bench.call(() => {
        client.socket.close();
      });
      client.ended = true;
    }
  }

  /**
   * What came up goes on where the last part ended. True: the module had got a part of a payload when
   * it fell silent, and what the driver sent to find the module again completed it. There is no
   * command that would end a counted payload otherwise; the connection is over then.
   */
  #completedBy(bytes: Uint8Array, offset: number): boolean {
    const wanted = pattern(bytes.length, offset);
    const wrong = bytes.findIndex((byte, i) => byte !== wanted[i]);
    if (wrong < 0) return false;
    // The last byte of the payload may equal a byte of the probe.
    const rest = Buffer.from(bytes.subarray(wrong)).toString("latin1");
    assert.equal(rest.replaceAll("\u001b", "").replace(/[ATCME+?\r]/g, ""), "", JSON.stringify(rest));
    return true;
  }

  /** What was received goes on where the last part ended. */
  #check(client: Client): void {
    const part = Uint8Array.from(client.received.splice(0));
    if (this.exact) assert.deepEqual(part, pattern(part.length, this.#checked));
    this.#checked += part.length;
  }

  /** A new connection brings data both ways. */
  async works(limitMs: number): Promise<void> {
    const { connections } = this;
    this.#renew = true;
    let before = this.exchanged;
    const isNew = (): boolean => {
      if (this.connections === connections) before = this.exchanged;
      return this.exchanged > before;
    };
    await this.#bench.until("an exchange", isNew, limitMs);
  }
}

async function storm(seed: string, settings: BenchSettings, hours: number, count: number): Promise<Bench> {
  const random = new Random(seed);
  const bench = new Bench({
    seed,
    ...settings,
    faults: [...(settings.faults ?? []), ...randomFaults(random, count, hours * HOUR_MS)],
  });
  bench.cellular.connect();
  const talk = new Talk(bench, random);
  talk.exact = !(settings.faults ?? []).some(fault => typeof fault === "string" && fault.startsWith("noise"));
  try {
    await bench.pass(hours * HOUR_MS);
    // The last silence may have begun just now, and a restart may have to wait a minute.
    await bench.until("online", () => bench.online, 3 * HOUR_MS);
    await talk.works(HOUR_MS);
    assert.ok(bench.timer.live.size <= 20, `${String(bench.timer.live.size)} timers`);
    assert.ok(bench.modem.channel.pending <= 14, `${String(bench.modem.channel.pending)} commands wait`);
    assert.ok(bench.modem.channel.counters.queueHighWater <= 30);
    const exceptions = bench.events.filter(([name]) => name === "exception").map(([, text]) => text);
    // A damaged count announces more than was asked for: the ring refuses it, the connection ends.
    assert.deepEqual(
      talk.exact ? exceptions : exceptions.filter(text => text !== "RangeError: ring full"),
      [],
    );
  } catch (error) {
    throw new Error(`seed ${seed}: ${String(error)}; ${bench.describe()}`, { cause: error });
  }
  return bench;
}

describe("Driver in a storm of faults", function () {
  this.timeout(120_000);
  const seeds = Array.from({ length: Number(process.env["XS_CELLULAR_SEEDS"] ?? 4) }, (_, i) =>
    String(i + 1),
  );

  it("comes back, hangs never, and delivers no wrong byte", async () => {
    for (const seed of seeds) await storm(seed, { lines: ["powerKey", "reset", "status"] }, 4, 40);
  });

  it("does so without RESET and STATUS", async () => {
    for (const seed of seeds) await storm(`key ${seed}`, { lines: ["powerKey"] }, 4, 40);
  });

  it("does so over a slow link, on the stock serial class", async () => {
    for (const seed of seeds) await storm(`slow ${seed}`, { link: "nb-iot", serial: "stock" }, 6, 40);
  });

  it("comes back from noise on the line in both directions", async () => {
    for (const seed of seeds)
      await storm(
        `noise ${seed}`,
        { faults: ["noise to=host rate=0.0003", "noise to=module rate=0.0003"] },
        4,
        10,
      );
  });
});
