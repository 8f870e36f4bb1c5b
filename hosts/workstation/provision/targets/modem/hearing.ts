/** Longest beginning of what was heard that is kept, to tell what it is. */
const KEPT_BYTES = 512;

/**
 * What came while a module was looked for, in words and never in its own: a module that was left in the
 * middle of giving out a file sends the rest of a key first.
 */
export class Hearing {
  #text = "";
  #count = 0;
  #printable = 0;

  take(bytes: Uint8Array, length: number): void {
    for (let i = 0; i < length; i++) {
      const byte = bytes[i] ?? 0;
      this.#count++;
      if ((byte >= 0x20 && byte < 0x7f) || byte === 0x0d || byte === 0x0a) this.#printable++;
      if (this.#text.length === KEPT_BYTES) this.#text = this.#text.slice(KEPT_BYTES / 2);
      this.#text += String.fromCharCode(byte);
    }
  }

  /** The last thing that came is the answer to `AT`. */
  get answered(): boolean {
    // `0`: the module was told ATV0.
    return /(?:^|[\r\n])(?:OK\r\n|0\r)$/.test(this.#text);
  }

  /** What came so far is no answer to what is asked next. */
  clear(): void {
    this.#text = "";
  }

  describe(): string {
    const count = this.#count;
    if (count === 0) return "nothing came back";
    const text = this.#text;
    this.#text = "";
    if (this.#printable < count * 0.9)
      return `${count} bytes came that are no text, as with another baud rate`;
    if (/rst:0x|ESP-ROM|ets /.test(text)) return "an ESP32 told of its start instead";
    if (/RDY|F1: 0000|Leaving the BROM/.test(text)) return "it started, and did not come up";
    if (/^(?:AT\r?\n?)+$/.test(text.replaceAll("+", "").replaceAll("\u001b", "")))
      return "only what was sent came back";
    return `${count} bytes of other text came`;
  }
}
