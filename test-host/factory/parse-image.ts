import { crc32 } from "node:zlib";

const ROLES = ["ca", "certificate", "key"] as const;

/**
 * What an image of the partition `esp_secure_cert` holds, read by the format's description alone
 * (esp_secure_cert_mgr 2.9.3, docs/format.md): a second opinion on who writes them.
 */
export function parseImage(image: Uint8Array): Partial<Record<(typeof ROLES)[number], Uint8Array>> {
  const bytes = Buffer.from(image);
  const found: Partial<Record<(typeof ROLES)[number], Uint8Array>> = {};
  for (let at = 0; at + 12 <= bytes.length && bytes.readUInt32LE(at) === 0xba5eba11;) {
    const role = ROLES[bytes.readUInt8(at + 8)];
    const length = bytes.readUInt16LE(at + 10);
    const padded = Math.ceil(length / 16) * 16;
    const end = at + 12 + padded;
    // zlib begins with the complement of what the format says it begins with.
    if (bytes.readUInt32LE(end) !== crc32(bytes.subarray(at, end), 0xffffffff))
      throw new Error(`the entry at ${String(at)} has a wrong checksum`);
    if (role !== undefined) found[role] = Uint8Array.from(bytes.subarray(at + 12, at + 12 + length));
    at = end + 4;
  }
  return found;
}
