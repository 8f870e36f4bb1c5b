import assert from "node:assert/strict";
import fc from "fast-check";
import { checkWiring } from "../../../hosts/esp32/check-wiring.js";
import { chooseWiring } from "../../../hosts/esp32/choose-wiring.js";
import { chips, type ChipName } from "../../../hosts/esp32/chips.js";
import { boards } from "../../../hosts/esp32/boards/index.js";
import { lineNames, type WiringChoice } from "../../../hosts/esp32/wiring.js";

const bg95: WiringChoice = { module: "bg95", board: "devkit-bg95" };
const bc66: WiringChoice = { module: "bc66", board: "devkit-bc66" };

/** A wrong configuration: which member is told, in which words, and whether the device stops. */
const wrong: readonly (readonly [
  name: string,
  config: WiringChoice,
  member: string,
  why: RegExp,
  fatal?: false,
])[] = [
  ["no board of that name", { module: "bg95", board: "lilygo" }, "board", /no such board/],
  ["neither board nor wiring", { module: "bg95" }, "board", /Neither a board nor/],
  ["a board with the other module", { ...bg95, module: "bc66" }, "module", /carries a bg95/],
  ["no chip of that name", { ...bg95, chip: "esp8266" as ChipName }, "chip", /No such chip/],
  [
    "a wiring without pins",
    { module: "bg95", wiring: { uart: {} } },
    "wiring.uart.receive",
    /has no such GPIO/,
  ],
  ["a GPIO that the chip has not", { ...bg95, wiring: { powerKey: 24 } }, "wiring.powerKey", /no such GPIO/],
  ["a GPIO beyond the last", { ...bg95, wiring: { powerKey: 40 } }, "wiring.powerKey", /no such GPIO/],
  ["a GPIO that is no number", { ...bg95, wiring: { powerKey: NaN } }, "wiring.powerKey", /no such GPIO/],
  ["half a GPIO", { ...bg95, wiring: { powerKey: 4.5 } }, "wiring.powerKey", /no such GPIO/],
  ["a GPIO twice", { ...bg95, wiring: { powerKey: 25 } }, "wiring.powerKey", /wiring.uart.transmit already/],
  [
    "an output that can only be read",
    { ...bg95, wiring: { powerKey: 35 } },
    "wiring.powerKey",
    /only be read/,
  ],
  ["the flash", { ...bg95, wiring: { status: 6 } }, "wiring.status", /flash/],
  ["the console", { ...bg95, wiring: { status: 3 } }, "wiring.status", /console/],
  ["UART 0", { ...bg95, wiring: { uart: { port: 0 } } }, "wiring.uart.port", /console/],
  [
    "a UART that is not there",
    { ...bg95, wiring: { uart: { port: 3 } } },
    "wiring.uart.port",
    /no such UART/,
  ],
  [
    "UART 2 of an ESP32-C3",
    { module: "bg95", chip: "esp32c3", wiring: { uart: { port: 2, receive: 4, transmit: 5 } } },
    "wiring.uart.port",
    /no such UART/,
  ],
  ["RTS without CTS", { ...bg95, wiring: { uart: { rts: 27 } } }, "wiring.uart", /RTS and CTS/],
  [
    "flow control on a BC66",
    { ...bc66, wiring: { uart: { rts: 27, cts: 23 } } },
    "wiring.uart.rts",
    /no flow control/,
  ],
  [
    "a rate that no module has",
    { ...bg95, wiring: { uart: { baud: 100_000 } } },
    "wiring.uart.baud",
    /no such rate/,
  ],
  ["a rate of zero", { ...bg95, wiring: { uart: { baud: 0 } } }, "wiring.uart.baud", /no such rate/],
  [
    "a rate that a BC66 does not learn",
    { ...bc66, wiring: { uart: { baud: 460_800 } } },
    "wiring.uart.baud",
    /learns rates up to/,
    false,
  ],
  [
    "a rate that a BG95 must be told",
    { ...bg95, wiring: { uart: { baud: 9_600 } } },
    "wiring.uart.baud",
    /until it is told/,
    false,
  ],
  ["a strapping pin", { ...bg95, wiring: { powerKey: 5 } }, "wiring.powerKey", /strapping/, false],
  ["a pin of the PSRAM", { ...bg95, wiring: { powerKey: 16 } }, "wiring.powerKey", /PSRAM/, false],
  [
    "USB of an ESP32-S3",
    { module: "bg95", chip: "esp32s3", wiring: { uart: { receive: 19, transmit: 5 } } },
    "wiring.uart.receive",
    /USB/,
    false,
  ],
  [
    "a level that is none",
    { ...bg95, wiring: { powerKey: { pin: 4, active: 2 as 1 } } },
    "wiring.powerKey.active",
    /0 or 1/,
  ],
  [
    "an open drain that should drive high",
    { ...bg95, wiring: { powerKey: { pin: 4, openDrain: true } } },
    "wiring.powerKey",
    /open drain/,
  ],
  [
    "a pull resistor that is not there",
    { ...bg95, wiring: { status: { pin: 35, pull: "up" } } },
    "wiring.status.pull",
    /no pull resistor/,
  ],
];

describe("wiring of a configuration", () => {
  for (const [name, config, member, why, fatal = true] of wrong) {
    it(`${fatal ? "refuses" : "warns of"} ${name}`, () => {
      const { board, faults } = chooseWiring(config);
      const fault = faults.find(one => one.member === member && why.test(one.why));
      assert.ok(fault, JSON.stringify(faults));
      assert.equal(fault.fatal, fatal);
      assert.match(fault.fix, /^[A-Z].*\.$/);
      assert.equal(board === undefined, fatal);
    });
  }

  for (const { name, module } of boards) {
    it(`takes ${name} as it is`, () => {
      const { board, faults } = chooseWiring({ module, board: name });
      assert.deepEqual(board?.wiring, boards.find(one => one.name === name)?.wiring);
      assert.ok(faults.every(({ fatal }) => !fatal));
    });
  }

  it("puts its own members over the board's", () => {
    const wiring = { uart: { baud: 921_600 }, powerKey: { pin: 5, active: 0 as const }, status: null };
    const { board } = chooseWiring({ ...bg95, wiring });
    assert.deepEqual(board?.wiring, {
      uart: { port: 1, receive: 26, transmit: 25, baud: 921_600 },
      powerKey: { pin: 5, active: 0 },
      wake: { pin: 32, active: 1 },
    });
  });

  it("takes a wiring without a board, on an ESP32 where no chip is named", () => {
    const wiring = { uart: { receive: 26, transmit: 25 }, powerKey: 4 };
    assert.deepEqual(chooseWiring({ module: "bc66", wiring }), {
      board: {
        chip: "esp32",
        module: "bc66",
        wiring: {
          uart: { port: 1, receive: 26, transmit: 25, baud: 115_200 },
          powerKey: { pin: 4, active: 1 },
        },
      },
      faults: [],
    });
  });

  it("takes RTS and CTS out again", () => {
    const wiring = { uart: { receive: 26, transmit: 25, rts: null, cts: null } };
    const { board } = chooseWiring({ module: "bg95", wiring });
    assert.deepEqual(Object.keys(board?.wiring.uart ?? {}), ["port", "receive", "transmit", "baud"]);
  });

  it("that passes has each GPIO once, all of them there, none of flash and console, no output that is read only", () => {
    const pin = fc.integer({ min: -1, max: 48 });
    const line = fc.record({ pin, active: fc.constantFrom<0 | 1>(0, 1) });
    const parts = {
      chip: fc.constantFrom<ChipName>("esp32", "esp32s3", "esp32c3"),
      uart: fc.record({ port: fc.integer({ min: 1, max: 2 }), receive: pin, transmit: pin }),
      powerKey: line,
      reset: line,
      status: line,
      wake: line,
      supply: line,
    };
    const anything = fc.record(parts, { requiredKeys: ["chip", "uart"] });
    let passed = 0;
    fc.assert(
      fc.property(anything, ({ chip: name, uart, ...lines }) => {
        const chip = chips[name];
        const { board } = chooseWiring({ module: "bg95", chip: name, wiring: { uart, ...lines } });
        if (board === undefined) return;
        passed++;
        const wired = lineNames.flatMap(one => {
          const found = board.wiring[one];
          return found === undefined ? [] : [{ name: one, pin: found.pin }];
        });
        const pins = [uart.receive, uart.transmit, ...wired.map(one => one.pin)];
        assert.equal(new Set(pins).size, pins.length);
        for (const one of pins) {
          assert.ok(one >= 0 && one <= chip.last && !chip.missing.includes(one));
          assert.ok(!chip.flash.includes(one) && !chip.console.includes(one));
        }
        for (const one of wired) assert.ok(one.name === "status" || !chip.inputOnly.includes(one.pin));
        assert.ok(!chip.inputOnly.includes(uart.transmit));
      }),
      { numRuns: 5_000, seed: 4 },
    );
    assert.ok(passed > 100, `${passed} of them passed`);
  });

  it("is checked the same however often", () => {
    for (const board of boards) assert.deepEqual(checkWiring(board), checkWiring(board));
  });
});
