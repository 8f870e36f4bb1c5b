import { Digest } from "crypt";
import type { Credential } from "../../modules/io/credentials.js";

interface XSBigInt {
  fromArrayBuffer(bytes: ArrayBuffer): bigint;
}

interface Hash {
  write(bytes: Uint8Array): void;
  close(): ArrayBuffer;
}

/** XS's own addition to the language. */
const BigIntBytes = BigInt as unknown as XSBigInt;

/** The SDK's typings know nothing of views. */
const NativeDigest = Digest as unknown as new (name: string) => Hash;

const HASHES = Object.freeze(["SHA256", "SHA384", "SHA512"] as const);

/** A number, its highest byte first. */
export function unsigned(bytes: Uint8Array): bigint {
  return BigIntBytes.fromArrayBuffer(bytes.slice().buffer);
}

/** `kind` 0, 1, 2: SHA-256, SHA-384, SHA-512. */
export function sha2(kind: number, bytes: Uint8Array): ArrayBuffer {
  const hash = new NativeDigest(HASHES[kind] ?? "SHA256");
  hash.write(bytes);
  return hash.close();
}

/** The bytes in one piece: in place where the store can give that. */
export function bytesOf(credential: Credential): Uint8Array {
  if (credential.view !== undefined) return credential.view;
  const bytes = new Uint8Array(credential.byteLength);
  credential.read(bytes, 0);
  return bytes;
}
