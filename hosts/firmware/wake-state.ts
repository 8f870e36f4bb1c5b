import type { Journal, JournalEntry, JournalSource } from "../../modules/buffer/journal.js";

/** Bytes of the record. */
const LENGTH = 12;
/** No message can have this topic. */
const TOPIC = "#";

/**
 * What a device knows over a sleep and a loss of power: an entry of the journal, in front of which
 * the former one is removed, so that at any moment one of them stands.
 */
export class WakeState implements JournalSource {
  readonly byteLength = LENGTH;
  private readonly journal: Journal;
  private readonly bytes = new Uint8Array(LENGTH);
  private readonly fields = new DataView(this.bytes.buffer);
  private entry: JournalEntry | undefined;

  constructor(journal: Journal) {
    this.journal = journal;
    for (let entry = journal.next(); entry !== undefined; entry = journal.next(entry)) {
      if (!WakeState.is(entry)) continue;
      // A loss of power between writing and removing leaves two: the later one counts.
      if (this.entry !== undefined) journal.remove(this.entry);
      this.entry = entry;
      entry.read(this.bytes, 0);
    }
  }

  static is(entry: JournalEntry): boolean {
    return entry.topic === TOPIC;
  }

  /** Number of the last reading. */
  get number(): number {
    return this.fields.getUint32(0);
  }

  set number(value: number) {
    this.fields.setUint32(0, value);
  }

  /** Interval that a command has set, in milliseconds; 0: that of the configuration. */
  get everyMs(): number {
    return this.fields.getUint32(4);
  }

  set everyMs(value: number) {
    this.fields.setUint32(4, value);
  }

  /** Wakes in a row that reached nothing. */
  get failures(): number {
    return this.fields.getUint8(8);
  }

  set failures(value: number) {
    this.fields.setUint8(8, Math.min(value, 255));
  }

  /** Wakes that are to be passed over, in which a reading is only stored. */
  get skip(): number {
    return this.fields.getUint8(9);
  }

  set skip(value: number) {
    this.fields.setUint8(9, Math.min(value, 255));
  }

  /** Messages of the journal beside this record. */
  get stored(): number {
    return this.journal.length - (this.entry === undefined ? 0 : 1);
  }

  /** Writes the record. Throws as `Journal.append` does. */
  save(): void {
    const former = this.entry;
    this.entry = this.journal.append(TOPIC, 0, false, this);
    if (former !== undefined) this.journal.remove(former);
  }

  /** For the journal. */
  read(view: Uint8Array, offset: number): number {
    const part = this.bytes.subarray(offset, offset + view.length);
    view.set(part);
    return part.length;
  }
}
