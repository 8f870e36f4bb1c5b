import assert from "node:assert/strict";
import { CME_CODES, CMS_CODES } from "../../../drivers/bg95/diagnosis-cme.js";
import { TCPIP_CODES, TLS_CODES } from "../../../drivers/bg95/diagnosis-tcpip.js";
import { explainFailure } from "../../../hosts/workstation/diagnosis/explain.js";
import type { Explanation } from "../../../modules/diagnosis/explain.js";
import { failure, type Failure, type FailureKind } from "../../../modules/diagnosis/failure.js";
import { KINDS } from "../../../modules/diagnosis/kinds.js";
import type { CodeTable } from "../../../modules/diagnosis/table.js";

/** Words that fill a sentence without telling anything. */
const EMPTY_TALK =
  /something went wrong|unexpected error|contact (the )?support|try again later|please try|see the manual\.?$|\bundefined\b|\[object|\bNaN\b|\bTODO\b|\bnull\b/i;

function checkSentences({ what, why, fix }: Explanation, name: string): void {
  for (const part of [what, why, fix]) {
    assert.ok(part.trim().length >= 12, `${name}: "${part}" says too little`);
    assert.doesNotMatch(part, EMPTY_TALK, name);
  }
  assert.match(why, /[.)]$/, `${name}: the cause is a sentence`);
  assert.match(fix, /[.)]$/, `${name}: the remedy is a sentence`);
  assert.notEqual(why, fix);
}

/** Numbers and ranges as the manuals list them: "0 1 10-18". */
function numbers(list: string): number[] {
  return list.split(" ").flatMap(part => {
    const [from = NaN, to = from] = part.split("-").map(Number);
    return Array.from({ length: to - from + 1 }, (_, index) => from + index);
  });
}

const kinds = Object.keys(KINDS).filter((kind): kind is FailureKind => kind in KINDS);

describe("failures in sentences for people", () => {
  for (const kind of kinds) {
    it(`tells cause and remedy of the kind ${kind}, and its own`, () => {
      const explained = explainFailure(failure(kind));
      checkSentences(explained, kind);
      const same = kinds.filter(other => KINDS[other].remedy === KINDS[kind].remedy);
      assert.deepEqual(same, [kind]);
    });
  }

  const tables: readonly (readonly [string, FailureKind, string | undefined, string, CodeTable])[] = [
    ["TCP/IP result codes", "connect", "AT+QIOPEN", "550-574", TCPIP_CODES],
    ["TCP/IP result codes after AT+QSSLOPEN", "tls", "AT+QSSLOPEN", "550-574", TLS_CODES],
    ["+CME ERROR of the device", "cme", "AT+CFUN", "0 1 3 4 10-18 20-27 30-32 40-47 516", CME_CODES],
    [
      "+CME ERROR of files",
      "cme",
      "AT+QFUPL",
      "400-403 405-407 409-411 413 414 416-421 423 425 426",
      CME_CODES,
    ],
    ["+CMS ERROR", "cms", "AT+CMGS", "300-305 310-318 320-322 330-332", CMS_CODES],
    ["CONNACK return codes", "mqtt-refused", "CONNECT", "1-5", {}],
    ["SUBACK return codes", "mqtt-subscribe", "SUBSCRIBE", "128", {}],
    ["registration states", "registration", "AT+CEREG", "0 2-4", {}],
  ];
  for (const [name, kind, command, list, table] of tables) {
    it(`knows each of the ${name}: ${list}`, () => {
      const causes = new Map<string, number>();
      for (const code of numbers(list)) {
        const explained = explainFailure(failure(kind, command, code));
        checkSentences(explained, `${name} ${code}`);
        assert.notEqual(explained.why, KINDS[kind].cause, `${name} ${code} has only the general cause`);
        assert.ok(explained.what.includes(`code ${code}: `), explained.what);
        assert.ok(explained.what.includes(command ?? ""), explained.what);
        const before = causes.get(explained.why);
        const personalisation = code > 40 && code <= 47;
        assert.ok(
          before === undefined || personalisation,
          `${name}: ${before} and ${code} have the same cause`,
        );
        causes.set(explained.why, code);
      }
      for (const code of Object.keys(table)) {
        checkSentences(explainFailure(failure(kind, command, Number(code))), `${name} ${code}`);
      }
    });
  }

  it("says of a code that no manual lists that it is not known, and keeps the number", () => {
    const explained = explainFailure(failure("cme", "AT+CFUN", 999));
    assert.match(explained.what, /code 999/);
    assert.match(explained.why, /does not list/);
  });

  const cases: readonly (readonly [string, Failure, keyof Explanation, RegExp])[] = [
    [
      "566 of AT+QSSLOPEN hides port, clock, CA, name, client certificate and suites",
      failure("tls", "AT+QSSLOPEN", 566),
      "why",
      /port.*clock.*CA certificate.*SNI.*client certificate.*cipher suite/,
    ],
    [
      "566 of AT+QSSLOPEN is taken apart in steps",
      failure("tls", "AT+QSSLOPEN", 566),
      "fix",
      /\(1\).*plain TCP.*\(2\).*AT\+CCLK.*\(3\).*\(4\).*sni.*\(5\).*\(6\).*TLS 1\.2/,
    ],
    ["566 of AT+QIOPEN is no matter of TLS", failure("connect", "AT+QIOPEN", 566), "why", /firewall/],
    [
      "552 of AT+QSSLOPEN may need the power switched off and on",
      failure("tls", "AT+QSSLOPEN", 552),
      "fix",
      /power off and on/,
    ],
    [
      "the kind, the command, the code and its name stand in one line",
      failure("tls", "AT+QSSLOPEN", 566),
      "what",
      /^TLS was not established \(AT\+QSSLOPEN, code 566: connection or handshake failed\)$/,
    ],
    [
      "the detail stands behind",
      failure("sim", "AT+CPIN", undefined, "SIM PUK"),
      "what",
      /^The SIM cannot be used \(AT\+CPIN, PUK required; SIM PUK\)$/,
    ],
    ["a PUK is told from a PIN", failure("sim", "AT+CPIN", undefined, "SIM PUK"), "fix", /PUK/],
    ["a PIN", failure("sim", "AT+CPIN", undefined, "SIM PIN"), "fix", /PIN request off/],
    ["no SIM", failure("sim", "AT+CPIN", undefined, "NOT READY"), "why", /no SIM card/],
    ["no SIM, by its code", failure("sim", "AT+CPIN", 10), "why", /no SIM card/],
    ["a radio that is off looks like a faulty SIM", failure("sim", "AT+CPIN", 13), "why", /AT\+CFUN=0/],
    [
      "an upload that lost bytes",
      failure("credential", "AT+QFUPL", undefined, "ca: 1188 bytes sent, module counted 1100"),
      "fix",
      /RTS and CTS/,
    ],
    ["an upload to a full drive", failure("credential", "AT+QFUPL", 403), "why", /no room/],
    [
      "PEM in the device's store",
      failure("credential", undefined, undefined, "ca: pem"),
      "fix",
      /outform DER/,
    ],
    [
      "a key that was never stored",
      failure("credential", "AT+QSSLOPEN", undefined, "key: none is stored"),
      "fix",
      /client certificate and key together/,
    ],
    [
      "a certificate in the place of the key",
      failure("credential", undefined, undefined, "key: holds a certificate"),
      "why",
      /certificate where the key belongs/,
    ],
    [
      "a store that was cut off",
      failure("credential", undefined, undefined, "certificate: truncated"),
      "why",
      /cut off/,
    ],
    ["a key without PKCS#8", failure("credential", undefined, undefined, "key: sec1"), "fix", /pkcs8/],
    ["a refused activation", failure("pdp", "AT+QIACT"), "fix", /APN/],
    ["a refused activation with a code of TCP/IP", failure("pdp", "AT+QIACT", 561), "why", /three on LTE-M/],
    [
      "a refused activation with a code of +CME ERROR",
      failure("pdp", "AT+QIACT", 30),
      "why",
      /not registered/,
    ],
    ["a SIM that is refused", failure("registration", "AT+CEREG", 3), "fix", /operator/],
    ["a name that is not resolved", failure("dns", "AT+QIDNSGIP", 565), "fix", /AT\+QIDNSCFG/],
    [
      "a certificate that the cloud has no policy for",
      failure("mqtt-refused", "CONNECT", 5),
      "why",
      /policy/,
    ],
    ["a port that is no broker's", failure("mqtt-timeout", "CONNECT", undefined, "CONNACK"), "fix", /8883/],
    [
      "a link that died silently",
      failure("mqtt-timeout", "PINGREQ", undefined, "PINGRESP"),
      "fix",
      /keep-alive/,
    ],
    [
      "a message that the broker dropped",
      failure("mqtt-timeout", "PUBLISH", undefined, "acknowledgement"),
      "why",
      /may not publish/,
    ],
    ["a setting that the firmware does not know", failure("error", "AT+QSSLCFG"), "fix", /AT\+QSSLCFG=\?/],
    ["a full journal", failure("storage", "journal", undefined, "full"), "fix", /sent/],
    ["flash that is worn", failure("storage", "journal", undefined, "worn"), "why", /does not keep/],
    [
      "a message for the journal that is too long",
      failure("limit", "journal", 5000, "entry"),
      "why",
      /block of flash/,
    ],
    [
      "an exception keeps its text",
      failure("exception", "onReadable", undefined, "x is undefined!"),
      "what",
      /onReadable; x is undefined!/,
    ],
  ];
  for (const [name, reason, part, expected] of cases) {
    it(name, () => assert.match(explainFailure(reason)[part], expected));
  }
});
