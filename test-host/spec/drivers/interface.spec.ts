import assert from "node:assert/strict";
import { Connection } from "../../../drivers/quectel/interface.js";
import { linkProfiles } from "../../simulator/link.js";
import { Bench, PORT, type BenchSettings } from "./bench.js";

const climb = ["booting", "starting", "sim", "registering", "activating", "clock", "online"];
const names = (bench: Bench): string[] => bench.states.map(([state]) => state);
const kinds = (bench: Bench): string[] => bench.failures.map(({ reason, rung }) => `${reason.kind} ${rung}`);

describe("Network interface over the simulated BG95", () => {
  describe("on the way to the network", () => {
    it("starts a cold module by PWRKEY and goes through every state once", async () => {
      const bench = await new Bench().goOnline();
      assert.deepEqual(names(bench), climb);
      assert.equal(bench.module.module.power.boots, 1);
      assert.deepEqual(bench.failures, []);
    });

    it("finds a running module by asking, and leaves PWRKEY alone", async () => {
      const bench = await new Bench({ running: true, lines: ["powerKey"] }).goOnline();
      assert.deepEqual(names(bench), climb);
      assert.equal(bench.module.module.power.boots, 1);
      assert.ok(!bench.events.some(([name]) => name === "power"));
    });

    it("asks where reports go to, which the module keeps in its flash, and writes it only when it is elsewhere", async () => {
      const bench = await new Bench().goOnline();
      assert.deepEqual(bench.sent("AT+QURCCFG"), ['AT+QURCCFG="urcport"']);
      const other = new Bench();
      other.module.module.configuration.set("urcport", "usbmodem");
      await other.goOnline();
      assert.deepEqual(other.sent("AT+QURCCFG"), ['AT+QURCCFG="urcport"', 'AT+QURCCFG="urcport","uart1"']);
    });

    it("pulses PWRKEY when a module without STATUS pin stays silent", async () => {
      const bench = await new Bench({ lines: ["powerKey"] }).goOnline();
      assert.deepEqual(names(bench), climb);
      assert.deepEqual(bench.failures, []);
    });

    it("waits for a module that turns itself on, without any control line", async () => {
      const bench = new Bench({ lines: [] });
      bench.cellular.connect();
      bench.scheduler.after(30_000, () => {
        bench.module.powerKey(true);
        bench.scheduler.after(600, () => {
          bench.module.powerKey(false);
        });
      });
      await bench.until("online", () => bench.online);
      assert.ok(bench.scheduler.nowMs < 40_000, String(bench.scheduler.nowMs));
    });

    for (const order of ["app-first", "sim-first"] as const)
      for (const early of ["lost", "error"] as const)
        it(`boots with the SIM report ${order} and early commands ${early}`, async () => {
          const settings = { bootOrder: order, earlyCommands: early };
          const bench = await new Bench({ settings, lines: ["powerKey"] }).goOnline();
          assert.deepEqual(bench.failures, []);
        });

    it("switches the echo off, whose lines never count as strays", async () => {
      const bench = await new Bench({ running: true }).goOnline();
      assert.equal(bench.sent("ATE0").length, 1);
      assert.equal(bench.modem.channel.counters.strays, 0);
    });

    it("tells connection and address as Moddable's Ethernet interface does", async () => {
      const bench = new Bench();
      assert.equal(bench.cellular.connection, Connection.disconnected);
      assert.equal(bench.cellular.address, undefined);
      await bench.goOnline();
      assert.deepEqual(bench.changes.slice(0, 3), ["connection 300", "connection 400", "connection 500"]);
      assert.equal(bench.changes.length, 4);
      assert.match(bench.changes.at(-1) ?? "", /^address 10\./);
      assert.match(String(bench.cellular.address), /^10\.\d+\.\d+\.\d+$/);
    });

    it("hands the target to its callbacks", () => {
      assert.equal(new Bench({ driver: { target: "mine" } }).cellular.target, "mine");
    });

    it("goes on when callbacks of the application throw, and tells of it", async () => {
      const explode = (): never => {
        throw new Error("application");
      };
      const driver = { onState: explode, onChanged: explode };
      const bench = await new Bench({ driver }).goOnline();
      assert.ok(bench.events.some(([name, text]) => name === "exception" && text === "Error: application"));
    });
  });

  describe("SIM", () => {
    it("waits for a card that is read late", async () => {
      const bench = await new Bench({ settings: { boot: { simReadyMs: 14_000 } } }).goOnline();
      assert.deepEqual(bench.failures, []);
    });

    it("reports a missing card by code, and restarts the module at growing distances", async () => {
      const bench = new Bench({ settings: { sim: { state: "absent" } } });
      bench.cellular.connect();
      await bench.pass(3 * 3_600_000);
      assert.deepEqual(bench.failures[0]?.reason, { kind: "sim", command: "AT+CPIN", code: 10 });
      const restarts = bench.failures.filter(({ rung }) => rung !== "again").map(({ atMs }) => atMs / 60_000);
      const gaps = restarts.slice(1).map((at, i) => at - (restarts[i] ?? 0));
      assert.deepEqual(
        gaps.map(gap => (gap > 60 ? 60 : gap > 30 ? 30 : gap > 10 ? 10 : 0)),
        [0, 0, 10, 30, 60, 60],
      );
    });

    it("enters the PIN", async () => {
      const bench = await new Bench({
        settings: { sim: { state: "pin" } },
        driver: { pin: "1234" },
      }).goOnline();
      assert.equal(bench.sent("AT+CPIN=").length, 1);
    });

    it("enters a wrong PIN once and never again, through every restart", async () => {
      const bench = new Bench({ settings: { sim: { state: "pin" } }, driver: { pin: "4321" } });
      bench.cellular.connect();
      await bench.pass(5 * 3_600_000);
      assert.equal(bench.sent("AT+CPIN=").length, 1);
      assert.equal(bench.failures[0]?.reason.detail, "SIM PIN");
      assert.ok(bench.module.module.power.boots > 3);
    });

    it("enters the right PIN again after each restart of the module", async () => {
      // The PIN counted as used up, and the device stayed offline after the first restart.
      const bench = await new Bench({
        settings: { sim: { state: "pin" } },
        driver: { pin: "1234" },
      }).goOnline();
      bench.module.module.power.crash();
      await bench.until("offline", () => !bench.online);
      await bench.until("online", () => bench.online);
      assert.equal(bench.sent("AT+CPIN=").length, 2);
      assert.deepEqual(bench.failures, []);
    });

    it("tells of a card that wants its PUK, and sends it nothing", async () => {
      const bench = new Bench({ settings: { sim: { state: "puk" } }, driver: { pin: "1234" } });
      bench.cellular.connect();
      await bench.pass(60_000);
      assert.deepEqual(bench.failures[0]?.reason, { kind: "sim", command: "AT+CPIN", detail: "SIM PUK" });
      assert.equal(bench.sent("AT+CPIN=").length, 0);
    });

    it("never shows the PIN in its trace", async () => {
      const bench = await new Bench({
        settings: { sim: { state: "pin" } },
        driver: { pin: "1234" },
      }).goOnline();
      assert.ok(bench.trace.every(line => !line.includes("1234")));
    });
  });

  describe("registration", () => {
    it("takes roaming for registered, and says so", async () => {
      const bench = await new Bench({ settings: { registration: "roaming" } }).goOnline();
      assert.deepEqual(
        bench.events.find(([name]) => name === "registered"),
        ["registered", "roaming", "eMTC"],
      );
    });

    it("registers in GSM, where only CGREG tells", async () => {
      const link = { ...linkProfiles["lte-m"], accessTechnology: 0 as const };
      const bench = await new Bench({ link }).goOnline();
      assert.ok(bench.sent("AT+CGREG?").length > 0);
      assert.deepEqual(bench.failures, []);
    });

    it("goes on with the report, without waiting for the next question", async () => {
      const link = { ...linkProfiles.none, attachMs: 7_000 };
      const bench = await new Bench({ link }).goOnline();
      const registering = bench.states.find(([state]) => state === "registering")?.[1] ?? 0;
      const activating = bench.states.find(([state]) => state === "activating")?.[1] ?? 0;
      assert.ok(activating - registering < 7_500, String(activating - registering));
    });

    it("takes the report and the answer that it overtakes for one", async () => {
      const link = { ...linkProfiles.none, attachMs: 200 };
      const bench = await new Bench({ link, faults: ["late command=+CEREG nth=2 ms=600"] }).goOnline();
      await bench.pass(20_000);
      assert.equal(bench.sent("AT+QNWINFO").length, 1);
    });

    it("finds out by asking when the report is lost", async () => {
      const link = { ...linkProfiles.none, attachMs: 7_000 };
      const bench = await new Bench({ link, faults: ["hold-urc urc=+CEREG nth=1"] }).goOnline();
      assert.deepEqual(bench.failures, []);
    });

    for (const [outcome, code] of [
      ["denied", 3],
      ["searching", 2],
    ] as const)
      it(`gives up after its time when ${outcome}, with the code, and climbs the ladder`, async () => {
        const bench = new Bench({
          settings: { registration: outcome },
          lines: ["powerKey", "reset", "status"],
        });
        bench.cellular.connect();
        await bench.pass(3_600_000);
        const [first] = bench.failures;
        assert.ok(first !== undefined && first.atMs > 180_000);
        assert.deepEqual(first.reason, { kind: "registration", command: "AT+CEREG", code });
        assert.deepEqual(kinds(bench).slice(0, 4), [
          "registration radio",
          "registration restart",
          "registration reset",
          "registration reset",
        ]);
      });

    it("comes online by itself when the network admits it after hours", async () => {
      const settings: BenchSettings = { settings: { registration: "searching" } };
      const bench = new Bench(settings);
      bench.cellular.connect();
      await bench.pass(4 * 3_600_000);
      assert.ok(!bench.online);
      Object.assign(bench.module.settings, { registration: "home" });
      // A real network is found by the module's own search.
      bench.module.module.registration.leave(0);
      bench.module.module.attach();
      await bench.until("online", () => bench.online, 5 * 60_000);
    });

    it("does not take a GSM report for the loss of LTE", async () => {
      // Reports of all registration commands counted as one: `+CGREG: 0` cut an LTE connection.
      const bench = await new Bench().goOnline();
      bench.module.module.urc("+CGREG: 0");
      bench.module.module.urc("+CREG: 0");
      await bench.pass(300_000);
      assert.deepEqual(bench.failures, []);
    });

    it("outlives a short loss of cover, and wakes its sockets after it", async () => {
      const bench = await new Bench().goOnline();
      bench.module.module.loseRegistration(30_000);
      await bench.pass(300_000);
      assert.deepEqual(bench.failures, []);
      assert.ok(bench.online);
    });

    it("does not begin its patience anew with every report of a long loss", async () => {
      // Flapping between `searching` and `unknown` kept a dead connection for ever.
      const bench = await new Bench().goOnline();
      bench.module.module.registration.leave(2);
      for (let i = 0; i < 5; i++) {
        await bench.pass(20_000);
        bench.module.module.urc(`+CEREG: ${i % 2 === 0 ? "4" : "2"}`);
      }
      assert.deepEqual(kinds(bench), ["registration radio"]);
    });
  });

  describe("packet data context", () => {
    it("writes the APN only when the module has another", async () => {
      const bench = await new Bench({
        driver: { apn: "iot.example", apnUser: "u", apnPassword: "p" },
      }).goOnline();
      assert.deepEqual(bench.sent("AT+QICSGP=1,"), ['AT+QICSGP=1,1,"iot.example","u","p",3']);
      bench.module.module.power.crash();
      await bench.until("offline", () => !bench.online);
      await bench.until("online", () => bench.online);
      assert.equal(bench.sent("AT+QICSGP=1,").length, 1);
      assert.equal(bench.module.module.contexts.get(1).settings.apn, "iot.example");
    });

    it("changes the APN of a context that a running module has active", async () => {
      // A context that is active refuses a new access point.
      const bench = new Bench({ running: true, driver: { apn: "new.example" } });
      await bench.pass(1_000);
      bench.module.module.contexts.get(1).state = "active";
      await bench.goOnline();
      assert.equal(bench.module.module.contexts.get(1).settings.apn, "new.example");
      assert.deepEqual(bench.failures, []);
    });

    it("never shows the APN's password in its trace", async () => {
      const bench = await new Bench({
        driver: { apn: "a", apnUser: "u", apnPassword: "hidden!" },
      }).goOnline();
      assert.ok(bench.trace.every(line => !line.includes("hidden!")));
    });

    it("takes a context that is active already", async () => {
      const bench = new Bench({ running: true });
      await bench.pass(1_000);
      bench.module.module.contexts.get(1).state = "active";
      await bench.goOnline();
      assert.equal(bench.sent("AT+QIACT=").length, 0);
    });

    it("repeats an activation that is refused once", async () => {
      const bench = await new Bench({ faults: ["error command=+QIACT nth=2"] }).goOnline();
      assert.deepEqual(bench.failures, []);
      assert.equal(bench.sent("AT+QIACT=").length, 2);
    });

    it("takes the next rung when it is refused twice", async () => {
      const faults = ["error command=+QIACT nth=2", "error command=+QIACT nth=4"];
      const bench = await new Bench({ faults }).goOnline();
      assert.deepEqual(kinds(bench), ["pdp context"]);
    });

    it("comes back when the network takes the context away", async () => {
      const bench = await new Bench({ faults: ["pdpdeact context=1 ms=20000"] }).goOnline();
      bench.network.serve(7, () => undefined);
      const client = bench.open();
      await bench.until("failure", () => client.ended);
      assert.equal(client.failure?.kind, "pdp-deactivated");
      await bench.until("online", () => bench.online);
      assert.deepEqual(kinds(bench), ["pdp-deactivated context"]);
      assert.equal(bench.sent("AT+QIDEACT=1").length, 1);
    });

    it("finds a context that was lost without a word by the first connection that fails", async () => {
      // Five connections had to fail first, and the fifth renewed it.
      const bench = await new Bench({ faults: ["context-loss context=1 ms=20000"] }).goOnline();
      bench.network.serve(7, () => undefined);
      await bench.pass(30_000);
      const client = bench.open();
      await bench.until("failure", () => client.ended);
      await bench.until("the loss noticed", () => bench.failures.length > 0);
      assert.deepEqual(kinds(bench), ["pdp-deactivated context"]);
      await bench.until("online", () => bench.online);
      const again = bench.open();
      await bench.until("connected", () => again.connected);
    });

    it("renews the context after five connections that failed in a row", async () => {
      const bench = await new Bench().goOnline();
      for (let i = 0; i < 5; i++) {
        assert.deepEqual(bench.failures, []);
        const client = bench.open();
        await bench.until("failure", () => client.ended);
        assert.equal(client.failure?.kind, "connect");
      }
      await bench.until("recovery", () => bench.failures.length > 0);
      assert.deepEqual(kinds(bench), ["connect context"]);
      await bench.until("online", () => bench.online);
    });

    it("takes the next rung when connections fail again behind a context that was renewed", async () => {
      const bench = await new Bench().goOnline();
      const refuse = async (): Promise<void> => {
        const before = bench.failures.length;
        for (let i = 0; i < 5; i++) {
          const client = bench.open();
          await bench.until("failure", () => client.ended);
        }
        await bench.until("recovery", () => bench.failures.length > before);
        await bench.until("online", () => bench.online);
      };
      for (let i = 0; i < 4; i++) await refuse();
      assert.deepEqual(kinds(bench), [
        "connect context",
        "connect radio",
        "connect restart",
        "connect reset",
      ]);
      bench.network.serve(PORT, () => undefined);
      const client = bench.open();
      await bench.until("connection", () => client.connected);
      bench.network.unserve(PORT);
      await refuse();
      assert.equal(kinds(bench).at(-1), "connect context");
    });
  });

  describe("clock", () => {
    it("takes the network's time, zone subtracted", async () => {
      const epochMs = Date.UTC(2026, 10, 20, 12, 0, 0);
      const bench = await new Bench({ settings: { epochMs, timeZoneQuarters: -14 } }).goOnline();
      bench.module.module.power.crash();
      await bench.until("offline", () => !bench.online);
      assert.ok(!bench.modem.clockKnown);
      await bench.until("online", () => bench.online);
      assert.equal(bench.clock.settings.length, 2);
      const [, seconds = 0] = bench.clock.settings;
      assert.ok(Math.abs(seconds - (epochMs + bench.scheduler.nowMs) / 1000) < 2, String(seconds));
      assert.ok(bench.modem.clockKnown);
    });

    it("takes the module's own clock when the network tells none and the clock has been set", async () => {
      const bench = new Bench({ settings: { networkTime: false } });
      const { clock } = bench.module.module;
      clock.set(Date.UTC(2026, 10, 21, 4, 0, 0));
      await bench.goOnline();
      assert.equal(bench.sent("AT+CCLK?").length, 1);
      const [seconds = 0] = bench.clock.settings;
      assert.ok(Math.abs(seconds * 1_000 - clock.nowMs) < 2_000, String(seconds));
    });

    it("asks a time server when the network tells none", async () => {
      const bench = new Bench({ settings: { networkTime: false }, driver: { timeServer: "time.test" } });
      const network = bench.network as unknown as { resolve(host: string): readonly string[] };
      const resolve = network.resolve.bind(network);
      network.resolve = host => (host === "time.test" ? ["192.0.2.99"] : resolve(host));
      await bench.goOnline();
      assert.equal(bench.sent('AT+QNTP=1,"time.test"').length, 1);
      assert.equal(bench.clock.settings.length, 1);
    });

    it("goes online without the time when nobody tells it", async () => {
      const settings = { networkTime: false };
      const bench = await new Bench({ settings, driver: { timeServer: "nobody.test" } }).goOnline();
      assert.deepEqual(bench.clock.settings, []);
      assert.ok(!bench.modem.clockKnown);
    });
  });

  describe("disconnect and close", () => {
    it("ends the connections, powers the module down, and comes back by the next wish", async () => {
      const bench = await new Bench().goOnline();
      bench.network.serve(7, () => undefined);
      const client = bench.open();
      await bench.until("connected", () => client.connected);
      bench.call(() => {
        bench.cellular.disconnect();
      });
      await bench.pass(10_000);
      assert.equal(client.failure?.kind, "cancelled");
      assert.equal(bench.module.module.power.state, "off");
      assert.equal(bench.cellular.connection, Connection.disconnected);
      assert.equal(bench.cellular.address, undefined);
      await bench.goOnline();
      assert.equal(bench.module.module.power.boots, 2);
    });

    it("connects again while the module is still going down", async () => {
      const bench = await new Bench({ link: "lte-m" }).goOnline();
      bench.cellular.disconnect();
      await bench.pass(500);
      await bench.goOnline();
      assert.equal(bench.module.module.power.boots, 2);
    });

    it("turns off a module whose start was under way", async () => {
      // The power-down command was lost on a module that does not listen yet, and it stayed on.
      for (const afterMs of [100, 300, 700, 2_000, 3_000, 4_490, 4_600]) {
        const bench = new Bench();
        bench.cellular.connect();
        await bench.pass(afterMs);
        bench.cellular.disconnect();
        await bench.pass(60_000);
        assert.equal(bench.module.module.power.state, "off", `after ${String(afterMs)} ms`);
        await bench.goOnline();
      }
    });

    it("turns off a module that starts slowly", async () => {
      const bench = new Bench({
        settings: { boot: { appReadyMs: 35_000, simReadyMs: 36_000, smsReadyMs: 37_000 } },
      });
      bench.cellular.connect();
      await bench.pass(3_000);
      bench.cellular.disconnect();
      await bench.pass(120_000);
      assert.equal(bench.module.module.power.state, "off");
    });

    it("lets go of PWRKEY when the wish changes amid the pulse", async () => {
      // The key stayed pulled, which turns a module off later.
      let key = false;
      const bench = new Bench();
      const powerKey = bench.module.powerKey.bind(bench.module);
      bench.module.powerKey = asserted => {
        key = asserted;
        powerKey(asserted);
      };
      bench.cellular.connect();
      await bench.pass(100);
      assert.ok(key);
      bench.cellular.disconnect();
      await bench.pass(1);
      assert.ok(!key);
    });

    it("repeats a power-down that the module refuses", async () => {
      const bench = await new Bench({ faults: ["error command=+QPOWD nth=1"] }).goOnline();
      bench.cellular.disconnect();
      await bench.pass(60_000);
      assert.equal(bench.module.module.power.state, "off");
    });

    it("frees the serial port on close, leaves the module as it is, and leaves no timer", async () => {
      const bench = await new Bench().goOnline();
      bench.network.serve(7, () => undefined);
      const client = bench.open();
      await bench.until("connected", () => client.connected);
      const changes = bench.changes.length;
      bench.call(() => {
        bench.cellular.close();
        bench.cellular.close();
      });
      await bench.pass(1_000);
      assert.equal(client.failure?.kind, "cancelled");
      assert.equal(bench.cellular.connection, Connection.disconnected);
      assert.equal(bench.cellular.address, undefined);
      assert.equal(bench.changes.length, changes);
      assert.equal(bench.module.module.power.state, "running");
      assert.ok(!bench.uart.isOpen);
      assert.equal(bench.timer.live.size, 0);
    });

    it("fails a socket that is opened without a network, and says in which state", async () => {
      const bench = new Bench();
      const client = bench.open();
      await bench.pass(10);
      assert.deepEqual(client.failure, { kind: "network-lost", detail: "off" });
      assert.deepEqual(client.calls, ["failure network-lost", "error"]);
    });
  });
});
