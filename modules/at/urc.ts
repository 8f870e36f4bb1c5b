import type { Urc } from "./command.js";
import { startsWith, type Line } from "./line.js";

/** Second and third character: the first is a plus sign nearly always. */
function key(second: number, third: number): number {
  return (second << 8) | third;
}

/** The reports that a module is known to send. Most lines are none of them, so one number rules out nearly every entry. */
export class UrcTable {
  readonly #entries: readonly Urc[];
  readonly #keys: Uint16Array;

  constructor(entries: readonly Urc[]) {
    this.#entries = entries;
    this.#keys = new Uint16Array(entries.length);
    for (let i = 0; i < entries.length; i++) {
      const prefix = entries[i]?.prefix ?? "";
      this.#keys[i] = key(prefix.charCodeAt(1), prefix.charCodeAt(2));
    }
  }

  /** First entry whose prefix fits and that accepts the line's shape; `line` then holds the fields. */
  find(bytes: Uint8Array, start: number, end: number, line: Line): Urc | undefined {
    const keys = this.#keys;
    const wanted = key(bytes[start + 1] ?? 0, bytes[start + 2] ?? 0);
    for (let i = 0; i < keys.length; i++) {
      if (keys[i] !== wanted) continue;
      const urc = this.#entries[i];
      if (urc === undefined || !startsWith(bytes, start, end, urc.prefix)) continue;
      const prefixLength = urc.prefix.length;
      if (urc.whole && end - start !== prefixLength) continue;
      line.set(bytes, start, end, prefixLength);
      if (urc.accept === undefined || urc.accept(line)) return urc;
    }
    return undefined;
  }
}
