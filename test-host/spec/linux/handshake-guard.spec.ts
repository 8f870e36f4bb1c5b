import assert from "node:assert/strict";
import * as fc from "fast-check";
import {
  HandshakeError,
  HandshakeGuard,
  type RecordBuffer,
} from "../../../hosts/moddable/handshake-guard.js";

/** A growing buffer, which ES2022 does not know: the guard sees what the SDK's session gives it. */
function buffer(bytes: readonly number[]): RecordBuffer {
  const make = ArrayBuffer as unknown as new (length: number, options: object) => RecordBuffer;
  const made = new make(bytes.length, { maxByteLength: 65_536 });
  new Uint8Array(made).set(bytes);
  return made;
}

const record = (type: number, body: readonly number[]): number[] => [
  type,
  3,
  3,
  body.length >> 8,
  body.length & 0xff,
  ...body,
];
const message = (type: number, body: readonly number[]): number[] => [
  type,
  0,
  body.length >> 8,
  body.length & 0xff,
  ...body,
];
const fill = (length: number, value = 7): number[] => new Array<number>(length).fill(value);

const hello = (suite: number, session = 0): number[] =>
  message(2, [3, 3, ...fill(32), session, ...fill(session), suite >> 8, suite & 0xff, 0]);
const certificates = (...list: readonly (readonly number[])[]): number[] => {
  const body = list.flatMap(der => [0, der.length >> 8, der.length & 0xff, ...der]);
  return message(11, [0, body.length >> 8, body.length & 0xff, ...body]);
};
const exchange = (change: Readonly<Record<number, number>> = {}, signature = fill(256)): number[] => {
  const body = [3, 0, 23, 65, 4, ...fill(64), 4, 1, signature.length >> 8, signature.length & 0xff];
  for (const [at, value] of Object.entries(change)) body[Number(at)] = value;
  return message(12, [...body, ...signature]);
};
const request = message(13, [1, 1, 0, 2, 4, 1, 0, 0]);
const done = message(14, []);
const change = record(20, [1]);

const ECDHE = 0xc02f;
const flight = [hello(ECDHE), certificates(fill(700), fill(500)), exchange(), request, done];

function run(records: readonly (readonly number[])[]): {
  guard: HandshakeGuard;
  passed: number[][];
  chains: number[][];
} {
  const chains: number[][] = [];
  const guard = new HandshakeGuard(chain => chains.push(chain.map(({ length }) => length)));
  const passed: number[][] = [];
  for (const bytes of records) {
    const out = guard.take(buffer(bytes));
    if (out) passed.push([...new Uint8Array(out)]);
  }
  return { guard, passed, chains };
}

function refusal(records: readonly (readonly number[])[]): number {
  try {
    run(records);
  } catch (error) {
    assert.ok(error instanceof HandshakeError, String(error));
    return error.alert;
  }
  return 0;
}

/** Handshake bytes of records, without their headers. */
const payload = (records: readonly (readonly number[])[]): number[] =>
  records.filter(([type]) => type === 22).flatMap(bytes => bytes.slice(5));

describe("guard over the handshake of the SDK's session", () => {
  it("lets a handshake pass unchanged, one message to a record", () => {
    const records = [...flight.map(body => record(22, body)), change];
    const { guard, passed, chains } = run(records);
    assert.deepEqual(passed, records);
    assert.deepEqual(chains, [[700, 500]]);
    assert.equal(guard.complete, true);
  });

  it("lets a flight pass that is one record", () => {
    const whole = record(22, flight.flat());
    assert.deepEqual(run([whole, change]).passed, [whole, change]);
  });

  it("puts a flight together that is cut anywhere", () => {
    const bytes = flight.flat();
    for (let at = 1; at < bytes.length; at++) {
      const { guard, passed, chains } = run([
        record(22, bytes.slice(0, at)),
        record(22, bytes.slice(at)),
        change,
      ]);
      assert.deepEqual(payload(passed), bytes);
      assert.deepEqual(chains, [[700, 500]]);
      assert.equal(guard.complete, true);
    }
  });

  it("puts a flight together from records of any sizes", () => {
    const bytes = flight.flat();
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 300 }), { minLength: 1 }), sizes => {
        const records: number[][] = [];
        for (let at = 0, i = 0; at < bytes.length; i++) {
          const size = sizes[i % sizes.length] ?? 1;
          records.push(record(22, bytes.slice(at, at + size)));
          at += size;
        }
        const { passed, chains } = run([...records, change]);
        assert.deepEqual(payload(passed), bytes);
        assert.deepEqual(chains, [[700, 500]]);
      }),
      { numRuns: 50 },
    );
  });

  it("lets everything pass once the cipher has changed", () => {
    const { passed } = run([...flight.map(body => record(22, body)), change, record(23, fill(40))]);
    assert.deepEqual(passed.at(-1), record(23, fill(40)));
  });

  it("lets an alert pass at any time", () => {
    assert.deepEqual(run([record(21, [2, 40])]).passed, [record(21, [2, 40])]);
  });

  it("static RSA has no key exchange of the server's", () => {
    const records = [hello(0x3c, 32), certificates(fill(9)), done].map(body => record(22, body));
    assert.equal(run([...records, change]).guard.complete, true);
  });

  it("what the check of the chain throws comes out", () => {
    const guard = new HandshakeGuard(() => {
      throw new Error("not trusted");
    });
    guard.take(buffer(record(22, hello(ECDHE))));
    assert.throws(() => guard.take(buffer(record(22, certificates(fill(9))))), /not trusted/);
  });

  describe("refuses, with the alert", () => {
    const [first = [], second = []] = flight;
    const upTo = (...messages: readonly (readonly number[])[]) => messages.map(body => record(22, body));
    const cases: readonly (readonly [string, number, readonly (readonly number[])[]])[] = [
      ["certificate before hello", 10, upTo(second)],
      ["no certificate", 10, upTo(first, exchange())],
      ["no certificate, nor key exchange", 10, upTo(first, done)],
      ["no key exchange", 10, upTo(first, second, done)],
      ["no key exchange, but a request", 10, upTo(first, second, request)],
      ["a key exchange twice", 10, upTo(first, second, exchange(), exchange())],
      ["a certificate twice", 10, upTo(first, second, second)],
      ["a key exchange with static RSA", 10, upTo(hello(0x2f), second, exchange())],
      ["a hello twice", 10, upTo(first, first)],
      ["a finished message in clear", 10, upTo(...flight, message(20, fill(12)))],
      ["a ticket that was not asked for", 10, upTo(...flight, message(4, fill(12)))],
      ["a request for a new handshake", 10, upTo(message(0, []))],
      ["a change of cipher at once", 10, [change]],
      ["a change of cipher before the end of the flight", 10, [...upTo(first, second), change]],
      ["a change of cipher within a message", 10, [record(22, first.slice(0, 9)), change]],
      ["a change of cipher of two bytes", 10, [...upTo(...flight), record(20, [1, 1])]],
      ["data before the handshake is over", 10, [record(23, fill(9))]],
      ["another version", 70, upTo(message(2, [3, 2, ...fill(32), 0, 0xc0, 0x2f, 0]))],
      ["a key exchange with no signature", 47, upTo(first, second, exchange({ 70: 0 }))],
      ["a key exchange with an unknown signature", 47, upTo(first, second, exchange({ 70: 7 }))],
      ["a key exchange with no hash", 47, upTo(first, second, exchange({ 69: 0 }))],
      ["a key exchange with SHA-1", 47, upTo(first, second, exchange({ 69: 2 }))],
      ["a key exchange with an unknown hash", 47, upTo(first, second, exchange({ 69: 8 }))],
      ["another curve", 47, upTo(first, second, exchange({ 2: 24 }))],
      ["parameters in place of a curve's name", 47, upTo(first, second, exchange({ 0: 1 }))],
      ["an empty signature", 47, upTo(first, second, exchange({}, []))],
      [
        "an ECDSA signature of two zeros",
        47,
        upTo(first, second, exchange({ 70: 3 }, [0x30, 6, 2, 1, 0, 2, 1, 0])),
      ],
      ["an ECDSA signature of one number", 47, upTo(first, second, exchange({ 70: 3 }, [0x30, 3, 2, 1, 5]))],
      ["lengths that do not fit", 50, upTo(first, message(11, [0, 0, 9, 0, 0, 7, 1]))],
      ["a certificate that is longer than its list", 50, upTo(first, message(11, [0, 0, 4, 0, 0, 7, 1]))],
      ["a message without end", 22, [record(22, [11, 1, 0, 0, ...fill(20)])]],
    ];
    for (const [name, alert, records] of cases)
      it(`${String(alert)}: ${name}`, () => {
        const last = records.at(-1);
        assert.ok(last);
        if (name !== "another version")
          assert.doesNotThrow(() => run(records.slice(0, -1)), "it is the last record that is refused");
        assert.equal(refusal(records), alert);
      });
  });

  it("an ECDSA signature is let pass", () => {
    const exchanged = exchange({ 70: 3 }, [0x30, 6, 2, 1, 5, 2, 1, 9]);
    const records = [hello(0xc02b), certificates(fill(9)), exchanged, done].map(body => record(22, body));
    assert.equal(run([...records, change]).guard.complete, true);
  });

  it("bytes of any kind end in a typed refusal or pass as what they are", () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.constantFrom(20, 22, 23, 99), fc.array(fc.nat(255), { maxLength: 40 }))),
        list => {
          const found = refusal(list.map(([type, body]) => record(type, body)));
          assert.ok([0, 10, 22, 47, 50, 70].includes(found));
        },
      ),
    );
  });
});
