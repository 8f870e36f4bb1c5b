/** Latin-1 text of `bytes[start, end)`: never throws, whatever the module sent. */
export function latin1(bytes: Uint8Array, start: number, end: number): string {
  let text = "";
  // In pieces: each addition copies the text so far, and each argument takes a place on a small stack.
  for (; start < end; start += 16)
    text += String.fromCharCode(...bytes.subarray(start, Math.min(end, start + 16)));
  return text;
}

/**
 * Where the ASCII text ends that `bytes[start, end)` begin with; -1 when they do not. Makes no
 * garbage: in XS a method or `length` of a text costs a temporary object each time, `call` does not.
 */
export function behind(bytes: Uint8Array, start: number, end: number, text: string): number {
  for (let i = 0; ; i++, start++) {
    const c = String.prototype.charCodeAt.call(text, i);
    // NaN: the text is over.
    if (!(c >= 0)) return start;
    if (start >= end || bytes[start] !== c) return -1;
  }
}

/**
 * One line of a module, read in place: the bytes stay in the receive buffer and no string is made
 * before a field is asked for. One object serves every line; it is valid during the callback only.
 *
 * Fields are counted from 0 behind the prefix (`+CSQ: 28,99` with prefix `+CSQ:` has the fields
 * 28 and 99), separated by commas outside quotes; spaces around a field do not count.
 */
export class Line {
  private bytes: Uint8Array;
  private head = 0;
  private end = 0;
  /** First byte behind the prefix that is no space. */
  private body = 0;
  /** The field that was sought last, without its quotes. */
  private from = 0;
  private to = 0;
  private inQuotes = false;

  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
  }

  /** Whether a quote opens a payload right behind the line. */
  get opens(): boolean {
    return this.bytes[this.end] === 0x22;
  }

  /** Points at `bytes[start, end)`, as yet without a prefix. */
  set(bytes: Uint8Array, start: number, end: number): void {
    this.bytes = bytes;
    this.head = start;
    this.end = end;
  }

  /** Whether the line begins with the prefix, or is nothing else (`whole`); the fields are those behind it then. */
  match(prefix: string, whole?: boolean): boolean {
    let body = behind(this.bytes, this.head, this.end, prefix);
    if (body < 0 || (whole && body !== this.end)) return false;
    while (body < this.end && this.bytes[body] === 0x20) body++;
    this.body = body;
    return true;
  }

  /** Whether field `index` exists and is not empty; an empty text in quotes counts. */
  has(index: number): boolean {
    return this.seek(index) && (this.inQuotes || this.to > this.from);
  }

  /** Whether field `index` is a quoted text. */
  quoted(index: number): boolean {
    return this.seek(index) && this.inQuotes;
  }

  /** Decimal integer of field `index`, quoted or not; `NaN` when it is none. */
  int(index: number): number {
    return this.number(index, 10);
  }

  /** Hexadecimal integer of field `index`, quoted or not; `NaN` when it is none. */
  hex(index: number): number {
    return this.number(index, 16);
  }

  /** Field `index` without its quotes; empty when it is missing. */
  text(index: number): string {
    return this.seek(index) ? latin1(this.bytes, this.from, this.to) : "";
  }

  /** Whether field `index` without its quotes is exactly `text`; makes no string. */
  is(index: number, text: string): boolean {
    return this.seek(index) && behind(this.bytes, this.from, this.to, text) === this.to;
  }

  /** All behind the prefix as one text, for lines that have no fields. */
  whole(): string {
    return latin1(this.bytes, this.body, this.end);
  }

  private number(index: number, radix: number): number {
    if (!this.seek(index)) return NaN;
    let i = this.from;
    const negative = this.bytes[i] === 0x2d;
    if (negative) i++;
    let value = i < this.to ? 0 : NaN;
    for (; i < this.to; i++) {
      let digit = (this.bytes[i] ?? 0) - 0x30;
      if (digit > 9) {
        // A to F and a to f are 10 to 15; what stands between 9 and A is no digit.
        digit = (digit | 0x20) - 0x27;
        if (digit < 10) digit = -1;
      }
      value = digit >= 0 && digit < radix ? value * radix + digit : NaN;
    }
    return negative ? -value : value;
  }

  /** Finds field `index`; false when the line has fewer fields. */
  private seek(index: number): boolean {
    const bytes = this.bytes;
    const end = this.end;
    let from = this.body;
    if (from >= end) return false;
    for (;;) {
      let to = from;
      let open = false;
      for (; to < end && (open || bytes[to] !== 0x2c); to++) if (bytes[to] === 0x22) open = !open;
      if (index-- > 0) {
        if (to === end) return false;
        from = to + 1;
        continue;
      }
      while (from < to && bytes[from] === 0x20) from++;
      while (to > from && bytes[to - 1] === 0x20) to--;
      this.inQuotes = from < to && bytes[from] === 0x22;
      if (this.inQuotes && ++from < to && bytes[to - 1] === 0x22) to--;
      this.from = from;
      this.to = to;
      return true;
    }
  }
}
