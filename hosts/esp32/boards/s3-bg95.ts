import type { Board } from "./board.js";

const HANDLER = "github.com/ChargerBill/CB01_Dev_ESP32S3_BG95, main/tasks/modemhandler";

/** An ESP32-S3 development board with a BG95 development board. */
export const s3Bg95: Board = Object.freeze<Board>({
  name: "s3-bg95",
  title: "ESP32-S3-DevKitC and a BG95 development board",
  chip: "esp32s3",
  module: "bg95",
  evidence: "published",
  wiring: Object.freeze<Board["wiring"]>({
    uart: Object.freeze({ port: 1, receive: 18, transmit: 17, baud: 115_200 }),
    powerKey: Object.freeze({ pin: 7, active: 0, openDrain: true }),
  }),
  levels: "On the BG95 development board.",
  notes: Object.freeze([
    "The project drives PWRKEY high when it lets go; here it is an open drain, which no module minds.",
    "That board has no STATUS: the driver asks the module before it pulses PWRKEY.",
  ]),
  sources: Object.freeze({
    uart: `${HANDLER}.h and .cpp: TX_PIN 17, RX_PIN 18, 115200`,
    powerKey: `${HANDLER}.cpp: GPIO 7 low for a second`,
  }),
});
