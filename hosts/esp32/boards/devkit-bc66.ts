import type { Board } from "./board.js";

const ESP_MODEM = "Espressif esp-protocols, esp_modem, example pppos_client: default pins of the UART";
const DRIVERS = "drivers published for the BC66, which agree on it";

/** Any ESP32 development board with any board that carries a BC66. */
export const devkitBc66: Board = Object.freeze<Board>({
  name: "devkit-bc66",
  title: "ESP32-DevKitC and a BC66 board",
  chip: "esp32",
  module: "bc66",
  evidence: "proposed",
  wiring: Object.freeze<Board["wiring"]>({
    uart: Object.freeze({ port: 1, receive: 26, transmit: 25, baud: 115_200 }),
    powerKey: Object.freeze({ pin: 4, active: 1 }),
    reset: Object.freeze({ pin: 33, active: 1 }),
    status: Object.freeze({ pin: 34, active: 1 }),
    wake: Object.freeze({ pin: 32, active: 1 }),
  }),
  levels:
    "UART and VDD_EXT over a level shifter that drives both ways up; PWRKEY, RESET_N and PSM_EINT by an NPN transistor each.",
  notes: Object.freeze([
    "A BC66 has no STATUS pin: VDD_EXT, which is up while the module runs, takes its place.",
    "In deep sleep VDD_EXT may fall too: the driver then tries PWRKEY, and PSM_EINT where that does not help.",
    "GPIO 34 has no pull resistor: the level shifter must drive VDD_EXT's level in both directions.",
  ]),
  sources: Object.freeze({
    uart: ESP_MODEM,
    powerKey: `${DRIVERS}: PWRKEY low for 500 ms and more`,
    reset: `${DRIVERS}: RESET_N low for 50 to 100 ms`,
    status: `${DRIVERS}: VDD_EXT rises within 5 s of PWRKEY`,
    wake: "Quectel BC65 Hardware Design: PSM_EINT wakes on a falling edge, held 100 ms and more; AT+QSCLK in the BC66 AT manual V2.1",
  }),
});
