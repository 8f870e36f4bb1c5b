import type { Source } from "../../modules/mqtt/source.js";
import { fieldLength, putField } from "../../modules/mqtt/text.js";

/** UTF-8. */
function encode(text: string): Uint8Array {
  const field = new Uint8Array(fieldLength(text));
  putField(field, 0, text);
  return field.subarray(2);
}

/** What stands before, between and behind the places of `{n}`, as UTF-8. */
export function templateParts(text: string): readonly Uint8Array[] {
  return text.split("{n}").map(encode);
}

/**
 * Message `n`: the parts of the template with its number between them. Put together when it is
 * read, so that a message that waits costs no copy.
 */
export class TemplateMessage implements Source {
  byteLength: number;
  private readonly parts: readonly Uint8Array[];
  private readonly number: Uint8Array;

  constructor(parts: readonly Uint8Array[], n: number) {
    this.parts = parts;
    this.number = encode(String(n));
    this.byteLength = 0;
    for (let i = 0; i < this.count; i++) this.byteLength += this.part(i).length;
  }

  read(view: Uint8Array, offset: number): number {
    let at = 0;
    for (let i = 0; i < this.count; i++) {
      const part = this.part(i);
      const piece = part.subarray(Math.max(offset, 0)).subarray(0, view.length - at);
      view.set(piece, at);
      at += piece.length;
      offset -= part.length;
    }
    return at;
  }

  private get count(): number {
    return this.parts.length * 2 - 1;
  }

  /** Every other one is the number. */
  private part(i: number): Uint8Array {
    return (i & 1 ? undefined : this.parts[i >> 1]) ?? this.number;
  }
}
