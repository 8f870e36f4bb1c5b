import assert from "node:assert/strict";
import type { EngineOptions } from "../../xs/index.js";
import { ENGINES, reports, untimed, withProgram } from "./support.js";
import type { Bench } from "./support.js";

function withSerial(options: EngineOptions, work: (bench: Bench) => Promise<void>): Promise<void> {
  return withProgram("serial", options, async bench => {
    await bench.start();
    await work(bench);
  });
}

describe("the serial port of an engine", () => {
  for (const engine of ENGINES) {
    describe(engine, () => {
      it("calls onReadable with all that is buffered, as a method of the port", async () => {
        await withSerial({ engine }, async bench => {
          assert.deepEqual(reports(await bench.readable([1, 2, 3])), [["readable", 3, true]]);
          assert.deepEqual(reports(await bench.readable([4], 4)), [["readable", 4, true]]);
        });
      });

      it("read() gives all in an ArrayBuffer, then undefined", async () => {
        await withSerial({ engine }, async bench => {
          await bench.readable([1, 2, 3]);
          assert.deepEqual(await bench.ask({ call: "read" }), [["result", "ArrayBuffer 1 2 3"]]);
          assert.deepEqual(await bench.ask({ call: "read" }), [["result", "undefined"]]);
        });
      });

      it("read(n) gives n bytes and leaves the rest", async () => {
        await withSerial({ engine }, async bench => {
          await bench.readable([1, 2, 3]);
          assert.deepEqual(await bench.ask({ call: "readCount", count: 2 }), [["result", "ArrayBuffer 1 2"]]);
          assert.deepEqual(reports(await bench.readable([9], 2)), [["readable", 2, true]]);
          assert.deepEqual(await bench.ask({ call: "read" }), [["result", "ArrayBuffer 3 9"]]);
        });
      });

      it("read(n) throws when more is asked for than has come in", async () => {
        await withSerial({ engine }, async bench => {
          await bench.readable([1, 2, 3]);
          assert.deepEqual(await bench.ask({ call: "readCount", count: 4 }), [
            ["thrown", "RangeError: read beyond what was received", true],
          ]);
        });
      });

      it("read(view) fills the view and returns the count", async () => {
        await withSerial({ engine }, async bench => {
          await bench.readable([1, 2, 3]);
          assert.deepEqual(await bench.ask({ call: "fill", count: 2 }), [["result", "2: 1 2"]]);
          assert.deepEqual(await bench.ask({ call: "fill", count: 4 }), [["result", "1: 3 0 0 0"]]);
          assert.deepEqual(await bench.ask({ call: "fill", count: 1 }), [["result", "undefined: 0"]]);
        });
      });

      it("tells each read with its count", async () => {
        await withSerial({ engine }, async bench => {
          await bench.readable([1, 2, 3]);
          const turn = await bench.message({ call: "fill", count: 2 });
          assert.deepEqual(untimed(turn)[0], { kind: "read", count: 2 });
        });
      });

      for (const view of [true, false]) {
        it(`writes ${view ? "a Uint8Array" : "an ArrayBuffer"}`, async () => {
          await withSerial({ engine }, async bench => {
            const turn = await bench.message({ call: "write", bytes: [5, 6], view });
            assert.deepEqual(untimed(turn)[0], { kind: "write", bytes: Uint8Array.of(5, 6) });
          });
        });
      }

      it("write throws when the transmit buffer has no room", async () => {
        await withSerial({ engine }, async bench => {
          bench.inputs.transmitRoom = 2;
          const turn = await bench.message({ call: "write", bytes: [1, 2, 3] });
          assert.deepEqual(untimed(turn), [{ kind: "report", text: '["thrown","Error: output full",true]' }]);
        });
      });

      it("a write takes its bytes from the room of the turn", async () => {
        await withProgram("echo", { engine }, async bench => {
          await bench.start();
          bench.inputs.transmitRoom = 3;
          await bench.readable([1, 2, 3]);
          const { abort } = await bench.readable([1, 2, 3, 4]);
          assert.match(abort?.detail ?? "", /^Error: output full/);
        });
      });

      it("calls onWritable with the room", async () => {
        await withProgram("echo", { engine }, async bench => {
          await bench.start();
          assert.deepEqual(reports(await bench.turn({ kind: "writable", room: 128 })), [["writable", 128]]);
        });
      });

      it("calls onError of the buffered class after an overrun", async () => {
        await withProgram("echo", { engine }, async bench => {
          await bench.start();
          assert.deepEqual(reports(await bench.turn({ kind: "overrun", lost: 3 })), [["error"]]);
        });
      });

      it("never calls onError of the stock class", async () => {
        await withProgram("echo", { engine, serial: "stock" }, async bench => {
          await bench.start();
          assert.deepEqual(reports(await bench.turn({ kind: "overrun", lost: 3 })), []);
        });
      });

      for (const [serial, expected] of [
        ["buffered", "4096"],
        ["stock", "undefined"],
      ] as const) {
        it(`receiveHeadroom of the ${serial} class is ${expected}`, async () => {
          await withSerial({ engine, serial }, async bench => {
            assert.deepEqual(await bench.ask({ call: "headroom" }), [["result", expected]]);
          });
        });
      }

      it("copies target to the instance", async () => {
        await withSerial({ engine }, async bench => {
          assert.deepEqual(await bench.ask({ call: "target" }), [["result", "target"]]);
        });
      });

      it("reads and writes single bytes in number format", async () => {
        await withSerial({ engine }, async bench => {
          assert.deepEqual(await bench.ask({ call: "format", format: "number" }), [["result", "number"]]);
          await bench.readable([7, 8]);
          assert.deepEqual(await bench.ask({ call: "read" }), [["result", "number 7"]]);
          const turn = await bench.message({ call: "writeByte", count: 65 });
          assert.deepEqual(untimed(turn)[0], { kind: "write", bytes: Uint8Array.of(65) });
        });
      });

      it("refuses a format that ECMA-419 does not know", async () => {
        await withSerial({ engine }, async bench => {
          assert.deepEqual(await bench.ask({ call: "format", format: "text" }), [
            ["thrown", "RangeError: invalid format", true],
          ]);
        });
      });

      it("refuses a second instance while one is open", async () => {
        await withSerial({ engine }, async bench => {
          assert.deepEqual(await bench.ask({ call: "open" }), [["thrown", "Error: in use", true]]);
        });
      });

      it("calls nothing back after close, and throws", async () => {
        await withSerial({ engine }, async bench => {
          assert.deepEqual(untimed(await bench.message({ call: "close" })), [
            { kind: "close" },
            { kind: "report", text: '["result","closed"]' },
          ]);
          assert.deepEqual(untimed(await bench.readable([1])), []);
          assert.deepEqual(await bench.ask({ call: "read" }), [["thrown", "Error: closed", true]]);
          assert.deepEqual(await bench.ask({ call: "close" }), [["result", "closed"]]);
        });
      });

      it("forgets what was buffered when it is opened again", async () => {
        await withSerial({ engine }, async bench => {
          await bench.readable([1, 2]);
          await bench.message({ call: "close" });
          assert.deepEqual(untimed(await bench.message({ call: "open" })), [
            { kind: "open", baud: 115200 },
            { kind: "report", text: '["result","opened"]' },
          ]);
          assert.deepEqual(reports(await bench.readable([3])), [["readable", 1, true]]);
        });
      });
    });
  }

  it("keeps received bytes outside the heap", async () => {
    await withSerial({ heapBytes: 6000 }, async bench => {
      const { abort } = await bench.readable(Array.from({ length: 4096 }, (_, index) => index & 0xff));
      assert.equal(abort, undefined);
      assert.ok((await bench.engine.memory()).peakChunkBytes < 2000);
    });
  });
});
