import QRCode from "qrcode";
import { fillTemplate, labelError, type LabelUnit } from "./template.js";

/** Share of a symbol that may be damaged: about 7, 15, 25, 30 % (ISO/IEC 18004). */
export type ErrorCorrection = "L" | "M" | "Q" | "H";

/** How a label looks. Lengths in millimetres. */
export interface LabelLayout {
  readonly width: number;
  readonly height: number;
  /** Free edge on all sides. Default: 1. */
  readonly margin?: number | undefined;
  /** What the symbol holds; see `fillTemplate`. Default: `{serial}`. */
  readonly payload?: string | undefined;
  readonly errorCorrection?: ErrorCorrection | undefined;
  /** Templates of the lines beside or below the symbol; a line that comes out empty is left out. Default: `{serial}`. */
  readonly lines?: readonly string[] | undefined;
  /** Height of text, from one line to the next. Default: 3. */
  readonly text?: number | undefined;
  /** Text that does not fit is made smaller down to this height, and refused below it. Default: 1.2. */
  readonly textLeast?: number | undefined;
  /** A symbol whose modules would be smaller is refused. Default: 0.25. */
  readonly moduleLeast?: number | undefined;
}

/** Free modules around a symbol on every side (ISO/IEC 18004). */
export const QUIET_ZONE = 4;

/** Width of a character by the height of its line; half of it for a Latin letter, the whole for an ideograph. */
const ADVANCE = 0.6;

export interface PlacedText {
  readonly text: string;
  /** Left edge and base line. */
  readonly x: number;
  readonly y: number;
  readonly width: number;
  /** From one line to the next. */
  readonly height: number;
}

/** A label with everything in its place, in millimetres. */
export interface PlacedLabel {
  readonly width: number;
  readonly height: number;
  readonly symbol: {
    readonly payload: string;
    /** Modules on a side, without the quiet zone. */
    readonly size: number;
    readonly isDark: (row: number, column: number) => boolean;
    /** Left and upper edge and length of a side, with the quiet zone. */
    readonly x: number;
    readonly y: number;
    readonly side: number;
  };
  readonly texts: readonly PlacedText[];
}

/** Columns that a text takes: wide characters of East Asia count twice, marks that stand on others not at all. */
export function columnsOf(text: string): number {
  let columns = 0;
  for (const character of text)
    columns += /\p{M}|\p{Cf}/u.test(character)
      ? 0
      : /[\u1100-\u115F\u2E80-\uA4CF\uAC00-\uD7A3\uF900-\uFAFF\uFE30-\uFE6F\uFF00-\uFF60\uFFE0-\uFFE6]|\p{Emoji_Presentation}/u.test(
            character,
          )
        ? 2
        : 1;
  return columns;
}

function lengthOf(value: number | undefined, fallback: number, name: string): number {
  const length = value ?? fallback;
  if (Number.isFinite(length) && length >= 0 && length <= 1000) return length;
  throw labelError(
    "label-size",
    `${name} of a label is ${String(value)}`,
    "Lengths are millimetres from 0 to 1000.",
    "Give another length.",
  );
}

function symbolOf(payload: string, errorCorrection: ErrorCorrection): QRCode.QRCode {
  try {
    return QRCode.create(payload, { errorCorrectionLevel: errorCorrection });
  } catch (error) {
    throw labelError(
      "label-size",
      `what the symbol should hold cannot be put into one (${error instanceof Error ? error.message : "unknown"})`,
      `It has ${payload.length} characters; a QR symbol with error correction ${errorCorrection} takes fewer.`,
      "Shorten the payload, or choose a lower error correction.",
    );
  }
}

/**
 * Puts symbol and text of a label into place: the symbol at the left of a wide label and at the top of a high one, as
 * large as the label allows.
 * @throws FactoryError `label-size` (too small for the symbol), `label-text` (for a line), `label-template`, `label-value`
 */
export function placeLabel(unit: LabelUnit, layout: LabelLayout): PlacedLabel {
  const width = lengthOf(layout.width, 0, "width");
  const height = lengthOf(layout.height, 0, "height");
  const margin = lengthOf(layout.margin, 1, "margin");
  const textMost = lengthOf(layout.text, 3, "text");
  const textLeast = lengthOf(layout.textLeast, 1.2, "textLeast");
  const moduleLeast = lengthOf(layout.moduleLeast, 0.25, "moduleLeast");
  const payload = fillTemplate(layout.payload ?? "{serial}", unit);
  const code = symbolOf(payload, layout.errorCorrection ?? "M");
  const size = code.modules.size;
  const lines = (layout.lines ?? ["{serial}"])
    .map(line => fillTemplate(line, unit).replace(/\s+/gu, " ").trim())
    .filter(line => line !== "");

  const isWide = width > height;
  const inner = { width: width - 2 * margin, height: height - 2 * margin };
  const least = (size + 2 * QUIET_ZONE) * moduleLeast;
  const room = isWide ? inner.height : Math.min(inner.width, inner.height - lines.length * textLeast);
  if (room < least - 1e-9)
    throw labelError(
      "label-size",
      `${unit.serial}: the symbol needs ${least.toFixed(1)} mm with its quiet zone, and ${Math.max(0, room).toFixed(1)} mm are free`,
      `It has ${size} modules on a side, and none may be smaller than ${moduleLeast} mm.`,
      "Take a larger label, a shorter payload or a lower error correction.",
    );
  // On a high label text comes first: the symbol takes what its lines leave.
  const wanted = isWide ? room : Math.min(room, Math.max(least, inner.height - lines.length * textMost));
  // On a wide label text may need some of the width that the symbol could have.
  const textWidthLeast = Math.max(0, ...lines.map(columnsOf)) * ADVANCE * textLeast;
  const side = isWide ? Math.max(least, Math.min(wanted, inner.width - textWidthLeast)) : wanted;
  const textRoom = isWide
    ? { x: margin + side, y: margin, width: inner.width - side, height: inner.height }
    : { x: margin, y: margin + side, width: inner.width, height: inner.height - side };
  const symbol = {
    payload,
    size,
    isDark: (row: number, column: number) => code.modules.get(row, column) !== 0,
    x: isWide ? margin : margin + (inner.width - side) / 2,
    y: isWide ? margin + (inner.height - side) / 2 : margin,
    side,
  };
  const heights = lines.map(line => Math.min(textMost, textRoom.width / (columnsOf(line) * ADVANCE)));
  const total = heights.reduce((sum, one) => sum + one, 0);
  const scale = total > textRoom.height ? textRoom.height / total : 1;
  const texts: PlacedText[] = [];
  let y = textRoom.y + (isWide ? (textRoom.height - total * scale) / 2 : 0);
  lines.forEach((text, index) => {
    const lineHeight = (heights[index] ?? 0) * scale;
    if (lineHeight < textLeast - 1e-9)
      throw labelError(
        "label-text",
        `${unit.serial}: "${text}" does not fit: it would be ${Math.max(0, lineHeight).toFixed(2)} mm high`,
        `Text is never cut, and not made smaller than ${textLeast} mm.`,
        "Take a larger label, shorter or fewer lines.",
      );
    const textWidth = columnsOf(text) * ADVANCE * lineHeight;
    const x = isWide ? textRoom.x : textRoom.x + (textRoom.width - textWidth) / 2;
    texts.push({ text, x, y: y + lineHeight * 0.8, width: textWidth, height: lineHeight });
    y += lineHeight;
  });
  return { width, height, symbol, texts };
}
