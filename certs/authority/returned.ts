import { createHash } from "node:crypto";
import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { parseCertificate } from "../../modules/pki/x509.js";
import { FactoryError } from "../factory-error.js";
import { describeHeld, readCredentialFile } from "../files/read.js";
import { InputError } from "../input-error.js";

/** A certificate that came back. */
export interface Returned {
  /** Name of its file, without the folder. */
  readonly file: string;
  /** DER. */
  readonly der: Uint8Array;
  /** SHA-256 of its SubjectPublicKeyInfo, hexadecimal. */
  readonly keySha256: string;
}

/** What of a file is of no use. */
export interface FileFault {
  /** Name of the file, without its folder. */
  readonly file: string;
  /** `holds a private key: ...`; completes the sentence that the name begins. */
  readonly what: string;
}

interface FileEntry {
  /** Changes when the file does. */
  readonly stamp: string;
  readonly returned: readonly Returned[];
  readonly faults: readonly FileFault[];
}

/** 64 MB: a hundred thousand certificates of RSA-2048 in one file. */
const FILE_LIMIT = 64_000_000;
/** A clock of files may tick this slowly: what changed just now may change again unseen. */
const SETTLED_MS = 100;
/** A file that is written over in place does not change its folder. */
const RESCAN_MS = 5_000;

/** SHA-256 of a public key (SubjectPublicKeyInfo, DER), hexadecimal. */
export function keyDigest(spki: Uint8Array): string {
  return createHash("sha256").update(spki).digest("hex");
}

function readReturned(folder: string, file: string): Omit<FileEntry, "stamp"> {
  const returned: Returned[] = [];
  const faults: FileFault[] = [];
  try {
    for (const held of readCredentialFile(join(folder, file), FILE_LIMIT)) {
      if (held.kind !== "certificate") {
        faults.push({ file, what: `holds ${describeHeld(held)}, which is no certificate that came back` });
        continue;
      }
      const der = Uint8Array.from(held.certificate.raw);
      // Authorities come along in bundles; they are no unit's.
      if (!held.certificate.ca) returned.push({ file, der, keySha256: keyDigest(parseCertificate(der).key) });
    }
  } catch (error) {
    // The message names the path; whatever else is in such a file is not shown.
    const what =
      error instanceof InputError
        ? error.what.replace(join(folder, file), "").trim()
        : "holds a certificate that departs from strict DER";
    faults.push({ file, what });
  }
  return { returned, faults };
}

/**
 * The folder that certificates come back into, by public key. It is read once; later only what was
 * added or changed. Files that are no use are told, and never stop the others.
 */
export class ReturnedFolder {
  readonly #folder: string;
  readonly #now: () => number;
  #files = new Map<string, FileEntry>();
  #byKey = new Map<string, Returned[]>();
  /** Modification of the folder at the last look; `undefined`: look again in any case. */
  #seen: bigint | undefined;
  #lookedAt = -Infinity;
  #looking: Promise<void> | undefined;
  /** Files that were opened so far, for those who count. */
  reads = 0;

  /** @param now milliseconds, for how long ago the files were looked at. */
  constructor(folder: string, now: () => number = Date.now) {
    this.#folder = folder;
    this.#now = now;
  }

  /** @throws FactoryError `certificates-folder` (input) when it cannot be read. */
  async byKey(keySha256: string): Promise<readonly Returned[]> {
    await this.#refresh();
    return this.#byKey.get(keySha256) ?? [];
  }

  /** Everything that came back. Same error. */
  async all(): Promise<readonly Returned[]> {
    await this.#refresh();
    return [...this.#byKey.values()].flat();
  }

  /** Of the files themselves. Same error. */
  async faults(): Promise<readonly FileFault[]> {
    await this.#refresh();
    return [...this.#files.values()].flatMap(entry => entry.faults);
  }

  // Several ports ask at the same time; one look serves them all.
  #refresh(): Promise<void> {
    this.#looking ??= this.#look().finally(() => {
      this.#looking = undefined;
    });
    return this.#looking;
  }

  async #look(): Promise<void> {
    const folder = this.#folder;
    const now = this.#now();
    try {
      const { mtimeNs } = await stat(folder, { bigint: true });
      if (mtimeNs === this.#seen && now - this.#lookedAt < RESCAN_MS) return;
      const names = await readdir(folder, { withFileTypes: true });
      const files = new Map<string, FileEntry>();
      let isChanged = false;
      for (const { name } of names.sort((a, b) => (a.name < b.name ? -1 : 1))) {
        // Hidden: files that are still on their way here.
        if (name.startsWith(".")) continue;
        const found = await stat(join(folder, name), { bigint: true }).catch(() => undefined);
        if (found?.isFile() !== true) continue;
        const stamp = `${String(found.ino)}-${String(found.size)}-${String(found.mtimeNs)}`;
        const before = this.#files.get(name);
        if (before?.stamp === stamp) {
          files.set(name, before);
          continue;
        }
        isChanged = true;
        this.reads++;
        files.set(name, { stamp, ...readReturned(folder, name) });
      }
      if (isChanged || files.size !== this.#files.size) this.#index(files);
      this.#files = files;
      const isSettled = Math.abs(Date.now() - Number(mtimeNs / 1_000_000n)) > SETTLED_MS;
      this.#seen = isSettled ? mtimeNs : undefined;
      this.#lookedAt = now;
    } catch (error) {
      const code = error instanceof Error && "code" in error ? String(error.code) : "unreadable";
      throw new FactoryError({
        code: "certificates-folder",
        side: "input",
        what: `${folder} cannot be read (${code})`,
        why: "Certificates that were issued outside come back into it.",
        fix: "Make that folder, or correct issuer.certificates in the profile.",
      });
    }
  }

  #index(files: ReadonlyMap<string, FileEntry>): void {
    const byKey = new Map<string, Returned[]>();
    for (const { returned } of files.values())
      for (const one of returned) {
        const same = byKey.get(one.keySha256);
        if (same === undefined) byKey.set(one.keySha256, [one]);
        else if (!same.some(other => Buffer.from(other.der).equals(one.der))) same.push(one);
      }
    this.#byKey = byKey;
  }
}
