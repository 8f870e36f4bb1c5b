import type { Source } from "../../modules/mqtt/source.js";

/** A payload that notes when its source gives nothing or throws: the message can never be sent then. */
export class GuardedSource implements Source {
  readonly byteLength: number;
  broken = false;
  private readonly source: Source;

  constructor(source: Source) {
    this.source = source;
    this.byteLength = source.byteLength;
  }

  read(view: Uint8Array, offset: number): number {
    let count = 0;
    try {
      count = this.source.read(view, offset);
    } catch {
      // Storage that throws is storage that gave nothing.
    }
    if (count < 1) this.broken = true;
    return count;
  }
}

/** ASCII text as the bytes that it is. */
export class TextSource implements Source {
  readonly byteLength: number;
  private readonly text: string;

  constructor(text: string) {
    this.text = text;
    this.byteLength = text.length;
  }

  read(view: Uint8Array, offset: number): number {
    const count = Math.min(view.length, this.byteLength - offset);
    for (let i = 0; i < count; i++) view[i] = this.text.charCodeAt(offset + i);
    return count;
  }
}
