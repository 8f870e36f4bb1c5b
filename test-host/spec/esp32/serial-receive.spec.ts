import assert from "node:assert/strict";
import fc from "fast-check";
import { deviceProgram } from "../../esp32/build.js";
import { BUILD_MS, reportsOf } from "./support.js";

describe("ESP32 buffered serial class, receiving", () => {
  before(async function () {
    this.timeout(BUILD_MS);
    await deviceProgram();
  });

  it("tells in a later turn how many bytes have arrived, in the instance's name", async () => {
    const reports = await reportsOf(`
      () => { serial = open({ onReadable(count) { report(this === serial, count); } }); },
      () => { driver.receive("hello"); report("turn ends"); },
    `);
    assert.deepEqual(reports, ["turn ends", [true, 5]]);
  });

  it("tells nothing while nothing has arrived", async () => {
    assert.deepEqual(await reportsOf(`() => { open({ onReadable: telling.onReadable }); }, () => {}`), []);
  });

  const reads = [
    { call: "text(serial.read())", gives: "hello", left: undefined },
    { call: "text(serial.read(undefined))", gives: "hello", left: undefined },
    { call: "text(serial.read(2))", gives: "he", left: "llo" },
    { call: "text(serial.read(5))", gives: "hello", left: undefined },
    { call: "text(serial.read(6))", gives: "hello", left: undefined },
    { call: "text(serial.read(100000))", gives: "hello", left: undefined },
    { call: "serial.read(view)", gives: 5, left: undefined },
    { call: "serial.read(view.subarray(0, 3))", gives: 3, left: "lo" },
    { call: "serial.read(view.buffer)", gives: 5, left: undefined },
    { call: "serial.read(new DataView(view.buffer, 1, 4))", gives: 4, left: "o" },
    { call: "serial.read(new Uint8Array(0))", gives: 0, left: "hello" },
    { call: "attempt(() => serial.read(0))", gives: "Error: invalid", left: "hello" },
    { call: "attempt(() => serial.read(-1))", gives: "Error: invalid", left: "hello" },
    { call: "attempt(() => serial.read(NaN))", gives: "Error: invalid", left: "hello" },
    { call: "attempt(() => serial.read('x'))", gives: "Error: invalid", left: "hello" },
  ];
  for (const { call, gives, left } of reads) {
    it(`${call} with "hello" there gives ${JSON.stringify(gives)} and leaves ${left ?? "nothing"}`, async () => {
      const reports = await reportsOf(`
        () => { serial = open({}); },
        () => driver.receive("hello"),
        () => { const view = new Uint8Array(8); report(${call}); report(text(serial.read())); },
      `);
      assert.deepEqual(reports, [gives, left ?? null]);
    });
  }

  it("gives undefined when nothing has arrived, whatever is asked", async () => {
    const reports = await reportsOf(`
      () => { serial = open({}); },
      () => { for (const ask of [[], [4], [new Uint8Array(4)], [0]]) report(serial.read(...ask) === undefined); },
    `);
    assert.deepEqual(reports, [true, true, true, true]);
  });

  it("fills a view from its offset on and nothing around it", async () => {
    const reports = await reportsOf(`
      () => { serial = open({}); },
      () => driver.receive("hello"),
      () => { const all = bytes("........"); serial.read(all.subarray(2, 5)); report(text(all)); },
    `);
    assert.deepEqual(reports, ["..hel..."]);
  });

  it("reads one byte at a time in format number, and a buffer again in format buffer", async () => {
    const reports = await reportsOf(`
      () => { serial = open({ format: "number" }); report(serial.format); },
      () => driver.receive(Uint8Array.of(0, 255, 98, 99)),
      () => { report(serial.read(), serial.read()); serial.format = "buffer"; report(serial.format, text(serial.read())); },
    `);
    assert.deepEqual(reports, ["number", [0, 255], ["buffer", "bc"]]);
  });

  it("tells again after a read while bytes remain, until there are none", async () => {
    const reports = await reportsOf(`
      () => { serial = open({ onReadable(count) { report(count, text(this.read(4))); } }); },
      () => driver.receive("0123456789"),
    `);
    assert.deepEqual(reports, [
      [10, "0123"],
      [6, "4567"],
      [2, "89"],
    ]);
  });

  it("tells again after a read in another turn that left bytes", async () => {
    const reports = await reportsOf(`
      () => { serial = open({ onReadable: telling.onReadable }); },
      () => driver.receive("0123"),
      () => { serial.read(1); },
      () => { serial.read(); },
    `);
    assert.deepEqual(reports, [
      ["readable", 4],
      ["readable", 3],
    ]);
  });

  it("tells no second time of bytes that the program leaves where they are", async () => {
    const reports = await reportsOf(`
      () => { serial = open({ onReadable: telling.onReadable }); },
      () => driver.receive("0123"),
      () => {}, () => {},
      () => driver.receive("4"),
    `);
    assert.deepEqual(reports, [
      ["readable", 4],
      ["readable", 5],
    ]);
  });

  it("does not call when another turn has read everything before", async () => {
    const reports = await reportsOf(`
      () => { serial = open({ onReadable: telling.onReadable }); },
      () => { driver.receive("0123"); report(text(serial.read())); },
    `);
    assert.deepEqual(reports, ["0123"]);
  });

  it("keeps a burst of the announced headroom while no turn comes", async () => {
    const reports = await reportsOf(`
      () => { serial = open({ onError: telling.onError }); report(serial.receiveHeadroom, driver.calls().includes(" 4096 ")); },
      () => driver.receive(new Uint8Array(serial.receiveHeadroom).fill(65)),
      () => report(serial.read().byteLength),
    `);
    assert.deepEqual(reports, [[4096, true], 4096]);
  });

  it("hands on in order what came over the ring's end, whatever lies in it", async () => {
    const rounds = fc.array(fc.tuple(fc.integer({ min: 1, max: 3000 }), fc.integer({ min: 1, max: 3000 })), {
      minLength: 5,
      maxLength: 40,
    });
    await fc.assert(
      fc.asyncProperty(rounds, async list => {
        const reports = await reportsOf(`
          () => {
            globalThis.arrived = 0; globalThis.seen = 0;
            globalThis.take = most => {
              for (const byte of new Uint8Array(serial.read(most) ?? 0))
                if (byte !== (seen++ * 7 & 255)) throw new Error("out of order at " + seen);
            };
            serial = open({ onError: telling.onError });
          },
          ...${JSON.stringify(list)}.map(([burst, most]) => () => {
            const count = Math.min(burst, serial.receiveHeadroom - (arrived - seen));
            driver.receive(Uint8Array.from({ length: count }, () => arrived++ * 7 & 255));
            take(most);
          }),
          () => { take(); report(arrived === seen, serial.read() === undefined); },
        `);
        assert.deepEqual(reports, [[true, true]]);
      }),
      { numRuns: 10 },
    );
  });

  it("tells once that bytes were lost, before what is there, and the stream goes on", async () => {
    const reports = await reportsOf(`
      () => { serial = open({ onReadable(count) { report(count); this.read(); }, onError: telling.onError }); },
      () => driver.receive(new Uint8Array(10000)),
      () => driver.receive("on"),
      () => driver.receive(new Uint8Array(9000)),
    `);
    const [lost, first, ...rest] = reports;
    assert.equal(lost, "lost");
    assert.ok(typeof first === "number" && first > 3968 && first <= 4096, `${String(first)} bytes`);
    assert.ok(rest.includes("lost"));
    assert.equal(reports.filter(report => report === "lost").length, 2);
  });

  it("gives what arrives behind a loss unchanged", async () => {
    const reports = await reportsOf(`
      () => { serial = open({ onReadable() { globalThis.last = text(this.read().slice(-2)); } }); },
      () => driver.receive(new Uint8Array(10000)),
      () => {},
      () => driver.receive("OK"),
      () => report(last),
    `);
    assert.deepEqual(reports, ["OK"]);
  });

  it("loses nothing of any burst with RTS wired", async () => {
    const reports = await reportsOf(`
      () => {
        globalThis.total = 0;
        serial = open({ rts: 18, onReadable() { total += this.read(500).byteLength; }, onError: telling.onError });
      },
      () => { driver.receive(new Uint8Array(10000)); report(driver.heldBack() > 5000); },
      () => report(total, driver.heldBack()),
    `);
    assert.deepEqual(reports, [true, [10000, 0]]);
  });

  it("keeps a FIFO's worth while the interrupt is off, and tells when more came", async () => {
    const reports = await reportsOf(`
      () => { serial = open({ onReadable(count) { report(count); this.read(); }, onError: telling.onError }); },
      () => { driver.interrupts(false); driver.receive(new Uint8Array(128)); driver.interrupts(true); },
      () => { driver.interrupts(false); driver.receive(new Uint8Array(129)); driver.interrupts(true); },
    `);
    assert.deepEqual(reports, [128, "lost", 128]);
  });
});
