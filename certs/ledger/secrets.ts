import { createPrivateKey } from "node:crypto";
import { FactoryError } from "../factory-error.js";

function fail(place: string): never {
  throw new FactoryError({
    code: "secret",
    side: "environment",
    // Not a word of the value itself.
    what: `${place} of a ledger's entry looks like a private key; it was not written`,
    why: "The ledger is copied, exported and shown: no secret may stand in it.",
    fix: "This is a fault of the program: report it.",
  });
}

/** PKCS#8, PKCS#1 or SEC 1. An encrypted one counts too: its passphrase may be weak. */
function isPrivateKey(der: Buffer): boolean {
  // Every one of them is a SEQUENCE of some length.
  if (der[0] !== 0x30 || der.length < 32) return false;
  for (const type of ["pkcs8", "pkcs1", "sec1"] as const)
    try {
      createPrivateKey({ key: der, format: "der", type, passphrase: "" });
      return true;
    } catch (error) {
      const code = error instanceof Error && "code" in error ? String(error.code) : "";
      // Only an encrypted key gets as far as its passphrase.
      if (type === "pkcs8" && /BAD_DECRYPT|BAD_PASSWORD|PASSPHRASE|WRONG_FINAL_BLOCK/i.test(code))
        return true;
    }
  return false;
}

/** Refuses what looks like a private key: PEM, or DER in base64, base64url or hexadecimal. */
export function refuseSecrets(value: string, place: string): void {
  if (/PRIVATE KEY/i.test(value)) fail(place);
  // Line ends and blanks inside do not hide it.
  const dense = value.replace(/\s+/g, "");
  for (const [hex] of dense.matchAll(/30(?:[\da-f]{2}){32,}/gi))
    if (isPrivateKey(Buffer.from(hex, "hex"))) fail(place);
  // A SEQUENCE with more than 31 bytes begins with M in base64.
  for (const found of dense.matchAll(/M[\w+/-]{40,}={0,2}/g))
    if (isPrivateKey(Buffer.from(found[0], "base64"))) fail(place);
}

/** Refuses bytes that are a private key where a certificate, request or public key should stand. */
export function refuseSecretBytes(bytes: Uint8Array, place: string): void {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (isPrivateKey(buffer)) fail(place);
  refuseSecrets(buffer.toString("latin1"), place);
}
