import type { CredentialRole } from "../../modules/io/credentials.js";
import {
  MAGIC,
  OVERHEAD,
  ROLES,
  SecureCert,
  wordAt,
  type SecureCertFault,
} from "../../modules/pki/secure-cert.js";
import { SECURE_CERT_SIZE } from "../../modules/pki/secure-cert-image.js";
import type { Flaws } from "./target.js";

/** What an image holds, and what is wrong with it. */
export interface ImageReading {
  /** DER, the key in PKCS#8, to be overwritten. */
  readonly objects: { readonly [Role in CredentialRole]?: Uint8Array };
  readonly flaws: Flaws;
}

const ERASED = 0xff;

const FAULTS: Readonly<Record<SecureCertFault, string>> = {
  damaged: "is damaged: the CRC-32 of its entry is wrong",
  encrypted: "is encrypted with a key of the chip",
  derived: "is not stored: the chip derives it",
  peripheral: "is in the chip's own peripheral",
  malformed: "is no DER or PEM of its kind",
};

/** What is wrong with the partition as a whole: with what no object alone can tell. */
function wholeFlaw(image: Uint8Array, cert: SecureCert): string | undefined {
  const number = (value: number): string => value.toLocaleString("en");
  if (image.length === 0) return "the file is empty";
  if (image.length < OVERHEAD || wordAt(image, 0) !== MAGIC)
    return image.every(byte => byte === ERASED)
      ? "nothing is stored in it: every byte is erased (0xFF)"
      : "it is no image of the partition esp_secure_cert, or its first bytes are damaged: no entry begins at its start";
  // Before damage: what is cut off is why the last entry is damaged, too.
  if (image.length !== SECURE_CERT_SIZE)
    return `it has ${number(image.length)} bytes, and the partition ${number(SECURE_CERT_SIZE)}: it is ${image.length < SECURE_CERT_SIZE ? "cut off" : "too long"}`;
  for (let at = 0; at < cert.end;) {
    if (!cert.intact(at)) return `the entry at byte ${number(at)} is damaged: its CRC-32 is wrong`;
    at += OVERHEAD + ((((image[at + 10] ?? 0) | ((image[at + 11] ?? 0) << 8)) + 15) & ~15);
  }
  const written = image.findIndex((byte, at) => at >= cert.end && byte !== ERASED);
  return written < 0
    ? undefined
    : `byte ${number(written)} behind its last whole entry is not erased (0xFF): it is damaged, or a device has written there`;
}

/** An image of `esp_secure_cert`: what the device will find in it, and what is wrong with it. */
export function readImage(image: Uint8Array): ImageReading {
  const cert = new SecureCert(image);
  const objects: { [Role in CredentialRole]?: Uint8Array } = {};
  const whole = wholeFlaw(image, cert);
  const flaws: { -readonly [Name in keyof Flaws]: Flaws[Name] } = whole === undefined ? {} : { whole };
  for (const role of ROLES) {
    const stored = cert.look(role);
    if (stored === undefined) continue;
    if (typeof stored === "string") {
      flaws[role] = FAULTS[stored];
      continue;
    }
    const bytes = new Uint8Array(stored.byteLength);
    for (let at = 0; at < bytes.length;) {
      const count = stored.read(bytes.subarray(at), at);
      if (count === 0) break;
      at += count;
    }
    objects[role] = bytes;
  }
  return { objects, flaws };
}
