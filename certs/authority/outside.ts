import { createHash, X509Certificate } from "node:crypto";
import { readFileSync } from "node:fs";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { FactoryError } from "../factory-error.js";
import type { Outside } from "../factory/line.js";
import { dateFault } from "../check/chain.js";
import { certificateFacts } from "../files/facts.js";
import { readCredentialFile, subjectOf } from "../files/read.js";
import { writeWhole, type WriteOptions } from "../files/write.js";
import { readRequest } from "./request.js";
import { requestFileName, serialOfRequestFile } from "./request-files.js";
import { keyDigest, ReturnedFolder, type FileFault, type Returned } from "./returned.js";

export interface OutsideOptions {
  /** Folder that requests go out into, one `SERIAL.csr` each; made when it is not there. */
  readonly requests: string;
  /** Folder that certificates come back into, as files of any name. */
  readonly certificates: string;
  /** The authority that is expected to issue. */
  readonly certificate: X509Certificate;
  /** How long certificates should be valid; others are told by {@link OutsideFolders.faults}. */
  readonly days?: number;
  readonly now?: () => Date;
}

/** A request that is out. */
export interface OutRequest {
  readonly serial: string;
  /** Name of the file, without its folder. */
  readonly file: string;
  /** SHA-256 of the SubjectPublicKeyInfo, hexadecimal. */
  readonly keySha256: string;
  readonly pem: string;
}

export interface Bundle {
  /** Requests in it. */
  readonly requests: number;
  /** Files of the folder that are no requests. */
  readonly faults: readonly FileFault[];
}

const DAY_MS = 86_400_000;

const noneKnown = (): Promise<boolean> => Promise.resolve(false);

function requestPem(der: Uint8Array): string {
  const lines =
    Buffer.from(der)
      .toString("base64")
      .match(/.{1,64}/g) ?? [];
  return `-----BEGIN CERTIFICATE REQUEST-----\n${lines.join("\n")}\n-----END CERTIFICATE REQUEST-----\n`;
}

/** Requests go out as files, certificates come back as files: somebody else issues. */
export class OutsideFolders implements Outside {
  readonly certificate: X509Certificate;
  readonly #requests: string;
  readonly #returned: ReturnedFolder;
  readonly #now: () => Date;
  readonly #days: number | undefined;

  constructor(options: OutsideOptions) {
    const now = options.now ?? (() => new Date());
    this.certificate = options.certificate;
    this.#requests = options.requests;
    this.#now = now;
    this.#days = options.days;
    this.#returned = new ReturnedFolder(options.certificates, () => now().getTime());
  }

  /**
   * Puts a request out as PEM. One for the same key that is out already stays as it is; one for another
   * key is replaced.
   * @throws FactoryError `request` (unit) when it is none or of another common name.
   */
  send(serial: string, request: Uint8Array): Promise<void> {
    return Promise.resolve().then(() => {
      let facts: ReturnType<typeof readRequest> | undefined;
      try {
        facts = readRequest(request);
      } catch {
        // Told below.
      }
      if (facts?.commonName !== serial)
        throw new FactoryError({
          code: "request",
          side: "unit",
          what:
            facts === undefined
              ? `the request of ${serial} cannot be read`
              : `the request is not for ${serial}`,
          why: "A certificate for another name would come back.",
          fix: "Run again; if it happens again, the unit's firmware or its line is faulty.",
        });
      const path = join(this.#requests, requestFileName(serial));
      const out = this.#read(requestFileName(serial));
      if (out !== undefined && "keySha256" in out && out.keySha256 === keyDigest(facts.publicKey)) return;
      writeWhole(path, requestPem(request), { force: true });
    });
  }

  /**
   * The certificate for that key: of the right name, by the expected issuer, valid now; of several the
   * one that lasts longest.
   * @throws FactoryError `returned-certificate` (unit) when one came back for that key that does not fit,
   * naming its file; `certificates-folder`.
   */
  async receive(serial: string, publicKey: Uint8Array): Promise<Uint8Array | undefined> {
    const candidates = await this.#returned.byKey(keyDigest(publicKey));
    const judged = candidates.map(one => ({ one, fault: this.#fault(one, serial) }));
    const [best] = judged
      .flatMap(({ one, fault }) => (fault === undefined ? [one] : []))
      .map(one => ({ one, until: Date.parse(new X509Certificate(one.der).validTo) }))
      .sort((a, b) => b.until - a.until);
    if (best !== undefined) return best.one.der;
    const [first] = judged;
    if (first === undefined) return undefined;
    throw new FactoryError({
      code: "returned-certificate",
      side: "unit",
      what: `${first.one.file}: the certificate for the key of ${serial} ${first.fault ?? "does not fit"}`,
      why: "It came back from outside for this unit's key, but it would not do; it was not given to the unit.",
      fix: "Have it issued again from the same request, and put the new one into the folder; the old file may go.",
    });
  }

  /**
   * Everything in the folder of certificates that does not fit, by file: what is no certificate, certificates that no
   * request is out for, and those that are valid for another time than was asked.
   * @param isKnown by the SHA-256 of a certificate, hexadecimal: whether a unit has it already. Its request may be gone.
   * @throws FactoryError `certificates-folder`.
   */
  async faults(isKnown: (sha256: string) => Promise<boolean> = noneKnown): Promise<readonly FileFault[]> {
    const { out } = await this.#out();
    const byKey = new Map(out.map(one => [one.keySha256, one.serial]));
    const serials = new Set(out.map(one => one.serial));
    const faults = [...(await this.#returned.faults())];
    for (const one of await this.#returned.all()) {
      if (await isKnown(createHash("sha256").update(one.der).digest("hex"))) continue;
      const serial = byKey.get(one.keySha256);
      const what =
        serial === undefined
          ? this.#strayFault(one, serials)
          : (this.#fault(one, serial) ?? this.#otherTime(one));
      if (what !== undefined)
        faults.push({ file: one.file, what: `${subjectOf(new X509Certificate(one.der))} ${what}` });
    }
    return faults;
  }

  /**
   * One file with all requests that no certificate has come back for, as PEM one behind the other,
   * ordered by serial; and, if wanted, a list of them: CSV of `serial,key_sha256,file`. Both are written
   * whole or not at all.
   * @throws InputError when a file is there and `force` was not asked for; FactoryError `certificates-folder`.
   */
  async bundle(path: string, manifest?: string, options: WriteOptions = {}): Promise<Bundle> {
    const { out, faults } = await this.#out();
    const outstanding: OutRequest[] = [];
    for (const one of out) {
      const returned = await this.#returned.byKey(one.keySha256);
      if (!returned.some(each => this.#fault(each, one.serial) === undefined)) outstanding.push(one);
    }
    const rows = outstanding.map(one => `${one.serial},${one.keySha256},${one.file}\n`);
    writeWhole(path, outstanding.map(one => one.pem).join(""), options);
    if (manifest !== undefined) writeWhole(manifest, `serial,key_sha256,file\n${rows.join("")}`, options);
    return { requests: outstanding.length, faults };
  }

  /** What is wrong with a certificate for the key of this unit; completes the sentence "the certificate ...". */
  #fault(one: Returned, serial: string): string | undefined {
    const certificate = new X509Certificate(one.der);
    const names = certificateFacts(certificate).commonNames;
    if (names.length !== 1 || names[0] !== serial)
      return `is for ${names.length === 0 ? "no common name" : names.map(name => `CN=${name.replace(/\p{Cc}/gu, "?")}`).join(" and ")}, not for CN=${serial}`;
    const { certificate: issuer } = this;
    if (!certificate.checkIssued(issuer) || !certificate.verify(issuer.publicKey))
      return `was not issued by ${subjectOf(issuer)}`;
    return dateFault(certificate, this.#now())?.replace(`${subjectOf(certificate)} `, "");
  }

  /** Completes the sentence as {@link #fault} does; it is taken all the same. */
  #otherTime(one: Returned): string | undefined {
    const asked = this.#days;
    const { validFrom, validTo } = new X509Certificate(one.der);
    const days = (Date.parse(validTo) - Date.parse(validFrom)) / DAY_MS;
    // Some count the last second, some begin a little before.
    if (asked === undefined || Math.abs(days - asked) <= 1) return undefined;
    return `is valid for ${String(Math.round(days))} days; the profile asks for ${String(asked)}`;
  }

  #strayFault(one: Returned, serials: ReadonlySet<string>): string {
    const [name] = certificateFacts(new X509Certificate(one.der)).commonNames;
    return name !== undefined && serials.has(name)
      ? "is for another key than the one that a request is out for"
      : "is for a key that no request is out for";
  }

  #read(file: string): OutRequest | FileFault | undefined {
    const serial = serialOfRequestFile(file);
    if (serial === undefined) return undefined;
    const path = join(this.#requests, file);
    try {
      const [held] = readCredentialFile(path);
      if (held?.kind !== "request") return { file, what: "holds no request" };
      const facts = readRequest(new Uint8Array(held.request.rawData));
      if (facts.commonName !== serial) return { file, what: `holds a request that is not for ${serial}` };
      return { serial, file, keySha256: keyDigest(facts.publicKey), pem: readFileSync(path, "latin1") };
    } catch {
      return { file, what: "cannot be read" };
    }
  }

  async #out(): Promise<{ readonly out: readonly OutRequest[]; readonly faults: readonly FileFault[] }> {
    const names = await readdir(this.#requests).catch(() => [] as string[]);
    const read = names.sort().flatMap(name => this.#read(name) ?? []);
    const out = read.flatMap(one => ("keySha256" in one ? [one] : []));
    return {
      out: out.sort((a, b) => (a.serial < b.serial ? -1 : 1)),
      faults: read.flatMap(one => ("what" in one ? [one] : [])),
    };
  }
}
