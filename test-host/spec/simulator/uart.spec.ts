import assert from "node:assert/strict";
import fc from "fast-check";
import { Random } from "../../simulator/random.js";
import { Scheduler } from "../../simulator/scheduler.js";
import {
  bufferedSerial,
  stockSerial,
  Uart,
  type SerialClass,
  type UartModule,
} from "../../simulator/uart.js";

class Line implements UartModule {
  baud = 115_200;
  heedsRts = false;
  onOutput: UartModule["onOutput"];
  onDiscard: UartModule["onDiscard"];
  readonly heard: number[] = [];
  heardAtMs = 0;
  readonly scheduler = new Scheduler();
  readonly events: string[] = [];
  readonly uart: Uart;
  onReadable: (() => void) | undefined;

  constructor(serial: SerialClass) {
    this.uart = new Uart({
      scheduler: this.scheduler,
      module: this,
      serial,
      random: new Random(1),
      events: {
        readable: () => {
          this.events.push(`readable ${this.scheduler.nowMs.toFixed(3)}`);
          this.onReadable?.();
        },
        writable: () => this.events.push(`writable ${this.scheduler.nowMs.toFixed(3)}`),
        overrun: () => this.events.push("overrun"),
      },
    });
  }

  receive(bytes: Uint8Array): void {
    this.heard.push(...bytes);
    this.heardAtMs = this.scheduler.nowMs;
  }

  say(count: number): void {
    this.onOutput?.(
      Uint8Array.from({ length: count }, (_, index) => index & 0xff),
      this.baud,
    );
  }

  /** Reads everything in the callback at once, as a firmware does that is fast enough. */
  readAll(into: number[]): void {
    this.onReadable = () => {
      const { bytes, count } = this.uart.takeReadable();
      into.push(...bytes);
      this.uart.consume(count);
      this.uart.callbackDone();
    };
  }
}

/** 10 bits at 115,200 bit/s. */
const characterMs = 10_000 / 115_200;

describe("UART", () => {
  it("tells room first when it is opened", () => {
    const line = new Line(stockSerial);
    line.uart.open(115_200);
    assert.deepEqual(line.events, ["writable 0.000"]);
    assert.equal(line.uart.transmitRoom, 128);
  });

  it("raises the receive interrupt after 96 bytes", async () => {
    const line = new Line(stockSerial);
    line.uart.open(115_200);
    line.say(110);
    await line.scheduler.run({ untilMs: 200 });
    assert.equal(line.events[1], `readable ${(96 * characterMs).toFixed(3)}`);
  });

  it("raises it four idle characters after fewer bytes", async () => {
    const line = new Line(stockSerial);
    line.uart.open(115_200);
    line.say(10);
    await line.scheduler.run({ untilMs: 200 });
    assert.equal(line.events[1], `readable ${(14 * characterMs).toFixed(3)}`);
  });

  it("keeps the interrupt off until the callback has run, and loses what the FIFO cannot hold", async () => {
    const line = new Line(stockSerial);
    line.uart.open(115_200);
    line.say(300);
    await line.scheduler.run({ untilMs: 200 });
    assert.equal(line.events.length, 2);
    const { bytes, count } = line.uart.takeReadable();
    assert.deepEqual([bytes.length, count], [128, 128]);
    assert.equal(line.uart.counters.lostBytes, 172);
    assert.deepEqual([...bytes].slice(-2), [126, 127]);
    assert.ok(!line.events.includes("overrun"));
  });

  it("calls again after a read that left bytes behind, and after new bytes", async () => {
    const line = new Line(stockSerial);
    line.uart.open(115_200);
    line.say(20);
    await line.scheduler.run({ untilMs: 50 });
    line.uart.takeReadable();
    line.uart.consume(5);
    line.uart.callbackDone();
    assert.equal(line.events.length, 3);
    assert.deepEqual(line.uart.takeReadable(), { bytes: new Uint8Array(0), count: 15 });
    line.uart.callbackDone();
    line.say(1);
    await line.scheduler.run({ untilMs: 100 });
    assert.equal(line.events.length, 4);
    assert.equal(line.uart.takeReadable().count, 16);
  });

  it("reports lost bytes in the buffered class, and not in the stock class", async () => {
    const line = new Line(bufferedSerial);
    line.uart.open(115_200);
    line.say(5_000);
    await line.scheduler.run({ untilMs: 1_000 });
    assert.ok(line.events.includes("overrun"));
    assert.equal(line.uart.takeOverrun(), 5_000 - bufferedSerial.receiveCapacity);
    assert.equal(line.uart.takeOverrun(), 0);
  });

  it("holds the module back by RTS when both agreed on it, and loses nothing", async () => {
    const line = new Line(bufferedSerial);
    line.heedsRts = true;
    line.uart.open(115_200);
    line.say(9_000);
    await line.scheduler.run({ untilMs: 2_000 });
    assert.equal(line.uart.counters.pauses, 1);
    const got: number[] = [];
    line.readAll(got);
    line.onReadable?.();
    await line.scheduler.run({ untilMs: 4_000 });
    assert.equal(got.length, 9_000);
    assert.equal(line.uart.counters.lostBytes, 0);
  });

  it("delivers every byte in order to a reader that keeps up, at any rate and split", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(9_600, 115_200, 921_600),
        fc.array(fc.tuple(fc.integer({ min: 1, max: 400 }), fc.integer({ min: 0, max: 30 })), {
          maxLength: 8,
        }),
        async (baud, bursts) => {
          const line = new Line(stockSerial);
          line.baud = baud;
          line.uart.open(baud);
          const got: number[] = [];
          line.readAll(got);
          const sent: number[] = [];
          for (const [count, pauseMs] of bursts) {
            line.say(count);
            for (let index = 0; index < count; index++) sent.push(index & 0xff);
            await line.scheduler.run({ untilMs: line.scheduler.nowMs + pauseMs });
          }
          await line.scheduler.run();
          assert.deepEqual(got, sent);
          assert.equal(line.uart.counters.lostBytes, 0);
        },
      ),
      { numRuns: 60 },
    );
  });

  it("takes ten bit times for a byte to the module and frees the transmit buffer byte by byte", async () => {
    const line = new Line(stockSerial);
    line.uart.open(115_200);
    line.uart.write(new Uint8Array(100));
    assert.equal(line.uart.transmitRoom, 28);
    await line.scheduler.run({ untilMs: 10 * characterMs });
    assert.equal(line.uart.transmitRoom, 38);
    await line.scheduler.run();
    assert.equal(line.heard.length, 100);
    assert.ok(Math.abs(line.heardAtMs - 100 * characterMs) < 1e-9);
  });

  it("calls writable again when ten bytes are left to send", async () => {
    const line = new Line(stockSerial);
    line.uart.open(115_200);
    line.uart.write(new Uint8Array(60));
    await line.scheduler.run();
    assert.equal(line.events[1], `writable ${(50 * characterMs).toFixed(3)}`);
  });

  it("refuses a write beyond the room", () => {
    const line = new Line(stockSerial);
    line.uart.open(115_200);
    assert.throws(() => line.uart.write(new Uint8Array(129)), RangeError);
  });

  it("makes garbage of everything when the two rates differ", async () => {
    const line = new Line(stockSerial);
    line.uart.open(9_600);
    line.uart.write(Buffer.from("AT\r"));
    await line.scheduler.run({ untilMs: 100 });
    assert.notEqual(Buffer.from(line.heard).toString("latin1"), "AT\r");
    assert.equal(line.uart.counters.garbledBytes, 3);
  });

  it("loses what the module says while the port is closed", async () => {
    const line = new Line(stockSerial);
    line.say(5);
    line.uart.open(115_200);
    await line.scheduler.run({ untilMs: 50 });
    assert.equal(line.uart.takeReadable().count, 0);
  });

  it("keeps counters of both directions and high-water marks", async () => {
    const line = new Line(stockSerial);
    line.uart.open(115_200);
    line.uart.write(new Uint8Array(40));
    line.say(30);
    await line.scheduler.run({ untilMs: 100 });
    const { toModuleBytes, toHostBytes, receiveHighWater, transmitHighWater } = line.uart.counters;
    assert.equal(line.uart.takeReadable().count, 30);
    assert.deepEqual([toModuleBytes, transmitHighWater], [40, 40]);
    assert.ok(toHostBytes <= 30 && receiveHighWater <= 30);
    assert.equal(line.uart.counters.receiveHighWater, 30);
  });
});
