import assert from "node:assert/strict";
import { AtBench } from "./at-bench.js";

const banner = "\r\nRDY\r\n\r\nAPP RDY\r\n\r\n+CPIN: READY\r\n\r\n+QUSIM: 1\r\n\r\n+QIND: SMS DONE\r\n";

async function pressed(ms: number, bench: AtBench): Promise<void> {
  bench.modem.powerKey(true);
  await bench.pass(ms);
  bench.modem.powerKey(false);
}

describe("power of the simulated BG95", () => {
  it("is silent without power", async () => {
    const bench = AtBench.memory();
    bench.type("AT\r");
    assert.equal(await bench.pass(1_000), "");
    assert.equal(bench.modem.status, false);
  });

  it("does not start on a pulse of less than 500 ms", async () => {
    const bench = AtBench.memory();
    await pressed(450, bench);
    assert.equal(await bench.pass(20_000), "");
  });

  it("starts on a pulse of 500 ms: STATUS at 2.1 s, RDY at 2.5 s, then APP RDY, SIM, SMS DONE", async () => {
    const bench = AtBench.memory();
    await pressed(550, bench);
    await bench.pass(2_050 - 550);
    assert.equal(bench.modem.status, false);
    await bench.pass(100);
    assert.equal(bench.modem.status, true);
    await bench.wait(/RDY/);
    assert.equal(bench.scheduler.nowMs, 2_500);
    assert.equal("\r\nRDY\r\n" + (await bench.pass(20_000)), banner);
  });

  it("loses commands between RDY and APP RDY, or refuses them when set so", async () => {
    for (const [earlyCommands, answer] of [
      ["lost", "AT\r"],
      ["error", "AT\r\r\nERROR\r\n"],
    ] as const) {
      const bench = AtBench.memory({ settings: { earlyCommands } });
      await pressed(550, bench);
      await bench.wait(/RDY\r\n/);
      bench.type("AT\r");
      assert.equal(await bench.pass(100), answer);
    }
  });

  it("reports the SIM before APP RDY when set so", async () => {
    const bench = AtBench.memory({ settings: { bootOrder: "sim-first" } });
    await pressed(550, bench);
    assert.match(await bench.pass(20_000), /RDY\r\n\r\n\+CPIN: READY\r\n\r\n\+QUSIM: 1\r\n\r\nAPP RDY/);
  });

  it("goes down on a pulse of 650 ms or more, with its own line", async () => {
    const bench = await AtBench.memory().ready();
    await pressed(600, bench);
    assert.equal(await bench.pass(3_000), "");
    await pressed(700, bench);
    assert.equal(await bench.pass(3_000), "\r\nNORMAL POWER DOWN\r\n");
    assert.equal(bench.modem.status, false);
  });

  it("answers OK to AT+QPOWD, detaches, prints POWERED DOWN and drops STATUS", async () => {
    const bench = await AtBench.memory({ link: "lte-m" }).ready();
    assert.equal(await bench.ask("AT+QPOWD=1"), "\r\nOK\r\n");
    bench.type("AT\r");
    assert.equal(await bench.pass(2_000), "");
    assert.equal(bench.modem.status, true);
    assert.equal(await bench.pass(3_000), "\r\nPOWERED DOWN\r\n");
    assert.equal(bench.modem.status, false);
  });

  it("restarts on AT+CFUN=1,1 with RDY 5.9 s after the command and the echo on again", async () => {
    const bench = await AtBench.memory().ready();
    const startMs = bench.scheduler.nowMs;
    assert.equal(await bench.ask("AT+CFUN=1,1"), "\r\nOK\r\n");
    assert.equal(await bench.wait(/\r\nRDY\r\n/), "\r\nPOWERED DOWN\r\n\r\nRDY\r\n");
    assert.equal(bench.scheduler.nowMs - startMs, 5_900);
    await bench.pass(10_000);
    assert.equal(await bench.ask("AT"), "AT\r\r\nOK\r\n");
  });

  it("restarts by RESET_N held for 2 s, and not by less", async () => {
    const bench = await AtBench.memory().ready();
    bench.modem.resetLine(true);
    await bench.pass(1_900);
    bench.modem.resetLine(false);
    assert.equal(await bench.pass(20_000), "");
    bench.modem.resetLine(true);
    await bench.pass(2_100);
    bench.modem.resetLine(false);
    assert.equal(await bench.pass(20_000), banner);
  });

  it("forgets sockets, contexts and settings at a restart, and keeps files, APN and radio settings", async () => {
    const bench = await AtBench.memory().ready();
    bench.network.serve(7, () => undefined);
    await bench.ask('AT+QIDEACT=1;+QICSGP=1,1,"iot.test","","",0;+QIACT=1');
    await bench.ask('AT+QCFG="nwscanseq",0203;+QSSLCFG="seclevel",2,2;+CMEE=2');
    await bench.ask('AT+QFUPL="kept",2');
    await bench.exchange("hi", /OK/);
    await bench.ask('AT+QIOPEN=1,0,"TCP","broker.test",7');
    await bench.wait(/QIOPEN: 0,0/);
    bench.modem.module.power.crash();
    await bench.pass(20_000);
    await bench.ask("ATE0");
    assert.equal(await bench.ask("AT+QISTATE;+QIACT?"), "\r\nOK\r\n");
    assert.match(await bench.ask('AT+QSSLCFG="seclevel",2'), /,2,0\r\n/);
    assert.match(await bench.ask("AT+CMEE?;+QISDE?"), /\+CMEE: 1\r\n\r\n\+QISDE: 1\r\n/);
    assert.match(await bench.ask('AT+QCFG="nwscanseq"'), /,0203\r\n/);
    assert.match(await bench.ask("AT+QICSGP=1"), /"iot.test"/);
    assert.match(await bench.ask("AT+QFLST"), /"kept",2/);
  });

  it("sleeps in PSM after the radio is released and the active time is over, and wakes with a boot", async () => {
    const bench = await AtBench.memory({ link: "lte-m" }).ready();
    bench.network.serve(7, () => undefined);
    await bench.ask('AT+QCFG="psm/urc",1;+CPSMS=1,,,"00000100","00001111"');
    await bench.ask('AT+QIOPEN=1,0,"TCP","broker.test",7');
    assert.equal(
      (await bench.pass(80_000)).replace(/.*QIOPEN: 0,0\r\n/s, ""),
      "\r\n+QPSMTIMER: 2400,30\r\n\r\nPSM POWER DOWN\r\n",
    );
    assert.equal(bench.modem.status, false);
    await pressed(600, bench);
    assert.match(await bench.pass(20_000), /^\r\nRDY\r\n\r\nAPP RDY/);
  });

  it("wakes from PSM by a rising edge of PON_TRIG, which does nothing in any other state", async () => {
    const bench = await AtBench.memory({ link: "lte-m" }).ready();
    bench.modem.wakeLine(true);
    assert.equal(await bench.pass(20_000), "");
    bench.network.serve(7, () => undefined);
    await bench.ask('AT+CPSMS=1,,,"00000100","00001111"');
    await bench.ask('AT+QIOPEN=1,0,"TCP","broker.test",7');
    await bench.pass(80_000);
    assert.equal(bench.modem.status, false);
    bench.modem.wakeLine(true);
    assert.equal(await bench.pass(20_000), "", "the level is not enough");
    bench.modem.wakeLine(false);
    bench.modem.wakeLine(true);
    assert.match(await bench.pass(20_000), /^\r\nRDY\r\n\r\nAPP RDY/);
  });

  it("asks for the PIN, takes it, and asks again after a restart", async () => {
    const bench = AtBench.memory({ settings: { sim: { state: "pin", pin: "4321" } } });
    bench.modem.bootNow();
    await bench.ask("ATE0");
    assert.equal(await bench.ask("AT+CPIN?"), "\r\n+CPIN: SIM PIN\r\n\r\nOK\r\n");
    assert.equal(await bench.ask('AT+CPIN="0000"'), "\r\n+CME ERROR: 16\r\n");
    bench.type("AT+CPIN=4321\r");
    assert.match(await bench.pass(500), /^\r\nOK\r\n\r\n\+CPIN: READY\r\n\r\n\+QUSIM: 1\r\n/);
    assert.ok(bench.modem.module.registration.isRegistered);
    bench.modem.module.power.crash();
    assert.match(await bench.pass(20_000), /\+CPIN: SIM PIN/);
  });

  it("locks the SIM after three wrong PINs until the PUK comes", async () => {
    const bench = AtBench.memory({ settings: { sim: { state: "pin" } } });
    bench.modem.bootNow();
    await bench.ask("ATE0");
    for (const code of [16, 16, 12]) {
      assert.equal(await bench.ask('AT+CPIN="0000"'), `\r\n+CME ERROR: ${String(code)}\r\n`);
    }
    assert.match(await bench.ask("AT+CPIN?"), /SIM PUK/);
    assert.match(await bench.ask('AT+CPIN="12345678","1111"'), /OK/);
    assert.match(await bench.ask("AT+CPIN?"), /READY/);
  });

  it("switches the radio off with AT+CFUN=0: SIM failure, COPS 2, not registered", async () => {
    const bench = await AtBench.memory().ready();
    await bench.ask("AT+CFUN=0");
    assert.equal(await bench.ask("AT+CPIN?"), "\r\n+CME ERROR: 13\r\n");
    assert.equal(await bench.ask("AT+COPS?"), "\r\n+COPS: 2\r\n\r\nOK\r\n");
    assert.equal(await bench.ask("AT+CEREG?;+QIACT?"), "\r\n+CEREG: 0,0\r\n\r\nOK\r\n");
  });
});
