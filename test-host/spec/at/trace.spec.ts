import assert from "node:assert/strict";
import { query } from "../../../modules/at/command.js";
import { Trace } from "../../../modules/at/trace.js";
import {
  attention,
  Collector,
  enterPin,
  framed,
  probeAnswer,
  receive,
  Rig,
  send,
  signal,
  sourceOf,
  upload,
} from "./harness.js";

const SECRET = "73519";

describe("a trace", () => {
  it("never shows a secret parameter, also not when its echo is damaged, late or comes in pieces", () => {
    const line = `AT+CPIN="${SECRET}"`;
    for (const echo of [
      line + "\r",
      line.slice(0, -1) + "\r",
      line.toLowerCase() + "\r",
      " " + line + "x\r",
      `AT+CPIN="735\r\nRDY\r\n19"\r`,
    ])
      for (const late of [false, true]) {
        const rig = new Rig({ traced: true });
        rig.run(enterPin, [SECRET]);
        if (late) rig.timer.advance(5_000);
        rig.line.receive(echo + framed("OK"));
        if (late) rig.line.receive(echo + probeAnswer);
        rig.line.receive(echo);
        const shown = rig.traced.join("\n");
        assert.doesNotMatch(shown, /735|19/);
        assert.match(shown, /^>AT\+CPIN=\(not shown\)$/m);
        assert.match(shown, /^<OK$/m);
      }
  });

  it("does not show the information lines of a secret command", () => {
    const accessPoint = query<string>({
      text: "AT+QICSGP=1",
      timeoutMs: 100,
      prefix: "+QICSGP:",
      secret: true,
      read: line => line.text(3),
    });
    const rig = new Rig({ traced: true });
    rig.run(accessPoint, []);
    rig.line.receive(framed(`+QICSGP: 1,"apn","user","${SECRET}",3`, "OK"));
    assert.deepEqual(rig.traced, [">AT+QICSGP=1(not shown)", "<[33 bytes]", "<OK"]);
  });

  it("shows a payload as its size, also where the module repeats it", () => {
    const rig = new Rig({ traced: true });
    rig.run(send, [0, 8], { source: sourceOf(SECRET + "\r\n!") });
    rig.line.receive("\r\n> " + SECRET + "\r\n!" + framed("SEND OK"));
    assert.deepEqual(rig.traced, [
      ">AT+QISEND=0,8",
      "<>",
      ">[8 bytes]",
      "<[5 bytes]",
      "<[1 bytes]",
      "<SEND OK",
    ]);
  });

  it("shows what the module counted of an upload", () => {
    const rig = new Rig({ traced: true });
    rig.run(upload, ["a", 5], { source: sourceOf(SECRET) });
    rig.line.receive(framed("CONNECT", "+QFUPL: 5,f5f", "OK"));
    assert.deepEqual(rig.traced, ['>AT+QFUPL="a",5', "<CONNECT", ">[5 bytes]", "<+QFUPL: 5,f5f", "<OK"]);
  });

  it("shows raw data as their size, also when their count was lost", () => {
    const rig = new Rig({ traced: true });
    rig.run(receive, [0, 5], { sink: new Collector() });
    rig.line.receive(`\r\n+QIRD: 5\r\n${SECRET}` + framed("OK"));
    assert.deepEqual(rig.traced, [">AT+QIRD=0,5", "<+QIRD: 5", "<[5 bytes]", "<OK"]);
    rig.run(receive, [0, 5]);
    rig.timer.advance(120_000);
    rig.line.receive(SECRET + "\r\n");
    rig.line.receive(`\r\n+QIRD: 5\r\n${SECRET}`);
    assert.doesNotMatch(rig.traced.join("\n"), /735/);
  });

  it("shows both ways of everything else, with the time", () => {
    const lines: string[] = [];
    let ticks = 0;
    const clock = {
      get ticks() {
        return ++ticks;
      },
      delta: () => 0,
      set: () => undefined,
      now: () => 0,
    };
    const trace = new Trace(clock, (at, direction, text) => lines.push(`${String(at)}${direction}${text}`));
    trace.payload(3);
    assert.deepEqual(lines, ["1>[3 bytes]"]);
    const rig = new Rig({ traced: true });
    rig.run(signal, []);
    rig.line.receive("AT+CSQ\r" + framed("RDY", "+CSQ: 1,2", "+X: 1", "OK"));
    assert.deepEqual(rig.traced, [">AT+CSQ", "<[6 bytes]", "<RDY", "<+CSQ: 1,2", "<+X: 1", "<OK"]);
  });

  it("that throws disturbs nothing", () => {
    const trace = new Trace({ ticks: 0, delta: () => 0, set: () => undefined, now: () => 0 }, () => {
      throw new Error("log");
    });
    trace.payload(1);
    trace.sent(attention, new Uint8Array(4), 2);
  });
});
