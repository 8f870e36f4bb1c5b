import { crc32 } from "../buffer/crc.js";
import type { Credential, CredentialRole, Credentials } from "../io/credentials.js";
import { BytesCredential } from "./bytes.js";
import { pemCredential } from "./pem-credential.js";
import { keyOf } from "./stored-key.js";

/*
 * The partition `esp_secure_cert` in the TLV format of Espressif's esp_secure_cert_mgr 2.9.3
 * (docs/format.md and private_include/esp_secure_cert_tlv_private.h there). Entries follow each
 * other up to the first place where none begins; numbers have their low byte first.
 *
 *   magic (4)  flags (1)  zero (3)  type (1)  subtype (1)  length (2)  value  zeros  CRC-32 (4)
 *
 * The zeros fill the value up to a multiple of 16 bytes; the CRC is of all that stands before it.
 */
/** 0xBA5EBA11, signed. */
export const MAGIC = -0x45a145ef;
/** Bytes of header and CRC. */
export const OVERHEAD = 16;
/** What a CRC begins with: zlib's crc32(data, 0xffffffff). */
export const CRC_START = -1;
const HEADER = 12;
/** Types of what an RSA key in the DS peripheral and an ECDSA key in an eFuse block leave in flash. */
const DS_DATA = 3;
const SECURITY_CONFIGURATION = 6;

/** Roles by the type of their entries. */
export const ROLES: readonly CredentialRole[] = Object.freeze(["ca", "certificate", "key"] as const);

/** Why an object that is there cannot be given. */
export type SecureCertFault =
  /** Its CRC is wrong, or it would reach beyond the partition. */
  | "damaged"
  /** Encrypted with a key that the chip's HMAC peripheral makes of an eFuse block. */
  | "encrypted"
  /** No key is stored: the chip's HMAC peripheral derives it from an eFuse block and a salt. */
  | "derived"
  /** The key is in the chip's DS or ECDSA peripheral, whose eFuse block software cannot read. */
  | "peripheral"
  /** Its bytes are whole and are no DER or PEM, or no private key that can be put into PKCS#8. */
  | "malformed";

/**
 * Reads credentials in place from a partition that is mapped into memory, whatever it holds: every
 * access is inside `image`, entries of other types and subtypes are passed over, nothing throws. DER
 * objects have a `view`; PEM texts (which Espressif's tool stores with a zero at their end) are
 * decoded while they are read.
 */
export class SecureCert implements Credentials {
  private readonly image: Uint8Array;

  constructor(image: Uint8Array) {
    this.image = image;
  }

  /** Place behind the last entry. */
  get end(): number {
    return this.walk(-1, true);
  }

  /** `undefined`: nothing is stored for that role, or what is stored has a fault. */
  open(role: CredentialRole): Credential | undefined {
    const found = this.look(role);
    return typeof found === "string" ? undefined : found;
  }

  /** The object, why it cannot be given, or `undefined` when nothing is stored for that role. */
  look(role: CredentialRole): Credential | SecureCertFault | undefined {
    const image = this.image;
    const at = this.find(role);
    if (at < 0)
      return role === "key" && (this.walk(DS_DATA) >= 0 || this.walk(SECURITY_CONFIGURATION) >= 0)
        ? "peripheral"
        : undefined;
    if (!this.intact(at)) return "damaged";
    const flags = image[at + 4] ?? 0;
    // Other values say nothing: images made before there were flags have 0xFF here.
    if (flags >> 6 === 2) return "encrypted";
    if (flags >> 6 === 1) return "derived";
    if ((flags & 0x38) === 8) return "peripheral";
    const start = at + HEADER;
    const value = image.subarray(start, start + lengthAt(image, at));
    const isKey = role === "key";
    const stored =
      value[0] === 0x30 /* SEQUENCE */
        ? new BytesCredential(value)
        : pemCredential(value, isKey ? "PRIVATE KEY" : "CERTIFICATE");
    return (isKey && stored ? keyOf(stored) : stored) ?? "malformed";
  }

  /** Place of the role's entry, whole or not: of several the last one, as Espressif's reader takes it; -1: none. */
  find(role: CredentialRole): number {
    return this.walk(ROLES.indexOf(role));
  }

  /** Whether the entry at `at` lies in the partition and its CRC is right. */
  intact(at: number): boolean {
    const image = this.image;
    const crc = nextOf(image, at) - 4;
    return crc + 4 <= image.length && crc32(CRC_START, image, at, crc) === wordAt(image, crc);
  }

  /** Whether the role's entry ends at `end`, with this CRC, which is right. */
  holds(role: CredentialRole, end: number, crc: number): boolean {
    const at = this.find(role);
    const image = this.image;
    return at >= 0 && nextOf(image, at) === end && wordAt(image, end - 4) === crc && this.intact(at);
  }

  private walk(type: number, toEnd = false): number {
    const image = this.image;
    let found = -1;
    let at = 0;
    while (at + OVERHEAD <= image.length && wordAt(image, at) === MAGIC) {
      if (image[at + 8] === type) found = at;
      at = nextOf(image, at);
    }
    return toEnd ? at : found;
  }
}

/** 32 bits, low byte first, signed. */
export function wordAt(bytes: Uint8Array, at: number): number {
  return (
    (bytes[at] ?? 0) |
    ((bytes[at + 1] ?? 0) << 8) |
    ((bytes[at + 2] ?? 0) << 16) |
    ((bytes[at + 3] ?? 0) << 24)
  );
}

/** Bytes of an entry's value. */
function lengthAt(image: Uint8Array, at: number): number {
  return (image[at + 10] ?? 0) | ((image[at + 11] ?? 0) << 8);
}

/** Place behind an entry. */
function nextOf(image: Uint8Array, at: number): number {
  return at + OVERHEAD + ((lengthAt(image, at) + 15) & ~15);
}
