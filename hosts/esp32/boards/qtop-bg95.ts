import type { Board } from "./board.js";

const SKETCH = "github.com/iotbotscom/qTop_BG95_AMC_ThingsBoard, the maker's demonstration";

/** IOT-BOTS' shield with a BG95 on an ESP32 board of Feather form. */
export const qtopBg95: Board = Object.freeze<Board>({
  name: "qtop-bg95",
  title: "IOT-BOTS qTop LTE BG95 on qBoard-B or Feather HUZZAH32",
  chip: "esp32",
  module: "bg95",
  evidence: "published",
  wiring: Object.freeze<Board["wiring"]>({
    uart: Object.freeze({ port: 2, receive: 16, transmit: 17, baud: 115_200 }),
    powerKey: Object.freeze({ pin: 32, active: 1 }),
    supply: Object.freeze({ pin: 13, active: 1 }),
  }),
  levels: "On the shield.",
  notes: Object.freeze([
    "GPIO 16 and 17 are taken by PSRAM on WROVER modules; these boards carry WROOM modules.",
    "Deep sleep of the ESP32 lets go of the supply's enable: configure sleep.module as off.",
    "On a HUZZAH32 GPIO 13 is the red LED too.",
  ]),
  sources: Object.freeze({
    uart: `${SKETCH}: UART 2 with its default pins, 115200`,
    powerKey: `${SKETCH}: MODEM_ON_PIN 32, high for a second`,
    supply: `${SKETCH}: MODEM_PWR_ON_PIN 13, high`,
  }),
});
