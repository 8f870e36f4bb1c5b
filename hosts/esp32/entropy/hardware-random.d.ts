/**
 * Fills `bytes` from the chip's hardware generator while noise of the SAR ADC is fed to it: without
 * that, and with all radios off, Espressif calls its numbers pseudo-random (ESP-IDF 6.0, "Random
 * Number Generation"). Takes about 50 microseconds for each 4 bytes. Not seen by hardware yet.
 *
 * Only while nothing else has the ADC, the radio, or on the ESP32 proper I2S: turning the noise off again
 * leaves the ADC as after a reset, so that an open `Analog` would read nonsense, and on some chips
 * nothing. So once, before the program opens any of them. Throws `adc in use` while another task
 * is in the middle of a reading.
 *
 * The module is `hosts/esp32/entropy/hardware-random`; its manifest is beside it.
 */
export default function fillRandom(bytes: Uint8Array): void;
