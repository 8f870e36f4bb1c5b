/**
 * Decodes UTF-8 strictly: `undefined` for overlong forms, surrogates, NUL, beyond U+10FFFF or cut short.
 * Works on bytes alone because an engine's own conversion may throw in the middle of a callback.
 */
export function decode(view: Uint8Array, end: number): string | undefined {
  let text = "";
  let codes: number[] = [];
  let at = 0;
  while (at < end) {
    let code = view[at++] ?? 0;
    if (code >= 0x80) {
      let more = code >= 0xf0 ? 3 : code >= 0xe0 ? 2 : 1;
      // The least code point that needs so many bytes; below it the form is overlong.
      const least = more === 1 ? 0x80 : more === 2 ? 0x800 : 0x10000;
      // 0x80..0xC1 never begin a character, nor do 0xF5..0xFF.
      if (code < 0xc2 || code > 0xf4 || at + more > end) return undefined;
      code &= 0x3f >> more;
      while (more--) {
        const next = view[at++] ?? 0;
        if (next >> 6 !== 2) return undefined;
        code = (code << 6) | (next & 0x3f);
      }
      if (code < least || code > 0x10ffff || (code >= 0xd800 && code < 0xe000)) return undefined;
    }
    if (!code) return undefined;
    codes.push(code);
    // The engine's stack takes the arguments: only a few at a time.
    if (codes.length === 16 || at === end) {
      text += String.fromCodePoint(...codes);
      codes = [];
    }
  }
  return text;
}
