import assert from "node:assert/strict";

/*
 * The format of esp_secure_cert written down a second time, from its documentation
 * (esp_secure_cert_mgr 2.9.3, docs/format.md), with none of the code under test.
 */

export interface TlvEntry {
  readonly type: number;
  readonly subtype?: number;
  readonly flags?: number;
  readonly value: Uint8Array;
}

export interface ParsedEntry extends Required<TlvEntry> {
  readonly offset: number;
  /** Whether the CRC is right. */
  readonly valid: boolean;
}

/** CRC-32 bit by bit, from a register of zero and inverted at the end: zlib's with the start value 0xFFFFFFFF. */
export function tlvCrc(bytes: Uint8Array): number {
  let crc = 0;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = (crc & 1) !== 0 ? (crc >>> 1) ^ 0xedb88320 : crc >>> 1;
  }
  return ~crc >>> 0;
}

export function tlv({ type, subtype = 0, flags = 0, value }: TlvEntry): Buffer {
  const padded = Math.ceil(value.length / 16) * 16;
  const entry = Buffer.alloc(12 + padded + 4);
  entry.writeUInt32LE(0xba5eba11, 0);
  entry.writeUInt8(flags, 4);
  entry.writeUInt8(type, 8);
  entry.writeUInt8(subtype, 9);
  entry.writeUInt16LE(value.length, 10);
  entry.set(value, 12);
  entry.writeUInt32LE(tlvCrc(entry.subarray(0, 12 + padded)), 12 + padded);
  return entry;
}

/** A partition with these entries, 0xFF behind them. */
export function partition(entries: readonly TlvEntry[], size = 0x2000): Uint8Array {
  const bytes = Buffer.concat(entries.map(tlv));
  assert.ok(bytes.length <= size);
  const image = new Uint8Array(size).fill(0xff);
  image.set(bytes);
  return image;
}

/** What Espressif's parser would list. */
export function parse(image: Uint8Array): ParsedEntry[] {
  const bytes = Buffer.from(image);
  const found: ParsedEntry[] = [];
  for (let at = 0; at + 16 <= bytes.length && bytes.readUInt32LE(at) === 0xba5eba11;) {
    const length = bytes.readUInt16LE(at + 10);
    const end = at + 12 + Math.ceil(length / 16) * 16;
    if (end + 4 > bytes.length) break;
    found.push({
      offset: at,
      type: bytes.readUInt8(at + 8),
      subtype: bytes.readUInt8(at + 9),
      flags: bytes.readUInt8(at + 4),
      value: new Uint8Array(bytes.subarray(at + 12, at + 12 + length)),
      valid: bytes.readUInt32LE(end) === tlvCrc(bytes.subarray(at, end)),
    });
    at = end + 4;
  }
  return found;
}
