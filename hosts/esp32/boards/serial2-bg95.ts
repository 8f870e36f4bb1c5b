import type { Board } from "./board.js";

/** The pins of Arduino's `Serial2`, as published ESP32 projects wire a BG95. */
export const serial2Bg95: Board = Object.freeze<Board>({
  name: "serial2-bg95",
  title: "ESP32 and BG95 on the pins of Serial2",
  chip: "esp32",
  module: "bg95",
  evidence: "published",
  wiring: Object.freeze<Board["wiring"]>({
    uart: Object.freeze({ port: 2, receive: 16, transmit: 17, baud: 115_200 }),
    powerKey: Object.freeze({ pin: 4, active: 1 }),
  }),
  levels: "The project's own board shifts them; how is not published.",
  notes: Object.freeze([
    "GPIO 16 and 17 are taken by PSRAM on WROVER modules: use a WROOM.",
    "Without STATUS the driver asks the module before it pulses PWRKEY, which takes some seconds more.",
  ]),
  sources: Object.freeze({
    uart: "github.com/tieuma113/esp32-bg95, src/main.cpp: 115200, RX 16, TX 17; github.com/zimbora/esp32-BG95 uses Serial2",
    powerKey:
      "github.com/zimbora/esp32-BG95, examples/demo-mqtts: PWKEY 4; src/modem-bgxx.cpp: high, then low",
  }),
});
