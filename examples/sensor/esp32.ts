import Analog from "embedded:io/analog";
import type { Platform } from "./main.js";

/** GPIO 36, on ADC 1: a battery over a divider by two. */
const PIN = 36;
const FULL_SCALE = 2 * 3.3;

export function openPlatform(): Platform {
  const input = new Analog({ pin: PIN });
  return { sensor: () => (input.read() * FULL_SCALE) / ((1 << input.resolution) - 1) };
}
