import { failure, type Failure } from "../diagnosis/failure.js";
import type { FlashPartition } from "../io/flash.js";
import { decode } from "../mqtt/decode.js";
import { fieldLength, putField } from "../mqtt/text.js";
import { crc32 } from "./crc.js";

/*
 * The partition is a ring of erase blocks. Block number `sequence % blocks` holds a block header,
 * then entries up to the first that is no entry.
 *
 *   header  state (1)  kind (1)  sequence, or lengths of topic and payload (4)  any (2)  CRC-32 (4)
 *   entry   header  topic  payload  CRC-32 of topic and payload (4)  padding to 4 bytes
 *
 * A header's CRC covers what stands between state and CRC; CRCs are written low byte first, so that
 * a CRC over data and their CRC is always the same number. Programming clears bits, hence the state:
 * 0xFF while an entry stands, anything else once it is removed.
 *
 * Power may fail in the middle of each step, with any part of its bits done:
 *   - block header: the block counts as unused and is erased again before use
 *   - entry header: the block ends there; what follows goes into the next block
 *   - topic, payload, CRC: the entry's extent is known, its CRC is wrong, it is taken out
 *   - removal: the entry is there or not, both are true of a removal that nobody was told of
 *   - erase: the header was programmed to zeros first, so that a half-erased block, whose entries
 *     could have lost their removals, is never taken for a block
 */
const HEADER = 12;
const CRC_BYTES = 4;
/** What CRCs begin with: a name for this format, so that no other is taken for it. */
const FORMAT = 0x4a4e4c31;
/** CRC-32 of any data and their CRC. */
const RESIDUE = 0x2144df1c;
/** Kind of a block's header. An entry's is QoS, and 4 for retain. */
const BLOCK = 0xb0;
/** State of an entry that was not removed. */
const STANDS = 0xff;

/** The journal could not do what it was asked for; `report` is a failure of the kind `storage` or `limit`. */
export class JournalError extends Error {
  readonly report: Failure;

  constructor(report: Failure) {
    super("journal: " + (report.detail ?? ""));
    this.report = report;
  }
}

/** With a length: it is over a limit. */
function refuse(detail: string, length?: number): never {
  throw new JournalError(failure(length === undefined ? "storage" : "limit", "journal", length, detail));
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
  /** Place of its payload, and of what follows the entry. */
  readonly start: number;
  readonly end: number;
  private readonly journal: Journal;

  constructor(
    journal: Journal,
    address: number,
    start: number,
    end: number,
    kind: number,
    topic: string,
    byteLength: number,
  ) {
    this.journal = journal;
    this.address = address;
    this.start = start;
    this.end = end;
    this.topic = topic;
    this.qos = (kind & 2) !== 0 ? 2 : (kind & 1) !== 0 ? 1 : 0;
    this.retain = kind > 3;
    this.byteLength = byteLength;
  }

  /** Copies payload from `offset` into `view`; returns how many bytes, 0 when the entry was removed and its block used again. */
  read(view: Uint8Array, offset: number): number {
    return this.journal.readPayload(this, view, offset);
  }
}

/**
 * Outgoing messages on a raw NOR partition. What `append` returned from is stored: after a loss of
 * power at any point it is found again, unchanged and in order, until it is removed. A message
 * whose `append` did not return is there whole or not at all.
 *
 * In RAM it holds a few numbers and a working buffer, whatever is stored. Blocks are erased in turn,
 * one for each block filled, so that they wear alike. A message lies in one block. The partition
 * must not be under flash encryption, which cannot clear single bits. Exceptions of the flash class
 * itself (a partition that was closed) pass through `next` and `remove`.
 */
export class Journal {
  /** Messages that are stored and not removed. */
  length = 0;
  /** Entries that were found damaged, and taken out. */
  damaged = 0;
  private readonly flash: FlashPartition;
  private readonly blocks: number;
  private readonly blockLength: number;
  private readonly buffer: Uint8Array;
  /** The header that was read last, or is being made. */
  private readonly header = new Uint8Array(HEADER);
  private readonly fields = new DataView(this.header.buffer);
  /** Sequence number of the block that is written to; 0: none yet. */
  private head = 0;
  /** Address of the next entry. An address is sequence number x block length + place in the block. */
  private end = 0;
  /** No entry stands before this address. */
  private from: number;

  /**
   * Opens the journal, or makes one of a partition that holds none. `bufferLength` bytes of RAM
   * (16 or more) are the working buffer; a topic has to fit into it, less 2.
   * @throws JournalError when the partition has no blocks of a useful size.
   */
  constructor(flash: FlashPartition, bufferLength = 256) {
    const status = flash.status();
    const blocks = status.blocks;
    const blockLength = status.blockLength;
    if (!(blocks > 0 && blockLength >= 64 && blockLength <= 65536)) refuse("partition");
    this.flash = flash;
    this.blocks = blocks;
    this.from = this.blockLength = blockLength;
    this.buffer = new Uint8Array(bufferLength);
    for (let block = 0; block < blocks; block++) {
      const sequence = this.sequenceOf(block);
      if (sequence > this.head) this.head = sequence;
    }
    this.recover();
  }

  /** The longest topic and payload together that one message may have, in bytes. */
  get entryLimit(): number {
    return this.blockLength - 2 * HEADER - CRC_BYTES;
  }

  /**
   * Stores a message and returns its entry.
   * @throws JournalError `limit` when it is too large (`entry`) or its topic longer than the working
   *   buffer (`topic`); `storage` when there is no room until messages are removed (`full`), when the
   *   payload ends early (`payload`), or when flash did not keep what was written (`worn`): the next
   *   message goes into another block. No other message is touched.
   * @throws MQTTError when the topic is not a text that MQTT can carry. What `payload` throws passes through.
   */
  append(topic: string, qos: 0 | 1 | 2, retain: boolean, payload: JournalSource): JournalEntry {
    const topicLength = fieldLength(topic) - 2;
    const length = topicLength + payload.byteLength;
    if (topicLength + 2 > this.buffer.length) refuse("topic", topicLength);
    if (length > this.entryLimit) refuse("entry", length);
    const size = (HEADER + length + CRC_BYTES + 3) & ~3;
    if (this.end + size > (this.head + 1) * this.blockLength) this.advance();
    const address = this.end;
    // From here on the entry is there; `next` takes it out if it is not finished.
    this.end += size;
    this.length++;
    this.write(address, qos | (retain ? 4 : 0), topic, topicLength, payload);
    const entry = this.seek(address, this.end) === address ? this.open(address) : undefined;
    if (entry !== undefined) return entry;
    this.takeOut(address);
    this.end = (this.head + 1) * this.blockLength;
    refuse("worn");
  }

  /** The oldest message that stands, or the next behind `entry`, which may have been removed; `undefined`: none. */
  next(entry?: JournalEntry): JournalEntry | undefined {
    const oldest = this.oldest();
    let address = entry === undefined ? this.from : entry.end;
    if (address < oldest) address = oldest;
    for (;;) {
      address = this.seek(address, this.end);
      if (entry === undefined) this.from = address;
      if (address >= this.end) return undefined;
      const found = this.open(address);
      if (found !== undefined) return found;
      this.takeOut(address);
      this.damaged++;
    }
  }

  /** Removes a message; nothing happens when it was removed before. */
  remove(entry: JournalEntry): void {
    const address = entry.address;
    if (address < this.oldest() || this.seek(address, entry.end) !== address) return;
    this.takeOut(address);
  }

  /** For `JournalEntry.read`. */
  readPayload(entry: JournalEntry, view: Uint8Array, offset: number): number {
    const rest = entry.byteLength - offset;
    if (rest <= 0 || entry.address < this.oldest()) return 0;
    return this.flash.read(view.subarray(0, rest), this.place(entry.start) + offset);
  }

  /** Blocks that began before this address have been used again since. */
  private oldest(): number {
    return (this.head - this.blocks + 1) * this.blockLength;
  }

  /** Where an address lies on the partition. */
  private place(address: number): number {
    return address % (this.blocks * this.blockLength);
  }

  /** Reads a header; false when it is none. */
  private readHeader(place: number): boolean {
    this.flash.read(this.header, place);
    return crc32(FORMAT, this.header, 1, HEADER) === RESIDUE;
  }

  /** Writes the header but for its state, which stays erased. */
  private writeHeader(place: number, kind: number): void {
    const header = this.header;
    header[1] = kind;
    this.fields.setUint32(8, crc32(FORMAT, header, 1, 8), true);
    this.flash.write(header.subarray(1), place + 1);
  }

  /** Sequence number of a block; 0 when it has none. */
  private sequenceOf(block: number): number {
    return this.readHeader(block * this.blockLength) ? this.fields.getUint32(2) : 0;
  }

  /** Reads an entry's header; its size, 0 for room that was never written, -1 for anything else. */
  private entry(address: number): number {
    const offset = address % this.blockLength;
    const fields = this.fields;
    if (offset === 0 || offset + HEADER > this.blockLength) return -1;
    if (this.readHeader(this.place(address))) {
      const size = (HEADER + fields.getUint16(2) + fields.getUint16(4) + CRC_BYTES + 3) & ~3;
      return offset + size > this.blockLength ? -1 : size;
    }
    // Three times 0xFFFFFFFF.
    return fields.getUint32(0) + fields.getUint32(4) + fields.getUint32(8) === 0x2fffffffd ? 0 : -1;
  }

  /** Address of the first entry from `address` on that stands, its header read; `limit` when there is none before that. */
  private seek(address: number, limit: number): number {
    while (address < limit) {
      const offset = address % this.blockLength;
      let size: number;
      if (offset === 0) {
        const sequence = address / this.blockLength;
        size = this.sequenceOf(sequence % this.blocks) === sequence ? HEADER : 0;
      } else {
        size = this.entry(address);
        if (size > 0 && this.header[0] === STANDS) return address;
      }
      address += size > 0 ? size : this.blockLength - offset;
    }
    return limit;
  }

  /** Whether the entry whose header was read is whole. */
  private intact(address: number): boolean {
    let at = this.place(address) + HEADER;
    let rest = this.fields.getUint16(2) + this.fields.getUint16(4) + CRC_BYTES;
    let crc = FORMAT;
    while (rest > 0) {
      const piece = this.buffer.subarray(0, rest);
      const count = piece.length;
      this.flash.read(piece, at);
      crc = crc32(crc, piece, 0, count);
      at += count;
      rest -= count;
    }
    return crc === RESIDUE;
  }

  /** The entry whose header was read; `undefined` when it is damaged. */
  private open(address: number): JournalEntry | undefined {
    if (!this.intact(address)) return undefined;
    const fields = this.fields;
    const topicLength = fields.getUint16(2);
    const bytes = new Uint8Array(topicLength);
    this.flash.read(bytes, this.place(address) + HEADER);
    const topic = decode(bytes, topicLength);
    if (topic === undefined) return undefined;
    const start = address + HEADER + topicLength;
    const end = address + this.entry(address);
    return new JournalEntry(this, address, start, end, fields.getUint8(1), topic, fields.getUint16(4));
  }

  private write(
    address: number,
    kind: number,
    topic: string,
    topicLength: number,
    payload: JournalSource,
  ): void {
    const buffer = this.buffer;
    const fields = this.fields;
    const flash = this.flash;
    const byteLength = payload.byteLength;
    let at = this.place(address);
    fields.setUint16(2, topicLength);
    fields.setUint16(4, byteLength);
    this.writeHeader(at, kind);
    at += HEADER;
    putField(buffer, 0, topic);
    // The topic is the first piece, the rest are payload.
    let piece = buffer.subarray(2, topicLength + 2);
    let crc = FORMAT;
    for (let offset = -topicLength; ;) {
      crc = crc32(crc, piece, 0, piece.length);
      flash.write(piece, at);
      at += piece.length;
      offset += piece.length;
      if (offset >= byteLength) break;
      const count = payload.read(buffer.subarray(0, byteLength - offset), offset);
      if (!(count > 0)) refuse("payload");
      piece = buffer.subarray(0, count);
    }
    fields.setUint32(0, crc, true);
    flash.write(this.header.subarray(0, CRC_BYTES), at);
  }

  /** Marks an entry as removed. */
  private takeOut(address: number): void {
    this.flash.write(this.header.fill(0).subarray(0, 1), this.place(address));
    this.length--;
  }

  /** Goes on to the next block. */
  private advance(): void {
    const length = this.blockLength;
    const sequence = this.head + 1;
    const block = sequence % this.blocks;
    const place = block * length;
    const before = this.sequenceOf(block) * length;
    if (before > 0 && this.seek(before, before + length) < before + length) refuse("full");
    this.flash.write(this.header.fill(0), place);
    this.flash.eraseBlock(block);
    this.fields.setUint32(2, sequence);
    this.writeHeader(place, BLOCK);
    this.head = sequence;
    // A block that does not keep its header is passed over.
    this.end = (sequence + 1) * length;
    if (this.sequenceOf(block) !== sequence) refuse("worn");
    this.end = sequence * length + HEADER;
  }

  /** Counts what stands, and finds the end. The last entry may be torn. */
  private recover(): void {
    const start = this.head * this.blockLength;
    const limit = start + this.blockLength;
    let address = this.oldest();
    if (address < this.from) address = this.from;
    let last = 0;
    while ((address = this.seek(address, limit)) < limit) {
      last = address;
      this.length++;
      address += this.entry(address);
    }
    let size = HEADER;
    for (address = start; size > 0; size = this.entry(address)) address += size;
    this.end = size === 0 && this.head > 0 ? address : limit;
    if (last > 0 && this.entry(last) > 0 && !this.intact(last)) {
      this.takeOut(last);
    }
  }
}
