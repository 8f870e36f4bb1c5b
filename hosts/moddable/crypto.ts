import { Digest } from "crypt";
import type { Credential } from "../../modules/io/credentials.js";

interface XSBigInt {
  fromArrayBuffer(bytes: ArrayBuffer): bigint;
}

interface XSArrayBuffer {
  fromBigInt(value: bigint, minimumBytes: number): ArrayBuffer;
}

interface Hash {
  write(bytes: Uint8Array): void;
  close(): ArrayBuffer;
}

// XS's own additions to the language.
const BigIntBytes = BigInt as unknown as XSBigInt;
const BytesOfBigInt = ArrayBuffer as unknown as XSArrayBuffer;

/** The SDK's typings know nothing of views. */
const NativeDigest = Digest as unknown as new (name: string) => Hash;

const HASHES = Object.freeze(["SHA256", "SHA384", "SHA512"] as const);

/** A number, its highest byte first. */
export function unsigned(bytes: Uint8Array): bigint {
  return BigIntBytes.fromArrayBuffer(bytes.slice().buffer);
}

/** The number in so many bytes, its highest byte first. */
export function octets(value: bigint, byteLength: number): Uint8Array {
  return new Uint8Array(BytesOfBigInt.fromBigInt(value, byteLength));
}

/** RFC 2104 with SHA-256, for keys of 64 bytes at most. */
export function hmacSha256(key: Uint8Array, message: Uint8Array): Uint8Array {
  let result = message;
  for (const pad of [0x36, 0x5c]) {
    const block = new Uint8Array(64 + result.length);
    for (let i = 0; i < 64; i++) block[i] = (key[i] ?? 0) ^ pad;
    block.set(result, 64);
    result = new Uint8Array(sha2(0, block));
  }
  return result;
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
