import assert from "node:assert/strict";
import { bc66 } from "../../../drivers/bc66/profile.js";
import { TlsConnections } from "../../../drivers/bc66/tls-connections.js";
import {
  Bc66TLSSocket,
  INCOMING_BYTES,
  QUIET_MS,
  type Bc66TlsHost,
  type Bc66TLSSocketOptions,
} from "../../../drivers/bc66/tls.js";
import { bc66Urcs } from "../../../drivers/bc66/urcs.js";
import type { Channel } from "../../../modules/at/channel.js";
import { failure, type Failure } from "../../../modules/diagnosis/failure.js";
import { bytesOf, Rig, textOf } from "../at/harness.js";
import { pattern } from "./bench.js";
import { store } from "./identities.js";

const ok = "\r\nOK\r\n";
const line = (text: string): string => `\r\n${text}\r\n`;
/** Looks like a certificate, as far as a device looks. */
const ca = Uint8Array.from([0x30, 0x82, 0, 100, 0x30, 0x82, 0, 90, ...pattern(96)]);
const CTRL_Z = String.fromCharCode(0x1a);
const BEGIN = "-----BEGIN CERTIFICATE-----\n";

/** What a modem does for its sockets, around a real channel. */
class Desk {
  readonly rig: Rig;
  readonly extension: TlsConnections;
  readonly events: unknown[][] = [];
  readonly opens: boolean[] = [];
  readonly calls: string[] = [];
  failure: Failure | undefined;
  readonly received: number[] = [];
  reading = true;
  socket: Bc66TLSSocket;

  constructor(options: Partial<Bc66TLSSocketOptions> = {}) {
    this.rig = new Rig({
      urcs: bc66Urcs,
      onReport: (urc, report) => this.extension.onReport(urc.name, report),
      onPayload: (urc, bytes, start, end, left) =>
        this.extension.onPayload(urc.name, bytes, start, end, left),
    });
    const channel: Channel = this.rig.channel;
    const made: { extension?: TlsConnections } = {};
    const host: Bc66TlsHost = {
      channel,
      timer: this.rig.timer,
      limits: bc66.sockets,
      profile: bc66,
      // The harness's port has no headroom.
      baud: 9_600,
      context: 1,
      clockKnown: true,
      missClock: () => undefined,
      unreachable: () => undefined,
      opened: done => this.opens.push(done),
      heed: () => undefined,
      event: (...values) => this.events.push(values),
      extension: type => {
        const one = new type(host);
        if (one.urcs !== undefined) channel.addReports(one.urcs, one.payloads);
        if (one instanceof TlsConnections) made.extension = one;
        return one;
      },
    };
    const desk = this;
    this.socket = new Bc66TLSSocket({
      host: "broker.test",
      port: 8883,
      modem: host,
      secure: { credentials: store({ ca }) },
      onReadable() {
        desk.calls.push("readable");
        if (desk.reading) desk.take();
      },
      onWritable: room => desk.calls.push(`writable ${String(room)}`),
      onError: () => desk.calls.push("error"),
      failure: reason => (desk.failure = reason),
      onTransfer: (sent, count) => desk.calls.push(`${sent ? "sent" : "brought"} ${String(count)}`),
      ...options,
    });
    assert.ok(made.extension);
    this.extension = made.extension;
    this.rig.timer.advance(0);
  }

  take(): void {
    const bytes = this.socket.read();
    if (bytes instanceof ArrayBuffer) this.received.push(...new Uint8Array(bytes));
  }

  /** The driver has sent exactly this; then the module answers. */
  step(sent: string, answer: string, piece?: number): this {
    assert.equal(this.rig.taken(), sent);
    this.rig.line.receive(answer, piece);
    this.rig.timer.advance(0);
    return this;
  }

  /** Behind a prompt: the pause, the payload, the answer. */
  prompt(sent: string, payload: string | RegExp, answer: string, piece?: number): this {
    this.step(sent, "\r\n>", piece);
    this.rig.timer.advance(499);
    assert.equal(this.rig.taken(), "");
    this.rig.timer.advance(1);
    this.rig.timer.advance(1);
    const taken = this.rig.taken();
    if (typeof payload === "string") assert.equal(taken, payload);
    else assert.match(taken, payload);
    this.rig.line.receive(answer, piece);
    return this;
  }

  configured(piece?: number): this {
    return this.step('AT+QSSLCFG=1,0,"timeout",90\r', ok, piece)
      .step('AT+QSSLCFG=1,0,"sni",1\r', line("ERROR"), piece)
      .step('AT+QSSLCFG=1,0,"seclevel",1\r', ok, piece)
      .prompt(
        'AT+QSSLCFG=1,0,"cacert"\r',
        new RegExp(`^${BEGIN}[^]*-----END CERTIFICATE-----\n${CTRL_Z}$`),
        `${line(`+QSSLCFG: 1,0,"cacert",${String(length())}`)}${ok}`,
        piece,
      );
  }

  opened(piece?: number): this {
    return this.configured(piece).step(
      'AT+QSSLOPEN=1,0,"broker.test",8883,0\r',
      ok + line("+QSSLOPEN: 1,0,0"),
      piece,
    );
  }

  get text(): string {
    return textOf(this.received);
  }
}

/** Bytes of the authority as PEM. */
function length(lineEnd = 1): number {
  const body = Math.ceil(ca.length / 3) * 4;
  return 27 + 25 + body + (2 + Math.ceil(body / 64)) * lineEnd;
}

const push = (data: string, connection = 0): string =>
  `\r\n+QSSLURC: "recv",1,${String(connection)},${String(data.length)},"${data}"\r\n`;

describe("TLS of the BC66, line by line", () => {
  it("opens with answers whole and byte by byte", () => {
    for (const piece of [undefined, 1, 3]) {
      const desk = new Desk().opened(piece);
      assert.equal(desk.failure, undefined);
      assert.deepEqual(desk.calls, ["writable 2920"]);
      assert.deepEqual(desk.events, [["credential", "ca", "cacert", "stored", length()]]);
    }
  });

  it("takes a report between any two lines of an upload", () => {
    const urc = line("+CEREG: 5");
    const desk = new Desk()
      .step('AT+QSSLCFG=1,0,"timeout",90\r', urc + ok)
      .step('AT+QSSLCFG=1,0,"sni",1\r', urc + ok)
      .step('AT+QSSLCFG=1,0,"seclevel",1\r', ok + urc)
      .prompt(
        'AT+QSSLCFG=1,0,"cacert"\r',
        new RegExp(`^${BEGIN}`),
        `${urc}${line(`+QSSLCFG: 1,0,"cacert",${String(length())}`)}${urc}${ok}`,
      )
      .step('AT+QSSLOPEN=1,0,"broker.test",8883,0\r', urc + ok + urc + line("+QSSLOPEN: 1,0,0"));
    assert.deepEqual(desk.calls, ["writable 2920"]);
  });

  it("ignores the result of another connection", () => {
    const desk = new Desk()
      .configured()
      .step('AT+QSSLOPEN=1,0,"broker.test",8883,0\r', ok + line("+QSSLOPEN: 1,3,-9"));
    assert.equal(desk.failure, undefined);
    desk.rig.line.receive(line("+QSSLOPEN: 1,0,0"));
    assert.deepEqual(desk.calls, ["writable 2920"]);
  });

  describe("an upload whose count differs", () => {
    const counted = (count: number): string => line(`+QSSLCFG: 1,0,"cacert",${String(count)}`) + ok;
    const first = (count: number): Desk => {
      const desk = new Desk()
        .step('AT+QSSLCFG=1,0,"timeout",90\r', ok)
        .step('AT+QSSLCFG=1,0,"sni",1\r', ok)
        .step('AT+QSSLCFG=1,0,"seclevel",1\r', ok)
        .prompt('AT+QSSLCFG=1,0,"cacert"\r', new RegExp(`^${BEGIN}`), counted(count));
      assert.equal(desk.rig.taken(), "");
      desk.rig.timer.advance(1_000);
      return desk.step("AT\r", ok);
    };

    it("is tried again with CR LF, and stands when that count is right", () => {
      const desk = first(length() - 1)
        .prompt(
          'AT+QSSLCFG=1,0,"cacert"\r',
          /^-----BEGIN CERTIFICATE-----\r\n[A-Za-z0-9+/]{64}\r\n/,
          counted(length(2)),
        )
        .step('AT+QSSLOPEN=1,0,"broker.test",8883,0\r', ok + line("+QSSLOPEN: 1,0,0"));
      assert.equal(desk.failure, undefined);
    });

    for (const count of [0, 1, 3_072])
      it(`twice (${String(count)}) ends in a failure that says role, what was sent and what arrived`, () => {
        const desk = first(count).prompt(
          'AT+QSSLCFG=1,0,"cacert"\r',
          new RegExp(`\r\n${CTRL_Z}$`),
          counted(count),
        );
        assert.deepEqual(
          desk.failure,
          failure(
            "credential",
            "AT+QSSLCFG",
            undefined,
            `ca: ${String(length(2))} bytes sent, module counted ${String(count)}`,
          ),
        );
        assert.equal(desk.rig.taken(), "");
      });

    it("a count that cannot be read is one that differs", () => {
      const desk = new Desk()
        .step('AT+QSSLCFG=1,0,"timeout",90\r', ok)
        .step('AT+QSSLCFG=1,0,"sni",1\r', ok)
        .step('AT+QSSLCFG=1,0,"seclevel",1\r', ok)
        .prompt('AT+QSSLCFG=1,0,"cacert"\r', new RegExp(`^${BEGIN}`), line('+QSSLCFG: 1,0,"cacert",x') + ok);
      desk.rig.timer.advance(1_000);
      desk.step("AT\r", ok);
      assert.match(desk.rig.taken(), /"cacert"\r$/);
    });
  });

  describe("a push", () => {
    const payload = 'a"b\r\nOK\r\n"\r\n+QSSLURC: "closed",1,0\r\n\0\x1a';

    it("is whole wherever it is split", () => {
      const bytes = bytesOf(push(payload));
      for (let at = 1; at < bytes.length; at++) {
        const desk = new Desk().opened();
        desk.rig.line.receive(bytes.subarray(0, at));
        assert.equal(desk.text, "");
        desk.rig.line.receive(bytes.subarray(at));
        assert.equal(desk.text, payload, String(at));
        assert.deepEqual(desk.calls.slice(1), [`brought ${String(payload.length)}`, "readable"]);
      }
    });

    it("follows another without a pause, byte by byte, with reports around", () => {
      const desk = new Desk().opened();
      const text = push("one") + line("+CEREG: 1") + push('"') + push("\r\n") + line("+QNTP: 0");
      desk.rig.line.receive(text, 1);
      assert.equal(desk.text, 'one"\r\n');
      assert.equal(desk.failure, undefined);
    });

    it("of 1,300 bytes passes, and two find room unread; a third ends the connection", () => {
      const desk = new Desk().opened();
      desk.reading = false;
      const long = textOf(pattern(1_300));
      desk.rig.line.receive(push(long) + push(long));
      assert.equal(desk.failure, undefined);
      desk.rig.line.receive(push("x"));
      assert.deepEqual(
        desk.failure,
        failure("overrun", "+QSSLURC", undefined, `${String(INCOMING_BYTES)} bytes are not read yet`),
      );
      assert.equal(desk.rig.taken(), "AT+QSSLCLOSE=1,0\r");
    });

    const damaged: [what: string, text: string][] = [
      ["a byte lost in the data", push("0123456789").replace("5", "")],
      ["a byte too many in the data", push("0123456789").replace("5", "55")],
      ["the quote behind lost", push("0123456789").replace('9"', "9")],
      ["a count that cannot be read", push("0123456789").replace(",10,", ",1x,")],
      ["a count that is too small", push("0123456789").replace(",10,", ",1,")],
      ["nothing behind the connection", '\r\n+QSSLURC: "recv",1,0\r\n'],
      ["a header that is not one", push("0123456789").replace("+QSSLURC", "+QSSUURC") + push("next")],
      ["the number of another connection", push("0123456789", 4)],
    ];
    for (const [what, text] of damaged)
      it(`with ${what} ends the connection, and gives nothing of it`, () => {
        const desk = new Desk().opened();
        desk.rig.line.receive(push("before"));
        desk.rig.line.receive(text);
        // Where bytes are missing, the rest of the count never comes.
        desk.rig.timer.advance(6_000);
        assert.deepEqual([desk.failure?.kind, desk.failure?.command], ["overrun", "+QSSLURC"], what);
        assert.equal(desk.text, "before");
      });

    it("that the serial port lost bytes of ends the connection", () => {
      const desk = new Desk().opened();
      desk.rig.line.receive(push("0123456789").slice(0, 30));
      desk.rig.line.overrun();
      desk.extension.wake();
      assert.equal(desk.failure?.kind, "overrun");
    });

    it("of a connection that nobody has closes that one", () => {
      const desk = new Desk().opened();
      desk.rig.line.receive(push("x", 4));
      assert.match(desk.rig.taken(), /AT\+QSSLCLOSE=1,[04]\r$/);
    });
  });

  describe("a send", () => {
    const write = (desk: Desk, text: string): Desk => {
      desk.socket.write(bytesOf(text));
      desk.rig.timer.advance(0);
      return desk;
    };

    it("waits for the pause behind the prompt, for OK and for the report", () => {
      for (const piece of [undefined, 1]) {
        const desk = write(new Desk().opened(), "hello").prompt("AT+QSSLSEND=1,0,5\r", "hello", ok, piece);
        write(desk, "more");
        assert.equal(desk.rig.taken(), "");
        desk.rig.line.receive(line("+QSSLSEND: 1,0,0"), piece);
        assert.deepEqual(desk.calls.slice(1), ["sent 5", "writable 2916"]);
        desk.rig.timer.advance(0);
        assert.equal(desk.rig.taken(), "AT+QSSLSEND=1,0,4\r");
      }
    });

    for (const code of [-1, -2, -6, -9])
      it(`that ended with ${String(code)} ends the connection, and is not repeated`, () => {
        const desk = write(new Desk().opened(), "hello").prompt(
          "AT+QSSLSEND=1,0,5\r",
          "hello",
          ok + line(`+QSSLSEND: 1,0,${String(code)}`),
        );
        assert.deepEqual(desk.failure, failure("network-lost", "AT+QSSLSEND", code));
        assert.equal(desk.rig.taken(), "AT+QSSLCLOSE=1,0\r");
      });

    it("that is refused shows that the report of the end was lost: what came is still read", () => {
      const desk = new Desk().opened();
      desk.reading = false;
      desk.rig.line.receive(push("last"));
      desk.rig.timer.advance(QUIET_MS);
      write(desk, "hello").step("AT+QSSLSEND=1,0,5\r", line("ERROR"));
      assert.ok(!desk.calls.includes("error"));
      desk.take();
      desk.rig.timer.advance(0);
      assert.equal(desk.text, "last");
      assert.deepEqual([desk.failure?.kind, desk.failure?.command], ["error", "AT+QSSLSEND"]);
      // The module may have it open still.
      assert.equal(desk.rig.taken(), "AT+QSSLCLOSE=1,0\r");
    });

    it("whose report never comes ends in a timeout", () => {
      const desk = write(new Desk().opened(), "hello").prompt("AT+QSSLSEND=1,0,5\r", "hello", ok);
      desk.rig.timer.advance(119_999);
      assert.equal(desk.failure, undefined);
      desk.rig.timer.advance(1);
      assert.deepEqual(desk.failure, failure("timeout", "AT+QSSLSEND"));
    });

    it("begins no sooner than the pushes have ended", () => {
      const desk = new Desk().opened();
      desk.rig.line.receive(push("a"));
      write(desk, "hello");
      desk.rig.timer.advance(QUIET_MS - 1);
      desk.rig.line.receive(push("b"));
      desk.rig.timer.advance(QUIET_MS - 1);
      assert.equal(desk.rig.taken(), "");
      desk.rig.timer.advance(1);
      assert.equal(desk.rig.taken(), "AT+QSSLSEND=1,0,5\r");
    });

    it("waits behind the one before it when pushes came meanwhile", () => {
      const desk = write(new Desk().opened(), "hello").prompt("AT+QSSLSEND=1,0,5\r", "hello", ok);
      write(desk, "more");
      desk.rig.line.receive(push("a") + line("+QSSLSEND: 1,0,0"));
      desk.rig.timer.advance(QUIET_MS - 1);
      assert.equal(desk.rig.taken(), "");
      desk.rig.timer.advance(1);
      assert.equal(desk.rig.taken(), "AT+QSSLSEND=1,0,4\r");
    });

    it("may be repeated by the module in data mode: its echo is no damage", () => {
      const desk = write(new Desk().opened(), "hello").prompt(
        "AT+QSSLSEND=1,0,5\r",
        "hello",
        line("hello") + ok + line("+QSSLSEND: 1,0,0"),
      );
      desk.rig.line.receive(push("answer"));
      assert.equal(desk.text, "answer");
      assert.equal(desk.failure, undefined);
    });

    it("does not hide that a push was damaged just before it", () => {
      const desk = write(new Desk().opened(), "hello");
      desk.step("AT+QSSLSEND=1,0,5\r", push("lost").replace("+QSSL", "+QSXL") + "\r\n>");
      desk.rig.timer.advance(501);
      assert.equal(desk.failure?.kind, "overrun");
    });
  });

  describe("the end", () => {
    it("by the other side: nothing is closed, and the connection is free at once", () => {
      const desk = new Desk().opened();
      desk.rig.line.receive(line('+QSSLURC: "closed",1,0'), 1);
      desk.rig.timer.advance(0);
      assert.deepEqual(desk.failure, failure("peer-closed"));
      assert.equal(desk.rig.taken(), "");
    });

    it("by this side: the connection is in use until +QSSLCLOSE has come", () => {
      const desk = new Desk().opened();
      desk.socket.close();
      desk.step("AT+QSSLCLOSE=1,0\r", ok);
      const taken: number[] = [];
      const settings = {
        ca: store({ ca }).open("ca"),
        certificate: undefined,
        key: undefined,
        cipherSuite: undefined,
      };
      const acquire = (): void => {
        desk.extension.acquire({}, settings, (_, connection) => taken.push(connection));
      };
      acquire();
      desk
        .step('AT+QSSLCFG=1,1,"timeout",90\r', ok + line("+QSSLCLOSE: 1,0,0"))
        .step('AT+QSSLCFG=1,1,"sni",1\r', ok)
        .step('AT+QSSLCFG=1,1,"seclevel",1\r', line("ERROR"));
      acquire();
      desk.step('AT+QSSLCFG=1,0,"seclevel"\r', line('+QSSLCFG: 1,0,"seclevel",1') + ok);
      assert.deepEqual(taken, [1, 0]);
    });

    it("is free again although +QSSLCLOSE never comes", () => {
      const desk = new Desk().opened();
      desk.socket.close();
      desk.step("AT+QSSLCLOSE=1,0\r", ok);
      desk.rig.timer.advance(9_999);
      assert.equal(desk.rig.timer.pending, 1);
      desk.rig.timer.advance(1);
      assert.equal(desk.rig.timer.pending, 0);
    });
  });
});
