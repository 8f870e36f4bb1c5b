import assert from "node:assert/strict";
import { explainFailure } from "../../../hosts/workstation/diagnosis/explain.js";
import { failure, type Failure } from "../../../modules/diagnosis/failure.js";
import { KINDS } from "../../../modules/diagnosis/kinds.js";

const characters = "topic with a character that AT commands cannot carry";

/** What `ModuleMQTT` tells, and a word that the explanation has. */
const told: readonly [reason: Failure, word: RegExp][] = [
  ...([1, 2, 3, 4, 5, 6, 7] as const).map((code): [Failure, RegExp] => [
    failure(code > 5 ? "network-lost" : "mqtt-timeout", "+QMTSTAT", code),
    /broker|ping|CONNECT|CONNACK|hung up|packet|link|module/i,
  ]),
  [failure("mqtt-timeout", "AT+QMTPUB", 2), /never acknowledged/],
  [failure("mqtt-timeout", "AT+QMTSUB", 2), /never acknowledged/],
  [failure("mqtt-timeout", "CONNECT", undefined, "CONNACK"), /no CONNACK/],
  [failure("send-fail", "AT+QMTPUB", 2), /QoS 0/],
  [failure("timeout", "AT+QMTOPEN"), /no result of the MQTT connection/],
  [failure("error", "AT+QMTCFG", undefined, "recv/mode"), /setting of MQTT refused|item that is named/],
  [failure("error", "AT+QMTPUB"), /refused by the module|does not take/],
  [failure("limit", "+QMTRECV", undefined, "no room for a message of 9 bytes"), /buffer/],
  [failure("malformed", "+QMTRECV", undefined, "payload"), /quotation mark/],
  [failure("argument", "AT+QMTPUB", undefined, characters), /ASCII/],
  [failure("limit", "AT+QMTCONN", undefined, "password over 256 bytes"), /route|module's MQTT/],
];

describe("failures of the modules' MQTT in sentences", () => {
  for (const module of ["bg95", "bc66"] as const)
    for (const [reason, word] of told)
      it(`${module}: ${reason.kind}, ${reason.command ?? ""} ${String(reason.code ?? "")}`, () => {
        const { what, why, fix } = explainFailure(reason, module);
        assert.match(`${what} ${why} ${fix}`, word);
        assert.notEqual(why, KINDS[reason.kind].cause);
        assert.notEqual(fix, "");
      });

  it("name each of the BG95's causes of a failed opening", () => {
    const sentences = [-1, 1, 2, 3, 4, 5].map(
      code => explainFailure(failure("connect", "AT+QMTOPEN", code)).why,
    );
    assert.equal(new Set(sentences).size, 6);
  });

  it("do not read the BC66's one code as a code of its TLS, and blame no suites alone", () => {
    const { what, why, fix } = explainFailure(failure("tls", "AT+QMTOPEN", -1), "bc66");
    assert.doesNotMatch(what + why, /exception in the module's TLS/);
    for (const cause of [/not reached/, /certificate/, /expired/, /RSA/, /suites/]) assert.match(why, cause);
    assert.match(fix, /module-tls/);
    assert.match(fix, /host-tls/);
  });

  it("do not speak of TLS where none was wanted", () => {
    const { why, fix } = explainFailure(failure("connect", "AT+QMTOPEN", -1), "bc66");
    assert.doesNotMatch(why + fix, /suites|certificate/);
  });
});
