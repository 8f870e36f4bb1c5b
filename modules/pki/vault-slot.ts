import { crc32 } from "../buffer/crc.js";
import type { FlashPartition } from "../io/flash.js";
import { ROLES, SecureCert, wordAt } from "./secure-cert.js";

/*
 * A slot is a partition in the format of esp_secure_cert whose last 512 bytes are 16 places for
 * records, filled from the first on. A record is 32 bytes, its numbers low byte first:
 *
 *   magic (4)  kind (1)  zero (3)  sequence (4)  end (4)  CRC-32 of the objects (4)  zero (8)  CRC-32 (4)
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
  /** BEGUN, COMMITTED (on trial), CONFIRMED or REJECTED; 0: there are no records of ours. */
  kind = 0;
  sequence = 0;
  locked = false;
  private readonly view: Uint8Array;
  private readonly record = new Uint8Array(RECORD_BYTES);
  private tries = 0;
  private end = 0;
  private crc = 0;
  /** The place behind the last record. */
  private place = 0;

  constructor({ flash, view }: SlotFlash) {
    const record = this.record;
    this.flash = flash;
    this.view = view;
    this.cert = new SecureCert(view);
    this.limit = view.length - PLACES * RECORD_BYTES;
    for (let place = 0; place < PLACES; place++) {
      if (!this.readRecord(place)) continue;
      this.place = place + 1;
      this.note(record[4] ?? 0, wordAt(record, 8), wordAt(record, 12), wordAt(record, 16));
    }
  }

  /** 2: in use or ready to be; 1: there are objects and no records, as after a factory's tool; 0: rejected; -1: nothing of use. */
  rank(takesOthers: boolean): number {
    const kind = this.kind;
    if (kind === 0) return takesOthers ? 1 : -1;
    return kind === BEGUN ? -1 : kind === REJECTED ? 0 : 2;
  }

  /** Whether the slot holds what was committed; without records, whether it holds anything that can be used. */
  get whole(): boolean {
    const cert = this.cert;
    if (this.kind === 0) return ROLES.some(role => cert.open(role) !== undefined);
    const end = this.end;
    // An odd number in a record must not be taken for a place.
    return end > 0 && end <= this.limit && crc32(0, this.view, 0, end) === this.crc;
  }

  /** Erases everything. The records go last: until then they say what they said of objects that are gone. */
  erase(): void {
    const blocks = this.flash.status().blocks;
    for (let block = 0; block < blocks; block++) this.flash.eraseBlock(block);
    this.kind = this.tries = this.end = this.crc = this.place = 0;
  }

  /** The objects before `end` are to be in use. */
  commit(end: number): boolean {
    const crc = crc32(0, this.view, 0, end);
    return this.append(COMMITTED, end, crc);
  }

  /** One more failed try. True: it is written, and was not the last. */
  tried(): boolean {
    return this.append(TRIED) && this.tries < TRIES;
  }

  /** Writes a record. False: no place took it; nothing has changed then. */
  append(kind: number, end = 0, crc = 0): boolean {
    const record = this.record;
    // A factory's image may reach to where records begin. An end that is no place takes all of them.
    const used = Math.ceil((this.cert.end - this.limit) / RECORD_BYTES);
    if (used > this.place) this.place = used;
    while (this.place < PLACES) {
      const place = this.place++;
      record.fill(0);
      put(record, 0, RECORD_MAGIC);
      record[4] = kind;
      put(record, 8, this.sequence);
      put(record, 12, end);
      put(record, 16, crc);
      put(record, 28, crc32(0, record, 0, 28));
      const sum = wordAt(record, 28);
      try {
        this.flash.write(record, this.limit + place * RECORD_BYTES);
        if (!this.readRecord(place) || wordAt(record, 28) !== sum) continue;
      } catch {
        return false;
      }
      this.note(kind, this.sequence, end, crc);
      return true;
    }
    return false;
  }

  /** Takes in what a record says. One that does not fit what is known, or of a kind that is not, says nothing. */
  private note(kind: number, sequence: number, end: number, crc: number): void {
    if (kind === LOCKED) this.locked = true;
    else if (kind === BEGUN || kind === COMMITTED) {
      this.kind = kind;
      this.sequence = sequence;
      this.end = end;
      this.crc = crc;
    } else if (this.kind >= COMMITTED) {
      if (kind === TRIED) this.tries++;
      else if (kind === CONFIRMED || kind === REJECTED) this.kind = kind;
    }
  }

  /** Reads what stands in a place; false when that is no record. */
  private readRecord(place: number): boolean {
    const record = this.record;
    this.flash.read(record, this.limit + place * RECORD_BYTES);
    return wordAt(record, 0) === RECORD_MAGIC && crc32(0, record, 0, 28) === wordAt(record, 28);
  }
}

function put(bytes: Uint8Array, at: number, word: number): void {
  for (let i = 0; i < 4; i++) bytes[at + i] = word >> (8 * i);
}
