import assert from "node:assert/strict";
import fc from "fast-check";
import { deviceProgram } from "../../esp32/build.js";
import { BUILD_MS, reportsOf } from "./support.js";

describe("ESP32 buffered serial class, sending", () => {
  before(async function () {
    this.timeout(BUILD_MS);
    await deviceProgram();
  });

  it("tells of room first, in a turn behind the construction", async () => {
    const reports = await reportsOf(`
      () => { serial = open({ onWritable(count) { report(this === serial, count); } }); report("turn ends"); },
      () => {}, () => {},
    `);
    assert.deepEqual(reports, ["turn ends", [true, 1024]]);
  });

  it("can be written to before it has told of room", async () => {
    assert.deepEqual(await reportsOf(`() => { open({}).write(bytes("AT\\r")); }, () => report(sent())`), [
      "AT\r",
    ]);
  });

  const writes = [
    { call: "bytes('AT')", sent: "AT" },
    { call: "bytes('AT').buffer", sent: "AT" },
    { call: "bytes('..AT..').subarray(2, 4)", sent: "AT" },
    { call: "new DataView(bytes('..AT..').buffer, 2, 2)", sent: "AT" },
    { call: "new Uint8Array(0)", sent: "" },
  ];
  for (const { call, sent } of writes) {
    it(`sends ${JSON.stringify(sent)} for ${call}`, async () => {
      assert.deepEqual(
        await reportsOf(`() => { serial = open({}); serial.write(${call}); }, () => report(sent())`),
        [sent],
      );
    });
  }

  it("sends one byte of a number in format number", async () => {
    const reports = await reportsOf(`
      () => { serial = open({ format: "number" }); serial.write(65); serial.write(0x142); report(serial.write(67)); },
      () => report(sent()),
    `);
    assert.deepEqual(reports, [null, "ABC"]);
  });

  it("refuses what is no buffer", async () => {
    const [error] = await reportsOf(`() => { serial = open({}); report(attempt(() => serial.write(5))); }`);
    assert.match(String(error), /^TypeError/);
  });

  it("takes the announced room in one write, or in many", async () => {
    const reports = await reportsOf(`
      () => { serial = open({}); serial.write(new Uint8Array(1024)); },
      () => report(driver.send().byteLength),
      () => { for (let i = 0; i < 1024; i++) serial.write(Uint8Array.of(i)); },
      () => report(driver.send().byteLength),
    `);
    assert.deepEqual(reports.slice(0, 1), [1024]);
    // The rest waits for the turn in which the first has gone to the FIFO.
    assert.ok(Number(reports[1]) >= 1);
  });

  it("throws output full, and takes nothing, when a write does not fit", async () => {
    const reports = await reportsOf(`
      () => {
        serial = open({});
        report(attempt(() => serial.write(new Uint8Array(1025))));
        serial.write(new Uint8Array(1024));
        serial.write(new Uint8Array(1000));
        report(attempt(() => serial.write(new Uint8Array(25))));
        serial.write(new Uint8Array(24));
        report(attempt(() => serial.write(new Uint8Array(1))));
      },
      ...Array.from({ length: 20 }, () => () => { globalThis.total = (globalThis.total ?? 0) + driver.send().byteLength; }),
      () => report(total),
    `);
    assert.deepEqual(reports, ["Error: output full", "Error: output full", "Error: output full", 2048]);
  });

  it("tells of room again when a write has gone to the driver, and not while there is none", async () => {
    const reports = await reportsOf(`
      () => { serial = open({ onWritable: telling.onWritable }); },
      () => { serial.write(new Uint8Array(1024)); },
      () => { serial.write(new Uint8Array(1024)); report("full"); },
      () => { report("sends", driver.send(1023 - 128).byteLength); },
      () => { report("sends", driver.send(1).byteLength); },
      () => { driver.send(); },
      () => { driver.send(); },
    `);
    assert.deepEqual(reports, [
      ["writable", 1024],
      ["writable", 1024],
      "full",
      ["sends", 895],
      ["sends", 1],
      ["writable", 1024],
    ]);
  });

  it("tells nothing of room that the program knows of", async () => {
    const reports = await reportsOf(`
      () => { serial = open({ onWritable: telling.onWritable }); },
      () => {}, () => driver.receive("x"), () => {},
    `);
    assert.deepEqual(reports, [["writable", 1024]]);
  });

  it("sends in order what was written, never waits, and never has room that it does not tell of", async () => {
    const sizes = fc.array(fc.tuple(fc.integer({ min: 1, max: 1024 }), fc.integer({ min: 0, max: 700 })), {
      minLength: 10,
      maxLength: 60,
    });
    await fc.assert(
      fc.asyncProperty(sizes, async list => {
        const reports = await reportsOf(`
          () => {
            globalThis.room = 0; globalThis.written = 0; globalThis.seen = 0;
            globalThis.check = most => {
              const data = new Uint8Array(driver.send(most));
              for (const byte of data) if (byte !== (seen++ * 7 & 255)) throw new Error("out of order at " + seen);
              return data.length;
            };
            serial = open({ onWritable(count) { room = count; } });
          },
          ...${JSON.stringify(list)}.map(([size, drain]) => () => {
            for (let piece = size; room > 0 && piece > 0; piece = piece >> 1) {
              const count = Math.min(piece, room);
              serial.write(Uint8Array.from({ length: count }, () => written++ * 7 & 255));
              room -= count;
            }
            check(drain);
          }),
          ...Array.from({ length: 100 }, () => () => check()),
          () => report(seen === written, room),
        `);
        assert.deepEqual(reports, [[true, 1024]]);
      }),
      { numRuns: 10 },
    );
  });

  it("never waits for the driver's ring, wherever its pointers stand", async () => {
    const reports = await reportsOf(`
      () => { serial = open({}); globalThis.total = 0; },
      ...Array.from({ length: 4500 }, (_, i) => () => {
        serial.write(new Uint8Array(i % 3 === 2 ? 1024 : 1 + (i * 101) % 1000));
        for (let data = driver.send(); data.byteLength > 0; data = driver.send()) total += data.byteLength;
      }),
      () => report(total > 1500 * 1024),
    `);
    assert.deepEqual(reports, [true]);
  });

  it("calls for no room where no pin sends", async () => {
    const reports = await reportsOf(`
      () => { serial = new Serial({ port: 1, receive: 16, baud: 9600, onWritable: telling.onWritable }); }, () => {},
    `);
    assert.deepEqual(reports, []);
  });
});
