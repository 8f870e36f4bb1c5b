import { createCipheriv, pbkdf2Sync, randomBytes, type KeyObject } from "node:crypto";
import { InputError } from "../input-error.js";
import { der, integer, nothing, octets, oid, SEQUENCE } from "./der.js";

/** Fewest characters of a passphrase that a key is stored under. */
export const PASSPHRASE_LEAST = 12;

/** OWASP's figure of 2023 for PBKDF2 with HMAC-SHA-256; about 0.3 s on a workstation. */
const ITERATIONS = 600_000;
const SALT_BYTES = 16;
const KEY_BYTES = 32;

const PBES2 = "1.2.840.113549.1.5.13";
const PBKDF2 = "1.2.840.113549.1.5.12";
const HMAC_SHA256 = "1.2.840.113549.2.9";
const AES_256_CBC = "2.16.840.1.101.3.4.1.42";

/**
 * @param where the file or option that the passphrase came from, for the message.
 * @throws InputError when it is shorter than {@link PASSPHRASE_LEAST} characters.
 */
export function checkPassphrase(passphrase: string, where: string): void {
  if (Array.from(passphrase).length >= PASSPHRASE_LEAST) return;
  throw new InputError({
    what: `the passphrase has fewer than ${String(PASSPHRASE_LEAST)} characters`,
    why: "Whoever gets a copy of the file tries short ones until one fits, and then issues certificates as this authority.",
    fix: "Let a computer choose it: openssl rand -base64 24 > passphrase",
    file: where,
  });
}

/**
 * A private key under a passphrase: PKCS#8 EncryptedPrivateKeyInfo, PEM, by PBES2 (RFC 8018) with
 * PBKDF2-HMAC-SHA-256 of 600,000 rounds and AES-256-CBC. Node's own export has 2,048 rounds, and no
 * option for more; OpenSSL and node read both.
 */
export function lockKey(key: KeyObject, passphrase: string): string {
  const plain = key.export({ type: "pkcs8", format: "der" });
  const salt = randomBytes(SALT_BYTES);
  const iv = randomBytes(16);
  const wrapping = pbkdf2Sync(passphrase, salt, ITERATIONS, KEY_BYTES, "sha256");
  try {
    const cipher = createCipheriv("aes-256-cbc", wrapping, iv);
    const locked = Buffer.concat([cipher.update(plain), cipher.final()]);
    const derivation = der(
      SEQUENCE,
      oid(PBKDF2),
      der(SEQUENCE, octets(salt), integer(ITERATIONS), der(SEQUENCE, oid(HMAC_SHA256), nothing())),
    );
    const encryption = der(SEQUENCE, oid(AES_256_CBC), octets(iv));
    const whole = der(
      SEQUENCE,
      der(SEQUENCE, oid(PBES2), der(SEQUENCE, derivation, encryption)),
      octets(locked),
    );
    const lines =
      Buffer.from(whole)
        .toString("base64")
        .match(/.{1,64}/g) ?? [];
    return `-----BEGIN ENCRYPTED PRIVATE KEY-----\n${lines.join("\n")}\n-----END ENCRYPTED PRIVATE KEY-----\n`;
  } finally {
    plain.fill(0);
    wrapping.fill(0);
  }
}
