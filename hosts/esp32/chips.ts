/** Chips of Espressif that this firmware can be built for. */
export type ChipName = "esp32" | "esp32s3" | "esp32c3";

/** What the pins of a chip can be used for: ESP-IDF 5, API reference, GPIO; data sheets, strapping pins. */
export interface Chip {
  /** Highest GPIO number. */
  readonly last: number;
  /** Numbers up to that which no pin has. */
  readonly missing: readonly number[];
  readonly inputOnly: readonly number[];
  /** The flash that the program runs from is on them. */
  readonly flash: readonly number[];
  /** PSRAM is on them where the module has some. */
  readonly psram: readonly number[];
  /** Read at reset, and what is read there decides how the chip starts. */
  readonly strapping: readonly number[];
  /** USB of the chip itself. */
  readonly usb: readonly number[];
  /** UART 0: log, debugger, flashing. */
  readonly console: readonly number[];
  readonly uarts: number;
}

export const chips: Readonly<Record<ChipName, Chip>> = Object.freeze({
  esp32: Object.freeze<Chip>({
    last: 39,
    missing: Object.freeze([20, 24, 28, 29, 30, 31]),
    inputOnly: Object.freeze([34, 35, 36, 37, 38, 39]),
    flash: Object.freeze([6, 7, 8, 9, 10, 11]),
    psram: Object.freeze([16, 17]),
    strapping: Object.freeze([0, 2, 5, 12, 15]),
    usb: Object.freeze([]),
    console: Object.freeze([1, 3]),
    uarts: 3,
  }),
  esp32s3: Object.freeze<Chip>({
    last: 48,
    missing: Object.freeze([22, 23, 24, 25]),
    inputOnly: Object.freeze([]),
    flash: Object.freeze([26, 27, 28, 29, 30, 31, 32]),
    psram: Object.freeze([33, 34, 35, 36, 37]),
    strapping: Object.freeze([0, 3, 45, 46]),
    usb: Object.freeze([19, 20]),
    console: Object.freeze([43, 44]),
    uarts: 3,
  }),
  esp32c3: Object.freeze<Chip>({
    last: 21,
    missing: Object.freeze([]),
    inputOnly: Object.freeze([]),
    flash: Object.freeze([11, 12, 13, 14, 15, 16, 17]),
    psram: Object.freeze([]),
    strapping: Object.freeze([2, 8, 9]),
    usb: Object.freeze([18, 19]),
    console: Object.freeze([20, 21]),
    uarts: 2,
  }),
});
