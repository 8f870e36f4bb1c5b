import assert from "node:assert/strict";
import { bc66 } from "../../../drivers/bc66/profile.js";
import { Resolver } from "../../../drivers/quectel/resolver.js";
import { Bc66Bench } from "./bench.js";

describe("attach of a simulated BC66", () => {
  it("goes from power-off to an address", async () => {
    const bench = await new Bc66Bench({ link: "nb-iot" }).goOnline(60_000);
    assert.deepEqual(
      bench.states.map(([state]) => state),
      ["booting", "starting", "sim", "registering", "activating", "clock", "online"],
    );
    assert.match(bench.cellular.address ?? "", /^10\./);
    assert.deepEqual(bench.failures, []);
    assert.deepEqual(bench.clock.settings.length, 1);
  });

  it("reports what it found, and how it sends", async () => {
    const bench = await new Bc66Bench().goOnline();
    const { events } = bench;
    assert.deepEqual(
      events.filter(([name]) => name !== "clock" && name !== "address"),
      [
        ["power"],
        ["module", "Quectel_BC66", "BC66NBR01A10"],
        ["imei", "867997030000011"],
        ["send", 115_200, 1_025],
        ["sim", "ready", "89490200001000000025"],
        ["registered", "home", "NBIoT"],
      ],
    );
  });

  describe("baud rate", () => {
    for (const baud of [4_800, 9_600, 38_400, 115_200])
      it(`of ${String(baud)} is taught by AT, then fixed`, async () => {
        const bench = await new Bc66Bench({ baud }).goOnline(60_000);
        assert.deepEqual(bench.sent("AT+IPR="), [`AT+IPR=${String(baud)}`]);
        // Every 300 ms, and nothing else until one was answered.
        const asked = bench.commands.findIndex(line => line !== "AT");
        assert.equal(bench.commands[asked], "AT+IPR?");
        assert.ok(asked >= 2, String(asked));
      });

    it("that is fixed is left alone", async () => {
      const bench = await new Bc66Bench().goOnline(60_000);
      bench.module.powerUp();
      await bench.until("restart", () => bench.sent("AT+IPR?").length === 2);
      await bench.until("online again", () => bench.online);
      assert.deepEqual(bench.sent("AT+IPR=").length, 1);
    });

    for (const trainingLines of [0, 1, 3])
      for (const beforeTraining of ["absent", "garbled", "held"] as const)
        it(`is learnt by ${String(trainingLines)} lines, reports before it ${beforeTraining}`, async () => {
          const settings = { trainingLines, beforeTraining };
          const bench = await new Bc66Bench({ settings }).goOnline(60_000);
          assert.deepEqual(bench.failures, []);
          assert.deepEqual(bench.events.filter(([name]) => name === "restarted").length, 0);
        });
  });

  describe("start", () => {
    it("asks for kept settings, and writes only those that differ", async () => {
      const bench = await new Bc66Bench().goOnline();
      const settings = (from: number): string[] =>
        bench
          .sent('AT+QICFG="')
          .slice(from)
          .map(line => line.slice(9));
      const first = settings(0);
      assert.deepEqual(first, [
        '"dataformat"',
        '"viewmode"',
        '"showlength"',
        '"showlength",1',
        '"echomode"',
        '"echomode",0',
      ]);
      bench.module.powerUp();
      await bench.until("restart", () => bench.sent("ATI").length === 2);
      assert.deepEqual(settings(first.length), ['"dataformat"', '"viewmode"', '"showlength"', '"echomode"']);
    });

    it("forbids sleep each time, and repeats that when it is refused", async () => {
      const bench = await new Bc66Bench({
        faults: ["error command=+QSCLK nth=1", "error command=+QSCLK nth=2"],
      }).goOnline();
      assert.deepEqual(bench.sent("AT+QSCLK"), ["AT+QSCLK=0", "AT+QSCLK=0", "AT+QSCLK=0"]);
      assert.deepEqual(bench.failures, []);
    });

    it("does not ask for registration in GSM", async () => {
      const bench = await new Bc66Bench().goOnline();
      assert.deepEqual(bench.sent("AT+CGREG"), []);
      assert.deepEqual(bench.sent("AT+CREG"), []);
    });

    it("waits minutes for the first registration", async () => {
      const bench = await new Bc66Bench({ settings: { attach: "cold", coldAttachMs: 550_000 } }).goOnline();
      assert.deepEqual(bench.failures, []);
    });

    it("restarts the radio when nothing is found in ten minutes", async () => {
      const bench = new Bc66Bench({ settings: { registration: "searching" } });
      bench.cellular.connect();
      await bench.until("failure", () => bench.failures.length > 0, 700_000);
      const [{ reason, rung } = { reason: undefined, rung: "" }] = bench.failures;
      assert.deepEqual([reason?.kind, reason?.code, rung], ["registration", 2, "radio"]);
      await bench.pass(5_000);
      assert.deepEqual(bench.sent("AT+CFUN"), ["AT+CFUN=0", "AT+CFUN=1"]);
    });
  });

  describe("access point", () => {
    it("is set by QCGDEFCONT, and counts after one restart", async () => {
      const bench = await new Bc66Bench({ driver: { apn: "iot.test" } }).goOnline();
      assert.deepEqual(bench.sent("AT+QCGDEFCONT="), ['AT+QCGDEFCONT="IP","iot.test"']);
      assert.deepEqual(bench.sent("AT+QRST"), ["AT+QRST=1"]);
      assert.deepEqual(bench.failures, []);
    });

    it("that the module has already costs one command", async () => {
      const bench = await new Bc66Bench({ driver: { apn: "iot.test" } }).goOnline();
      bench.module.powerUp();
      await bench.until("restart", () => bench.sent("AT+QCGDEFCONT?").length === 3);
      await bench.until("online", () => bench.online);
      assert.equal(bench.sent("AT+QCGDEFCONT=").length, 1);
      assert.equal(bench.sent("AT+QRST").length, 1);
    });

    it("restarts a module that answers the restart by nothing but its boot text", async () => {
      const bench = await new Bc66Bench({
        driver: { apn: "iot.test" },
        settings: { resetAnswers: false },
      }).goOnline();
      assert.equal(bench.sent("AT+QRST").length, 1);
      assert.deepEqual(bench.failures, []);
    });

    const refused: [what: string, driver: object, expected: object][] = [
      [
        "context 3",
        { context: 3 },
        { kind: "argument", command: "context", code: 3, detail: "a BC66 carries data in context 1 only" },
      ],
      [
        "an access point name over 99 characters",
        { apn: "a".repeat(100) },
        { kind: "limit", command: "AT+QCGDEFCONT", detail: "access point name over 99 characters" },
      ],
    ];
    for (const [what, driver, expected] of refused)
      it(`refuses ${what} before anything is sent`, async () => {
        const bench = new Bc66Bench({ driver });
        bench.call(() => bench.cellular.connect());
        await bench.pass(60_000);
        assert.deepEqual(
          bench.failures.map(({ reason, rung }) => [reason, rung]),
          [[expected, "none"]],
        );
        assert.deepEqual(bench.commands, []);
        assert.equal(bench.module.status, false);
      });

    it("of 99 characters is taken", () => {
      assert.equal(bc66.refuse?.(1, "a".repeat(99)), undefined);
    });
  });

  describe("address", () => {
    it("is there with the registration, without an activation", async () => {
      const bench = await new Bc66Bench({ link: "nb-iot" }).goOnline();
      assert.deepEqual(bench.sent("AT+CGACT"), []);
    });

    it("that the network took away comes back", async () => {
      const bench = await new Bc66Bench({ driver: {} }).goOnline();
      bench.module.module.deactivateByNetwork();
      bench.open();
      await bench.pass(120_000);
      assert.equal(bench.online, true);
    });
  });

  describe("restart", () => {
    for (const lines of [["powerKey"], ["powerKey", "reset"], ["reset", "status"], []] as const)
      it(`by itself is noticed by the boot text, on a board with ${lines.join(", ") || "no lines"}`, async () => {
        const bench = await new Bc66Bench({
          lines,
          running: !lines.includes("powerKey" as never),
        }).goOnline();
        const before = bench.states.length;
        bench.module.powerUp();
        await bench.until("noticed", () => bench.states.length > before);
        await bench.until("online", () => bench.online, 60_000);
        assert.deepEqual(bench.failures, []);
        assert.equal(bench.sent("AT+QSCLK=0").length, 2);
      });

    it("at a rate at which the boot text is noise is noticed by RDY", async () => {
      const bench = await new Bc66Bench({ baud: 9_600 }).goOnline();
      bench.module.powerUp();
      await bench.until("noticed", () => bench.sent("AT+QSCLK=0").length === 2, 60_000);
      await bench.until("online", () => bench.online, 60_000);
      assert.deepEqual(bench.failures, []);
    });

    it("over and over ends in a failure, and the driver goes on", async () => {
      const bench = new Bc66Bench({ settings: { boot: { readyMs: 1e9 } } });
      bench.cellular.connect();
      const loop = (): void => {
        bench.module.powerUp();
        bench.scheduler.after(1_500, loop);
      };
      bench.scheduler.after(3_000, loop);
      await bench.until("failure", () => bench.failures.length > 0, 300_000);
      assert.equal(bench.failures[0]?.reason.kind, "no-answer");
    });

    it("after a reset pulse of 50 to 100 ms", async () => {
      const bench = await new Bc66Bench({ lines: ["reset"], running: true }).goOnline();
      const { boots } = bench.module.module.power;
      bench.module.port.receive(new Uint8Array(0));
      bench.cellular.reset();
      await bench.until("restart", () => bench.module.module.power.boots > boots, 10_000);
      await bench.until("online", () => bench.online, 60_000);
    });
  });

  describe("sleep", () => {
    it("is woken from deep sleep by PSM_EINT, and everything is set again", async () => {
      const bench = await new Bc66Bench({
        lines: ["powerKey", "wake"],
        driver: { sleep: true },
        link: "nb-iot",
      }).goOnline();
      bench.call(() => bench.cellular.disconnect());
      await bench.pass(5_000);
      assert.equal(bench.commands.at(-1), "AT+QSCLK=1");
      bench.module.module.power.deepSleep();
      await bench.pass(60_000);
      bench.call(() => bench.cellular.connect());
      await bench.until("online", () => bench.online, 120_000);
      // The first of each brought up the module that was off.
      assert.deepEqual(
        bench.events.map(([name]) => name).filter(name => name === "wake" || name === "power"),
        ["wake", "power", "wake"],
      );
      assert.equal(bench.sent("AT+QSCLK=0").length, 2);
      assert.equal(bench.sent("AT+CEREG=1").length, 2);
    });

    it("is woken by PWRKEY where PSM_EINT is not wired", async () => {
      const bench = await new Bc66Bench({ lines: ["powerKey"], driver: { sleep: true } }).goOnline();
      bench.call(() => bench.cellular.disconnect());
      await bench.pass(5_000);
      bench.module.module.power.deepSleep();
      bench.call(() => bench.cellular.connect());
      await bench.until("online", () => bench.online, 120_000);
      assert.equal(bench.events.filter(([name]) => name === "power").length, 2);
    });

    it("of the light kind swallows one command, which is asked again", async () => {
      const bench = await new Bc66Bench({ driver: { sleep: true } }).goOnline();
      bench.call(() => bench.cellular.disconnect());
      await bench.pass(60_000);
      const from = bench.commands.length;
      bench.call(() => bench.cellular.connect());
      await bench.until("online", () => bench.online, 60_000);
      assert.deepEqual(bench.commands.slice(from, from + 3), ["AT", "AT", "AT+IPR?"]);
    });

    it("amid a session, from a module that went without a word, ends in a wake-up", async () => {
      const bench = await new Bc66Bench({ lines: ["wake"], running: true }).goOnline();
      bench.module.module.power.deepSleep();
      const client = bench.open();
      await bench.until("the end of the connection", () => client.ended, 300_000);
      await bench.until("failure", () => bench.failures.length > 0, 300_000);
      await bench.until("online again", () => bench.online, 300_000);
      assert.equal(bench.events.filter(([name]) => name === "wake").length, 1);
    });

    it("closes sockets first", async () => {
      const bench = await new Bc66Bench({ driver: { sleep: true } }).goOnline();
      bench.network.serve(7, () => undefined);
      const client = bench.open();
      await bench.until("connected", () => client.connected);
      bench.call(() => bench.cellular.disconnect());
      await bench.pass(20_000);
      assert.deepEqual(bench.commands.slice(-2), ["AT+QICLOSE=0", "AT+QSCLK=1"]);
      assert.deepEqual(bench.ids, []);
      assert.equal(client.failure?.kind, "cancelled");
    });
  });

  it("powers the module down when the application is done", async () => {
    const bench = await new Bc66Bench().goOnline();
    bench.call(() => bench.cellular.disconnect());
    await bench.pass(30_000);
    assert.equal(bench.commands.at(-1), "AT+QPOWD=0");
    assert.equal(bench.module.status, false);
    assert.equal(bench.timer.live.size, 0);
  });

  describe("clock", () => {
    it("is that of the network, in quarter hours", async () => {
      const epochMs = Date.UTC(2026, 4, 6, 16, 40);
      for (const timeZoneQuarters of [0, 22, -14]) {
        const bench = await new Bc66Bench({ settings: { epochMs, timeZoneQuarters } }).goOnline();
        const [told = 0] = bench.clock.settings;
        const lateMs = told * 1_000 - epochMs;
        assert.ok(lateMs > 0 && lateMs < 20_000, String(lateMs));
      }
    });

    it("is asked of a time server when the network tells none", async () => {
      const bench = await new Bc66Bench({
        settings: { networkTime: false },
        driver: { timeServer: "time.test" },
      }).goOnline();
      assert.equal(bench.sent("AT+QNTP=").length, 1);
    });
  });

  it("resolves names", async () => {
    const bench = await new Bc66Bench().goOnline();
    const answers: string[] = [];
    const resolver = new Resolver({ modem: bench.modem });
    for (const host of ["echo.test", "nowhere.test"])
      resolver.resolve({
        host,
        onResolved: (name, address) => answers.push(`${name} ${address}`),
        onError: name => answers.push(`error ${name}`),
        failure: reason => answers.push(`${reason.kind} ${String(reason.code)}`),
      });
    await bench.pass(10_000);
    assert.deepEqual(answers, ["echo.test 192.0.2.10", "dns 565", "error nowhere.test"]);
  });
});
