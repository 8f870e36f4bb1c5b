import Time from "time";
import { sha2 } from "../moddable/crypto.js";

/** Words of the chip's generator that go into 32 bytes. */
const WORDS = 64;

/**
 * Random bytes of the chip: `Math.random` is its generator there. With all radios off Espressif
 * calls that generator's numbers pseudo-random; so many of them are condensed, with the time, and
 * still a device that must not rely on them needs a source of its own here.
 */
export function entropy(): Uint8Array {
  const pool = new Uint32Array(WORDS + 1);
  for (let i = 0; i < WORDS; i++) pool[i] = Math.floor(Math.random() * 0x100000000);
  pool[WORDS] = Time.ticks;
  return new Uint8Array(sha2(0, new Uint8Array(pool.buffer)));
}
