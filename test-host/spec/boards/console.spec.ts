import assert from "node:assert/strict";
import fc from "fast-check";
import { guestOf, SharedConsole } from "../../../hosts/esp32/shared-console.js";
import type { SerialCallbacks, SerialPort } from "../../../modules/io/serial.js";

/** A port whose transmit buffer holds so many bytes, and sends them when told to. */
class Port implements SerialPort {
  static room = 64;
  static opened: Port | undefined;
  readonly receiveHeadroom = 4096;
  readonly #callbacks: SerialCallbacks;
  #free = 0;
  #received: number[] = [];
  sent = "";

  constructor(callbacks: SerialCallbacks) {
    this.#callbacks = callbacks;
    Port.opened = this;
  }

  read(view: Uint8Array): number | undefined {
    const bytes = this.#received.splice(0, view.length);
    view.set(bytes);
    return bytes.length === 0 ? undefined : bytes.length;
  }

  write(bytes: ArrayBuffer | Uint8Array): void {
    const view = bytes instanceof Uint8Array ? bytes : new Uint8Array(bytes);
    if (view.length > this.#free) throw new Error("output full");
    this.#free -= view.length;
    this.sent += Buffer.from(view).toString("latin1");
  }

  close(): void {
    this.#free = 0;
  }

  drain(): void {
    this.#free = Port.room;
    this.#callbacks.onWritable?.call(this, this.#free);
  }

  receive(text: string): void {
    this.#received.push(...Buffer.from(text));
    this.#callbacks.onReadable?.call(this, this.#received.length);
  }

  get waiting(): number {
    return this.#received.length;
  }
}

describe("the console that log and factory share", () => {
  let later: (() => void)[];
  let shared: SharedConsole;
  let port: Port;

  beforeEach(() => {
    Port.room = 64;
    later = [];
    const timer = { set: (callback: () => void) => later.push(callback), clear: () => undefined };
    shared = new SharedConsole({ io: Port }, timer);
    port = Port.opened ?? assert.fail();
  });

  function drain(): void {
    for (let i = 0; i < 100; i++) port.drain();
  }

  function guest(callbacks: SerialCallbacks = {}): SerialPort {
    return new (guestOf(shared).io)(callbacks);
  }

  it("lines of the log leave as the port has room, in order", () => {
    shared.log("one");
    assert.equal(port.sent, "");
    shared.log("two ä €");
    drain();
    assert.equal(port.sent, "one\r\ntwo \u00e4 ?\r\n");
  });

  it("a line longer than the port's room leaves in pieces", () => {
    shared.log("x".repeat(200));
    drain();
    assert.equal(port.sent, `${"x".repeat(200)}\r\n`);
  });

  it("lines that find no room are dropped, and their number is told before the next", () => {
    for (let i = 0; i < 40; i++) shared.log("y".repeat(60));
    drain();
    const kept = port.sent.split("\r\n").length - 1;
    assert.ok(kept > 10 && kept < 40);
    port.sent = "";
    shared.log("after");
    drain();
    assert.equal(port.sent, `dropped ${40 - kept}\r\nafter\r\n`);
  });

  it("the guest is told of its room in a turn of its own, and again when what it wrote has left", () => {
    const rooms: number[] = [];
    const one = guest({ onWritable: count => rooms.push(count) });
    assert.deepEqual(rooms, []);
    later.forEach(callback => callback());
    assert.deepEqual(rooms, [1024]);
    one.write(new Uint8Array(1000).fill(65));
    assert.deepEqual(rooms, [1024]);
    drain();
    assert.deepEqual(rooms, [1024, 1024]);
    assert.equal(port.sent.length, 1000);
  });

  it("a full log leaves the guest the room that it was told of", () => {
    for (let i = 0; i < 100; i++) shared.log("z".repeat(50));
    const one = guest();
    assert.doesNotThrow(() => one.write(new Uint8Array(1024).fill(65)));
  });

  it("the guest hears what the port receives; without a guest it is thrown away", () => {
    port.receive("noise");
    assert.equal(port.waiting, 0);
    let heard = 0;
    const one = guest({ onReadable: count => (heard = count) });
    port.receive("#x hello");
    assert.equal(heard, 8);
    const view = new Uint8Array(64);
    assert.equal(one.read(view), 8);
    assert.equal(one.receiveHeadroom, 4096);
    one.close();
    port.receive("more");
    assert.equal(port.waiting, 0);
  });

  it("no line of the log ever stands inside a line of the guest, whatever the pieces and the room", () => {
    const piece = fc.oneof(
      fc.record({ log: fc.stringMatching(/^l[a-z ]{0,30}$/) }),
      fc.record({ guest: fc.array(fc.stringMatching(/^#[0-9a-f]{1,20}$/), { minLength: 1, maxLength: 4 }) }),
      fc.constant({ drain: true as const }),
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 60 }), fc.integer({ min: 1, max: 100 }), (steps, room) => {
        Port.room = room;
        shared = new SharedConsole({ io: Port }, { set: () => undefined, clear: () => undefined });
        port = Port.opened ?? assert.fail();
        const one = guest();
        const wanted: string[] = [];
        for (const step of steps) {
          if ("log" in step) shared.log(step.log);
          else if ("guest" in step) {
            // A line in pieces, the log wanting to speak between any two.
            for (const part of step.guest) {
              one.write(Buffer.from(part));
              shared.log("between");
            }
            one.write(Buffer.from("\n"));
            wanted.push(step.guest.join(""));
          } else port.drain();
          drain();
        }
        const lines = port.sent.split("\n").map(line => line.replace("\r", ""));
        assert.deepEqual(
          lines.filter(line => line.startsWith("#")),
          wanted,
        );
        for (const line of lines.filter(one => !one.startsWith("#")))
          assert.match(line, /^(l[a-z ]*|dropped \d+|)$/);
      }),
      { numRuns: 200 },
    );
  });

  it("a port that throws does not reach whoever logs", () => {
    Port.room = 10;
    port.drain();
    port.close();
    assert.doesNotThrow(() => shared.log("hello"));
  });
});
