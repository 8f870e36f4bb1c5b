import assert from "node:assert/strict";
import fc from "fast-check";
import {
  Journal,
  JournalError,
  type JournalEntry,
  type JournalSource,
} from "../../../modules/buffer/journal.js";
import { NorFlash, PowerCut, type Tear } from "./nor-flash.js";

/** A message as the application knows it. */
interface Message {
  readonly topic: string;
  readonly qos: 0 | 1 | 2;
  readonly retain: boolean;
  readonly payload: string;
}

function source(payload: Uint8Array, piece = Infinity): JournalSource {
  return {
    byteLength: payload.length,
    read(view, offset) {
      const part = payload.subarray(offset, offset + Math.min(view.length, piece));
      view.set(part);
      return part.length;
    },
  };
}

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");

function payloadOf(entry: JournalEntry, piece = 7): string {
  const parts: Buffer[] = [];
  for (let offset = 0; offset < entry.byteLength;) {
    const view = new Uint8Array(piece);
    const count = entry.read(view, offset);
    assert.ok(count > 0);
    parts.push(Buffer.from(view.subarray(0, count)));
    offset += count;
  }
  return Buffer.concat(parts).toString("hex");
}

function describeEntry(entry: JournalEntry): Message {
  const { topic, qos, retain } = entry;
  return { topic, qos, retain, payload: payloadOf(entry) };
}

function entries(journal: Journal): JournalEntry[] {
  const list: JournalEntry[] = [];
  for (let entry = journal.next(); entry !== undefined; entry = journal.next(entry)) list.push(entry);
  return list;
}

const contents = (journal: Journal): Message[] => entries(journal).map(describeEntry);

/** Appends a message whose payload is `length` bytes that tell which it is. */
function append(journal: Journal, number: number, length: number, topic = "device/up"): Message {
  const payload = new Uint8Array(length).map((_, index) => number + index);
  const qos = number % 3 === 2 ? 2 : number % 3 === 1 ? 1 : 0;
  const retain = number % 2 === 1;
  journal.append(topic, qos, retain, source(payload, 5));
  return { topic, qos, retain, payload: hex(payload) };
}

function reportOf(run: () => unknown): JournalError["report"] {
  try {
    run();
  } catch (error) {
    assert.ok(error instanceof JournalError, String(error));
    return error.report;
  }
  assert.fail("nothing was thrown");
}

describe("journal", () => {
  describe("refuses", () => {
    for (const [blocks, blockLength] of [
      [0, 4096],
      [4, 0],
      [4, 32],
      [1, 131_072],
    ] as const) {
      it(`a partition of ${blocks} blocks of ${blockLength} bytes`, () => {
        const flash = new NorFlash(blocks, blockLength);
        assert.deepEqual(
          reportOf(() => new Journal(flash)),
          { kind: "storage", command: "journal", detail: "partition" },
        );
      });
    }

    it("a message that does not fit a block, and takes one that just does", () => {
      const journal = new Journal(new NorFlash(2, 128));
      const { entryLimit } = journal;
      const over = reportOf(() => journal.append("t", 0, false, source(new Uint8Array(entryLimit))));
      assert.deepEqual(over, { kind: "limit", command: "journal", code: entryLimit + 1, detail: "entry" });
      const entry = journal.append("t", 0, false, source(new Uint8Array(entryLimit - 1).fill(9)));
      assert.equal(entry.byteLength, entryLimit - 1);
      assert.equal(contents(journal).length, 1);
    });

    it("a topic that does not fit the working buffer", () => {
      const journal = new Journal(new NorFlash(2, 128), 16);
      const report = reportOf(() => journal.append("fifteen letters", 0, false, source(new Uint8Array(1))));
      assert.deepEqual(report, { kind: "limit", command: "journal", code: 15, detail: "topic" });
      assert.equal(
        journal.append("fourteen chars", 0, false, source(new Uint8Array(1))).topic,
        "fourteen chars",
      );
    });

    it("a message when it is full, and keeps what it holds", () => {
      const flash = new NorFlash(3, 128);
      const journal = new Journal(flash);
      const stored: Message[] = [];
      let report;
      for (let number = 0; report === undefined; number++) {
        try {
          stored.push(append(journal, number, 20));
        } catch (error) {
          assert.ok(error instanceof JournalError);
          report = error.report;
        }
      }
      assert.deepEqual(report, { kind: "storage", command: "journal", detail: "full" });
      // 12 of block header; 12 + 9 + 20 + 4 of entry, in steps of 4: two to a block.
      assert.equal(stored.length, 6);
      assert.deepEqual(contents(journal), stored);
      assert.deepEqual(contents(new Journal(flash)), stored);
    });

    it("a payload that ends early, and keeps what it holds", () => {
      const flash = new NorFlash(2, 256);
      const journal = new Journal(flash);
      const first = append(journal, 1, 20);
      const short: JournalSource = {
        byteLength: 20,
        read: (view, offset) => (offset === 0 ? view.fill(1, 0, 8).length - 12 : 0),
      };
      assert.equal(reportOf(() => journal.append("t", 0, false, short)).detail, "payload");
      const second = append(journal, 2, 20);
      assert.deepEqual(contents(journal), [first, second]);
      assert.equal(journal.length, 2);
      assert.deepEqual(contents(new Journal(flash)), [first, second]);
    });

    it("a payload whose source throws, and takes out what was begun", () => {
      const flash = new NorFlash(2, 256);
      const journal = new Journal(flash);
      const failing: JournalSource = {
        byteLength: 20,
        read: () => {
          throw new Error("sensor gone");
        },
      };
      const stored = append(journal, 1, 20);
      assert.throws(() => journal.append("t", 0, false, failing), /^Error: sensor gone$/);
      assert.deepEqual(contents(journal), [stored]);
      assert.equal(journal.length, 1);
      assert.deepEqual(contents(new Journal(flash)), [stored]);
    });
  });

  it("is empty on erased flash, and on flash that is full of something else", () => {
    for (const fill of [0xff, 0, 0x55]) {
      const flash = new NorFlash(4, 128);
      flash.bytes.fill(fill);
      const journal = new Journal(flash);
      assert.equal(journal.next(), undefined);
      assert.equal(journal.length, 0);
      const message = append(journal, 1, 20);
      assert.deepEqual(contents(new Journal(flash)), [message]);
    }
  });

  it("keeps topic, QoS, retain flag and payload over a restart, in order", () => {
    const flash = new NorFlash(4, 256);
    const journal = new Journal(flash);
    const stored = [
      append(journal, 0, 0, "a"),
      append(journal, 1, 1, "Zähler/7"),
      append(journal, 2, 100),
      append(journal, 3, 31),
    ];
    assert.deepEqual(contents(journal), stored);
    const again = new Journal(flash);
    assert.equal(again.length, 4);
    assert.deepEqual(contents(again), stored);
  });

  it("opens when its last block is filled to the last byte", () => {
    const flash = new NorFlash(2, 128);
    const journal = new Journal(flash);
    append(journal, 1, 99, "t");
    for (const entry of entries(journal)) journal.remove(entry);
    // 12 of block header, 56 and 60 of entries; behind it lies the older block.
    const stored = [append(journal, 2, 39, "t"), append(journal, 3, 43, "t")];
    const again = new Journal(flash);
    assert.deepEqual(contents(again), stored);
    stored.push(append(again, 4, 20));
    assert.deepEqual(contents(new Journal(flash)), stored);
  });

  it("reads a payload from any offset, and nothing behind its end", () => {
    const journal = new Journal(new NorFlash(2, 256));
    const entry = journal.append("t", 1, false, source(Uint8Array.of(1, 2, 3, 4, 5)));
    const view = new Uint8Array(8);
    assert.equal(entry.read(view, 3), 2);
    assert.deepEqual([...view.subarray(0, 3)], [4, 5, 0]);
    assert.equal(entry.read(view, 5), 0);
    assert.equal(entry.read(new Uint8Array(2), 1), 2);
  });

  it("finds what follows a message that was removed in the meantime", () => {
    const journal = new Journal(new NorFlash(4, 128));
    for (let number = 0; number < 5; number++) append(journal, number, 20);
    const [first, second, third] = entries(journal);
    assert.ok(first !== undefined && second !== undefined && third !== undefined);
    journal.remove(second);
    journal.remove(first);
    assert.equal(journal.next(first)?.address, third.address);
    assert.equal(journal.next()?.address, third.address);
    assert.equal(journal.length, 3);
  });

  it("does nothing when a message is removed twice", () => {
    const journal = new Journal(new NorFlash(2, 128));
    append(journal, 1, 20);
    append(journal, 2, 20);
    const [first] = entries(journal);
    assert.ok(first !== undefined);
    journal.remove(first);
    journal.remove(first);
    assert.equal(journal.length, 1);
  });

  it("gives nothing of a message whose block has been used again, and cannot remove another by it", () => {
    const journal = new Journal(new NorFlash(2, 128));
    append(journal, 1, 60);
    const [old] = entries(journal);
    assert.ok(old !== undefined);
    journal.remove(old);
    for (let number = 2; number < 4; number++) {
      append(journal, number, 60);
      if (number < 3) entries(journal).forEach(entry => journal.remove(entry));
    }
    assert.equal(entries(journal)[0]?.address, old.address + 2 * 128, "it lies where the first lay");
    assert.equal(old.read(new Uint8Array(60), 0), 0);
    journal.remove(old);
    assert.equal(journal.length, 1);
  });

  it("has room again once the messages of its oldest block are removed", () => {
    const journal = new Journal(new NorFlash(3, 128));
    for (let number = 0; number < 6; number++) append(journal, number, 20);
    const [first, second] = entries(journal);
    assert.ok(first !== undefined && second !== undefined);
    journal.remove(first);
    assert.equal(reportOf(() => append(journal, 6, 20)).detail, "full");
    journal.remove(second);
    append(journal, 7, 20);
    assert.equal(journal.length, 5);
  });

  it("erases its blocks in turn: after thousands of messages none was erased more than once above another", () => {
    const flash = new NorFlash(8, 256);
    let journal = new Journal(flash);
    for (let number = 0; number < 4000; number++) {
      append(journal, number & 0xff, number % 90);
      if (number % 3 === 0) entries(journal).forEach(entry => journal.remove(entry));
      if (number % 50 === 0) journal = new Journal(flash);
    }
    const most = Math.max(...flash.erases);
    assert.ok(most - Math.min(...flash.erases) <= 1, flash.erases.join(" "));
    assert.ok(most > 100);
  });

  it("erases a block for each block that is filled, and no more", () => {
    const flash = new NorFlash(4, 4096);
    const journal = new Journal(flash);
    for (let number = 0; number < 100; number++) {
      append(journal, number, 32);
      entries(journal).forEach(entry => journal.remove(entry));
    }
    // 12 + 9 + 32 + 4 bytes, in steps of 4: 60; 68 to a block.
    assert.equal(
      flash.erases.reduce((sum, count) => sum + count),
      2,
    );
  });

  it("skips a message that rotted in flash, counts it, and gives the others", () => {
    const flash = new NorFlash(2, 256);
    const journal = new Journal(flash);
    const stored = [append(journal, 0x10, 20), append(journal, 0x40, 20), append(journal, 0x80, 20)];
    const at = Buffer.from(flash.bytes).indexOf(Buffer.from([0x41, 0x42, 0x43]));
    flash.bytes[at] = (flash.bytes[at] ?? 0) & ~1;
    const again = new Journal(flash);
    assert.deepEqual(contents(again), [stored[0], stored[2]]);
    assert.equal(again.damaged, 1);
    assert.equal(again.length, 2);
    assert.deepEqual(contents(new Journal(flash)), [stored[0], stored[2]]);
  });

  it("takes nothing inside of a payload for a message when a length rots", () => {
    const other = new NorFlash(1, 128);
    append(new Journal(other), 7, 20, "forged");
    // Behind the block's header of 12 bytes: header 12, topic 6, payload 20, CRC 4, padding 2.
    const forged = other.bytes.subarray(12, 12 + 44);
    const flash = new NorFlash(2, 256);
    const journal = new Journal(flash);
    // Header 12, topic 4, payload 32, CRC 4: there a message of 32 bytes would end, not one of 96.
    const payload = new Uint8Array(96);
    payload.set(forged, 52 - 12 - 4);
    const { address } = journal.append("long", 1, false, source(payload));
    const length = (address % flash.bytes.length) + 5;
    assert.equal(flash.bytes[length], 96);
    flash.bytes[length] = 32;
    assert.deepEqual(contents(new Journal(flash)), []);
  });

  it("says when flash does not keep what is written, and stores the next message elsewhere", () => {
    for (let at = 128; at < 256; at++) {
      const flash = new NorFlash(4, 128);
      flash.stuck.set(at, 0x0f);
      const journal = new Journal(flash);
      const stored = [0, 1, 2].map(number => {
        try {
          return append(journal, number, 30);
        } catch (error) {
          assert.equal(error instanceof JournalError ? error.report.detail : error, "worn");
          return append(journal, number, 30);
        }
      });
      assert.equal(journal.length, 3);
      assert.deepEqual(contents(journal), stored, `stuck at ${at}`);
      assert.deepEqual(contents(new Journal(flash)), stored, `stuck at ${at}, opened again`);
    }
  });

  it("says so when no block keeps what is written", () => {
    const flash = new NorFlash(2, 128);
    for (let at = 0; at < 256; at++) flash.stuck.set(at, 0xff);
    const journal = new Journal(flash);
    for (let attempt = 0; attempt < 5; attempt++) {
      assert.equal(reportOf(() => append(journal, 1, 20)).detail, "worn");
    }
    assert.equal(journal.length, 0);
  });
});

/** What an application does with a journal. */
type Step =
  | { readonly kind: "append"; readonly length: number; readonly topic: string }
  | { readonly kind: "remove"; readonly index: number }
  | { readonly kind: "open" };

interface Run {
  readonly flash: NorFlash;
  /** What stands for certain. */
  readonly stored: readonly Message[];
  /** The state that the interrupted step would have led to, if it was one that changes anything. */
  readonly instead: readonly Message[] | undefined;
}

/** Runs the steps until they or the power end. */
function play(flash: NorFlash, steps: readonly Step[], before: readonly Message[] = []): Run {
  let stored: readonly Message[] = before;
  let instead: readonly Message[] | undefined;
  try {
    let journal = new Journal(flash, 32);
    for (const [number, step] of steps.entries()) {
      instead = undefined;
      if (step.kind === "open") {
        journal = new Journal(flash, 32);
      } else if (step.kind === "remove") {
        const list = entries(journal);
        const entry = list[step.index % Math.max(list.length, 1)];
        if (entry === undefined) continue;
        instead = stored.filter((_, index) => index !== list.indexOf(entry));
        journal.remove(entry);
        stored = instead;
      } else {
        const payload = new Uint8Array(step.length).map((_, index) => 17 * number + index);
        const { topic } = step;
        instead = [...stored, { topic, qos: 1, retain: false, payload: hex(payload) }];
        try {
          journal.append(topic, 1, false, source(payload, 9));
          stored = instead;
        } catch (error) {
          if (!(error instanceof JournalError)) throw error;
          assert.match(error.report.detail ?? "", /^(full|entry)$/);
          instead = undefined;
        }
      }
      assert.equal(journal.length, stored.length);
    }
    instead = undefined;
  } catch (error) {
    if (!(error instanceof PowerCut)) throw error;
  }
  return { flash, stored, instead };
}

/** Opens what is left after a cut: it must hold one of the two states, and go on working. */
function checkRecovery({ flash, stored, instead }: Run, where: string): Message[] {
  flash.restore();
  const journal = new Journal(flash, 32);
  const found = contents(journal);
  const wanted =
    instead !== undefined && found.length === instead.length && found.length !== stored.length
      ? instead
      : stored;
  assert.deepEqual(found, wanted, where);
  assert.equal(journal.length, found.length, where);
  assert.equal(journal.damaged, 0, where);
  assert.deepEqual(contents(new Journal(flash, 32)), found, `${where}: opened once more`);
  return found;
}

/** Flash whose next erase does one byte of the block, and then has no power. */
class SpotErase extends NorFlash {
  spot: number | undefined;

  override eraseBlock(start: number, end?: number): void {
    if (this.spot === undefined) {
      super.eraseBlock(start, end);
      return;
    }
    this.bytes[start * this.status().blockLength + this.spot] = 0xff;
    this.spot = undefined;
    throw new PowerCut();
  }
}

describe("journal after a loss of power", () => {
  it("does not bring back what was removed when an erase did no more than any one byte", () => {
    for (let spot = 0; spot < 128; spot++) {
      const flash = new SpotErase(2, 128);
      const journal = new Journal(flash);
      append(journal, 1, 20);
      append(journal, 2, 20);
      const kept = append(journal, 3, 20);
      for (const entry of entries(journal).slice(0, 2)) journal.remove(entry);
      flash.spot = spot;
      assert.throws(() => append(journal, 4, 60), PowerCut);
      assert.deepEqual(contents(new Journal(flash)), [kept], `byte ${spot}`);
    }
  });

  const topics = ["a", "device/up", "äöü"];
  const step: fc.Arbitrary<Step> = fc.oneof(
    {
      weight: 5,
      arbitrary: fc.record({
        kind: fc.constant("append" as const),
        length: fc.nat(70),
        topic: fc.constantFrom(...topics),
      }),
    },
    { weight: 4, arbitrary: fc.record({ kind: fc.constant("remove" as const), index: fc.nat(3) }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant("open" as const) }) },
  );

  /** Fills, frees and reuses blocks: three times around a ring of three. */
  const around: Step[] = [];
  for (let round = 0; round < 12; round++) {
    around.push(
      { kind: "append", length: 5 * round, topic: "device/up" },
      { kind: "append", length: 20, topic: "a" },
    );
    around.push({ kind: "remove", index: 0 }, { kind: "remove", index: round });
  }

  for (const tear of ["prefix", "scatter"] as const satisfies readonly Tear[]) {
    it(`holds what was stored, unchanged and in order, for every point of a cut (${tear})`, () => {
      const whole = new NorFlash(3, 128);
      play(whole, around);
      assert.ok(Math.min(...whole.erases) >= 2, "the scenario uses every block again");
      for (let cut = 0; cut < whole.steps; cut++) {
        for (let seed = 1; seed < 4; seed++) {
          const flash = new NorFlash(3, 128);
          flash.cutAfter(cut, tear, seed * 7919 + cut);
          const run = play(flash, around);
          const found = checkRecovery(run, `cut after ${cut} of ${whole.steps} steps`);
          // It goes on from there: what is found can be removed, and the ring used again.
          const further = play(flash, around, found);
          assert.deepEqual(contents(new Journal(flash, 32)), further.stored);
        }
      }
    });

    it(`holds for every point of a cut whatever the steps and the blocks (${tear})`, () => {
      fc.assert(
        fc.property(
          fc.array(step, { minLength: 1, maxLength: 14 }),
          fc.integer({ min: 1, max: 4 }),
          fc.constantFrom(96, 128, 200),
          fc.integer(),
          (steps, blocks, blockLength, seed) => {
            const whole = new NorFlash(blocks, blockLength);
            play(whole, steps);
            for (let cut = 0; cut < whole.steps; cut++) {
              const flash = new NorFlash(blocks, blockLength);
              flash.cutAfter(cut, tear, seed + cut);
              checkRecovery(play(flash, steps), `cut after ${cut} of ${whole.steps} steps`);
            }
          },
        ),
        { numRuns: 25 },
      );
    });

    it(`holds when power is cut again and again (${tear})`, () => {
      fc.assert(
        fc.property(
          fc.array(fc.tuple(fc.array(step, { minLength: 1, maxLength: 10 }), fc.nat(400), fc.integer()), {
            minLength: 2,
            maxLength: 8,
          }),
          lives => {
            const flash = new NorFlash(3, 128);
            let stored: readonly Message[] = [];
            for (const [steps, cut, seed] of lives) {
              flash.cutAfter(cut, tear, seed);
              const run = play(flash, steps, stored);
              flash.restore();
              // Clearing up after the cut may be cut as well.
              flash.cutAfter(Math.abs(seed) % 5, tear, seed + 1);
              try {
                new Journal(flash, 32);
              } catch (error) {
                assert.ok(error instanceof PowerCut);
              }
              stored = checkRecovery(run, `after ${cut} steps`);
            }
          },
        ),
        { numRuns: 200 },
      );
    });
  }
});
