import type { Source } from "../../modules/mqtt/source.js";

/**
 * The payload of message `n`: the configured text with `{n}` replaced, as UTF-8. Made when it is
 * read, so that a message that waits costs no copy.
 */
export class TemplateMessage implements Source {
  readonly byteLength: number;
  readonly #template: Uint8Array;
  readonly #number: string;
  readonly #at: number;

  /** `at`: where `{n}` stands in the template, negative when nowhere. */
  constructor(template: Uint8Array, at: number, n: number) {
    this.#template = template;
    this.#at = at;
    this.#number = at < 0 ? "" : String(n);
    this.byteLength = template.length + (at < 0 ? 0 : this.#number.length - 3);
  }

  read(view: Uint8Array, offset: number): number {
    const count = Math.min(view.length, this.byteLength - offset);
    const template = this.#template;
    const at = this.#at < 0 ? template.length : this.#at;
    const end = at + this.#number.length;
    for (let i = 0; i < count; i++) {
      const k = offset + i;
      view[i] =
        k < at
          ? (template[k] ?? 0)
          : k < end
            ? this.#number.charCodeAt(k - at)
            : (template[k - end + at + 3] ?? 0);
    }
    return count;
  }
}

/** Place of `{n}` in a template; negative when there is none. */
export function findNumber(template: Uint8Array): number {
  for (let i = 0; i + 2 < template.length; i++)
    if (template[i] === 0x7b && template[i + 1] === 0x6e && template[i + 2] === 0x7d) return i;
  return -1;
}
