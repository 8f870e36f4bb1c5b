const QUOTE = 0x22;
const COMMA = 0x2c;
const SPACE = 0x20;

/** Whether `bytes[start, end)` begins with the ASCII text. */
export function startsWith(bytes: Uint8Array, start: number, end: number, text: string): boolean {
  const length = text.length;
  if (end - start < length) return false;
  for (let i = 0; i < length; i++) if (bytes[start + i] !== text.charCodeAt(i)) return false;
  return true;
}

/** Whether `bytes[start, end)` is the ASCII text. */
export function equals(bytes: Uint8Array, start: number, end: number, text: string): boolean {
  return end - start === text.length && startsWith(bytes, start, end, text);
}

/** Latin-1 text of `bytes[start, end)`: never throws, whatever the module sent. */
export function latin1(bytes: Uint8Array, start: number, end: number): string {
  let text = "";
  let i = start;
  // Four at a time: each addition copies the text so far.
  for (; i + 4 <= end; i += 4)
    text += String.fromCharCode(bytes[i] ?? 0, bytes[i + 1] ?? 0, bytes[i + 2] ?? 0, bytes[i + 3] ?? 0);
  for (; i < end; i++) text += String.fromCharCode(bytes[i] ?? 0);
  return text;
}

/**
 * One line of a module, read in place: the bytes stay in the receive buffer and no string is made
 * before a field is asked for. One object serves every line; it is valid during the callback only.
 *
 * Fields are counted from 0 behind the prefix (`+CSQ: 28,99` with prefix `+CSQ:` has the fields
 * 28 and 99), separated by commas outside quotes; spaces around a field do not count.
 */
export class Line {
  #bytes: Uint8Array;
  #start = 0;
  #end = 0;
  #from = 0;
  #to = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  /** Points at `bytes[start, end)`, the first `prefixLength` of which are no field. */
  set(bytes: Uint8Array, start: number, end: number, prefixLength: number): void {
    this.#bytes = bytes;
    this.#start = start + prefixLength;
    this.#end = end;
  }

  /** Number of fields; 0 for a line that ends with its prefix. */
  get count(): number {
    let count = 0;
    while (this.#seek(count)) count++;
    return count;
  }

  /** Whether field `index` exists and is not empty. */
  has(index: number): boolean {
    return this.#seek(index) && this.#to > this.#from;
  }

  /** Whether field `index` is a quoted text. */
  quoted(index: number): boolean {
    return this.#seek(index) && this.#bytes[this.#from] === QUOTE;
  }

  /** Decimal integer of field `index`, quoted or not; `NaN` when it is none. */
  int(index: number): number {
    return this.#number(index, 10);
  }

  /** Hexadecimal integer of field `index`, quoted or not; `NaN` when it is none. */
  hex(index: number): number {
    return this.#number(index, 16);
  }

  /** Field `index` without its quotes; empty when it is missing. */
  text(index: number): string {
    return this.#seek(index) ? latin1(this.#bytes, this.#inner(), this.#innerEnd()) : "";
  }

  /** Whether field `index` without its quotes is exactly `text`; makes no string. */
  is(index: number, text: string): boolean {
    return this.#seek(index) && equals(this.#bytes, this.#inner(), this.#innerEnd(), text);
  }

  /** All behind the prefix as one text, for lines that have no fields. */
  whole(): string {
    let start = this.#start;
    while (start < this.#end && this.#bytes[start] === SPACE) start++;
    return latin1(this.#bytes, start, this.#end);
  }

  #inner(): number {
    return this.#from + (this.#bytes[this.#from] === QUOTE && this.#to > this.#from ? 1 : 0);
  }

  #innerEnd(): number {
    const closed =
      this.#to - this.#from > 1 && this.#bytes[this.#from] === QUOTE && this.#bytes[this.#to - 1] === QUOTE;
    return this.#to - (closed ? 1 : 0);
  }

  #number(index: number, radix: number): number {
    if (!this.#seek(index)) return NaN;
    let i = this.#inner();
    const end = this.#innerEnd();
    const negative = this.#bytes[i] === 0x2d;
    if (negative) i++;
    if (i >= end) return NaN;
    let value = 0;
    for (; i < end; i++) {
      const c = this.#bytes[i] ?? 0;
      const lower = c | 0x20;
      const digit = c >= 0x30 && c <= 0x39 ? c - 0x30 : lower >= 0x61 && lower <= 0x66 ? lower - 0x57 : radix;
      if (digit >= radix) return NaN;
      value = value * radix + digit;
    }
    return negative ? -value : value;
  }

  /** Finds field `index` as `[from, to)`, spaces cut; false when the line has fewer fields. */
  #seek(index: number): boolean {
    const bytes = this.#bytes;
    const end = this.#end;
    let i = this.#start;
    while (i < end && bytes[i] === SPACE) i++;
    if (i >= end) return false;
    for (let field = 0; ; field++) {
      const from = i;
      let quoted = false;
      for (; i < end; i++) {
        const c = bytes[i];
        if (c === QUOTE) quoted = !quoted;
        else if (c === COMMA && !quoted) break;
      }
      if (field === index) {
        let to = i;
        this.#from = from;
        while (this.#from < to && bytes[this.#from] === SPACE) this.#from++;
        while (to > this.#from && bytes[to - 1] === SPACE) to--;
        this.#to = to;
        return true;
      }
      if (i >= end) return false;
      i++;
    }
  }
}
