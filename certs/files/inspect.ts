import type { X509Certificate } from "node:crypto";
import { readFileSync } from "node:fs";
import { InputError } from "../input-error.js";
import { factsOf, publicKeySha256, type HeldFacts } from "./facts.js";
import { readCredentialFile, subjectOf, type Held } from "./read.js";

/** One file as `certs inspect` tells it. Never holds anything of a private key but its public half's digest. */
export interface InspectedFile {
  readonly file: string;
  readonly bytes: number;
  readonly form: "PEM" | "DER";
  /** Of PEM text. */
  readonly lineEnds?: "LF" | "CRLF" | "CR" | "mixed" | "none";
  readonly holds: readonly InspectedObject[];
}

export type InspectedObject = HeldFacts & {
  /** What else of the given files it belongs to, in words: `its certificate: device.pem`. */
  readonly relations: readonly string[];
  /** What a reader should know before using it, in words. */
  readonly remarks: readonly string[];
};

interface Source {
  readonly file: string;
  readonly held: readonly Held[];
}

const DAY_MS = 86_400_000;

function lineEndsOf(text: string): NonNullable<InspectedFile["lineEnds"]> {
  const crlf = text.match(/\r\n/g)?.length ?? 0;
  const lf = (text.match(/\n/g)?.length ?? 0) - crlf;
  const cr = (text.match(/\r/g)?.length ?? 0) - crlf;
  const kinds = [crlf, lf, cr].filter(count => count > 0).length;
  if (kinds > 1) return "mixed";
  if (crlf > 0) return "CRLF";
  if (lf > 0) return "LF";
  return cr > 0 ? "CR" : "none";
}

/** `2026-01-02 03:04 UTC` */
export function shownDate(iso: string): string {
  return `${iso.slice(0, 16).replace("T", " ")} UTC`;
}

function certificateRemarks(facts: Extract<HeldFacts, { kind: "certificate" }>, now: Date): string[] {
  const remarks: string[] = [];
  const days = Math.floor((Date.parse(facts.notAfter) - now.getTime()) / DAY_MS);
  if (now.getTime() > Date.parse(facts.notAfter)) remarks.push(`expired on ${shownDate(facts.notAfter)}`);
  else if (now.getTime() < Date.parse(facts.notBefore))
    remarks.push(`not valid before ${shownDate(facts.notBefore)}`);
  else if (days < 30)
    remarks.push(
      days === 0 ? "expires in less than a day" : `expires in ${days} ${days === 1 ? "day" : "days"}`,
    );
  if (/MD[25]|SHA-?1$/.test(facts.signature))
    remarks.push(`signed by ${facts.signature}, which is broken: brokers refuse it`);
  if (!facts.key.algorithm.includes("P-256") && !/^RSA, (2048|3072|4096)/.test(facts.key.algorithm))
    remarks.push(
      `its key (${facts.key.algorithm}) is none that module or firmware take: RSA from 2048 bits or P-256`,
    );
  if (facts.selfSigned && !facts.ca)
    remarks.push(
      "signs itself but is not marked as an authority: good as neither a CA nor a device's certificate",
    );
  return remarks;
}

function remarksOf(facts: HeldFacts, now: Date): string[] {
  switch (facts.kind) {
    case "certificate":
      return certificateRemarks(facts, now);
    case "encrypted-key":
      return ["under a password: a device has nobody to type it"];
    case "request":
      return facts.verified
        ? []
        : ["its signature does not belong to its key: whoever sent it may not have the key"];
    default:
      return [];
  }
}

function issued(by: X509Certificate, certificate: X509Certificate): boolean {
  return certificate.checkIssued(by) && certificate.verify(by.publicKey);
}

function keyDigest(held: Held): string | undefined {
  if (held.kind === "certificate") return publicKeySha256(held.certificate.publicKey);
  return held.kind === "key" ? publicKeySha256(held.key) : undefined;
}

/** How an object hangs together with those of all files. */
function relationsOf(held: Held, sources: readonly Source[]): string[] {
  const digest = keyDigest(held);
  const relations: string[] = [];
  for (const { file, held: others } of sources)
    for (const other of others) {
      if (other === held) continue;
      const isPair = digest !== undefined && other.kind !== held.kind && keyDigest(other) === digest;
      if (isPair) relations.push(`its ${other.kind === "key" ? "private key" : "certificate"}: ${file}`);
      if (held.kind !== "certificate" || other.kind !== "certificate") continue;
      const isSame = held.certificate.raw.equals(other.certificate.raw);
      if (isSame) relations.push(`the same certificate: ${file}`);
      else if (issued(other.certificate, held.certificate))
        relations.push(`issued by ${subjectOf(other.certificate)}: ${file}`);
    }
  return relations;
}

/**
 * What files hold, and how their objects belong together. `onFault` gets the error of each file that cannot be read or
 * holds nothing of the kind, and the others are told all the same; default: the first is thrown.
 */
export async function inspectFiles(
  files: readonly string[],
  now: Date,
  onFault: (error: InputError) => void = error => {
    throw error;
  },
): Promise<readonly InspectedFile[]> {
  const sources = files.flatMap(file => {
    try {
      return [{ file, held: readCredentialFile(file) }];
    } catch (error) {
      if (!(error instanceof InputError)) throw error;
      onFault(error);
      return [];
    }
  });
  const inspected: InspectedFile[] = [];
  for (const { file, held } of sources) {
    const bytes = readFileSync(file);
    const text = bytes.toString("latin1");
    const isPem = text.replaceAll("\0", "").includes("-----BEGIN ");
    const holds: InspectedObject[] = [];
    for (const one of held) {
      const facts = await factsOf(one);
      holds.push({ ...facts, relations: relationsOf(one, sources), remarks: remarksOf(facts, now) });
    }
    inspected.push({
      file,
      bytes: bytes.length,
      form: isPem ? "PEM" : "DER",
      ...(isPem ? { lineEnds: lineEndsOf(text) } : undefined),
      holds,
    });
  }
  return inspected;
}
