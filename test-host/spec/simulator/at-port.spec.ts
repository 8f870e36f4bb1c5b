import assert from "node:assert/strict";
import fc from "fast-check";
import { parseCommand, splitLine } from "../../simulator/modem/at-line.js";
import { AtBench } from "./at-bench.js";

describe("AT port of the simulated BG95", () => {
  describe("command lines", () => {
    const parsed: readonly [string, ReturnType<typeof parseCommand>][] = [
      ["", { name: "", form: "execute", args: [] }],
      ["E0", { name: "E", form: "execute", args: [{ text: "0", quoted: false }] }],
      ["&W", { name: "&W", form: "execute", args: [] }],
      ["+cpin?", { name: "+CPIN", form: "read", args: [] }],
      ["+QCSQ=?", { name: "+QCSQ", form: "test", args: [] }],
      ["S3=13", { name: "S3", form: "write", args: [{ text: "13", quoted: false }] }],
      [
        '+QICSGP=1,1,"a,b", "", "", 1',
        {
          name: "+QICSGP",
          form: "write",
          args: [
            { text: "1", quoted: false },
            { text: "1", quoted: false },
            { text: "a,b", quoted: true },
            { text: "", quoted: true },
            { text: "", quoted: true },
            { text: "1", quoted: false },
          ],
        },
      ],
      ["+CPIN?x", undefined],
      ["BLAH", undefined],
    ];
    for (const [text, expected] of parsed) {
      it(`reads "${text}"`, () => assert.deepEqual(parseCommand(text), expected));
    }

    const split: readonly [string, string[]][] = [
      ["+IPR=115200;&W", ["+IPR=115200", "&W"]],
      ["E0V1", ["E0", "V1"]],
      ["E0+CMEE=1", ["E0", "+CMEE=1"]],
      ['+QFDEL="a;b";+CSQ', ['+QFDEL="a;b"', "+CSQ"]],
    ];
    for (const [text, expected] of split) {
      it(`splits "${text}"`, () => assert.deepEqual(splitLine(text), expected));
    }
  });

  const exchanges: readonly [title: string, typed: string, answer: string][] = [
    ["echoes with the line's own return, then frames the result", "AT\r", "AT\r\r\nOK\r\n"],
    ["ignores a line feed after the return", "AT\r\n", "AT\r\r\nOK\r\n"],
    ["still echoes the command that turns the echo off", "ATE0\r", "ATE0\r\r\nOK\r\n"],
    ["takes lower case", "at+cfun?\r", "at+cfun?\r\r\n+CFUN: 1\r\n\r\nOK\r\n"],
    ["answers ERROR to an unknown command", "AT+NONSENSE\r", "AT+NONSENSE\r\r\nERROR\r\n"],
    [
      "separates information of several commands from one final result",
      "AT+CFUN?;+CMEE?\r",
      "AT+CFUN?;+CMEE?\r\r\n+CFUN: 1\r\n\r\n+CMEE: 1\r\n\r\nOK\r\n",
    ],
    ["ends the line at the first command that fails", "AT+NO;+CFUN?\r", "AT+NO;+CFUN?\r\r\nERROR\r\n"],
    ["edits with backspace", "ATX\b+CFUN?\r", "ATX\b+CFUN?\r\r\n+CFUN: 1\r\n\r\nOK\r\n"],
    ["skips noise before the prefix", "\xff\x00AT\r", "\xff\x00AT\r\r\nOK\r\n"],
    ["says nothing to a line without prefix", "hello\r", "hello\r"],
    [
      "shows identification in one block",
      "ATI\r",
      "ATI\r\r\nQuectel\r\nBG95-M3\r\nRevision: BG95M3LAR02A03\r\n\r\nOK\r\n",
    ],
    ["answers digits after ATV0", "ATV0\r", "ATV0\r0\r"],
    ["answers nothing after ATQ1", "ATQ1\r", "ATQ1\r"],
  ];
  for (const [title, typed, answer] of exchanges) {
    it(title, async () => {
      const bench = AtBench.memory();
      bench.modem.bootNow();
      bench.type(typed);
      assert.equal(await bench.pass(50), answer);
    });
  }

  it("repeats the previous line at A/ without a return", async () => {
    const bench = AtBench.memory();
    bench.modem.bootNow();
    await bench.ask("AT+CFUN?");
    bench.type("A/");
    assert.equal(await bench.pass(50), "A/\r\n+CFUN: 1\r\n\r\nOK\r\n");
  });

  const errorModes: readonly [mode: number, answer: string][] = [
    [0, "\r\nERROR\r\n"],
    [1, "\r\n+CME ERROR: 10\r\n"],
    [2, "\r\n+CME ERROR: SIM not inserted\r\n"],
  ];
  for (const [mode, answer] of errorModes) {
    it(`shows equipment errors by AT+CMEE=${String(mode)}`, async () => {
      const bench = AtBench.memory({ settings: { sim: { state: "absent" } } });
      bench.modem.bootNow();
      await bench.ask(`ATE0+CMEE=${String(mode)}`);
      assert.equal(await bench.ask("AT+CPIN?"), answer);
    });
  }

  it("keeps a URC between echo and answer of a command in progress", async () => {
    const bench = AtBench.memory({ link: "lte-m" });
    bench.modem.bootNow();
    bench.type("AT+COPS=?\r");
    await bench.pass(10);
    bench.modem.module.urc("+QIND: SMS DONE");
    assert.match(await bench.pass(30_000), /^\r\n\+QIND: SMS DONE\r\n[^]*\r\n\+COPS: \(.*\r\n\r\nOK\r\n$/);
  });

  it('holds URCs back until the result with AT+QCFG="urc/delay",1', async () => {
    const bench = AtBench.memory({ link: "lte-m" });
    bench.modem.bootNow();
    await bench.pass(10_000);
    await bench.ask('AT+QCFG="urc/delay",1');
    bench.type("AT+COPS=?\r");
    await bench.pass(10);
    bench.modem.module.urc("+QIND: SMS DONE");
    assert.match(await bench.pass(30_000), /^\r\n\+COPS: \(.*\r\n\r\nOK\r\n\r\n\+QIND: SMS DONE\r\n$/);
  });

  it("queues what comes while a command runs, and counts it as a mistake", async () => {
    const bench = AtBench.memory({ link: "lte-m" });
    bench.modem.bootNow();
    await bench.ask("ATE0");
    bench.type("AT+COPS=?\r");
    await bench.pass(100);
    bench.type("AT\r");
    assert.match(await bench.pass(30_000), /\+COPS: .*\r\n\r\nOK\r\n\r\nOK\r\n$/);
    assert.equal(bench.modem.port.overlaps, 1);
  });

  it("loses what comes while a command runs when set so", async () => {
    const bench = AtBench.memory({ link: "lte-m", settings: { port: { inputWhileBusy: "lost" } } });
    bench.modem.bootNow();
    await bench.ask("ATE0");
    bench.type("AT+COPS=?\r");
    await bench.pass(100);
    bench.type("AT\r");
    assert.match(await bench.pass(30_000), /^\r\n\+COPS: .*\r\n\r\nOK\r\n$/);
  });

  it("frames each line of a longer answer when set so", async () => {
    const bench = AtBench.memory({ settings: { port: { multiline: "pairs" } } });
    bench.modem.bootNow();
    await bench.ask("ATE0");
    assert.equal(
      await bench.ask("ATI"),
      "\r\nQuectel\r\n\r\nBG95-M3\r\n\r\nRevision: BG95M3LAR02A03\r\n\r\nOK\r\n",
    );
  });

  it("refuses a line beyond its longest", async () => {
    const bench = AtBench.memory({ settings: { port: { longestLine: 40 } } });
    bench.modem.bootNow();
    await bench.ask("ATE0");
    assert.equal(await bench.ask(`AT+QFDEL="${"x".repeat(40)}"`), "\r\nERROR\r\n");
  });

  it("sends the result of AT+IPR at the old rate and speaks the new one from then on", async () => {
    const bench = AtBench.memory();
    const rates: number[] = [];
    bench.modem.onOutput = (_bytes, baud) => rates.push(baud);
    bench.modem.bootNow();
    bench.type("ATE0;+IPR=921600\r");
    await bench.pass(50);
    bench.type("AT\r");
    await bench.pass(50);
    assert.equal(rates.at(-2), 115_200);
    assert.equal(rates.at(-1), 921_600);
  });

  it("keeps echo, rate and registration modes over a restart only after AT&W", async () => {
    const bench = AtBench.memory();
    bench.modem.bootNow();
    await bench.ask("ATE0+IPR=57600;+CEREG=2");
    bench.modem.module.power.crash();
    await bench.pass(10_000);
    assert.match(await bench.ask("AT+CEREG?;+IPR?"), /^AT.*\+CEREG: 0,1\r\n\r\n\+IPR: 115200/s);
    await bench.ask("ATE0+IPR=57600;+CEREG=2;&W");
    bench.modem.module.power.crash();
    await bench.pass(10_000);
    assert.match(await bench.ask("AT+CEREG?;+IPR?"), /^\r\n\+CEREG: 2,1,.*\+IPR: 57600/s);
  });

  it("survives any bytes and answers again after an escape and a return", async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 200 }), async bytes => {
        const bench = AtBench.memory();
        bench.modem.bootNow();
        bench.type(bytes);
        await bench.pass(400_000);
        bench.type("\x1b\r");
        await bench.pass(1_000);
        await bench.ask("ATE0V1Q0+IPR=115200;S3=13;S4=10");
        assert.match(await bench.ask("AT"), /\r\nOK\r\n$/);
      }),
      { numRuns: 50 },
    );
  });

  const testForms: readonly string[] = ["+QCFG", "+QSSLCFG", "+QICFG", "+QINDCFG", "+QCSQ"];
  for (const name of testForms) {
    it(`answers AT${name}=? with lines of its own name`, async () => {
      const bench = await AtBench.memory().ready();
      const answer = await bench.ask(`AT${name}=?`);
      const lines = answer.trim().split(/[\r\n]+/);
      assert.equal(lines.pop(), "OK");
      assert.ok(lines.length > 0 && lines.every(line => line.startsWith(`${name}: `)), answer);
    });
  }
});
