/** The tables of `test-host/spec/linux`, which run there on stand-ins, on the SDK's own arithmetic. */
import vectors from "sdk/vectors";
import type { Credential } from "../../../modules/io/credentials.js";
import type { Certificate } from "../../../modules/pki/x509.js";
import { sha2 } from "../../../hosts/moddable/crypto.js";
import { signP256 } from "../../../hosts/moddable/p256.js";
import { isSignedBy } from "../../../hosts/moddable/signatures.js";
import { done } from "./assert.js";

declare const trace: (text: string) => void;

function bytesOf(hex: string): Uint8Array {
  return Uint8Array.from({ length: hex.length / 2 }, (_, i) => parseInt(hex.slice(2 * i, 2 * i + 2), 16));
}

function hexOf(bytes: Uint8Array): string {
  return Array.from(bytes, byte => byte.toString(16).padStart(2, "0")).join("");
}

function credential(bytes: Uint8Array): Credential {
  return { byteLength: bytes.length, view: bytes, read: () => 0 };
}

const blank: Omit<Certificate, "tbs" | "algorithm" | "signature" | "key"> = {
  issuer: new Uint8Array(0),
  subject: new Uint8Array(0),
  notBefore: 0,
  notAfter: 0,
  authority: true,
  pathLength: undefined,
  keyUsage: undefined,
  forServers: true,
  unknownCritical: false,
  names: undefined,
};

function taken(tbs: string, algorithm: string, signature: string, key: string): boolean {
  const parts = {
    ...blank,
    tbs: bytesOf(tbs),
    algorithm: bytesOf(algorithm),
    signature: bytesOf(signature),
    key: bytesOf(key),
  };
  try {
    return isSignedBy(parts, parts);
  } catch {
    // What is no DER throws, which ends a handshake as well.
    return false;
  }
}

const wrong: string[] = [];
for (const { name, valid, tbs, algorithm, signature, key } of vectors.signatures)
  if (taken(tbs, algorithm, signature, key) !== valid) wrong.push(name);
for (const { key, message, signature } of vectors.rfc6979)
  if (hexOf(signP256(credential(bytesOf(key)), sha2(0, bytesOf(message)))) !== signature)
    wrong.push(`RFC 6979 ${message}`);
trace(`${String(vectors.signatures.length + vectors.rfc6979.length)} vectors\n`);
done(wrong.length === 0 ? undefined : wrong.join(", "));
