import files from "embedded:storage/files";
import { sha2 } from "../moddable/crypto.js";

/** Characters of a UUID, 122 bits of which are random; three of them make more than 256. */
const LENGTH = 36;
const COUNT = 3;

/**
 * Random bytes of the kernel: the hash of what its `random/uuid` says, another UUID at each reading
 * (`files` in the manifest's `config` is that folder; the SDK's files open no device, so not
 * `/dev/urandom`). The SDK's own sources, `Math.random` among them, say the same after each start
 * on Linux.
 */
export function entropy(): Uint8Array {
  const pool = new Uint8Array(COUNT * LENGTH);
  for (let i = 0; i < COUNT; i++) {
    const file = files.openFile({ path: "uuid", mode: "r" });
    const count = file.read(pool.subarray(i * LENGTH, (i + 1) * LENGTH), 0);
    file.close();
    if (count !== LENGTH) throw new Error("no random numbers");
  }
  return new Uint8Array(sha2(0, pool));
}

/** A number in [0, 1). */
export function random(): number {
  const [a = 0, b = 0, c = 0, d = 0] = entropy();
  return (((a << 24) | (b << 16) | (c << 8) | d) >>> 0) / 0x100000000;
}
