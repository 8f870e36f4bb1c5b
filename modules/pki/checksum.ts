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
    let shift = this.byteLength & 1 ? 0 : 8;
    this.byteLength += end - start;
    for (; start < end; start++) {
      value ^= (bytes[start] ?? 0) << shift;
      shift ^= 8;
    }
    this.value = value;
  }
}
