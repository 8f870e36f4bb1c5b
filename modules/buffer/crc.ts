/** Remainders of the 16 values of four bits (polynomial 0xEDB88320). A full table would take 256 slots. */
const NIBBLES: readonly number[] = Object.freeze([
  0, 0x1db71064, 0x3b6e20c8, 0x26d930ac, 0x76dc4190, 0x6b6b51f4, 0x4db26158, 0x5005713c, 0xedb88320,
  0xf00f9344, 0xd6d6a3e8, 0xcb61b38c, 0x9b64c2b0, 0x86d3d2d4, 0xa00ae278, 0xbdbdf21c,
]);

/**
 * CRC-32 (IEEE 802.3) of `bytes` from `start` up to, not including, `end`, going on from the CRC
 * of what came before (0 at the beginning). A signed 32-bit integer.
 */
export function crc32(crc: number, bytes: Uint8Array, start: number, end: number): number {
  crc = ~crc;
  for (let index = start; index < end; index++) {
    crc ^= bytes[index] ?? 0;
    crc = (crc >>> 4) ^ (NIBBLES[crc & 15] ?? 0);
    crc = (crc >>> 4) ^ (NIBBLES[crc & 15] ?? 0);
  }
  return ~crc;
}
