import type { Board } from "./board.js";

/** An ESP32 and a BG95 that is switched on by hand. */
export const uart2Bg95: Board = Object.freeze<Board>({
  name: "uart2-bg95",
  title: "ESP32 and a BG95 evaluation board, two wires",
  chip: "esp32",
  module: "bg95",
  evidence: "published",
  wiring: Object.freeze<Board["wiring"]>({
    uart: Object.freeze({ port: 2, receive: 33, transmit: 32, baud: 115_200 }),
  }),
  levels: "On the evaluation board.",
  notes: Object.freeze([
    "No control line is wired: switch the module on by its button, and again when it has powered down.",
  ]),
  sources: Object.freeze({
    uart: "github.com/dheadrick1618/bg95_driver_dev_project, main: UART 2, TX 32, RX 33",
  }),
});
