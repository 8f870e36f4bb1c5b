/**
 * The checksum that the module gives after an upload (`+QFUPL: <size>,<checksum>`) and a download
 * (`+QFDWL`): exclusive or of 16-bit words, first byte high; an odd last byte is a high byte.
 * Quectel FILE Application Note, AT+QFUPL; checked against logs of real modules.
 */
export class FileChecksum {
  /** The checksum of all bytes so far, 0 to 0xFFFF. */
  value = 0;
  /** Bytes so far. */
  byteLength = 0;

  /** Takes the next bytes, `bytes` from `start` up to, not including, `end`. */
  update(bytes: Uint8Array, start = 0, end: number = bytes.length): void {
    let value = this.value;
    let low = this.byteLength & 1;
    for (let index = start; index < end; index++) {
      value ^= low === 0 ? (bytes[index] ?? 0) << 8 : (bytes[index] ?? 0);
      low ^= 1;
    }
    this.value = value;
    this.byteLength += end - start;
  }

  reset(): void {
    this.value = 0;
    this.byteLength = 0;
  }
}
