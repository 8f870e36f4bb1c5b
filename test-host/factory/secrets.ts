import { createPrivateKey, createPublicKey, type JsonWebKey, type KeyObject } from "node:crypto";

/** Bytes of a secret that are looked for: fewer could be there by chance. */
export const WINDOW = 8;

/** Bits of the filter that most places of what is searched do not pass. */
const FILTER_BITS = 24;

/** The members of a JSON Web Key that are secret (RFC 7518 §6.2.2, §6.3.2). */
const SECRET_MEMBERS = ["d", "p", "q", "dp", "dq", "qi"] as const satisfies readonly (keyof JsonWebKey)[];

/** Place in the filter of the four bytes at `at`. */
export function filterPlace(bytes: Uint8Array, at: number): number {
  const word =
    (bytes[at] ?? 0) |
    ((bytes[at + 1] ?? 0) << 8) |
    ((bytes[at + 2] ?? 0) << 16) |
    ((bytes[at + 3] ?? 0) << 24);
  return Math.imul(word, 0x9e3779b1) >>> (32 - FILTER_BITS);
}

/**
 * What must not be found anywhere: of private keys the numbers that are secret, in every run of eight
 * bytes, forwards and backwards (OpenSSL keeps numbers low byte first); of passphrases and PINs their
 * text. Names tell them apart; nothing of a secret is ever shown.
 */
export class Secrets {
  readonly #filter = new Uint8Array(1 << (FILTER_BITS - 3));
  readonly #windows = new Map<string, string>();
  readonly #known = new Set<string>();

  get size(): number {
    return this.#known.size;
  }

  /** PKCS#8 in DER. The same key again is no second one. */
  addKey(pkcs8: Uint8Array, name?: string): void {
    this.addKeyObject(createPrivateKey({ key: Buffer.from(pkcs8), format: "der", type: "pkcs8" }), name);
  }

  addKeyObject(key: KeyObject, name?: string): void {
    const id = createPublicKey(key).export({ type: "spki", format: "der" }).toString("hex");
    if (this.#known.has(id)) return;
    this.#known.add(id);
    const jwk = key.export({ format: "jwk" });
    for (const member of SECRET_MEMBERS) {
      const text = jwk[member];
      if (text !== undefined)
        this.#add(Buffer.from(text, "base64url"), `${name ?? `key ${String(this.#known.size)}`} (${member})`);
    }
  }

  /** A passphrase or PIN, of eight characters or more. */
  addText(text: string, name: string): void {
    const bytes = Buffer.from(text, "utf8");
    if (bytes.length < WINDOW) throw new RangeError(`${name}: shorter texts are found by chance`);
    this.#known.add(name);
    this.#add(bytes, name);
  }

  /** Name of the secret of which eight bytes stand at `at`. */
  at(bytes: Uint8Array, at: number): string | undefined {
    const place = filterPlace(bytes, at);
    if (((this.#filter[place >>> 3] ?? 0) & (1 << (place & 7))) === 0) return undefined;
    return this.#windows.get(Buffer.from(bytes.buffer, bytes.byteOffset + at, WINDOW).toString("latin1"));
  }

  #add(secret: Buffer, name: string): void {
    for (const bytes of [secret, Buffer.from(secret).reverse()])
      for (let at = 0; at + WINDOW <= bytes.length; at++) {
        const place = filterPlace(bytes, at);
        this.#filter[place >>> 3] = (this.#filter[place >>> 3] ?? 0) | (1 << (place & 7));
        this.#windows.set(bytes.toString("latin1", at, at + WINDOW), name);
      }
  }
}
