import assert from "node:assert/strict";
import { CME_CODES } from "../../../drivers/bc66/diagnosis-cme.js";
import { TCPIP_CODES } from "../../../drivers/bc66/diagnosis-tcpip.js";
import { bc66Diagnoses } from "../../../drivers/bc66/diagnosis.js";
import { explain } from "../../../modules/diagnosis/explain.js";
import { failure, type Failure } from "../../../modules/diagnosis/failure.js";
import { KINDS } from "../../../modules/diagnosis/kinds.js";

/** Commands that a BC66 does not have. */
const FOREIGN =
  /QIACT|QIDEACT|QICSGP|QCSQ|QNWINFO|QLTS|QFLST|QFUPL|QSIMDET|APP RDY|AT\+CREG|AT\+CGREG|AT\+QCFG\b/;

/** Codes as the manual lists them. */
const cme = [
  3, 4, 10, 13, 14, 20, 23, 24, 25, 30, 31, 32, 50, 100, 107, 111, 112, 113, 132, 133, 149, 584, 588, 591,
  592, 596, 598, 606, 607, 615, 630, 631, 639, 675, 676, 692, 695, 696, 697, 698, 700, 703, 704, 705, 709,
  765, 766, 767, 769, 770, 772, 840, 841, 842, 843, 845, 846, 847,
];

describe("failures of a BC66 in sentences for people", () => {
  it("know every +CME ERROR of the manual", () => {
    for (const code of cme) assert.ok(CME_CODES[code] !== undefined, String(code));
  });

  it("know every result code of TCP/IP", () => {
    for (let code = 550; code <= 574; code++) assert.ok(TCPIP_CODES[code] !== undefined, String(code));
  });

  it("name no command that the module does not have, and are whole sentences", () => {
    const tables = bc66Diagnoses.flatMap(rule => [
      ...Object.values(rule.codes ?? {}),
      ...(rule.always === undefined ? [] : [rule.always]),
    ]);
    assert.ok(tables.length > 100);
    for (const { name, cause, remedy } of tables) {
      assert.doesNotMatch(`${cause} ${remedy}`, FOREIGN, name);
      assert.match(cause, /[.)]$/, name);
      assert.match(remedy, /[.)]$/, name);
      assert.ok(cause.length > 20 && remedy.length > 11, name);
    }
  });

  const told: readonly (readonly [reason: Failure, what: RegExp, fix: RegExp])[] = [
    [failure("tls", "AT+QSSLOPEN", -9), /without a reason/, /context 1.*ECDHE/s],
    [failure("tls", "AT+QSSLOPEN", -5), /suite/, /ESP32/],
    [failure("overrun", "AT+QIOPEN", undefined, "module buffer full"), /lost in the module/, /baud rate/],
    [failure("argument", "context", 3), /context/, /context 1/],
    [failure("limit", "AT+QCGDEFCONT"), /too long/, /operator/],
    [failure("registration", "AT+CEREG", 2), /searching/, /QBAND/],
    [failure("registration", "AT+CEREG", 3), /denied/, /operator/i],
    [failure("no-answer", "AT"), /does not answer/, /PSM_EINT/],
    [failure("connect", "AT+QIOPEN", 566), /connection failed/, /mobile data/],
    [failure("pdp", "AT+CGACT"), /bearer/, /access point/],
    [failure("error", "AT+QIOPEN"), /refused at once/, /CGPADDR/],
    [failure("dns", "AT+QIDNSGIP", 565), /not resolved/, /QIDNSCFG/],
  ];
  for (const [reason, what, fix] of told)
    it(`tell of ${[reason.kind, reason.command, reason.code].filter(part => part !== undefined).join(" ")} what helps`, () => {
      const explained = explain(reason, bc66Diagnoses);
      assert.match(explained.what, what);
      assert.match(explained.fix, fix);
      assert.notEqual(explained.fix, KINDS[reason.kind].remedy);
    });
});
