import { lstatSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { WINDOW, type Secrets } from "./secrets.js";
import { base64Forms, decimalForms, hexForms, withoutZeros } from "./text-forms.js";

/** Something secret stands where it must not. Tells nothing of it but its name. */
export interface Leak {
  readonly where: string;
  /** Name of the secret; `some key`: a private key that nobody had told of. */
  readonly secret: string;
  /** `bytes`, `text`, `hex`, `base64`, `decimal`, one in another with ` in `. */
  readonly form: string;
}

/** How a private key begins that is not under a password. */
const LABELS = ["PRIVATE KEY", "EC PRIVATE KEY", "RSA PRIVATE KEY"].map(label =>
  Buffer.from(`-----BEGIN ${label}-----`, "latin1"),
);

/** How private keys in DER begin or go on, whoever made them: what stands around the secret number. */
const DER = [
  // PKCS#8 and SEC 1 of P-256: version 1, 32 bytes follow (RFC 5915 §3), inside of ecPrivateKey.
  "06082a8648ce3d030107046d306b0201010420",
  "307702010104",
  // PKCS#8 of an RSA key: version 0, rsaEncryption, an octet string of 256 bytes or more.
  "020100300d06092a864886f70d0101010500048204",
  // PKCS#1: version 0, a modulus of 256 bytes.
  "0201000282010100",
].map(hex => Buffer.from(hex, "hex"));

/** Forms within forms that are looked into: base64 of PEM, hexadecimal of base64. */
const DEPTH = 2;

/**
 * Looks for secrets in files and outputs: as bytes in either order; as hexadecimal, base64 or decimal
 * numbers, split and separated in any way; in UTF-8 and UTF-16; one form in another. Eight bytes of a
 * secret number are enough. Not seen is what is compressed or encrypted, or split into pieces of less
 * than eight bytes that stand apart.
 */
export class LeakScanner {
  readonly #secrets: Secrets;

  constructor(secrets: Secrets) {
    this.#secrets = secrets;
  }

  /** Everything that was found in a text or in bytes; one of each kind. */
  scan(where: string, contents: Uint8Array | string): readonly Leak[] {
    const found = new Map<string, Leak>();
    const bytes = typeof contents === "string" ? Buffer.from(contents, "utf8") : contents;
    this.#look(bytes, "", 0, (secret, form) => {
      found.set(`${secret} ${form}`, { where, secret, form });
    });
    return [...found.values()];
  }

  scanFile(path: string): readonly Leak[] {
    return this.scan(path, readFileSync(path));
  }

  /** All files of folders, and files; `except`: paths that may hold secrets, as flash of devices does. */
  scanPaths(paths: readonly string[], except: (path: string) => boolean = () => false): readonly Leak[] {
    return this.filesOf(paths, except).flatMap(path => [
      ...this.scanFile(path),
      ...this.scan(`name of ${path}`, path),
    ]);
  }

  /** The files that `scanPaths` reads, so that a test can see that it has read any. */
  filesOf(paths: readonly string[], except: (path: string) => boolean = () => false): readonly string[] {
    return paths.flatMap(path => {
      const status = lstatSync(path, { throwIfNoEntry: false });
      if (status === undefined || except(path)) return [];
      if (status.isDirectory())
        return this.filesOf(
          readdirSync(path).map(name => join(path, name)),
          except,
        );
      return status.isFile() ? [path] : [];
    });
  }

  #look(bytes: Uint8Array, form: string, depth: number, tell: (secret: string, form: string) => void): void {
    this.#match(bytes, form, tell);
    const characters = withoutZeros(bytes);
    if (characters) this.#match(characters, `text in UTF-16${form}`, tell);
    if (depth === DEPTH) return;
    for (const text of characters ? [bytes, characters] : [bytes]) {
      const deeper =
        (name: string, further: number) =>
        (decoded: Uint8Array): void =>
          this.#look(decoded, ` in ${name}${form}`, further, tell);
      hexForms(text, deeper("hex", depth + 1));
      base64Forms(text, deeper("base64", depth + 1));
      // Numbers stand for bytes of keys, hardly for texts of them.
      decimalForms(text, deeper("decimal", DEPTH));
    }
  }

  #match(bytes: Uint8Array, form: string, tell: (secret: string, form: string) => void): void {
    for (let at = 0; at + WINDOW <= bytes.length; at++) {
      const secret = this.#secrets.at(bytes, at);
      if (secret !== undefined) tell(secret, `bytes${form}`);
    }
    const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
    if (LABELS.some(label => buffer.includes(label))) tell("some key", `PEM${form}`);
    if (DER.some(der => buffer.includes(der))) tell("some key", `DER${form}`);
  }
}
