import type { Entropy } from "../moddable/entropy.js";
import { sha2 } from "../moddable/crypto.js";
import { EntropyPool } from "./entropy-pool.js";
import fillRandom from "./entropy/hardware-random.js";

/** Of the hardware, condensed into 32. */
const SEED_BYTES = 64;

/**
 * Random bytes of the chip. The hardware's are read here, once, because that takes the ADC: to be called
 * before the program opens an analog pin, I2S or a radio. Each later call stirs the chip's generator in,
 * which is what `Math.random` is there.
 */
export function openEntropy(): Entropy {
  const seed = new Uint8Array(SEED_BYTES);
  fillRandom(seed);
  const pool = new EntropyPool(
    seed,
    bytes => sha2(0, bytes),
    () => Math.random() * 0x100000000,
  );
  seed.fill(0);
  return () => pool.next();
}
