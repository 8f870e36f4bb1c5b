import assert from "node:assert/strict";
import fc from "fast-check";
import { fileChecksum } from "../../simulator/modem/file-store.js";
import { AtBench } from "./at-bench.js";

async function withFile(bench: AtBench, name: string, content: string): Promise<void> {
  await bench.ask(`AT+QFUPL="${name}",${String(content.length)}`);
  await bench.exchange(content, /OK\r\n$/);
}

describe("files of the simulated BG95", () => {
  const checksums: readonly [string, number][] = [
    ["", 0],
    ["A", 0x4100],
    ["AB", 0x4142],
    ["ABA", 0x4142 ^ 0x4100],
    ["ABAB", 0],
  ];
  for (const [content, expected] of checksums) {
    it(`sums "${content}" to ${expected.toString(16)}`, () =>
      assert.equal(fileChecksum(Buffer.from(content)), expected));
  }

  it("takes an upload after CONNECT and answers size and checksum in lower-case hex", async () => {
    const bench = await AtBench.memory().ready(false);
    assert.equal(await bench.ask('AT+QFUPL="a.pem",5'), "\r\nCONNECT\r\n");
    assert.equal(await bench.exchange("hello", /OK/), "\r\n+QFUPL: 5,6b09\r\n\r\nOK\r\n");
    assert.equal(await bench.ask('AT+QFLST="a.pem"'), '\r\n+QFLST: "a.pem",5\r\n\r\nOK\r\n');
  });

  it("treats what comes behind the announced size as a command", async () => {
    const bench = await AtBench.memory().ready(false);
    await bench.ask('AT+QFUPL="a",3');
    assert.equal(
      await bench.exchange("abcAT+CFUN?\r", /CFUN.*OK/s),
      "\r\n+QFUPL: 3,260\r\n\r\nOK\r\n\r\n+CFUN: 1\r\n\r\nOK\r\n".replace(
        "260",
        (0x6162 ^ 0x6300).toString(16),
      ),
    );
  });

  it("stores what came when nothing more comes within the timeout", async () => {
    const bench = await AtBench.memory().ready(false);
    await bench.ask('AT+QFUPL="a",100,7');
    bench.type("abc");
    assert.equal(await bench.pass(6_900), "");
    assert.match(await bench.pass(200), /^\r\n\+QFUPL: 3,/);
  });

  it("acknowledges every 1024 bytes with A when asked to", async () => {
    const bench = await AtBench.memory().ready(false);
    await bench.ask('AT+QFUPL="a",2500,5,1');
    assert.match(await bench.exchange(Buffer.alloc(2_500, 1), /OK/), /^AA\r\n\+QFUPL: 2500,0\r\n/);
  });

  it("ends an upload at +++ between a second of silence on both sides", async () => {
    const bench = await AtBench.memory().ready(false);
    await bench.ask('AT+QFUPL="a",100,60');
    bench.type("ab+++");
    await bench.pass(1_500);
    bench.type("+++");
    assert.match(await bench.pass(1_100), /\+QFUPL: 5,/);
  });

  const errors: readonly [title: string, line: string, code: number][] = [
    ["an existing name", 'AT+QFUPL="there",5', 407],
    ["a name of 81 bytes", `AT+QFUPL="${"n".repeat(81)}",5`, 406],
    ["more than the free space", 'AT+QFUPL="big",20000000', 420],
    ["deleting what is not there", 'AT+QFDEL="none"', 405],
    ["downloading what is not there", 'AT+QFDWL="none"', 405],
    ["listing what is not there", 'AT+QFLST="none"', 405],
    ["opening what is not there read-only", 'AT+QFOPEN="none",2', 405],
    ["a handle that is none", "AT+QFREAD=99,1", 416],
  ];
  for (const [title, line, code] of errors) {
    it(`answers +CME ERROR: ${String(code)} to ${title}`, async () => {
      const bench = await AtBench.memory().ready(false);
      await withFile(bench, "there", "x");
      assert.equal(await bench.ask(line), `\r\n+CME ERROR: ${String(code)}\r\n`);
    });
  }

  it("lists a missing name with OK, and with UFS: in front, when set so", async () => {
    const bench = await AtBench.memory({ settings: { listNoMatch: "ok", listPrefix: true } }).ready(false);
    assert.equal(await bench.ask('AT+QFLST="none"'), "\r\nOK\r\n");
    await withFile(bench, "a", "x");
    assert.equal(await bench.ask("AT+QFLST"), '\r\n+QFLST: "UFS:a",1\r\n\r\nOK\r\n');
  });

  it("counts free space down and up again", async () => {
    const bench = await AtBench.memory({ settings: { fileSystemBytes: 1_000 } }).ready(false);
    await withFile(bench, "a", "x".repeat(300));
    assert.equal(
      await bench.ask('AT+QFLDS="UFS";+QFLDS'),
      "\r\n+QFLDS: 700,1000\r\n\r\n+QFLDS: 300,1\r\n\r\nOK\r\n",
    );
    await bench.ask('AT+QFDEL="*"');
    assert.match(await bench.ask('AT+QFLDS="UFS"'), /1000,1000/);
  });

  it("gives back any content through AT+QFDWL", async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ minLength: 1, maxLength: 300 }), async content => {
        const bench = await AtBench.memory().ready(false);
        await bench.ask(`AT+QFUPL="a",${String(content.length)}`);
        await bench.exchange(content, /OK\r\n$/);
        const sum = fileChecksum(content).toString(16);
        const text = Buffer.from(content).toString("latin1");
        bench.type('AT+QFDWL="a"\r');
        assert.equal(
          await bench.pass(50),
          `\r\nCONNECT\r\n${text}\r\n+QFDWL: ${String(content.length)},${sum}\r\n\r\nOK\r\n`,
        );
      }),
      { numRuns: 40 },
    );
  });

  it("reads, writes, seeks and cuts an open file", async () => {
    const bench = await AtBench.memory().ready(false);
    await withFile(bench, "a", "0123456789");
    assert.equal(await bench.ask('AT+QFOPEN="a",0'), "\r\n+QFOPEN: 1\r\n\r\nOK\r\n");
    assert.equal(await bench.ask('AT+QFOPEN="a",0'), "\r\n+CME ERROR: 426\r\n");
    bench.type("AT+QFREAD=1,4\r");
    assert.equal(await bench.pass(50), "\r\nCONNECT 4\r\n0123\r\nOK\r\n");
    assert.equal(await bench.ask("AT+QFSEEK=1,2,1;+QFPOSITION=1"), "\r\n+QFPOSITION: 6\r\n\r\nOK\r\n");
    assert.equal(await bench.ask("AT+QFWRITE=1,6"), "\r\nCONNECT\r\n");
    assert.equal(await bench.exchange("abcdef", /OK/), "\r\n+QFWRITE: 6,12\r\n\r\nOK\r\n");
    assert.equal(await bench.ask("AT+QFSEEK=1,99"), "\r\n+CME ERROR: 401\r\n");
    await bench.ask("AT+QFSEEK=1,8;+QFTUCAT=1;+QFCLOSE=1");
    assert.equal(Buffer.from(bench.modem.files.read("a") ?? []).toString(), "012345ab");
  });
});
