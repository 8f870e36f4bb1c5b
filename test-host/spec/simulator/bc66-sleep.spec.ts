import assert from "node:assert/strict";
import type { Bc66Changes } from "../../simulator/bc66/settings.js";
import { Bc66Bench } from "./bc66-bench.js";

const echoPort = 7;

async function awake(settings: Bc66Changes = {}): Promise<Bc66Bench> {
  const bench = await Bc66Bench.memory({ settings }).ready();
  bench.network.serve(echoPort, peer => (peer.onData = bytes => peer.write(bytes)));
  await bench.ask("AT+IPR=115200");
  await bench.ask("AT+QNBIOTEVENT=1,1");
  return bench;
}

/** PSM with an active time of 4 s and a periodic time of 1 h, on a module that may sleep. */
async function saving(settings: Bc66Changes = {}): Promise<Bc66Bench> {
  const bench = await awake(settings);
  await bench.ask('AT+QCFG="dsevent",1');
  await bench.ask("AT&W");
  bench.modem.powerUp();
  await bench.pass(4_000);
  await bench.ask("ATE0");
  await bench.ask('AT+CPSMS=1,,,"00100001","00000010"');
  await bench.ask("AT+QSCLK=1");
  return bench;
}

describe("sleep of the simulated BC66", () => {
  for (const mode of [1, 2]) {
    it(`loses the first line in light sleep with AT+QSCLK=${String(mode)}, and answers the second`, async () => {
      const bench = await awake();
      await bench.ask(`AT+QSCLK=${String(mode)}`);
      await bench.pass(60_000);
      assert.equal(await bench.ask("AT", 1_000), "");
      assert.equal(await bench.ask("AT", 1_000), "\r\nOK\r\n");
      await bench.pass(9_000);
      assert.equal(await bench.ask("AT", 1_000), "\r\nOK\r\n");
    });
  }

  it("never sleeps with AT+QSCLK=0", async () => {
    const bench = await awake();
    await bench.pass(3_600_000);
    assert.equal(await bench.ask("AT", 1_000), "\r\nOK\r\n");
  });

  it("after a cold start sleeps by itself, or only when told to, by setting", async () => {
    for (const [sleepDefault, answer] of [
      [1, ""],
      [0, "AT\r\r\nOK\r\n"],
    ] as const) {
      const bench = Bc66Bench.memory({ settings: { sleepDefault } });
      bench.modem.bootNow();
      await bench.pass(60_000);
      assert.equal(await bench.ask("AT", 1_000), answer);
    }
  });

  it("stays awake while the radio connection is up, and for 10 s after a command", async () => {
    const bench = await awake();
    await bench.ask("AT+QSCLK=2");
    await bench.pass(15_000);
    assert.equal(await bench.ask("AT", 1_000), "\r\nOK\r\n");
    await bench.pass(9_990);
    assert.equal(await bench.ask("AT", 1_000), "\r\nOK\r\n");
  });

  it("sleeps at once after AT+QRELLOCK", async () => {
    const bench = await awake();
    await bench.pass(30_000);
    await bench.ask("AT+QSCLK=2");
    assert.equal(await bench.ask("AT+QRELLOCK"), "\r\nOK\r\n");
    assert.equal(await bench.ask("AT", 1_000), "");
  });

  it("holds its lock as long as QCFG says after a restart", async () => {
    const bench = await awake();
    await bench.ask('AT+QCFG="atlocktime",2');
    bench.modem.powerUp();
    await bench.pass(4_000);
    await bench.ask("AT+QSCLK=2");
    await bench.pass(30_000);
    await bench.ask("AT", 1_000);
    await bench.pass(2_100);
    assert.equal(await bench.ask("AT", 1_000), "");
  });

  it("wakes by PSM_EINT from light sleep for a moment only", async () => {
    const bench = await awake();
    await bench.ask("AT+QSCLK=1");
    await bench.pass(60_000);
    bench.modem.psmEint(true);
    await bench.pass(200);
    bench.modem.psmEint(false);
    assert.equal(await bench.ask("AT", 1_000), "\r\nOK\r\n");
    await bench.pass(60_000);
    bench.modem.psmEint(true);
    await bench.pass(2_000);
    bench.modem.psmEint(false);
    assert.equal(await bench.ask("AT", 1_000), "");
  });

  it("enters PSM and deep sleep: radio released, active time, lock; VDD_EXT falls and nothing is heard", async () => {
    const bench = await saving();
    const heard = await bench.pass(40_000);
    assert.match(heard, /ENTER PSM"\r\n\r\n\+QNBIOTEVENT: "ENTER DEEPSLEEP"\r\n$/);
    assert.equal(bench.modem.status, false);
    assert.equal(await bench.ask("AT", 5_000), "");
  });

  it("keeps VDD_EXT up in deep sleep when set so", async () => {
    const bench = await saving({ vddExtInDeepSleep: true });
    await bench.pass(40_000);
    assert.equal(bench.modem.module.power.state, "deep-sleep");
    assert.equal(bench.modem.status, true);
  });

  it("enters PSM and no deep sleep with AT+QSCLK=0", async () => {
    const bench = await saving();
    await bench.ask("AT+QSCLK=0");
    assert.match(await bench.pass(60_000), /ENTER PSM"\r\n$/);
    assert.equal(await bench.ask("AT"), "\r\nOK\r\n");
    assert.equal(await bench.ask("AT+QENG=0"), "\r\nERROR\r\n");
  });

  for (const [pin, settings, wakes] of [
    ["PSM_EINT", {}, true],
    ["PWRKEY", {}, true],
    ["PWRKEY", { powerKeyWakes: false }, false],
  ] as const) {
    it(`${wakes ? "is woken" : "is not woken"} from deep sleep by ${pin}${wakes ? ": a start of the chip" : " when set so"}`, async () => {
      const bench = await saving(settings);
      await bench.ask("AT+QATWAKEUP=1");
      await bench.pass(40_000);
      if (pin === "PSM_EINT") bench.modem.psmEint(true);
      else bench.modem.powerKey(true);
      const heard = await bench.pass(5_000);
      assert.equal(heard.includes("Leaving the BROM"), wakes);
      if (!wakes) return;
      assert.match(heard, /RDY\r\n[\s\S]*\+QATWAKEUP\r\n[\s\S]*EXIT PSM"\r\n[\s\S]*\+IP: [\d.]+\r\n$/);
      assert.equal(await bench.ask("AT"), "\r\nOK\r\n");
    });
  }

  it("wakes by itself when the periodic time is over", async () => {
    const bench = await saving();
    await bench.pass(40_000);
    assert.match(await bench.pass(3_600_000), /Leaving the BROM[\s\S]*\+IP: /);
  });

  it("stays out of PSM while a socket is open, and enters it after the close", async () => {
    const bench = await saving();
    await bench.exchange(`AT+QIOPEN=1,0,"TCP","broker.test",${String(echoPort)}\r`, /QIOPEN: 0,0/);
    assert.equal(await bench.pass(100_000), "");
    await bench.ask("AT", 1_000);
    await bench.exchange("AT+QICLOSE=0\r", /CLOSE OK/);
    assert.match(await bench.pass(60_000), /ENTER DEEPSLEEP/);
  });

  it("tells of the radio connection with AT+CSCON=1", async () => {
    const bench = await awake();
    await bench.pass(30_000);
    await bench.ask("AT+CSCON=1");
    const heard = await bench.exchange(
      `AT+QIOPEN=1,0,"TCP","broker.test",${String(echoPort)}\r`,
      /QIOPEN: 0,0/,
    );
    assert.match(heard, /\+CSCON: 1\r\n/);
    assert.match(await bench.pass(21_000), /\+CSCON: 0\r\n$/);
  });

  it("leaves PSM for data of the host", async () => {
    const bench = await saving();
    await bench.ask("AT+QSCLK=0");
    await bench.pass(60_000);
    const heard = await bench.exchange(
      `AT+QIOPEN=1,0,"TCP","broker.test",${String(echoPort)}\r`,
      /QIOPEN: 0,0/,
    );
    assert.match(heard, /EXIT PSM/);
  });
});
