import assert from "node:assert/strict";
import { parseFault } from "../../simulator/faults.js";
import { LineTrace } from "../../simulator/trace.js";
import { Bc66Bench } from "./bc66-bench.js";

const port = 5_000;

/** Ready, with socket 0 open; `faults` count commands and bytes from the module's start. */
async function connected(faults: readonly string[], link: "none" | "nb-iot" = "none"): Promise<Bc66Bench> {
  const bench = await Bc66Bench.memory({ faults, link }).ready();
  bench.network.serve(port, peer => (peer.onData = bytes => peer.write(bytes)));
  await bench.ask("AT+IPR=115200");
  await bench.exchange(`AT+QIOPEN=1,0,"TCP","broker.test",${String(port)},0,0\r`, /QIOPEN: 0,0\r\n/);
  return bench;
}

describe("faults of the simulated BC66", () => {
  it("a byte lost, doubled or flipped on its way to the module spoils the command", async () => {
    // ATE0 and AT+QSCLK=0 with their ends are 16 bytes.
    for (const fault of ["lose to=module at=20", "double to=module at=20", "flip to=module at=20 mask=4"]) {
      const bench = await Bc66Bench.memory({ faults: [fault] }).ready();
      assert.equal(await bench.ask("AT+CBC"), "\r\nERROR\r\n", fault);
      assert.match(await bench.ask("AT+CBC"), /\+CBC: /);
    }
  });

  it("a byte lost on its way to the host is missing there", async () => {
    const bench = await Bc66Bench.memory().ready();
    const { toHostBytes } = bench.modem.faults;
    const faulty = await Bc66Bench.memory({ faults: [`lose to=host at=${String(toHostBytes + 3)}`] }).ready();
    assert.equal(await faulty.ask("AT+CBC"), "\r\nCBC: 0,0,3280\r\n\r\nOK\r\n");
  });

  it("a reset at a command ends in the boot text, and everything is as after a cold start", async () => {
    const bench = await connected(["reset command=+CESQ"]);
    bench.type("AT+CESQ\r");
    const heard = await bench.pass(5_000);
    assert.match(heard, /^\n\rF1: [\s\S]*Leaving the BROM[\s\S]*RDY[\s\S]*\+IP: /);
    assert.equal(await bench.ask("AT+QISTATE?"), "AT+QISTATE?\r\r\nOK\r\n");
  });

  it("a reset at a byte of an upload leaves nothing stored", async () => {
    const prepared = await Bc66Bench.memory().ready();
    await prepared.ask("AT+IPR=115200");
    await prepared.ask('AT+QSSLCFG=1,5,"cacert"');
    const at = prepared.modem.faults.toModuleBytes + 100;
    const bench = await Bc66Bench.memory({ faults: [`reset byte=${String(at)}`] }).ready();
    await bench.ask("AT+IPR=115200");
    await bench.ask('AT+QSSLCFG=1,5,"cacert"');
    bench.type(`${"x".repeat(200)}\x1a`);
    assert.match(await bench.pass(5_000), /Leaving the BROM/);
    assert.match(await bench.ask("AT+QSSLCFG=1,5"), /"cacert",0\r\n/);
  });

  it("silence lasts as long as it is told to, or until a restart", async () => {
    const bench = await connected(["silence for=5000 command=+CESQ"]);
    assert.equal(await bench.ask("AT+CESQ", 4_000), "");
    assert.equal(await bench.ask("AT", 500), "");
    await bench.pass(1_000);
    assert.equal(await bench.ask("AT"), "\r\nOK\r\n");
    const dead = await connected(["silence command=+CESQ"]);
    assert.equal(await dead.ask("AT+CESQ", 400_000), "");
    dead.modem.resetLine(true);
    await dead.pass(60);
    dead.modem.resetLine(false);
    assert.match(await dead.pass(5_000), /RDY/);
  });

  it("the network lost: searching, and registered again by itself; the socket ends", async () => {
    const bench = await connected(["registration-loss for=60000 command=+CESQ"], "nb-iot");
    await bench.ask("AT+CEREG=1");
    bench.type("AT+CESQ\r");
    assert.match(await bench.pass(50_000), /\+CEREG: 2\r\n[\s\S]*"closed",0\r\n/);
    assert.match(await bench.pass(30_000), /\+CEREG: 1\r\n\r\n\+IP: /);
  });

  it("the context lost without a word: sends look well and nothing comes back", async () => {
    const bench = await connected(["context-loss command=+CESQ"]);
    await bench.ask("AT+CESQ");
    await bench.ask("AT+QISDE=0");
    assert.match(await bench.exchange("AT+QISEND=0,2,hi\r", /SEND [A-Z]+\r\n/), /SEND OK/);
    assert.equal(await bench.pass(60_000), "");
    assert.equal(await bench.ask("AT+QISEND=0,0"), "\r\n+QISEND: 2,0,2\r\n\r\nOK\r\n");
  });

  const others: readonly (readonly [fault: string, line: string, answer: RegExp])[] = [
    ["send-fail nth=1", "AT+QISEND=0,2,hi", /^\r\nOK\r\n\r\nSEND FAIL\r\n$/],
    ["error command=+QISEND", "AT+QISEND=0,2,hi", /^\r\nERROR\r\n$/],
    ["late command=+QISEND ms=900", "AT+QISEND=0,2,hi", /^\r\nOK\r\n\r\nSEND OK\r\n/],
    ["hold-urc urc=+QIURC nth=1", "AT+QISEND=0,2,hi", /^\r\nOK\r\n\r\nSEND OK\r\n$/],
    ["peer-close sent=2 socket=0", "AT+QISEND=0,2,hi", /"closed",0\r\n$/],
    ["peer-reset sent=2 socket=0", "AT+QISEND=0,2,hi", /"closed",0\r\n$/],
  ];
  for (const [fault, line, answer] of others) {
    it(fault, async () => {
      const bench = await connected([fault]);
      bench.type(`${line}\r`);
      assert.match(await bench.pass(2_000), answer);
    });
  }

  it("upload faults are read from their texts, and refused when something is missing", () => {
    assert.deepEqual(parseFault("lose-upload byte=40"), { kind: "lose-upload", nth: 1, byte: 40, count: 1 });
    assert.deepEqual(parseFault("cut-upload bytes=200 nth=2"), { kind: "cut-upload", nth: 2, bytes: 200 });
    assert.throws(() => parseFault("lose-upload"), /needs byte=/);
    assert.throws(() => parseFault("cut-upload nth=1"), /needs bytes=/);
  });

  it("a trace shows no key, wherever it is typed", async () => {
    const bench = await Bc66Bench.memory().ready();
    const lines: string[] = [];
    bench.modem.onTap = new LineTrace({ nowMs: () => 0, print: line => lines.push(line) }).tap;
    const secret = "MIIEvQIBADANBgkqhkiG9w0BAQEFAASC";
    await bench.ask('AT+QSSLCFG=1,5,"clientkey"');
    await bench.exchange(`${secret}\x1a`, /OK\r\n$/);
    await bench.ask('AT+QSSLCFG=1,5,"clientkey"');
    bench.type(`\x1a${secret}\r${secret}\r\n`);
    await bench.pass(1_000);
    await bench.ask('AT+QCGDEFCONT="IP","apn","user","geheim"');
    const trace = lines.join("\n");
    assert.ok(!trace.includes(secret) && !trace.includes("geheim"), trace);
    assert.match(trace, /<33 bytes>/);
    assert.match(trace, /< >/);
  });
});
