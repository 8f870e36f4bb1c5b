import assert from "node:assert/strict";
import fc from "fast-check";
import { conclude, pointOf, type HandshakeEnd } from "../../../modules/tls/conclusion.js";
import { flightLines, transferOf } from "../../../modules/tls/flights.js";
import { FlightRecorder, TRANSFERS } from "../../../modules/tls/recorder.js";
import { identities } from "../xs/tls-peer.js";
import { deviceProfile, ownCredentials, sdkProfile, withScene } from "./support.js";
import {
  certificateRecord,
  changeCipherSpec,
  message,
  messageRecord,
  record,
  serverHello,
  type Piece,
} from "./wire.js";

/** Everything that a recorder tells of a handshake. */
function toldBy(recorder: FlightRecorder): object {
  return {
    lines: flightLines(recorder),
    place: recorder.place(),
    trouble: recorder.trouble,
    point: pointOf(recorder),
    offsets: [recorder.sent.offset, recorder.received.offset, recorder.midFlight],
  };
}

function feed(recorder: FlightRecorder, { sent, bytes }: Piece): void {
  if (sent) recorder.onSent(bytes);
  else recorder.onReceived(bytes);
}

function replay(pieces: readonly Piece[], recorder = new FlightRecorder()): FlightRecorder {
  for (const piece of pieces) feed(recorder, piece);
  return recorder;
}

/** The pieces of the same streams, cut at other places: no byte overtakes one of the other direction. */
function cutAt(pieces: readonly Piece[], lengths: readonly number[]): Piece[] {
  const cut: Piece[] = [];
  let turn = 0;
  for (const { sent, bytes } of pieces) {
    for (let at = 0; at < bytes.length;) {
      const count = lengths[turn++ % lengths.length] ?? 1;
      cut.push({ sent, bytes: bytes.subarray(at, at + count) });
      at += count;
    }
  }
  return cut;
}

/** Sizes on the wire: the server's flight, the client's second. Table of measured handshakes. */
interface Measured {
  readonly name: string;
  readonly server: { certificate: number; count: number; keyExchange?: number; request: number };
  readonly serverTotal: number;
  readonly client: { certificate: number; keyExchange: number; verify: number; finished: number };
  readonly clientTotal: number;
}

const MEASURED: readonly Measured[] = [
  {
    name: "RSA-2048, chain of three, AWS-issued client certificate, GCM",
    server: { certificate: 3910, count: 3, keyExchange: 338, request: 61 },
    serverTotal: 4412,
    client: { certificate: 876, keyExchange: 75, verify: 269, finished: 45 },
    clientTotal: 1271,
  },
  {
    name: "four certificates, CBC-SHA256",
    server: { certificate: 5134, count: 4, keyExchange: 338, request: 61 },
    serverTotal: 5636,
    client: { certificate: 876, keyExchange: 75, verify: 269, finished: 85 },
    clientTotal: 1311,
  },
  {
    name: "chain of two, static RSA",
    server: { certificate: 2733, count: 2, request: 61 },
    serverTotal: 2897,
    client: { certificate: 876, keyExchange: 267, verify: 269, finished: 85 },
    clientTotal: 1503,
  },
  {
    name: "P-256 chain of three, P-256 key in an RSA-signed certificate",
    server: { certificate: 2915, count: 3, keyExchange: 153, request: 61 },
    serverTotal: 3232,
    client: { certificate: 673, keyExchange: 75, verify: 83, finished: 45 },
    clientTotal: 882,
  },
  {
    name: "P-256 throughout",
    server: { certificate: 1941, count: 2, keyExchange: 153, request: 61 },
    serverTotal: 2258,
    client: { certificate: 479, keyExchange: 75, verify: 84, finished: 45 },
    clientTotal: 689,
  },
];

function handshakeOf({ server, client }: Measured): Piece[] {
  const hello = 94;
  const theirs = [
    serverHello(hello),
    certificateRecord(server.certificate, server.count),
    ...(server.keyExchange === undefined ? [] : [messageRecord(12, server.keyExchange)]),
    messageRecord(13, server.request),
    record(22, message(14, 0)),
  ];
  const ours = [
    certificateRecord(client.certificate, 1),
    messageRecord(16, client.keyExchange),
    messageRecord(15, client.verify),
    changeCipherSpec,
    record(22, Buffer.alloc(client.finished - 5, 0xee)),
  ];
  const finish = [changeCipherSpec, record(22, Buffer.alloc(40, 0xdd))];
  return [
    { sent: true, bytes: messageRecord(1, 147) },
    ...theirs.map(bytes => ({ sent: false, bytes })),
    ...ours.map(bytes => ({ sent: true, bytes })),
    ...finish.map(bytes => ({ sent: false, bytes })),
  ];
}

const bytesOf = (pieces: readonly Piece[], sent: boolean): number =>
  pieces.reduce((sum, piece) => sum + (piece.sent === sent ? piece.bytes.length : 0), 0);

const [aws] = MEASURED;
assert.ok(aws);
const AWS = handshakeOf(aws);
/** Pieces of {@link AWS} up to our flight. */
const BEFORE = AWS.slice(0, 6);
const FLIGHT = AWS.slice(6, 11);

describe("flight recorder", () => {
  for (const measured of MEASURED)
    it(`tells messages and sizes: ${measured.name}`, () => {
      const pieces = handshakeOf(measured);
      const recorder = replay(pieces);
      const { server, client, clientTotal, serverTotal } = measured;
      const exchange = server.keyExchange === undefined ? "" : `ServerKeyExchange ${server.keyExchange}, `;
      assert.deepEqual(flightLines(recorder), [
        "flight 1 client: ClientHello 147",
        `flight 2 server: ServerHello 94, Certificate ${server.certificate}, ${exchange}CertificateRequest 61, ServerHelloDone 9`,
        `flight 3 client: Certificate ${client.certificate}, ClientKeyExchange ${client.keyExchange}, CertificateVerify ${client.verify}, ChangeCipherSpec 6, Finished ${client.finished}`,
        "flight 4 server: ChangeCipherSpec 6, Finished 45",
      ]);
      assert.equal(bytesOf(pieces, true) - 147, clientTotal);
      assert.equal(bytesOf(pieces, false) - 51, serverTotal);
    });

  it("tells the same of any pieces as of whole ones", () => {
    const whole = toldBy(replay(AWS));
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 700 }), { minLength: 1, maxLength: 40 }), lengths => {
        assert.deepEqual(toldBy(replay(cutAt(AWS, lengths))), whole);
      }),
      { numRuns: 60 },
    );
    assert.deepEqual(toldBy(replay(cutAt(AWS, [1]))), whole);
  });

  it("tells the same when the server's messages share one record, but for the sizes on the wire", () => {
    const bodies = BEFORE.filter(({ sent }) => !sent).map(({ bytes }) => bytes.subarray(5));
    const joined = [{ sent: false, bytes: record(22, Buffer.concat(bodies)) }];
    const pieces = [...BEFORE.slice(0, 1), ...joined, ...AWS.slice(6)];
    const recorder = replay(pieces, new FlightRecorder(sdkProfile));
    assert.equal(recorder.trouble, undefined);
    assert.equal(recorder.count, replay(AWS).count);
    assert.equal(
      flightLines(recorder)[1],
      "flight 2 server: ServerHello 94, Certificate 3905, ServerKeyExchange 333, CertificateRequest 56, ServerHelloDone 4",
    );
    const whole = toldBy(recorder);
    assert.deepEqual(toldBy(replay(cutAt(pieces, [1]), new FlightRecorder(sdkProfile))), whole);
  });

  describe("of the server's flight split over records", () => {
    const body = Buffer.concat(BEFORE.filter(({ sent }) => !sent).map(({ bytes }) => bytes.subarray(5)));
    const hello = BEFORE[1]?.bytes.length ?? 0;
    const edges = [0, hello - 5, hello - 5 + 3905, hello - 5 + 3905 + 333, body.length - 4, body.length];

    it("sees it coming at every byte for an engine that cannot, and not where messages end", () => {
      for (let at = 1; at < body.length; at++) {
        const recorder = new FlightRecorder(sdkProfile);
        recorder.onReceived(record(22, body.subarray(0, at)));
        assert.equal(recorder.trouble, edges.includes(at) ? undefined : "split message", `at ${at}`);
      }
    });

    it("reads on for an engine that can, with the same messages", () => {
      const told = flightLines(replay([{ sent: false, bytes: record(22, body) }]));
      for (let at = 1; at < body.length; at += 7) {
        const recorder = new FlightRecorder(deviceProfile);
        recorder.onReceived(record(22, body.subarray(0, at)));
        recorder.onReceived(record(22, body.subarray(at)));
        assert.equal(recorder.trouble, undefined);
        const names = (lines: string[]): string[] => lines.map(line => line.replace(/ \d+/g, ""));
        assert.deepEqual(names(flightLines(recorder)), names(told));
      }
    });
  });

  for (const count of [1, 2, 3, 4])
    it(`${count === 1 ? "sees" : "does not see"} a leaf alone in a chain of ${count}`, () => {
      const recorder = new FlightRecorder(sdkProfile);
      recorder.onReceived(serverHello(94));
      recorder.onReceived(certificateRecord(2733, count));
      assert.equal(recorder.trouble, count === 1 ? "leaf alone" : undefined);
    });

  const TROUBLES: readonly (readonly [string, Buffer, string | undefined])[] = [
    ["a record of 18,432 bytes", record(22, Buffer.alloc(18_432)), undefined],
    ["a record of 18,433 bytes", record(23, Buffer.alloc(18_433)), "record too large"],
    ["a version before TLS 1.2", serverHello(94, 0xc02f, 0x0302), "version"],
    ["a suite that was not offered", serverHello(94, 0xc030), "suite"],
    ["the suite that was offered", serverHello(94, 0xc02f), undefined],
    ["a content type that TLS does not have", Buffer.from("140303000101190303", "hex"), "no TLS"],
    ["text", Buffer.from("HTTP/1.1 400"), "no TLS"],
    ["SSL 2", Buffer.from("802b0100020012", "hex"), "no TLS"],
  ];
  for (const [name, bytes, trouble] of TROUBLES)
    it(`${trouble === undefined ? "has no trouble with" : "sees"} ${name}, whole and byte by byte`, () => {
      const limits = { ...sdkProfile, splitMessages: true };
      assert.equal(replay([{ sent: false, bytes }], new FlightRecorder(limits)).trouble, trouble);
      assert.equal(replay(cutAt([{ sent: false, bytes }], [1]), new FlightRecorder(limits)).trouble, trouble);
    });

  const MESSAGES: readonly (readonly [number, string])[] = [
    [0, "HelloRequest"],
    [4, "NewSessionTicket"],
    [12, "ServerKeyExchange"],
    [13, "CertificateRequest"],
    [22, "CertificateStatus"],
    [99, "message 99"],
  ];
  for (const [type, name] of MESSAGES)
    it(`names ${name}`, () => {
      const recorder = replay([{ sent: false, bytes: messageRecord(type, 30) }]);
      assert.deepEqual(flightLines(recorder), [`flight 1 server: ${name} 30`]);
    });

  it("tells alerts in clear by number and level, and protected ones as such", () => {
    const alert = record(21, Uint8Array.of(2, 48));
    const recorder = replay([...BEFORE, { sent: false, bytes: alert }]);
    assert.equal(recorder.received.fatal, 48);
    assert.equal(flightLines(recorder).at(-1), "alert received: fatal 48");
    const warning = replay([{ sent: true, bytes: record(21, Uint8Array.of(1, 0)) }]);
    assert.equal(warning.sent.fatal, -1);
    assert.deepEqual(flightLines(warning), ["alert sent: warning 0"]);
    const hidden = replay([...AWS, { sent: false, bytes: record(21, Buffer.alloc(26)) }]);
    assert.equal(hidden.received.fatal, -1);
    assert.equal(flightLines(hidden).at(-1), "alert received: protected");
  });

  it("does not take a warning for the end of it", () => {
    const recorder = replay([...BEFORE, { sent: false, bytes: record(21, Uint8Array.of(1, 112)) }]);
    assert.equal(conclude(recorder, "closed", undefined).detail, "closed after server flight");
  });

  it("counts records of application data and keeps nothing else of them", () => {
    const recorder = replay(AWS);
    recorder.complete = true;
    const before = recorder.count;
    for (let i = 0; i < 100; i++) {
      recorder.onSent(record(23, Buffer.alloc(50)));
      if (i % 2) recorder.onReceived(record(23, Buffer.alloc(500)));
    }
    assert.equal(recorder.count, before);
    assert.equal(flightLines(recorder).at(-1), "application data: 100 records sent, 50 received");
  });

  it("names messages of TLS 1.3 as protected, and still counts flights", () => {
    const recorder = replay([
      { sent: true, bytes: messageRecord(1, 300) },
      { sent: false, bytes: serverHello(127, 0x1301) },
      { sent: false, bytes: changeCipherSpec },
      { sent: false, bytes: record(23, Buffer.alloc(900)) },
      { sent: true, bytes: changeCipherSpec },
      { sent: true, bytes: record(23, Buffer.alloc(1200)) },
    ]);
    assert.equal(flightLines(recorder)[2], "flight 3 client: ChangeCipherSpec 6, protected message 1205");
    assert.equal(pointOf(recorder), "after client flight");
  });

  it("holds more messages than it has room for as a number", () => {
    const recorder = replay(Array.from({ length: 30 }, () => ({ sent: false, bytes: messageRecord(0, 9) })));
    assert.equal(flightLines(recorder).at(-1), "and 10 messages more");
  });

  it("knows while a flight of ours goes on", () => {
    const recorder = new FlightRecorder();
    const seen: boolean[] = [];
    for (const piece of [...AWS, { sent: true, bytes: record(23, Buffer.alloc(20)) }]) {
      feed(recorder, piece);
      if (piece.sent) seen.push(recorder.midFlight);
    }
    // ClientHello; Certificate, ClientKeyExchange, CertificateVerify, ChangeCipherSpec, Finished; data.
    assert.deepEqual(seen, [false, true, true, true, true, false, false]);
  });

  describe("with transfers of the module", () => {
    it("tells which sends and reads carried a flight, and what was confirmed of it", () => {
      const recorder = new FlightRecorder();
      recorder.confirms = true;
      replay(AWS.slice(0, 1), recorder);
      recorder.onTransfer(true, 147);
      for (const bytes of [1500, 1500, 1412]) recorder.onTransfer(false, bytes);
      replay(AWS.slice(1, 11), recorder);
      recorder.onTransfer(true, 1024);
      const lines = flightLines(recorder);
      assert.equal(lines[0], "flight 1 client: ClientHello 147; sent as 147");
      assert.match(lines[1] ?? "", /; read as 1500\+1500\+1412$/);
      assert.match(lines[2] ?? "", /Finished 45; sent as 1024, confirmed 1024 of 1271$/);
      recorder.onTransfer(true, 247);
      assert.match(flightLines(recorder)[2] ?? "", /Finished 45; sent as 1024\+247$/);
    });

    it("keeps the last ones", () => {
      const recorder = new FlightRecorder();
      replay(BEFORE, recorder);
      for (let i = 0; i < 20; i++) recorder.onTransfer(false, 220);
      recorder.onTransfer(false, 12);
      assert.equal(recorder.transfers, 21);
      assert.match(flightLines(recorder)[1] ?? "", /; read as \.\.\.(\+220){11}\+12$/);
      assert.equal(transferOf(recorder, TRANSFERS - 1), -12);
    });

    it("counts nothing as confirmed before the first confirmation, where they are told", () => {
      const recorder = new FlightRecorder();
      recorder.confirms = true;
      replay(BEFORE.slice(0, 1), recorder);
      assert.deepEqual(
        { ...recorder.place() },
        { flight: 1, message: "ClientHello", confirmedBytes: 0, totalBytes: 142 },
      );
      assert.equal(conclude(recorder, "closed", undefined).detail, "closed in ClientHello");
    });
  });

  describe("places and concludes", () => {
    const flightBytes = bytesOf(FLIGHT, true);

    /** Our flight written whole, of which the module has confirmed `confirmed` bytes. */
    function confirmedTo(confirmed: number): FlightRecorder {
      const recorder = replay(BEFORE);
      recorder.onTransfer(true, 147);
      for (const piece of FLIGHT) recorder.onSent(piece.bytes);
      recorder.onTransfer(true, confirmed);
      return recorder;
    }

    it("each byte of our second flight by what the module confirmed", () => {
      const edges: [number, string, number][] = [];
      let end = 0;
      const names = ["Certificate", "ClientKeyExchange", "CertificateVerify", "ChangeCipherSpec", "Finished"];
      for (const [index, { bytes }] of FLIGHT.entries()) {
        end += bytes.length;
        edges.push([end, names[index] ?? "", bytes.length - 5]);
      }
      for (let confirmed = 0; confirmed <= flightBytes; confirmed++) {
        const recorder = confirmedTo(confirmed);
        const [edge, name, total] = edges.find(([end]) => confirmed < end) ?? edges[4] ?? [0, "", 0];
        const expected = {
          flight: 3,
          message: name,
          confirmedBytes: Math.max(0, total - Math.max(0, edge - confirmed)),
          totalBytes: total,
        };
        assert.deepEqual({ ...recorder.place() }, expected, `${confirmed} confirmed`);
        const point =
          confirmed < 876
            ? "in client flight"
            : confirmed < flightBytes
              ? "after Certificate"
              : "after Finished";
        for (const how of ["closed", "lost", "silent"] as const satisfies HandshakeEnd[]) {
          const reason = conclude(recorder, how, undefined);
          assert.equal(reason.detail, `${how} ${point}`, `${confirmed} confirmed`);
          assert.deepEqual([reason.kind, reason.command, reason.code], ["tls", "TLS", undefined]);
        }
      }
    });

    it("a flight of 877 bytes in the middle: our Certificate of 876 was delivered", () => {
      const reason = conclude(confirmedTo(877), "closed", undefined);
      assert.deepEqual(reason.detail, "closed after Certificate");
      assert.equal(reason.handshake?.message, "ClientKeyExchange");
      assert.equal(reason.handshake.confirmedBytes, 0);
    });

    it("each byte of the server's first flight", () => {
      const flight = Buffer.concat(BEFORE.slice(1).map(({ bytes }) => bytes));
      const recorder = replay(BEFORE.slice(0, 1));
      for (let at = 0; at < flight.length; at++) {
        const reason = conclude(recorder, "closed", undefined);
        // A header that is not complete names no message yet.
        assert.equal(reason.detail, at < 9 ? "closed after ClientHello" : "closed in server flight", `${at}`);
        if (at > 103 && at <= 94 + 3910) {
          assert.equal(reason.handshake?.message, "Certificate");
          assert.equal(reason.handshake.confirmedBytes, at - 94 - 5);
          assert.equal(reason.handshake.totalBytes, 3905);
        }
        recorder.onReceived(flight.subarray(at, at + 1));
      }
      assert.equal(conclude(recorder, "silent", undefined).detail, "silent after server flight");
    });

    it("a server's last flight that is cut", () => {
      const recorder = replay(AWS.slice(0, 12));
      assert.equal(conclude(recorder, "closed", undefined).detail, "closed in server finish");
    });

    it("a server that asked for a certificate and got an empty one", () => {
      const ours = [certificateRecord(12, 0), ...FLIGHT.slice(1).map(({ bytes }) => bytes)];
      const recorder = replay([...BEFORE, ...ours.map(bytes => ({ sent: true, bytes }))]);
      assert.equal(conclude(recorder, "closed", undefined).detail, "closed without Certificate");
    });

    it("a server that did not ask for one", () => {
      const asked = BEFORE.filter((_, index) => index !== 4);
      const recorder = replay([...asked, ...FLIGHT.filter((_, index) => index !== 0 && index !== 2)]);
      assert.equal(conclude(recorder, "lost", undefined).detail, "lost after client flight");
    });

    it("an engine that wrote nothing", () => {
      assert.deepEqual(
        { ...conclude(new FlightRecorder(), "silent", undefined) },
        {
          kind: "tls",
          command: "TLS",
          detail: "silent before ClientHello",
        },
      );
    });

    it("alerts before anything else, and the engine's words beside one that it sent", () => {
      const received = replay([
        ...AWS.slice(0, 11),
        { sent: false, bytes: record(21, Uint8Array.of(2, 46)) },
      ]);
      assert.equal(conclude(received, "closed", undefined).code, 46);
      assert.equal(conclude(received, "engine", "words").detail, "alert received");
      const sent = replay([...BEFORE, { sent: true, bytes: record(21, Uint8Array.of(2, 45)) }]);
      const reason = conclude(sent, "engine", "a certificate of the chain is expired");
      assert.deepEqual(
        [reason.code, reason.detail],
        [45, "alert sent: a certificate of the chain is expired"],
      );
    });

    it("an alert that only the engine can read, by its words", () => {
      for (const words of ["alert: 2, 116", "tlsv13 alert certificate required (alert 116)"])
        assert.deepEqual(
          [conclude(replay(AWS), "engine", words).code, conclude(replay(AWS), "engine", words).detail],
          [116, "alert received"],
        );
      assert.equal(conclude(replay(AWS), "engine", "no alert of any number").code, undefined);
    });
  });

  it("tells the same of a real handshake, recorded by the socket, in any pieces", async function () {
    this.timeout(30_000);
    const ids = await identities();
    const { chainPem, keyPem } = ids.server;
    const server = { cert: chainPem, key: keyPem, ca: ids.root.certificatePem };
    await withScene({ stored: ownCredentials(ids), line: { confirms: false }, server }, scene => {
      const pieces = scene.line.passed;
      const recorder = replay(pieces);
      assert.equal(recorder.count, 13);
      assert.deepEqual(recorder.place(), scene.socket.recorder.place());
      fc.assert(
        fc.property(fc.array(fc.integer({ min: 1, max: 300 }), { minLength: 1 }), lengths => {
          assert.deepEqual(toldBy(replay(cutAt(pieces, lengths))), toldBy(recorder));
        }),
        { numRuns: 40 },
      );
      return Promise.resolve();
    });
  });
});
