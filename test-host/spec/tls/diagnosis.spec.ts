import assert from "node:assert/strict";
import { explain, type Explanation } from "../../../modules/diagnosis/explain.js";
import { failure } from "../../../modules/diagnosis/failure.js";
import { KINDS } from "../../../modules/diagnosis/kinds.js";
import { RECEIVED, SENT } from "../../../modules/tls/alerts.js";
import { tlsDiagnoses } from "../../../modules/tls/diagnosis.js";

/** Every alert of RFC 5246, RFC 6066 and RFC 8446. */
const ALERTS = [
  0, 10, 20, 21, 22, 30, 40, 41, 42, 43, 44, 45, 46, 47, 48, 49, 50, 51, 60, 70, 71, 80, 86, 90, 100, 109,
  110, 111, 112, 113, 114, 115, 116, 120,
];
const ENDS = ["closed", "lost", "silent"];
const POINTS = [
  "before ClientHello",
  "in ClientHello",
  "after ClientHello",
  "in server flight",
  "after server flight",
  "in client flight",
  "after Certificate",
  "after Finished",
  "without Certificate",
  "after client flight",
  "in server finish",
];
const TROUBLES = ["no TLS", "record too large", "version", "suite", "split message", "leaf alone"];

const explained = (detail: string, code?: number): Explanation =>
  explain(failure("tls", "TLS", code, detail), tlsDiagnoses);

function differ(all: readonly Explanation[]): void {
  assert.equal(new Set(all.map(({ why }) => why)).size, all.length, "each has a cause of its own");
  for (const { why, fix } of all) {
    assert.notEqual(why, KINDS.tls.cause);
    assert.match(why, /^[A-Z].*\.$/s);
    assert.match(fix, /^[A-Z].*\.$/s);
  }
}

describe("sentences for TLS on this side", () => {
  it("know every end at every point, and every trouble", () => {
    differ([
      ...ENDS.flatMap(end => POINTS.map(point => explained(`${end} ${point}`))),
      ...TROUBLES.map(trouble => explained(`unsupported: ${trouble}`)),
    ]);
  });

  it("know every alert of the broker by number", () => {
    differ(ALERTS.map(code => explained("alert received", code)));
    assert.deepEqual(Object.keys(RECEIVED).map(Number), ALERTS);
    assert.match(explained("alert received", 48).what, /code 48: unknown_ca/);
  });

  it("know the alerts that a client sends", () => {
    differ(Object.keys(SENT).map(code => explained("alert sent", Number(code))));
  });

  it("have an answer to an alert that nobody has defined", () => {
    assert.match(explained("alert received", 200).why, /number has no name/);
  });

  const WORDS: readonly (readonly [words: string, cause: RegExp])[] = [
    ["engine: date validation failed", /has expired or is not valid yet/],
    ["alert sent: a certificate of the chain is expired", /has expired or is not valid yet/],
    ["alert sent: a certificate of the chain is not yet valid", /has expired or is not valid yet/],
    ["engine: certificate: auth err (subjectAltName match failed for a.example)", /does not name the host/],
    ["alert sent: the certificate is not for expired.example", /does not name the host/],
    [
      "engine: certificate: auth err (no certificate of the chain is signed by the trusted one)",
      /do not lead to the CA/,
    ],
    ["alert sent: the server's chain does not lead to the trusted certificate", /do not lead to the CA/],
    ["engine: unable to get issuer certificate", /do not lead to the CA/],
    ["engine: self-signed certificate in certificate chain", /do not lead to the CA/],
    ["engine: a word that nobody knows", /for the reason that stands beside it/],
  ];
  for (const [words, cause] of WORDS)
    it(`never explain a certificate by suites: ${words}`, () => {
      const { why, fix } = explained(words, words.startsWith("alert sent") ? 42 : undefined);
      assert.match(why, cause);
      assert.doesNotMatch(why + fix, /suite/);
    });

  const CREDENTIALS: readonly (readonly [detail: string, cause: RegExp])[] = [
    ["ca: none is stored", /not in the device's store/],
    ["key: p256 is not supported by this TLS", /does not sign with this kind of key/],
    ["certificate: holds key", /certificate and key were exchanged/],
  ];
  for (const [detail, cause] of CREDENTIALS)
    it(`tell what is wrong with a credential: ${detail}`, () => {
      assert.match(explain(failure("credential", "TLS", undefined, detail), tlsDiagnoses).why, cause);
    });

  it("keep to TLS on this side", () => {
    const module = explain(failure("tls", "AT+QSSLOPEN", 566, "closed after Finished"), tlsDiagnoses);
    assert.equal(module.why, KINDS.tls.cause);
  });
});
