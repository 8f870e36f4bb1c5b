import { crc32 } from "../buffer/crc.js";
import type { FlashPartition } from "../io/flash.js";
import { SecureCert, wordAt } from "./secure-cert.js";

/*
 * A slot is a partition in the format of esp_secure_cert whose last 512 bytes are 16 places for
 * records, filled from the first on. A record is 32 bytes, its numbers low byte first:
 *
 *   magic (4)  kind (4)  sequence (4)  end (4)  CRC-32 of the objects (4)  zero (8)  CRC-32 (4)
 *
 * Under flash encryption nothing can be told of a place that holds no record: erased and half
 * written ones read as noise alike. So a record is written, read back, and written into the next
 * place if it is not there; a place that holds one is never written again.
 */
const RECORD_BYTES = 32;
const PLACES = 16;
/** "XSCV". */
const RECORD_MAGIC = 0x56435358;

/** Kinds of records, in the order in which a slot can get them. */
/** The slot was erased and takes objects; `sequence` is the one that it will have. */
export const BEGUN = 1;
/** What stands before `end` is in use since `sequence`. */
export const COMMITTED = 2;
/** It could not connect. */
export const TRIED = 3;
export const CONFIRMED = 4;
/** The other slot came back. */
export const REJECTED = 5;
/** Nothing is to be written any more, to either slot. */
export const LOCKED = 6;
/** The slot is being erased: what is left of it is nothing. */
export const ERASED = 7;

/** Failed tries after which the other slot comes back. */
export const TRIES = 3;

/** A partition and the same bytes mapped into memory. */
export interface SlotFlash {
  readonly flash: FlashPartition;
  /** What `flash` holds now, after writes and erases too. */
  readonly view: Uint8Array;
}

/** One of the two slots: what its records say, and what it holds. */
export class Slot {
  readonly flash: FlashPartition;
  readonly cert: SecureCert;
  /** Objects end here, records begin. */
  readonly limit: number;
  /** BEGUN, COMMITTED (on trial), CONFIRMED, REJECTED or ERASED; 0: there are no records of ours. */
  kind = 0;
  sequence = 0;
  locked = false;
  /** Whether objects without records are taken: they are a factory's. */
  private readonly takesOthers: boolean;
  private readonly view: Uint8Array;
  private readonly record = new Uint8Array(RECORD_BYTES);
  private tries = 0;
  private end = 0;
  private crc = 0;
  /** The place behind the last record. */
  private place = 0;

  constructor(slot: SlotFlash, takesOthers: boolean) {
    const view = slot.view;
    this.flash = slot.flash;
    this.view = view;
    this.takesOthers = takesOthers;
    this.cert = new SecureCert(view);
    this.limit = view.length - PLACES * RECORD_BYTES;
    for (let place = 0; place < PLACES; place++) if (this.recordAt(place)) this.place = place + 1;
  }

  /** Of two slots the one of the higher rank comes first: 2 committed, 1 a factory's, 0 rejected; -1: nothing of use. */
  get rank(): number {
    const kind = this.kind;
    if (kind === 0) return this.takesOthers ? 1 : -1;
    return kind === BEGUN || kind === ERASED ? -1 : kind === REJECTED ? 0 : 2;
  }

  /** Has connected, or comes from a factory. */
  get confirmed(): boolean {
    return this.kind === CONFIRMED || this.rank === 1;
  }

  /** Whether the slot holds what was committed; a factory's, whether it holds anything that can be used. */
  get whole(): boolean {
    const cert = this.cert;
    const end = this.end;
    if (this.rank < 0) return false;
    if (this.kind === 0) return !!cert.open("ca") || !!cert.open("certificate") || !!cert.open("key");
    // An odd number in a record must not be taken for a place.
    return end > 0 && end <= this.limit && crc32(0, this.view, 0, end) === this.crc;
  }

  /** Whether anything is still to be found in the slot: after `erase` only in flash that does not erase. */
  get used(): boolean {
    for (let place = 0; place < PLACES; place++) if (this.recordAt(place)) return true;
    return this.cert.end > 0;
  }

  /** Erases everything. The records go last: until then they say what they said of objects that are gone. */
  erase(): void {
    // Nobody must go on with what an erasure that power cuts off leaves of a begun slot: its rest would lie in the way.
    if (this.kind === BEGUN) this.append(ERASED);
    const flash = this.flash;
    const blocks = flash.status().blocks;
    for (let block = 0; block < blocks; block++) flash.eraseBlock(block);
    this.kind = this.tries = this.end = this.crc = this.place = 0;
  }

  /** What stands before `end` is to be in use. */
  commit(end: number): boolean {
    return end <= this.limit && this.append(COMMITTED, end, crc32(0, this.view, 0, end));
  }

  /** One more failed try. True: it is written, and was not the last. */
  tried(): boolean {
    return this.append(TRIED) && this.tries < TRIES;
  }

  /** Writes a record. False: no place took it; nothing has changed then. */
  append(kind: number, end = 0, crc = 0): boolean {
    const record = this.record;
    const words = [RECORD_MAGIC, kind, this.sequence, end, crc, 0, 0];
    // A factory's image may reach to where records begin. An end that is no place takes all of them. Ours never reaches there,
    // whatever the length in a header says that power cut off.
    const used = this.kind === 0 ? Math.ceil((this.cert.end - this.limit) / RECORD_BYTES) : 0;
    if (used > this.place) this.place = used;
    while (this.place < PLACES) {
      const place = this.place++;
      for (let i = 0; i < 28; i++) record[i] = (words[i >> 2] ?? 0) >> (8 * (i & 3));
      const sum = crc32(0, record, 0, 28);
      for (let i = 0; i < 4; i++) record[28 + i] = sum >> (8 * i);
      try {
        this.flash.write(record, this.limit + place * RECORD_BYTES);
        if (this.recordAt(place, sum)) return true;
      } catch {
        return false;
      }
    }
    return false;
  }

  /**
   * Reads a place, and takes in what it says, if it is of a known kind; false when there is no record, or
   * not the one of this sum.
   */
  private recordAt(place: number, sum?: number): boolean {
    const record = this.record;
    this.flash.read(record, this.limit + place * RECORD_BYTES);
    const found = wordAt(record, 28);
    if (wordAt(record, 0) !== RECORD_MAGIC || crc32(0, record, 0, 28) !== found || (sum ?? found) !== found)
      return false;
    const kind = wordAt(record, 4);
    if (kind === LOCKED) this.locked = true;
    else if (kind === BEGUN || kind === COMMITTED) {
      this.kind = kind;
      this.sequence = wordAt(record, 8);
      this.end = wordAt(record, 12);
      this.crc = wordAt(record, 16);
    } else if (kind === TRIED) this.tries++;
    else if (kind === CONFIRMED || kind === REJECTED || kind === ERASED) this.kind = kind;
    return true;
  }
}
