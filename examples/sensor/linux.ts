import Time from "time";
import type { Platform } from "./main.js";
import { MemoryFlash } from "./memory-flash.js";

/** No sensor and no flash: a voltage that goes up and down in a minute, and readings kept until the program ends. */
export function openPlatform(): Platform {
  return {
    sensor: () => 3.7 + Math.sin(Time.ticks / 10_000) / 2,
    flash: new MemoryFlash(4, 4_096),
  };
}
