import assert from "node:assert/strict";
import { AtBench } from "./at-bench.js";

describe("network service of the simulated BG95", () => {
  it("searches first, then registers after the link's attach time", async () => {
    const bench = AtBench.memory({ link: "lte-m" });
    bench.modem.bootNow();
    await bench.ask("ATE0");
    assert.equal(await bench.ask("AT+CEREG?;+COPS?"), "\r\n+CEREG: 0,2\r\n\r\n+COPS: 0\r\n\r\nOK\r\n");
    await bench.pass(6_000);
    assert.equal(
      await bench.ask("AT+CEREG?;+COPS?"),
      '\r\n+CEREG: 0,1\r\n\r\n+COPS: 0,0,"Simulated",8\r\n\r\nOK\r\n',
    );
  });

  const urcs: readonly [mode: number, urc: string, read: string][] = [
    [1, "+CEREG: 5", "+CEREG: 1,5"],
    [2, '+CEREG: 5,"66C0","1A2D002",8', '+CEREG: 2,5,"66C0","1A2D002",8'],
    [4, '+CEREG: 5,"66C0","1A2D002",8,,,"",""', '+CEREG: 4,5,"66C0","1A2D002",8,,,"",""'],
  ];
  for (const [mode, urc, read] of urcs) {
    it(`reports a roaming registration with n=${String(mode)}, with <n> in the read form alone`, async () => {
      const bench = AtBench.memory({ link: "lte-m", settings: { registration: "roaming" } });
      bench.modem.bootNow();
      await bench.ask(`ATE0+CEREG=${String(mode)}`);
      assert.equal(await bench.pass(6_000), `\r\n${urc}\r\n`);
      assert.equal(await bench.ask("AT+CEREG?"), `\r\n${read}\r\n\r\nOK\r\n`);
    });
  }

  it("says 4 to AT+CGREG on LTE-M and 5 to AT+CREG", async () => {
    const bench = await AtBench.memory({ settings: { registration: "roaming" } }).ready();
    assert.equal(await bench.ask("AT+CREG?;+CGREG?"), "\r\n+CREG: 0,5\r\n\r\n+CGREG: 0,4\r\n\r\nOK\r\n");
  });

  it("stays unregistered when denied or without cover", async () => {
    for (const [registration, state] of [
      ["denied", 3],
      ["searching", 2],
    ] as const) {
      const bench = AtBench.memory({ link: "lte-m", settings: { registration } });
      bench.modem.bootNow();
      await bench.ask("ATE0");
      await bench.pass(60_000);
      assert.match(await bench.ask("AT+CEREG?"), new RegExp(`0,${String(state)}\\r`));
      assert.equal(await bench.ask("AT+QIACT=1"), "\r\nERROR\r\n");
    }
  });

  it("says what the signal is, and 99 without service", async () => {
    const bench = AtBench.memory({ link: "lte-m" });
    bench.modem.bootNow();
    await bench.ask("ATE0");
    assert.equal(await bench.ask("AT+CSQ;+QCSQ"), '\r\n+CSQ: 99,99\r\n\r\n+QCSQ: "NOSERVICE"\r\n\r\nOK\r\n');
    await bench.pass(6_000);
    assert.equal(
      await bench.ask("AT+CSQ;+QCSQ"),
      '\r\n+CSQ: 31,99\r\n\r\n+QCSQ: "eMTC",-52,-81,195,-10\r\n\r\nOK\r\n',
    );
  });

  it("activates at most three contexts, two on NB-IoT", async () => {
    for (const [link, most] of [
      ["lte-m", 3],
      ["nb-iot", 2],
    ] as const) {
      const bench = await AtBench.memory({ link }).ready(false);
      for (let id = 1; id <= 4; id++) {
        const expected = id <= most ? "OK" : "ERROR";
        assert.equal(await bench.ask(`AT+QIACT=${String(id)}`), `\r\n${expected}\r\n`);
      }
    }
  });

  it("refuses to activate an active context", async () => {
    const bench = await AtBench.memory().ready();
    assert.equal(await bench.ask("AT+QIACT=1"), "\r\nERROR\r\n");
  });

  it("takes the link's time to activate, and answers nothing meanwhile", async () => {
    const bench = await AtBench.memory({ link: "nb-iot" }).ready(false);
    const startMs = bench.scheduler.nowMs;
    bench.type("AT+QIACT=1\r");
    assert.equal(await bench.pass(3_000), "");
    assert.equal(await bench.wait(/OK/), "\r\nOK\r\n");
    assert.ok(bench.scheduler.nowMs - startMs >= 3_200);
  });

  it("keeps APN settings apart from queries by the number of arguments", async () => {
    const bench = await AtBench.memory().ready(false);
    assert.equal(await bench.ask("AT+QICSGP=1"), '\r\n+QICSGP: 1,"","","",0\r\n\r\nOK\r\n');
    assert.equal(await bench.ask('AT+QICSGP=1,1,"iot.test","me","secret",1'), "\r\nOK\r\n");
    assert.equal(await bench.ask("AT+QICSGP=1"), '\r\n+QICSGP: 1,"iot.test","me","secret",1\r\n\r\nOK\r\n');
    assert.equal(await bench.ask('AT+CGDCONT=1,"IP","other.test"'), "\r\nOK\r\n");
    assert.match(await bench.ask("AT+CGDCONT?"), /\+CGDCONT: 1,"IP","other.test"/);
  });

  it("refuses AT+QIACT after pdpdeact until AT+QIDEACT, unless set otherwise", async () => {
    for (const [deactivationNeedsQideact, answer] of [
      [true, "ERROR"],
      [false, "OK"],
    ] as const) {
      const bench = await AtBench.memory({ settings: { deactivationNeedsQideact } }).ready();
      bench.modem.module.deactivateByNetwork(1);
      assert.equal(await bench.pass(10), '\r\n+QIURC: "pdpdeact",1\r\n');
      assert.equal(await bench.ask("AT+QIACT=1"), `\r\n${answer}\r\n`);
      assert.equal(await bench.ask("AT+QIDEACT=1;+QIACT=1"), "\r\nOK\r\n");
    }
  });

  it("needs an active context for name servers and look-ups", async () => {
    const bench = await AtBench.memory().ready(false);
    assert.equal(await bench.ask("AT+QIDNSCFG=1"), "\r\nERROR\r\n");
    assert.equal(
      await bench.ask("AT+QIGETERROR"),
      "\r\n+QIGETERROR: 561, open PDP context failed\r\n\r\nOK\r\n",
    );
    await bench.ask("AT+QIACT=1");
    assert.match(await bench.ask("AT+QIDNSCFG=1"), /\+QIDNSCFG: 1,"10.0.0.53","10.0.0.54"/);
  });

  it("answers look-ups after OK, with 565 for an unknown name", async () => {
    const bench = await AtBench.memory().ready();
    assert.equal(
      await bench.exchange('AT+QIDNSGIP=1,"broker.test"\r', /"\d+\.[^"]*"\r\n$/),
      '\r\nOK\r\n\r\n+QIURC: "dnsgip",0,1,600\r\n\r\n+QIURC: "dnsgip","192.0.2.10"\r\n',
    );
    assert.equal(
      await bench.exchange('AT+QIDNSGIP=1,"nowhere.test"\r', /565\r\n$/),
      '\r\nOK\r\n\r\n+QIURC: "dnsgip",565\r\n',
    );
  });

  it("pings with a line for each reply and a summary", async () => {
    const bench = await AtBench.memory({ link: "lte-m" }).ready();
    const answer = await bench.exchange(
      'AT+QPING=1,"broker.test",4,2\r',
      /\+QPING: 0,2,2,0,\d+,\d+,\d+\r\n$/,
    );
    assert.match(answer, /^\r\nOK\r\n(\r\n\+QPING: 0,"192.0.2.10",32,\d+,255\r\n){2}\r\n\+QPING: 0,2,2,0/);
  });

  it("tells 1980 until the network tells the time, then the world's time", async () => {
    const bench = AtBench.memory({
      link: "lte-m",
      settings: { epochMs: Date.UTC(2026, 5, 1, 8, 0, 0), timeZoneQuarters: 8 },
    });
    bench.modem.bootNow();
    await bench.ask("ATE0");
    assert.equal(
      await bench.ask("AT+CCLK?;+QLTS"),
      '\r\n+CCLK: "80/01/06,00:00:00+00"\r\n\r\n+QLTS: ""\r\n\r\nOK\r\n',
    );
    await bench.pass(60_000);
    assert.equal(
      await bench.ask("AT+CCLK?;+QLTS=2"),
      '\r\n+CCLK: "26/06/01,08:01:00+08"\r\n\r\n+QLTS: "2026/06/01,10:01:00+08,0"\r\n\r\nOK\r\n',
    );
  });

  it("sets the clock by AT+CCLK and by network time", async () => {
    const bench = await AtBench.memory({ settings: { networkTime: false } }).ready();
    await bench.ask('AT+CCLK="30/01/02,03:04:05+04"');
    assert.match(await bench.ask("AT+CCLK?"), /"30\/01\/02,03:04:0\d\+04"/);
    assert.match(
      await bench.exchange('AT+QNTP=1,"broker.test"\r', /QNTP: .*\r\n$/),
      /^\r\nOK\r\n\r\n\+QNTP: 0,"2026\/11\/20,12:00:0\d\+04"/,
    );
    assert.match(await bench.ask("AT+CCLK?"), /"26\/11\/20/);
  });

  it("loses registration for a time and comes back by itself", async () => {
    const bench = await AtBench.memory({ link: "lte-m" }).ready();
    await bench.ask("AT+CEREG=1");
    bench.modem.module.loseRegistration(30_000);
    assert.equal(await bench.pass(10), "\r\n+CEREG: 2\r\n");
    assert.equal(await bench.pass(60_000), "\r\n+CEREG: 1\r\n");
  });
});
