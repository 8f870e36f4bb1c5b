import { crc32 } from "../buffer/crc.js";
import type { CredentialRole } from "../io/credentials.js";
import type { FlashPartition } from "../io/flash.js";
import { CRC_START, MAGIC, OVERHEAD, ROLES } from "./secure-cert.js";

/** What flash encryption writes at a time. */
export const UNIT = 16;

/**
 * Writes entries as `SecureCert` and Espressif's tools read them, one behind the other, each 16
 * bytes once. RAM: those 16 bytes.
 */
export class SecureCertWriter {
  /** Where the next entry begins: behind the open one as soon as some of that is written. */
  at: number;
  /** Bytes of the open object that are still to come. */
  rest = 0;
  /** CRC that the last entry should end with. */
  crc = 0;
  private readonly flash: Pick<FlashPartition, "write">;
  private readonly unit = new Uint8Array(UNIT);
  private used = 0;
  private place = 0;
  private end = 0;

  /** `at`: where the first entry goes, a multiple of 16. */
  constructor(flash: Pick<FlashPartition, "write">, at: number) {
    this.flash = flash;
    this.at = at;
  }

  /** Begins an entry of `byteLength` bytes, 1 to 65535. An object that is open stays unfinished, and is not read. */
  open(role: CredentialRole, byteLength: number): void {
    const unit = this.unit.fill(0);
    for (let i = 0; i < 4; i++) unit[i] = MAGIC >> (8 * i);
    unit[8] = ROLES.indexOf(role);
    unit[10] = byteLength;
    unit[11] = byteLength >> 8;
    this.used = 12;
    this.rest = byteLength;
    this.crc = CRC_START;
    this.place = this.at;
    this.end = this.at + OVERHEAD + ((byteLength + 15) & ~15);
  }

  /** The next bytes of the object: no more than `rest`. */
  write(bytes: Uint8Array): void {
    const size = bytes.length;
    this.rest -= size;
    for (let i = 0; i < size; i++) this.put(bytes[i] ?? 0);
  }

  /** Ends the object whose bytes are all written. */
  close(): void {
    while (this.used !== 12) this.put(0);
    const crc = (this.crc = crc32(this.crc, this.unit, 0, 12));
    for (let i = 0; i < 32; i += 8) this.put(crc >> i);
  }

  private put(byte: number): void {
    const unit = this.unit;
    unit[this.used++] = byte;
    if (this.used < UNIT) return;
    const place = this.place;
    this.used = 0;
    this.at = this.end;
    this.place = place + UNIT;
    if (this.place < this.end) this.crc = crc32(this.crc, unit, 0, UNIT);
    this.flash.write(unit, place);
  }
}
