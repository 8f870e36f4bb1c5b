import { readSignal } from "../../../drivers/quectel/signal.js";
import assert from "node:assert/strict";
import { RecoveryLadder } from "../../../modules/cellular/recovery.js";
import { Bench, type BenchSettings } from "./bench.js";

const kinds = (bench: Bench): string[] => bench.failures.map(({ reason, rung }) => `${reason.kind} ${rung}`);
const allLines = ["powerKey", "reset", "status"] as const;

describe("Recovery ladder", () => {
  function ladder(): { steps: RecoveryLadder; pass: (ms: number) => void } {
    let now = 0;
    const steps = new RecoveryLadder({
      get ticks() {
        return now;
      },
      delta: start => now - start,
      set: () => undefined,
      now: () => 0,
    });
    return { steps, pass: ms => (now += ms) };
  }

  it("goes one rung up after each failure, and begins below after success", () => {
    const { steps } = ladder();
    const climbed = Array.from({ length: 5 }, () => steps.next("connect").rung);
    assert.deepEqual(climbed, ["context", "radio", "restart", "reset", "reset"]);
    steps.succeeded();
    assert.equal(steps.next("connect").rung, "context");
  });

  const least = [
    ["connect", "context"],
    ["pdp", "context"],
    ["timeout", "context"],
    ["registration", "radio"],
    ["sim", "restart"],
    ["no-answer", "reset"],
  ] as const;
  for (const [kind, rung] of least)
    it(`begins with ${rung} against ${kind}`, () => {
      assert.deepEqual(ladder().steps.next(kind), { rung, waitMs: 0 });
    });

  it("tries again without a restart each minute until the next may be", () => {
    const { steps, pass } = ladder();
    for (let i = 0; i < 3; i++) assert.equal(steps.next("no-answer").rung, "reset");
    pass(30_000);
    assert.deepEqual(steps.next("no-answer"), { rung: "again", waitMs: 60_000 });
    pass(569_000);
    assert.deepEqual(steps.next("no-answer"), { rung: "again", waitMs: 1_000 });
    pass(1_000);
    assert.equal(steps.next("no-answer").rung, "reset");
  });

  it("counts restarts over a short success, and forgets them an hour after the last", () => {
    const { steps, pass } = ladder();
    for (let i = 0; i < 3; i++) {
      steps.next("no-answer");
      steps.succeeded();
    }
    assert.equal(steps.next("no-answer").rung, "again");
    pass(3_600_001);
    for (let i = 0; i < 3; i++) assert.equal(steps.next("no-answer").rung, "reset");
    // Without a success since, an hour is not forgiveness.
    pass(3_600_001);
    assert.equal(steps.next("no-answer").rung, "reset");
    assert.equal(steps.next("no-answer").rung, "again");
  });
});

describe("Recovery of the driver", () => {
  async function recovers(settings: BenchSettings, limitMs = 600_000): Promise<Bench> {
    const bench = await new Bench(settings).goOnline();
    await bench.until("the fault", () => !bench.online);
    await bench.until("online again", () => bench.online, limitMs);
    return bench;
  }

  for (const lines of [["powerKey", "status"], ["powerKey"], allLines, ["reset"]] as const)
    it(`brings a hung module back with ${lines.join(", ")}`, async () => {
      const bench = new Bench({ lines, running: !lines.includes("powerKey" as never) });
      await bench.goOnline();
      // Deaf until it has been turned off or reset.
      const { power } = bench.module.module;
      const boots = power.boots;
      const receive = bench.module.port.receive.bind(bench.module.port);
      bench.module.port.receive = bytes => {
        if (power.boots > boots) receive(bytes);
      };
      bench.network.serve(7, () => undefined);
      const client = bench.open();
      await bench.until("silence noticed", () => client.ended && !bench.online, 900_000);
      await bench.until("online again", () => bench.online, 600_000);
      assert.equal(power.boots, boots + 1);
      assert.equal(kinds(bench)[0], "no-answer reset");
      // One failure led to two steps: silence was told to the question and to the state.
      assert.equal(bench.failures.length, 1);
    });

  it("has only a restart by command where no line is wired, and goes on asking", async () => {
    const bench = new Bench({ lines: [], running: true, faults: ["silence for=1800000 ms=30000"] });
    await bench.goOnline();
    await bench.pass(30_000);
    readSignal(bench.modem, () => undefined);
    await bench.until("silence noticed", () => bench.failures.length > 0);
    await bench.pass(1_800_000);
    await bench.until("online again", () => bench.online, 150_000);
  });

  it("asks a silent module again each minute at most, and turns it on at growing distances only", async () => {
    const bench = new Bench({ lines: ["powerKey"] });
    bench.module.receive = () => undefined;
    bench.module.onOutput = undefined;
    bench.cellular.connect();
    // Questions of the application meanwhile are no further failures.
    const ask = (): void => {
      readSignal(bench.modem, () => undefined);
      bench.scheduler.after(17_000, ask);
    };
    ask();
    await bench.pass(6 * 3_600_000);
    const steps = bench.failures.map(({ atMs }) => atMs);
    for (const [i, at] of steps.entries()) assert.ok(i === 0 || at - (steps[i - 1] ?? 0) > 30_000);
    const restarts = bench.failures.filter(({ rung }) => rung === "reset").map(({ atMs }) => atMs / 60_000);
    assert.ok(restarts.length <= 11, String(restarts.length));
    for (const [i, at] of restarts.entries())
      if (i >= 3) assert.ok(at - (restarts[i - 1] ?? 0) >= 10, restarts.join());
    assert.ok(bench.timer.live.size <= 3, String(bench.timer.live.size));
  });

  it("is online within two minutes after a silence of three hours", async () => {
    const bench = new Bench();
    const receive = bench.module.receive.bind(bench.module);
    bench.module.receive = bytes => {
      if (bench.scheduler.nowMs > 10_800_000) receive(bytes);
    };
    bench.module.module.power.bootNow();
    bench.cellular.connect();
    await bench.pass(10_800_000);
    assert.ok(!bench.online);
    await bench.until("online", () => bench.online, 120_000);
  });

  describe("module restarts without a word", () => {
    const moments = [
      ["booting", 3_000],
      ["before APP RDY", 4_490],
      ["starting", 4_510],
      ["SIM", 4_525],
      ["registering", 4_560],
      ["activating", 4_715],
      ["clock", 4_722],
      ["online", 10_000],
    ] as const;
    for (const [state, atMs] of moments)
      it(`in the state ${state}`, async () => {
        const bench = new Bench({ faults: [`reset ms=${String(atMs)}`] });
        bench.cellular.connect();
        await bench.pass(atMs + 60_000);
        assert.ok(bench.online);
        assert.equal(bench.module.module.power.boots, 2);
        assert.deepEqual(bench.failures, []);
        assert.equal(bench.module.module.profile.echo, false);
      });

    it("at each byte of the start script", async () => {
      const bench = await new Bench().goOnline();
      const total = bench.module.faults.toModuleBytes;
      for (let byte = 1; byte <= total; byte += 3) {
        const other = new Bench({ faults: [`reset byte=${String(byte)}`] });
        await other.goOnline(120_000);
        await other.pass(60_000);
        assert.ok(other.online && !other.module.module.profile.echo, String(byte));
      }
    });

    it("and its boot reports are lost: the echo tells", async () => {
      const bench = await new Bench().goOnline();
      bench.module.module.power.crash();
      bench.module.bootNow();
      await bench.pass(30_000);
      readSignal(bench.modem, () => undefined);
      await bench.until("restart noticed", () => !bench.online, 60_000);
      await bench.until("online", () => bench.online, 60_000);
      assert.equal(bench.module.module.profile.echo, false);
      assert.equal(bench.module.module.volatile.get("+QISDE"), 0);
    });
  });

  describe("module goes off by itself", () => {
    function goOff(bench: Bench, line: string): void {
      bench.module.module.urc(line);
      bench.scheduler.after(20, () => {
        bench.module.module.power.cut();
      });
    }

    it("is turned on again, with the connections told", async () => {
      const bench = await new Bench().goOnline();
      bench.network.serve(7, () => undefined);
      const client = bench.open();
      await bench.until("connected", () => client.connected);
      goOff(bench, "POWERED DOWN");
      await bench.until("failure", () => client.ended);
      assert.equal(client.failure?.kind, "module-reset");
      await bench.until("online", () => bench.online, 60_000);
      assert.equal(bench.module.module.power.boots, 2);
    });

    it("is not turned on in a tight loop when it does so whenever it reaches the network", async () => {
      const bench = new Bench({
        driver: {
          onState: state => {
            if (state === "online") goOff(bench, "NORMAL POWER DOWN");
          },
        },
      });
      bench.cellular.connect();
      await bench.pass(3_600_000);
      const { boots } = bench.module.module.power;
      assert.ok(boots >= 5 && boots <= 7, String(boots));
    });

    it("is found off by its STATUS pin when the supply was cut", async () => {
      const bench = await new Bench().goOnline();
      bench.module.module.power.cut();
      readSignal(bench.modem, () => undefined);
      await bench.until("silence noticed", () => bench.failures.length > 0, 60_000);
      await bench.until("online", () => bench.online, 120_000);
    });
  });

  it("leaves PWRKEY alone while the module restarts by command", async () => {
    const bench = new Bench({ settings: { sim: { state: "absent" } } });
    bench.cellular.connect();
    await bench.until("restart", () => bench.sent("AT+CFUN=1,1").length === 1);
    await bench.pass(20_000);
    assert.equal(bench.module.module.power.boots, 2);
    assert.equal(bench.events.filter(([name]) => name === "power").length, 1);
  });

  it("sends the whole start script again after each rung", async () => {
    // A start script that had failed half-way was left so: data were echoed into the stream.
    const bench = await new Bench({ faults: ["error command=+QISDE nth=1"] }).goOnline();
    assert.deepEqual(kinds(bench), ["error context"]);
    assert.equal(bench.module.module.volatile.get("+QISDE"), 0);
  });

  it("survives a command of the climb whose answer never comes", async () => {
    for (const command of ["+QISDE", "+CPIN", "+CEREG", "+QIACT", "+QLTS", "+CGSN", "+QNWINFO"]) {
      const bench = await new Bench({ faults: [`late command=${command} nth=1 ms=400000`] }).goOnline(
        1_200_000,
      );
      assert.ok(bench.online, command);
    }
  });

  it("comes back after network loss, brown-out and silence in a row", async () => {
    const bench = await recovers({
      faults: ["registration-loss for=600000 ms=20000", "reset ms=700000", "pdpdeact context=1 ms=800000"],
    });
    await bench.pass(900_000);
    await bench.until("online", () => bench.online);
  });
});
