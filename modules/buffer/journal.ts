import { failure, type Failure } from "../diagnosis/failure.js";
import type { FlashPartition } from "../io/flash.js";
import { decode, fieldLength, putField } from "../mqtt/text.js";
import { crc32 } from "./crc.js";

/*
 * The partition is a ring of erase blocks. Block number `sequence % blocks` holds
 *
 *   block   sequence (4) CRC-32 of it (4), then entries up to the first that is no entry
 *   entry   removed (1)  kind (1)  topic length (2)  payload length (2)  check (2)
 *           topic  payload  CRC-32 of all but `removed` (4)  padding to 4 bytes
 *
 * Numbers are little-endian. Programming clears bits, hence `removed`: 0xFF while the entry stands.
 *
 * Power may fail in the middle of each step, with any part of its bits done:
 *   - block header: the block counts as unused and is erased again before use
 *   - entry header: the block ends there; what follows goes into the next block
 *   - topic, payload, CRC: the entry's extent is known, its CRC is wrong, it is skipped
 *   - removed: the entry is there or not, both are true of a removal that nobody was told of
 *   - erase: the header was programmed to zeros first, so that a half-erased block, whose entries
 *     could have lost their removals, is never taken for a block
 */
const BLOCK_HEADER = 8;
const ENTRY_HEADER = 8;
const CRC_BYTES = 4;
/** What CRCs begin with: erased flash would pass for a block header with the usual 0. */
const FORMAT = 0x4a4e4c31;
/** Upper bits of an entry's `kind`; the lower are QoS (0 to 2) and retain (4). */
const KIND = 0xa0;
const STANDS = 0xff;

/** The journal could not do what it was asked for; `report` is a failure of the kind `storage` or `limit`. */
export class JournalError extends Error {
  readonly report: Failure;

  constructor(report: Failure) {
    super("journal: " + (report.detail ?? report.kind));
    this.report = report;
  }
}

function broken(detail: string): JournalError {
  return new JournalError(failure("storage", "journal", undefined, detail));
}

/** What can be read more than once: a payload in memory, in flash, or made while it is read. */
export interface JournalSource {
  readonly byteLength: number;
  /** Copies bytes from `offset` into `view`; returns how many. */
  read(view: Uint8Array, offset: number): number;
}

/** A stored message. Itself the source of its payload, read from flash each time. */
export class JournalEntry implements JournalSource {
  readonly topic: string;
  readonly qos: 0 | 1 | 2;
  readonly retain: boolean;
  /** Bytes of the payload. */
  readonly byteLength: number;
  /** Place in the journal; grows from entry to entry. */
  readonly address: number;
  /** Place of what follows the entry. */
  readonly end: number;
  readonly #journal: Journal;

  constructor(
    journal: Journal,
    address: number,
    end: number,
    kind: number,
    topic: string,
    byteLength: number,
  ) {
    this.#journal = journal;
    this.address = address;
    this.end = end;
    this.topic = topic;
    this.qos = (kind & 3) === 2 ? 2 : (kind & 3) === 1 ? 1 : 0;
    this.retain = (kind & 4) !== 0;
    this.byteLength = byteLength;
  }

  /** Copies payload from `offset` into `view`; returns how many bytes, 0 when the entry was removed and its block reused. */
  read(view: Uint8Array, offset: number): number {
    return this.#journal.readPayload(this, view, offset);
  }
}

/**
 * Outgoing messages on a raw NOR partition. What `append` returned from is stored: after a loss of
 * power at any point it is found again, unchanged and in order, until it is removed. A message
 * whose `append` did not return is there whole or not at all.
 *
 * In RAM it holds a few numbers and a working buffer, whatever is stored. Blocks are erased in turn,
 * one for each block filled, so that they wear alike. A message lies in one block.
 */
export class Journal {
  /** Messages that are stored and not removed. */
  length = 0;
  /** Entries that were found damaged, and taken out. */
  damaged = 0;
  readonly #flash: FlashPartition;
  readonly #blocks: number;
  readonly #blockLength: number;
  readonly #buffer: Uint8Array;
  readonly #header = new Uint8Array(ENTRY_HEADER);
  /** Sequence number of the block that is written to; 0: none yet. */
  #head = 0;
  /** Place in that block for the next entry. */
  #end: number;
  /** No entry stands before this address. */
  #from = 0;

  /**
   * Opens the journal, or makes one of a partition that holds none. `bufferLength` bytes of RAM
   * are the working buffer; a topic has to fit into it (less 2).
   * @throws JournalError when the partition has no blocks of a useful size.
   */
  constructor(flash: FlashPartition, bufferLength = 256) {
    const { blocks, blockLength } = flash.status();
    if (!(blocks > 0 && blockLength >= 64 && blockLength <= 65536)) throw broken("partition");
    this.#flash = flash;
    this.#blocks = blocks;
    this.#blockLength = blockLength;
    this.#buffer = new Uint8Array(bufferLength < 16 ? 16 : bufferLength);
    this.#end = blockLength;
    for (let block = 0; block < blocks; block++) {
      const sequence = this.#sequence(block);
      if (sequence > this.#head) this.#head = sequence;
    }
    this.#count();
  }

  /** The longest topic and payload together that one message may have, in bytes. */
  get entryLimit(): number {
    return this.#blockLength - BLOCK_HEADER - ENTRY_HEADER - CRC_BYTES;
  }

  /**
   * Stores a message and returns its entry.
   * @throws JournalError `limit` when it is too large or its topic longer than the working buffer;
   *   `storage` when the journal is full, or flash or payload fail. No other message is touched.
   * @throws MQTTError when the topic is not a text that MQTT can carry.
   */
  append(topic: string, qos: 0 | 1 | 2, retain: boolean, payload: JournalSource): JournalEntry {
    const field = fieldLength(topic);
    const topicLength = field - 2;
    const byteLength = payload.byteLength;
    if (field > this.#buffer.length)
      throw new JournalError(failure("limit", "journal", topicLength, "topic"));
    if (topicLength + byteLength > this.entryLimit)
      throw new JournalError(failure("limit", "journal", topicLength + byteLength, "entry"));
    const size = (ENTRY_HEADER + topicLength + byteLength + CRC_BYTES + 3) & ~3;
    // Flash that does not keep what is written shows at once: then once more, in another block.
    for (let attempt = 0; attempt < 2; attempt++) {
      if (attempt > 0 || this.#end + size > this.#blockLength) this.#advance();
      const address = this.#head * this.#blockLength + this.#end;
      // From here on the room is used, whatever becomes of it.
      this.#end += size;
      const kind = KIND | qos | (retain ? 4 : 0);
      try {
        this.#write(address, kind, topic, topicLength, payload);
      } catch (error) {
        this.#discard(address);
        throw error instanceof JournalError ? error : broken(String(error));
      }
      if (this.#entry(address) === size && this.#header[0] === STANDS && this.#intact(address)) {
        this.length++;
        return new JournalEntry(this, address, address + size, kind, topic, byteLength);
      }
      this.#discard(address);
    }
    throw broken("flash does not keep what is written");
  }

  /** The oldest message that stands, or the next behind `entry`, which may have been removed; `undefined`: none. */
  next(entry?: JournalEntry): JournalEntry | undefined {
    const length = this.#blockLength;
    let address = entry === undefined ? this.#from : entry.end;
    let found: JournalEntry | undefined;
    let sequence = Math.max(Math.floor(address / length), this.#head - this.#blocks + 1, 1);
    for (; found === undefined && sequence <= this.#head; sequence++) {
      const start = sequence * length;
      if (address < start + BLOCK_HEADER) address = start + BLOCK_HEADER;
      if (this.#sequence(sequence % this.#blocks) !== sequence) continue;
      for (;;) {
        const size = this.#entry(address);
        if (size <= 0) break;
        if (this.#header[0] === STANDS) {
          found = this.#open(address, size);
          if (found !== undefined) break;
          this.#clear(address);
          this.damaged++;
        }
        address += size;
      }
    }
    if (entry === undefined) this.#from = address;
    return found;
  }

  /** Removes a message; nothing happens when it was removed before. */
  remove(entry: JournalEntry): void {
    if (this.#alive(entry.address) && this.#entry(entry.address) > 0 && this.#header[0] === STANDS)
      this.#clear(entry.address);
  }

  /** For `JournalEntry.read`. */
  readPayload(entry: JournalEntry, view: Uint8Array, offset: number): number {
    const rest = entry.byteLength - offset;
    if (rest <= 0 || !this.#alive(entry.address)) return 0;
    const count = rest < view.length ? rest : view.length;
    // The payload ends before CRC and padding; the header tells how long the topic is.
    if (this.#entry(entry.address) <= 0) return 0;
    const at = this.#place(entry.address) + ENTRY_HEADER + this.#u16(2) + offset;
    return this.#flash.read(count < view.length ? view.subarray(0, count) : view, at);
  }

  /** Where an address lies on the partition. */
  #place(address: number): number {
    return address % (this.#blocks * this.#blockLength);
  }

  /** The block at this address was not reused since. */
  #alive(address: number): boolean {
    return address >= (this.#head - this.#blocks + 1) * this.#blockLength;
  }

  #u16(at: number): number {
    return (this.#header[at] ?? 0) | ((this.#header[at + 1] ?? 0) << 8);
  }

  /** Writes `value` to the working header. */
  #put(at: number, value: number, bytes: number): void {
    for (let index = 0; index < bytes; index++) this.#header[at + index] = value >> (8 * index);
  }

  /** Sequence number of a block; 0 when its header is none. Leaves the header's bytes. */
  #sequence(block: number): number {
    this.#flash.read(this.#header, block * this.#blockLength);
    const sequence = this.#u16(0) + this.#u16(2) * 65536;
    const check = this.#u16(4) | (this.#u16(6) << 16);
    if (check !== crc32(FORMAT, this.#header, 0, 4) || sequence % this.#blocks !== block) return 0;
    return sequence;
  }

  /** Reads an entry's header; its size, 0 for room that was never written, -1 for anything else. */
  #entry(address: number): number {
    const offset = address % this.#blockLength;
    // The block is full: the address is the next block's.
    if (offset < BLOCK_HEADER || offset + ENTRY_HEADER + CRC_BYTES > this.#blockLength) return -1;
    const header = this.#header;
    this.#flash.read(header, this.#place(address));
    const size = (ENTRY_HEADER + this.#u16(2) + this.#u16(4) + CRC_BYTES + 3) & ~3;
    if (
      ((header[1] ?? 0) & 0xf8) === KIND &&
      this.#u16(6) === (crc32(FORMAT, header, 1, 6) & 0xffff) &&
      offset + size <= this.#blockLength
    )
      return size;
    for (let index = 0; index < ENTRY_HEADER; index++) if (header[index] !== 0xff) return -1;
    return 0;
  }

  /** Whether the entry whose header was read is whole. */
  #intact(address: number): boolean {
    const buffer = this.#buffer;
    let at = this.#place(address) + ENTRY_HEADER;
    let rest = this.#u16(2) + this.#u16(4);
    let crc = crc32(FORMAT, this.#header, 1, ENTRY_HEADER);
    while (rest > 0) {
      const count = rest < buffer.length ? rest : buffer.length;
      this.#flash.read(buffer.subarray(0, count), at);
      crc = crc32(crc, buffer, 0, count);
      at += count;
      rest -= count;
    }
    this.#flash.read(buffer.subarray(0, CRC_BYTES), at);
    for (let index = 0; index < CRC_BYTES; index++)
      if (buffer[index] !== ((crc >> (8 * index)) & 0xff)) return false;
    return true;
  }

  /** The entry whose header was read; `undefined` when it is damaged. */
  #open(address: number, size: number): JournalEntry | undefined {
    const kind = this.#header[1] ?? 0;
    const topicLength = this.#u16(2);
    const byteLength = this.#u16(4);
    if (topicLength > this.#buffer.length || !this.#intact(address)) return undefined;
    this.#flash.read(this.#buffer.subarray(0, topicLength), this.#place(address) + ENTRY_HEADER);
    const topic = decode(this.#buffer, topicLength);
    if (topic === undefined) return undefined;
    return new JournalEntry(this, address, address + size, kind, topic, byteLength);
  }

  #write(address: number, kind: number, topic: string, topicLength: number, payload: JournalSource): void {
    const buffer = this.#buffer;
    const header = this.#header;
    const byteLength = payload.byteLength;
    let at = this.#place(address);
    this.#put(1, kind, 1);
    this.#put(2, topicLength, 2);
    this.#put(4, byteLength, 2);
    this.#put(6, crc32(FORMAT, header, 1, 6), 2);
    this.#flash.write(header.subarray(1), at + 1);
    at += ENTRY_HEADER;
    let crc = crc32(FORMAT, header, 1, ENTRY_HEADER);
    putField(buffer, 0, topic);
    crc = crc32(crc, buffer, 2, topicLength + 2);
    if (topicLength > 0) this.#flash.write(buffer.subarray(2, topicLength + 2), at);
    at += topicLength;
    for (let offset = 0; offset < byteLength;) {
      const rest = byteLength - offset;
      const view = rest < buffer.length ? buffer.subarray(0, rest) : buffer;
      const count = payload.read(view, offset);
      if (!(count > 0)) throw broken("payload ends early");
      crc = crc32(crc, view, 0, count);
      this.#flash.write(count < view.length ? view.subarray(0, count) : view, at);
      at += count;
      offset += count;
    }
    this.#put(0, crc, CRC_BYTES);
    this.#flash.write(header.subarray(0, CRC_BYTES), at);
  }

  /** Takes an entry that did not come about out of the way of a later start. */
  #discard(address: number): void {
    this.#flash.write(this.#zeros(1), this.#place(address));
  }

  #clear(address: number): void {
    this.#discard(address);
    if (this.length > 0) this.length--;
  }

  #zeros(count: number): Uint8Array {
    return this.#header.fill(0).subarray(0, count);
  }

  /** Goes on to the next block. */
  #advance(): void {
    const length = this.#blockLength;
    for (let attempt = 0; attempt < this.#blocks; attempt++) {
      const sequence = this.#head + 1;
      const block = sequence % this.#blocks;
      const place = block * length;
      if (this.#stands(this.#sequence(block))) throw broken("full");
      this.#flash.write(this.#zeros(BLOCK_HEADER), place);
      this.#flash.eraseBlock(block);
      this.#put(0, sequence, 4);
      this.#put(4, crc32(FORMAT, this.#header, 0, 4), 4);
      this.#flash.write(this.#header, place);
      this.#head = sequence;
      this.#end = BLOCK_HEADER;
      if (this.#sequence(block) === sequence) return;
      // A block that does not keep its header is passed over.
      this.#end = length;
    }
    throw broken("flash does not keep what is written");
  }

  /** Whether an entry stands in the block with this sequence number (0: no block). */
  #stands(sequence: number): boolean {
    let address = sequence * this.#blockLength + BLOCK_HEADER;
    for (let size = sequence > 0 ? this.#entry(address) : 0; size > 0; size = this.#entry(address)) {
      if (this.#header[0] === STANDS) return true;
      address += size;
    }
    return false;
  }

  /** Finds the end of the journal and counts what stands; the last entry may be torn. */
  #count(): void {
    const length = this.#blockLength;
    for (let sequence = Math.max(this.#head - this.#blocks + 1, 1); sequence <= this.#head; sequence++) {
      if (this.#sequence(sequence % this.#blocks) !== sequence) continue;
      let address = sequence * length + BLOCK_HEADER;
      let last = 0;
      let size = this.#entry(address);
      for (; size > 0; size = this.#entry(address)) {
        last = 0;
        if (this.#header[0] === STANDS) {
          this.length++;
          last = address;
        }
        address += size;
      }
      if (sequence < this.#head) continue;
      if (size === 0) this.#end = address % length;
      if (last > 0 && this.#entry(last) > 0 && !this.#intact(last)) this.#clear(last);
    }
  }
}
