import type { CertificateFacts } from "./facts.js";
import { shownDate, type InspectedFile, type InspectedObject } from "./inspect.js";

function bytes(count: number): string {
  return `${count.toLocaleString("en-US")} bytes`;
}

/** What a certificate may be used for, as its extensions say. */
function purpose(facts: CertificateFacts): string {
  if (facts.ca)
    return facts.pathLength === undefined
      ? "an authority"
      : `an authority, with at most ${facts.pathLength} intermediates below it`;
  const extended = facts.extendedKeyUsage ?? [];
  const names: string[] = [];
  if (extended.includes("clientAuth")) names.push("TLS client");
  if (extended.includes("serverAuth")) names.push("TLS server");
  names.push(...extended.filter(one => one !== "clientAuth" && one !== "serverAuth"));
  return names.length === 0 ? "anything (no extended key usage)" : names.join(", ");
}

function certificateRows(facts: CertificateFacts): [string, string][] {
  return [
    ["issuer", facts.selfSigned ? "itself" : facts.issuer],
    ["valid", `${shownDate(facts.notBefore)} to ${shownDate(facts.notAfter)}`],
    ["key", facts.key.algorithm],
    ["signed", facts.signature],
    ["for", purpose(facts)],
    ...(facts.names.length > 0 ? [["names", facts.names.join(", ")] as [string, string]] : []),
    ["size", `${bytes(facts.derBytes)} as DER, ${bytes(facts.pemBytes)} as a module gets it`],
    ["serial", facts.serialNumber],
    ["SHA-256", facts.sha256],
    ["key's", `SHA-256 ${facts.key.publicKeySha256}`],
  ];
}

function titleAndRows(one: InspectedObject): [string, [string, string][]] {
  switch (one.kind) {
    case "certificate":
      return [`certificate ${one.subject === "" ? "without a subject" : one.subject}`, certificateRows(one)];
    case "key":
      return [`private key (${one.algorithm})`, [["key's", `SHA-256 ${one.publicKeySha256}`]]];
    case "request":
      return [
        `signing request for ${one.subject === "" ? "nobody" : one.subject}`,
        [
          ["key", one.algorithm],
          ["key's", `SHA-256 ${one.publicKeySha256}`],
        ],
      ];
    case "encrypted-key":
      return ["private key under a password", []];
    case "other":
      return [one.name, []];
    case "damaged":
      return [`damaged: ${one.name} ${one.fault}`, []];
  }
}

/** An inspected file for people. */
export function fileText(inspected: InspectedFile): string {
  const ends = inspected.lineEnds === undefined ? "" : `, line ends ${inspected.lineEnds}`;
  const lines = [`${inspected.file}: ${inspected.form}, ${bytes(inspected.bytes)}${ends}`];
  for (const one of inspected.holds) {
    const [title, rows] = titleAndRows(one);
    lines.push(`  ${title}`);
    for (const [name, value] of rows) lines.push(`    ${name.padEnd(8)} ${value}`);
    for (const relation of one.relations) lines.push(`    ${relation}`);
    for (const remark of one.remarks) lines.push(`    ! ${remark}`);
  }
  // Names come out of certificates that anybody may have made.
  return `${lines.join("\n").replace(/[^\P{Cc}\n]/gu, "?")}\n`;
}
