import type { Board } from "./board.js";

const ESP_MODEM = "Espressif esp-protocols, esp_modem, example pppos_client: default pins of the UART";
const HARDWARE = "Quectel BG95 Series Hardware Design V1.3";

/** Any ESP32 development board with any board that carries a BG95. */
export const devkitBg95: Board = Object.freeze<Board>({
  name: "devkit-bg95",
  title: "ESP32-DevKitC and a BG95 board",
  chip: "esp32",
  module: "bg95",
  evidence: "proposed",
  wiring: Object.freeze<Board["wiring"]>({
    uart: Object.freeze({ port: 1, receive: 26, transmit: 25, baud: 115_200 }),
    powerKey: Object.freeze({ pin: 4, active: 1 }),
    status: Object.freeze({ pin: 34, active: 1 }),
    wake: Object.freeze({ pin: 32, active: 1 }),
  }),
  levels:
    "UART, STATUS and PON_TRIG over a level shifter that drives both ways up; PWRKEY by an NPN transistor.",
  notes: Object.freeze([
    "Flow control is left out: with RTS on GPIO 27 and CTS on 23, as in Espressif's example, give them in wiring.uart.",
    "RESET_N is left out: on a BG95 it acts on the same line as PWRKEY, which is enough.",
    "GPIO 34 has no pull resistor: the level shifter must drive STATUS in both directions.",
  ]),
  sources: Object.freeze({
    uart: ESP_MODEM,
    powerKey: `${HARDWARE}: PWRKEY by an open-collector driver`,
    status: `${HARDWARE}: STATUS is high at 1.8 V while the module runs`,
    wake: `${HARDWARE}: PON_TRIG wakes on a rising edge`,
  }),
});
