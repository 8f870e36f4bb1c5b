import assert from "node:assert/strict";
import fc from "fast-check";
import type { Bc66Changes } from "../../simulator/bc66/settings.js";
import { Bc66Bench } from "./bc66-bench.js";

const ok = "\r\nOK\r\n";
const error = "\r\nERROR\r\n";

describe("commands of the simulated BC66", () => {
  /** Lines typed one after another into a registered module, each with its whole answer. */
  const sessions: readonly [
    title: string,
    exchanges: readonly (readonly [string, string])[],
    settings?: Bc66Changes,
  ][] = [
    [
      "identify the module",
      [
        ["ATI", "\r\nQuectel_Ltd\r\nQuectel_BC66\r\nRevision: BC66NBR01A10\r\n\r\nOK\r\n"],
        ["ati", "\r\nQuectel_Ltd\r\nQuectel_BC66\r\nRevision: BC66NBR01A10\r\n\r\nOK\r\n"],
        ["AT+CGMR", "\r\nRevision: BC66NBR01A10\r\n\r\nOK\r\n"],
        ["AT+CGSN=1", "\r\n+CGSN: 867997030000011\r\n\r\nOK\r\n"],
        ["AT+CIMI", "\r\n262010000000025\r\n\r\nOK\r\n"],
        ["AT+QCCID", "\r\n+QCCID: 89490200001000000025\r\n\r\nOK\r\n"],
        ["AT+CBC", "\r\n+CBC: 0,0,3280\r\n\r\nOK\r\n"],
      ],
    ],
    [
      "answer an information line framed for itself where the manual is taken at its word",
      [["ATI", "\r\nQuectel_Ltd\r\n\r\nQuectel_BC66\r\n\r\nRevision: BC66NBR01A10\r\n\r\nOK\r\n"]],
      { port: { multiline: "pairs" } },
    ],
    [
      "take blanks, several commands, and no more than 1400 bytes",
      [
        ["AT+ CBC", "\r\n+CBC: 0,0,3280\r\n\r\nOK\r\n"],
        ["AT+CFUN=0;+CFUN=1", `${ok}\r\n+CPIN: READY\r\n`],
        [`AT+QIDNSGIP=1,"${"x".repeat(1_400)}"`, error],
        ["AT+NOSUCH", error],
        ["AT+CREG?", error],
        ["AT+QIACT=1", error],
        ["AT+QFLST", error],
      ],
    ],
    [
      "tell the network",
      [
        ["AT+CEREG?", "\r\n+CEREG: 0,1\r\n\r\nOK\r\n"],
        ["AT+CEREG=3", ok],
        ["AT+CEREG?", '\r\n+CEREG: 3,1,"4B1F","35E5D4",9\r\n\r\nOK\r\n'],
        ["AT+CEREG=5", ok],
        ["AT+CEREG?", '\r\n+CEREG: 5,1,"4B1F","35E5D4",9,,,"",""\r\n\r\nOK\r\n'],
        ["AT+CEREG=6", error],
        ["AT+CGATT?", "\r\n+CGATT: 1\r\n\r\nOK\r\n"],
        ["AT+COPS?", '\r\n+COPS: 0,2,"26201",9\r\n\r\nOK\r\n'],
        ["AT+COPS=?", '\r\n+COPS: (2,"26201","26201","26201",9),,(0-4),(0-2)\r\n\r\nOK\r\n'],
        ["AT+CSQ", "\r\n+CSQ: 22,0\r\n\r\nOK\r\n"],
        ["AT+CESQ", "\r\n+CESQ: 40,0,255,255,20,48\r\n\r\nOK\r\n"],
        ["AT+QENG=0", '\r\n+QENG: 0,1839,2,481,"35E5D4",-85,-6,-78,5,3,"4B1F",0,,0\r\n\r\nOK\r\n'],
        ["AT+QBAND=1,20", ok],
        ["AT+QBAND?", "\r\n+QBAND: 20\r\n\r\nOK\r\n"],
        ["AT+QBAND=1,7", error],
        ["AT+CPIN?", "\r\n+CPIN: READY\r\n\r\nOK\r\n"],
      ],
    ],
    [
      "have one field more in +CEREG when set so",
      [
        ["AT+CEREG=3", ok],
        ["AT+CEREG?", '\r\n+CEREG: 3,1,"4B1F","35E5D4",9,\r\n\r\nOK\r\n'],
      ],
      { registeredExtraField: true },
    ],
    [
      "show +QENG with 13 values when set so",
      [["AT+QENG=0", '\r\n+QENG: 0,1839,2,481,"35E5D4",-85,-6,-78,5,3,"4B1F",0,230\r\n\r\nOK\r\n']],
      { cellValues: 13 },
    ],
    [
      "leave the network",
      [
        ["AT+CEREG=5", ok],
        ["AT+CFUN=4", `\r\n+CEREG: 0,,,,,0,0\r\n${ok}`],
        ["AT+CEREG?", "\r\n+CEREG: 5,0,,,,,0,0\r\n\r\nOK\r\n"],
        ["AT+CSQ", "\r\n+CSQ: 99,99\r\n\r\nOK\r\n"],
        ["AT+CESQ", "\r\n+CESQ: 0,0,255,255,0,0\r\n\r\nOK\r\n"],
        ["AT+QENG=0", error],
        ["AT+CGPADDR=1", ok],
        ["AT+QIPADDR", "\r\n+QIPADDR: 127.0.0.1\r\n\r\nOK\r\n"],
        ["AT+CFUN=3", error],
      ],
    ],
    [
      "end the deactivation of the bearer with NO CARRIER",
      [
        ["AT+CGACT?", "\r\n+CGACT: 1,1\r\n\r\nOK\r\n"],
        ["AT+CGACT=0,1", "\r\nNO CARRIER\r\n"],
        ["AT+CGACT?", "\r\n+CGACT: 1,0\r\n\r\nOK\r\n"],
        ["AT+CGPADDR=1", ok],
      ],
    ],
    [
      "tell errors by number, by text or not at all",
      [
        ["AT+CMEE?", "\r\n+CMEE: 0\r\n\r\nOK\r\n"],
        ["AT+CFUN=3", error],
        ["AT+CMEE=1", ok],
        ["AT+CFUN=3", "\r\n+CME ERROR: 766\r\n"],
        ["AT+CMEE=2", ok],
        ["AT+CFUN=3", "\r\n+CME ERROR: unsupported value or mode\r\n"],
        ["AT+QIRD=0,1", error],
        ['AT+QSSLOPEN=1,5,"x",0', error],
      ],
    ],
    [
      "have no card",
      [
        ["AT+CMEE=1", ok],
        ["AT+CPIN?", "\r\n+CME ERROR: 10\r\n"],
        ["AT+QCCID", "\r\n+CME ERROR: 10\r\n"],
        ["AT+CEREG?", "\r\n+CEREG: 0,0\r\n\r\nOK\r\n"],
      ],
      { sim: { state: "absent" } },
    ],
    [
      "are denied by the network",
      [
        ["AT+CEREG=5", ok],
        ["AT+CEREG?", "\r\n+CEREG: 5,3,,,,,0,15\r\n\r\nOK\r\n"],
      ],
      { registration: "denied" },
    ],
    [
      "refuse to attach while searching",
      [
        ["AT+CGATT=1", error],
        ["AT+CGATT?", "\r\n+CGATT: 0\r\n\r\nOK\r\n"],
      ],
      { registration: "searching" },
    ],
    [
      "keep the options of sockets",
      [
        ['AT+QICFG="showlength"', '\r\n+QICFG: "showlength",0\r\n\r\nOK\r\n'],
        ['AT+QICFG="showlength",1', ok],
        ['AT+QICFG="SHOWLENGTH"', '\r\n+QICFG: "showlength",1\r\n\r\nOK\r\n'],
        ['AT+QICFG="dataformat",1', error],
        ['AT+QICFG="nothing",1', error],
        ["AT+QIKALIVE?", "\r\n+QIKALIVE: 0,0,0,0\r\n\r\nOK\r\n"],
        ["AT+QIGETERROR", "\r\n+QIGETERROR: 552,invalid parameters\r\n\r\nOK\r\n"],
        ["AT+QIDNSCFG=1", '\r\n+QIDNSCFG: 1,"10.0.0.53","10.0.0.54","::","::"\r\n\r\nOK\r\n'],
      ],
    ],
    [
      "show the clock in two formats, in local time",
      [
        ["AT+CCLK?", "\r\n+CCLK: 2026/11/20,07:00:00GMT-5\r\n\r\nOK\r\n"],
        ["AT+QCCLK?", "\r\n+QCCLK: 26/11/20,07:00:00-20\r\n\r\nOK\r\n"],
        ['AT+QCCLK="19/05/06,22:10:00+08"', ok],
        ["AT+CCLK?", "\r\n+CCLK: 2019/05/06,22:10:00GMT+2\r\n\r\nOK\r\n"],
        ["AT+CCLK=2020/01/02,03:04:05GMT+0", ok],
        ["AT+QCCLK?", "\r\n+QCCLK: 20/01/02,03:04:05+00\r\n\r\nOK\r\n"],
        ["AT+CCLK=never", error],
      ],
      { timeZoneQuarters: -20 },
    ],
    [
      "show the clock in UTC when set so",
      [
        ["AT+CCLK?", "\r\n+CCLK: 2026/11/20,12:00:00GMT-5\r\n\r\nOK\r\n"],
        ["AT+QCCLK?", "\r\n+QCCLK: 26/11/20,12:00:00-20\r\n\r\nOK\r\n"],
      ],
      { timeZoneQuarters: -20, clockShows: "utc" },
    ],
    [
      "count from 1970 while nobody has told the time",
      [["AT+CCLK?", "\r\n+CCLK: 1970/01/01,00:00:00GMT+0\r\n\r\nOK\r\n"]],
      { networkTime: false },
    ],
  ];
  for (const [title, exchanges, settings = {}] of sessions) {
    it(title, async () => {
      const bench = Bc66Bench.memory({ settings });
      bench.modem.bootNow();
      await bench.pass(0);
      await bench.ask("ATE0");
      await bench.ask("AT+QSCLK=0");
      for (const [line, answer] of exchanges) {
        const heard = (await bench.ask(line)) + (await bench.pass(0));
        assert.equal(heard.replace(/\r\n\+IP: [\d.]+\r\n$/, ""), answer, line);
      }
    });
  }

  const later: readonly (readonly [line: string, end: RegExp, answer: string])[] = [
    [
      'AT+QIDNSGIP=1,"broker.test"',
      /"192.*\r\n$/,
      `${ok}\r\n+QIURC: "dnsgip",0,1,0\r\n\r\n+QIURC: "dnsgip","192.0.2.10"\r\n`,
    ],
    ['AT+QIDNSGIP=1,"unknown.test"', /565\r\n$/, `${ok}\r\n+QIURC: "dnsgip",565\r\n`],
    ['AT+QNTP=1,"broker.test"', /QNTP: .*\r\n$/, `${ok}\r\n+QNTP: 0,"26/11/20,12:00:00+00"\r\n`],
    ['AT+QNTP=1,"unknown.test"', /QNTP: .*\r\n$/, `${ok}\r\n+QNTP: 565\r\n`],
    [
      'AT+QPING=1,"192.0.2.10",1,1',
      /0,1,.*\r\n$/,
      `${ok}\r\n+QPING: 0,"192.0.2.10",32,0,255\r\n\r\n+QPING: 0,1,1,0,0,0,0\r\n`,
    ],
    ['AT+QGACT=1,1,"apn","",""', /,1,1\r\n$/, `\r\n+QGACT: 1\r\n${ok}\r\n+QGACT: 1,1,1,1\r\n`],
    ["AT+QGACT=0,1", /,0,1\r\n$/, `\r\n+QGACT: 1\r\n${ok}\r\n+QGACT: 1,0,1\r\n`],
  ];
  for (const [line, end, answer] of later) {
    it(`${line}: OK first, the result later`, async () => {
      const bench = await Bc66Bench.memory().ready();
      assert.equal(await bench.exchange(`${line}\r`, end), answer);
    });
  }

  it("tells attach in the order CSCON, CEREG, IP", async () => {
    const bench = await Bc66Bench.memory({ link: "nb-iot", settings: { registration: "roaming" } }).ready();
    await bench.pass(30_000);
    await bench.ask("AT+CSCON=1;+CEREG=1");
    await bench.ask("AT+CFUN=0");
    await bench.pass(30_000);
    bench.type("AT+CFUN=1\r");
    assert.match(await bench.pass(20_000), /\+CSCON: 1\r\n\r\n\+CEREG: 5\r\n\r\n\+IP: [\d.]+\r\n$/);
  });

  it("registers after 6 s on NB-IoT, after 180 s the first time where that is set so", async () => {
    for (const [attach, seconds] of [
      ["warm", 6],
      ["cold", 180],
    ] as const) {
      const bench = await Bc66Bench.memory({ link: "nb-iot", settings: { attach } }).ready();
      const atS = bench.modem.module.scheduler.nowMs / 1_000;
      assert.ok(atS >= seconds && atS < seconds + 2, String(atS));
    }
  });

  it("answers every command once, whatever is typed", async () => {
    const bench = await Bc66Bench.memory().ready();
    const names = [...bench.modem.commandNames].filter(
      name => name.startsWith("+") && !["+QRST", "+QPOWD", "+CFUN", "+IPR"].includes(name),
    );
    const argument = fc.oneof(fc.integer({ min: 0, max: 9 }).map(String), fc.constantFrom('""', '"x"', ""));
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(...names),
        fc.constantFrom("", "?", "=?", "="),
        fc.array(argument, { maxLength: 4 }),
        async (name, form, values) => {
          const heard = await bench.ask(`AT${name}${form}${form === "=" ? values.join(",") : ""}`, 400_000);
          if (heard.includes("\r\n>")) await bench.exchange("\x1b\x1b", /OK\r\n|ERROR/, 1_000);
          bench.type("\x1b".repeat(2_100));
          await bench.pass(1_000);
          assert.match(
            heard,
            /(\r\n(OK|ERROR|NO CARRIER|\+CME ERROR: \d+)\r\n)|\r\n>$/,
            `${name}${form}${values.join()}`,
          );
          await bench.ask("AT", 1_000);
          await bench.ask("AT+QSCLK=0", 1_000);
          assert.equal(await bench.ask("AT", 1_000), ok);
        },
      ),
      { numRuns: 300 },
    );
  });
});
