import { CELL, glyphOf } from "./font.js";
import { placeLabel, QUIET_ZONE, type LabelLayout, type PlacedText } from "./layout.js";
import { Bitmap } from "./png.js";
import { labelError, type LabelUnit } from "./template.js";

/** Dots an inch of most label printers: 203, 300, 600. */
const DEFAULT_DPI = 300;
/** 100 million dots are 12 MB. */
const DOTS_MOST = 100_000_000;

function drawText(bitmap: Bitmap, serial: string, placed: PlacedText, dotsPerMm: number): void {
  const dot = Math.floor((placed.height * dotsPerMm) / CELL.height);
  if (dot < 1)
    throw labelError(
      "label-text",
      `${serial}: "${placed.text}" would be smaller than the dots of the picture`,
      `A line of ${placed.height.toFixed(2)} mm has fewer than ${CELL.height} dots.`,
      "Take more dots an inch, a larger label, shorter or fewer lines.",
    );
  const top = Math.round((placed.y - 0.8 * placed.height) * dotsPerMm);
  let left = Math.round(placed.x * dotsPerMm);
  for (const character of placed.text) {
    const glyph = glyphOf(character);
    if (glyph === undefined)
      throw labelError(
        "label-text",
        `${serial}: the letters of pictures do not have "${character}" (U+${(character.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, "0")})`,
        "They are those of ASCII; nothing is put in a letter's place.",
        "Make SVG, which takes any letter, or leave the line out.",
      );
    glyph.forEach((bits, row) => {
      for (let column = 0; column < 5; column++)
        if ((bits & (16 >> column)) !== 0) bitmap.fill(left + column * dot, top + row * dot, dot, dot);
    });
    left += CELL.width * dot;
  }
}

/**
 * One label as PNG, black on white, one bit, with its resolution. The symbol's modules are whole dots, the largest that
 * fit; text is of ASCII alone.
 * @param dotsPerInch 72 to 2400; default 300
 * @throws FactoryError as `placeLabel`; `label-text` for a letter that the font does not have
 */
export function labelPng(unit: LabelUnit, layout: LabelLayout, dotsPerInch = DEFAULT_DPI): Uint8Array {
  if (!(dotsPerInch >= 72 && dotsPerInch <= 2400))
    throw labelError(
      "label-size",
      `${dotsPerInch} dots an inch are out of range`,
      "Printers have 72 to 2400.",
      "Give the printer's resolution.",
    );
  const label = placeLabel(unit, layout);
  const dotsPerMm = dotsPerInch / 25.4;
  const width = Math.round(label.width * dotsPerMm);
  const height = Math.round(label.height * dotsPerMm);
  if (width * height > DOTS_MOST)
    throw labelError(
      "label-size",
      `a picture of ${width} x ${height} dots is too large`,
      `At most ${DOTS_MOST / 1_000_000} million dots are drawn.`,
      "Take fewer dots an inch, or SVG.",
    );
  const { symbol } = label;
  const module = Math.floor((symbol.side * dotsPerMm + 1e-6) / (symbol.size + 2 * QUIET_ZONE));
  const { moduleLeast = 0.25 } = layout;
  if (module < 1 || module / dotsPerMm < moduleLeast - 1e-9)
    throw labelError(
      "label-size",
      `${unit.serial}: in whole dots the symbol's modules would be ${(module / dotsPerMm).toFixed(2)} mm`,
      `None may be smaller than ${moduleLeast} mm.`,
      "Take a larger label, more dots an inch or a shorter payload.",
    );
  const bitmap = new Bitmap(width, height);
  // What whole dots leave of the place goes to the quiet zone on both sides.
  const spare = symbol.side * dotsPerMm - module * symbol.size;
  const left = Math.floor(symbol.x * dotsPerMm + spare / 2);
  const top = Math.floor(symbol.y * dotsPerMm + spare / 2);
  for (let row = 0; row < symbol.size; row++)
    for (let column = 0; column < symbol.size; column++)
      if (symbol.isDark(row, column)) bitmap.fill(left + column * module, top + row * module, module, module);
  for (const text of label.texts) drawText(bitmap, unit.serial, text, dotsPerMm);
  return bitmap.png(dotsPerInch);
}
