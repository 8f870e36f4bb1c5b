import assert from "node:assert/strict";
import { BC66 } from "../../simulator/bc66/bc66.js";
import { MemoryNetwork } from "../../simulator/memory.js";
import { Random } from "../../simulator/random.js";
import { Scheduler } from "../../simulator/scheduler.js";
import { bufferedSerial, Uart } from "../../simulator/uart.js";
import type { Bc66Changes } from "../../simulator/bc66/settings.js";
import { Bc66Bench } from "./bc66-bench.js";

const banner =
  "\n\rF1: 0000 0000\n\rV0: 0000 0000 [0001]\n\r00: 0006 000C\n\r01: 0000 0000\n\r" +
  "U0: 0000 0001 [0000]\n\rT0: 0000 00B4\n\rLeaving the BROM\n\r\n\r";
const spoken = /\r\nRDY\r\n\r\n\+CFUN: 1\r\n\r\n\+CPIN: READY\r\n\r\n\+IP: [\d.]+\r\n$/;

async function pressed(ms: number, bench: Bc66Bench): Promise<string> {
  bench.modem.powerKey(true);
  const heard = await bench.pass(ms);
  bench.modem.powerKey(false);
  return heard;
}

/** Powered with its rate stored, as a module that a factory has prepared. */
async function prepared(settings: Bc66Changes = {}): Promise<Bc66Bench> {
  const bench = await Bc66Bench.memory({ settings }).ready();
  await bench.ask("AT+IPR=115200");
  return bench;
}

describe("power and boot of the simulated BC66", () => {
  it("is silent without power, and VDD_EXT is low", async () => {
    const bench = Bc66Bench.memory();
    bench.type("AT\r");
    assert.equal(await bench.pass(1_000), "");
    assert.equal(bench.modem.status, false);
  });

  it("does not start on a pulse of less than 500 ms", async () => {
    const bench = Bc66Bench.memory();
    assert.equal(await pressed(490, bench), "");
    assert.equal(await bench.pass(20_000), "");
  });

  it("starts on a pulse of 500 ms with the ROM's text, LF CR, and nothing more while the rate is unknown", async () => {
    const bench = Bc66Bench.memory();
    await pressed(550, bench);
    assert.equal(await bench.pass(20_000), banner);
    assert.equal(bench.modem.status, true);
  });

  it("says RDY, +CFUN, +CPIN, +IP in this order where the rate is stored", async () => {
    const bench = await prepared();
    bench.modem.powerUp();
    const heard = await bench.pass(20_000);
    assert.ok(heard.startsWith(banner));
    assert.match(heard.slice(banner.length), spoken);
  });

  it("spells +CFUN as some builds do, when set so", async () => {
    const bench = await prepared({ functionalityLine: "+CFUN : " });
    bench.modem.powerUp();
    assert.match(await bench.pass(20_000), /\r\n\+CFUN : 1\r\n/);
  });

  it("tells +CEREG before +IP when it is enabled and saved", async () => {
    const bench = await prepared();
    await bench.ask("AT+CEREG=1");
    await bench.ask("AT&W");
    bench.modem.powerUp();
    assert.match(await bench.pass(20_000), /\+CEREG: 2\r\n\r\n\+CEREG: 1\r\n\r\n\+IP: /);
  });

  it("asks for the PIN, and searches once it is told", async () => {
    const bench = Bc66Bench.memory({ settings: { sim: { state: "pin" } } });
    bench.modem.bootNow();
    await bench.ask("ATE0");
    await bench.ask("AT+IPR=115200");
    bench.modem.powerUp();
    assert.match(await bench.pass(4_000), /\+CPIN: SIM PIN\r\n$/);
    await bench.ask("ATE0");
    assert.equal(await bench.ask('AT+CPIN="0000"'), "\r\nERROR\r\n");
    assert.match(
      await bench.exchange('AT+CPIN="1234"\r', /IP: /),
      /^\r\nOK\r\n\r\n\+CPIN: READY\r\n\r\n\+IP: /,
    );
  });

  const words = [
    ["absent", ""],
    ["garbled", "\r\nRDY\r\n"],
    ["held", ""],
  ] as const;
  for (const [beforeTraining, expected] of words) {
    it(`before training its words are ${beforeTraining}`, async () => {
      const bench = Bc66Bench.memory({ settings: { beforeTraining } });
      await pressed(550, bench);
      const heard = (await bench.pass(1_900)).slice(banner.length);
      assert.ok(heard.startsWith(expected) && (expected !== "" || heard === ""), JSON.stringify(heard));
      bench.type("AT\r");
      const after = await bench.pass(100);
      assert.equal(after.includes("RDY"), beforeTraining === "held", JSON.stringify(after));
    });
  }

  it("loses what is typed before the firmware runs", async () => {
    const bench = await prepared();
    bench.modem.powerUp();
    await bench.pass(1_799);
    bench.type("AT\r");
    assert.ok(!(await bench.pass(1_000)).includes("OK"));
    assert.equal(await bench.ask("AT"), "AT\r\r\nOK\r\n");
  });

  it("restarts on RESET_N of 50 ms, and not on less", async () => {
    const bench = await prepared();
    for (const [ms, restarts] of [
      [40, false],
      [60, true],
    ] as const) {
      bench.modem.resetLine(true);
      await bench.pass(ms);
      bench.modem.resetLine(false);
      assert.equal((await bench.pass(5_000)).includes("Leaving the BROM"), restarts);
    }
  });

  const resets = [
    ["AT+QRST=1", {}, "\r\nOK\r\n"],
    ["AT+QRST=1", { resetAnswers: false }, ""],
    ["AT+QPOWD=2", {}, "\r\nOK\r\n"],
    ["AT+CFUN=1,1", {}, "\r\nOK\r\n"],
  ] as const;
  for (const [command, settings, answer] of resets) {
    it(`${command} ${answer === "" ? "restarts without an answer" : "answers OK and restarts"}`, async () => {
      const bench = await prepared(settings);
      bench.type(`${command}\r`);
      const heard = await bench.pass(5_000);
      assert.ok(heard.startsWith(answer + banner), JSON.stringify(heard.slice(0, 40)));
    });
  }

  it("AT+QPOWD=0 answers OK and lets VDD_EXT fall", async () => {
    const bench = await prepared();
    assert.equal(await bench.ask("AT+QPOWD=0"), "\r\nOK\r\n");
    assert.equal(bench.modem.status, true);
    await bench.pass(4_000);
    assert.equal(bench.modem.status, false);
    assert.equal(await bench.ask("AT+QPOWD=0", 1_000), "");
  });

  it("refuses AT+QPOWD=1, and =2 on the older firmware", async () => {
    const bench = await prepared({ powerDownResets: false });
    assert.equal(await bench.ask("AT+QPOWD=1"), "\r\nERROR\r\n");
    assert.equal(await bench.ask("AT+QPOWD=2"), "\r\nERROR\r\n");
  });

  describe("rate", () => {
    for (const trainingLines of [0, 1, 3]) {
      it(`is learnt from AT, of which ${String(trainingLines)} remain unanswered`, async () => {
        const bench = Bc66Bench.memory({ settings: { trainingLines } });
        bench.modem.powerUp();
        await bench.pass(2_500);
        for (let line = 0; line < trainingLines; line++) assert.equal(await bench.ask("AT", 300), "");
        assert.equal(await bench.ask("AT", 300), "AT\r\r\nOK\r\n");
      });
    }

    it("is not learnt from anything but AT", async () => {
      const bench = Bc66Bench.memory();
      bench.modem.powerUp();
      await bench.pass(2_500);
      for (const line of ["HELLO", "ATI", "AT+CPIN?"]) assert.equal(await bench.ask(line, 300), "");
      assert.equal(await bench.ask("AT", 300), "");
      assert.equal(await bench.ask("AT", 300), "AT\r\r\nOK\r\n");
    });

    /** Types over a UART at a rate; returns what the host can read. */
    async function over(
      settings: Bc66Changes,
      rates: readonly (readonly [baud: number, line: string])[],
    ): Promise<string[]> {
      const scheduler = new Scheduler();
      const modem = new BC66({ scheduler, network: new MemoryNetwork({ scheduler }), settings });
      let heard = "";
      const uart: Uart = new Uart({
        scheduler,
        module: modem,
        serial: bufferedSerial,
        random: new Random(1),
        events: {
          readable: () => {
            const { bytes, count } = uart.takeReadable();
            heard += Buffer.from(bytes).toString("latin1");
            uart.consume(count);
            uart.callbackDone();
          },
          writable: () => undefined,
          overrun: () => undefined,
        },
      });
      modem.powerUp();
      await scheduler.run({ untilMs: 3_000 });
      const answers: string[] = [];
      for (const [baud, line] of rates) {
        uart.open(baud);
        heard = "";
        uart.write(Buffer.from(`${line}\r`, "latin1"));
        await scheduler.run({ untilMs: scheduler.nowMs + 300 });
        answers.push(heard.replace(/^[\s\S]*?\r\r\n/, ""));
      }
      return answers;
    }

    for (const baud of [4_800, 9_600, 38_400, 115_200]) {
      it(`of ${String(baud)} is learnt`, async () => {
        const answers = await over({}, [
          [baud, "AT"],
          [baud, "AT"],
        ]);
        assert.deepEqual(answers, ["", "OK\r\n"]);
      });
    }

    it("of 230400 is not learnt, nor 9600 where only others are listed", async () => {
      const twice = (baud: number): [number, string][] => [
        [baud, "AT"],
        [baud, "AT"],
        [baud, "AT"],
      ];
      assert.deepEqual(await over({}, twice(230_400)), ["", "", ""]);
      assert.deepEqual(await over({ autobaudRates: [4_800, 115_200] }, twice(9_600)), ["", "", ""]);
    });

    it("set by AT+IPR holds from the next line on, and over a restart without training", async () => {
      const answers = await over({}, [
        [9_600, "AT"],
        [9_600, "AT+IPR=921600"],
        [921_600, "AT+IPR?"],
        [921_600, "AT+CFUN=1,1"],
      ]);
      assert.deepEqual(answers.slice(0, 3), ["", "OK\r\n", "+IPR: 921600\r\n\r\nOK\r\n"]);
      const bench = await prepared();
      bench.modem.powerUp();
      await bench.pass(3_000);
      assert.equal(await bench.ask("AT"), "AT\r\r\nOK\r\n");
    });

    it("must be learnt again after a restart with AT+IPR=0", async () => {
      const bench = await prepared();
      await bench.ask("AT+IPR=0");
      assert.equal(await bench.ask("AT"), "\r\nOK\r\n");
      bench.modem.powerUp();
      await bench.pass(3_000);
      assert.equal(await bench.ask("AT", 300), "");
      assert.equal(await bench.ask("AT", 300), "AT\r\r\nOK\r\n");
    });
  });

  describe("what survives", () => {
    interface Survival {
      readonly set: string;
      readonly show: string;
      readonly changed: string;
      /** After deep sleep, a cold start, and a cold start with AT&W before. */
      readonly kept: readonly [deepSleep: boolean, cold: boolean, saved: boolean];
    }
    const profile = [true, false, true] as const;
    const stored = [true, true, true] as const;
    const session = [true, false, false] as const;
    const cases: readonly Survival[] = [
      { set: "AT+CEREG=4", show: "AT+CEREG?", changed: "+CEREG: 4", kept: profile },
      { set: "AT+CTZR=1", show: "AT+CTZR?", changed: "+CTZR: 1", kept: profile },
      { set: "AT+QNBIOTEVENT=1,1", show: "AT+QNBIOTEVENT?", changed: ": 1,1", kept: profile },
      { set: "AT+QATWAKEUP=1", show: "AT+QATWAKEUP?", changed: ": 1", kept: profile },
      { set: 'AT+CPSMS=1,,,"00100001","00000001"', show: "AT+CPSMS?", changed: '"00100001"', kept: stored },
      { set: 'AT+CEDRXS=1,5,"0010"', show: "AT+CEDRXS?", changed: '5,"0010"', kept: stored },
      { set: 'AT+COPS=1,2,"26201"', show: "AT+COPS?", changed: "+COPS: 1", kept: stored },
      { set: 'AT+QCGDEFCONT="IP","apn.test"', show: "AT+QCGDEFCONT?", changed: "apn.test", kept: stored },
      { set: "AT+QBAND=1,20", show: "AT+QBAND?", changed: ": 20\r\n", kept: stored },
      { set: 'AT+QCFG="dsevent",1', show: 'AT+QCFG="dsevent"', changed: ",1", kept: stored },
      { set: 'AT+QICFG="viewmode",1', show: 'AT+QICFG="viewmode"', changed: ",1", kept: stored },
      { set: "AT+CMEE=2", show: "AT+CMEE?", changed: ": 2", kept: session },
      { set: "AT+CSCON=1", show: "AT+CSCON?", changed: ": 1,", kept: session },
      { set: "AT+QSCLK=2", show: "AT+QSCLK?", changed: ": 2", kept: session },
      {
        set: 'AT+QSSLCFG=1,5,"seclevel",2',
        show: 'AT+QSSLCFG=1,5,"seclevel"',
        changed: ",2",
        kept: [false, false, false],
      },
      {
        set: 'AT+QMTCFG="keepalive",0,33',
        show: 'AT+QMTCFG="keepalive",0',
        changed: ",33",
        kept: [false, false, false],
      },
    ];

    async function shown(survival: Survival, restart: "deep-sleep" | "cold" | "saved"): Promise<boolean> {
      const bench = await prepared();
      assert.equal(await bench.ask(survival.set), "\r\nOK\r\n", survival.set);
      assert.ok((await bench.ask(survival.show)).includes(survival.changed), survival.show);
      if (restart === "saved") await bench.ask("AT&W");
      if (restart === "deep-sleep") {
        bench.modem.module.power.deepSleep();
        bench.modem.module.power.start("deep-sleep");
      } else bench.modem.powerUp();
      await bench.pass(4_000);
      return (await bench.ask(survival.show)).includes(survival.changed);
    }

    for (const survival of cases) {
      it(`${survival.set}: deep sleep, cold start, cold start after AT&W`, async () => {
        const found = [
          await shown(survival, "deep-sleep"),
          await shown(survival, "cold"),
          await shown(survival, "saved"),
        ];
        assert.deepEqual(found, survival.kept);
      });
    }

    it("ATE0 too, as AT&W is asked for or not", async () => {
      for (const isSaved of [false, true]) {
        const bench = await prepared();
        if (isSaved) await bench.ask("AT&W");
        bench.modem.powerUp();
        await bench.pass(4_000);
        assert.equal(await bench.ask("AT"), isSaved ? "\r\nOK\r\n" : "AT\r\r\nOK\r\n");
      }
    });

    it("certificates and contexts in deep sleep where set so", async () => {
      const bench = await prepared({ certificatesInDeepSleep: "kept", contextsInDeepSleep: "kept" });
      await bench.ask('AT+QSSLCFG=1,5,"seclevel",2');
      await bench.ask('AT+CGDCONT=2,"IP","second.test"');
      bench.modem.module.power.deepSleep();
      bench.modem.module.power.start("deep-sleep");
      await bench.pass(4_000);
      assert.match(await bench.ask('AT+QSSLCFG=1,5,"seclevel"'), /,2\r\n/);
      assert.match(await bench.ask("AT+CGDCONT?"), /second\.test/);
    });

    it("a value that takes effect after a restart does not before", async () => {
      const bench = await prepared();
      await bench.ask('AT+QCGDEFCONT="IP","apn.test"');
      assert.ok(!(await bench.ask("AT+CGDCONT?")).includes("apn.test"));
      bench.modem.powerUp();
      await bench.pass(4_000);
      assert.ok((await bench.ask("AT+CGDCONT?")).includes("apn.test"));
    });
  });
});
