import { escapeXml } from "../xml.js";
import { placeLabel, QUIET_ZONE, type LabelLayout, type PlacedLabel } from "./layout.js";
import { labelError, type LabelUnit } from "./template.js";

/** Millimetres with as many digits as matter. */
function mm(length: number): string {
  return String(Math.round(length * 1000) / 1000);
}

/** Dark modules as one path, a run of a row at a time, in modules. */
function symbolPath({ size, isDark }: PlacedLabel["symbol"]): string {
  let path = "";
  for (let row = 0; row < size; row++)
    for (let column = 0; column < size; column++) {
      if (!isDark(row, column)) continue;
      const start = column;
      while (column + 1 < size && isDark(row, column + 1)) column++;
      path += `M${start} ${row}h${column - start + 1}v1h-${column - start + 1}z`;
    }
  return path;
}

/** A label without its paper: shapes at `x`, `y` of a page in millimetres. */
function labelShapes(label: PlacedLabel, x: number, y: number): string {
  const { symbol } = label;
  const module = symbol.side / (symbol.size + 2 * QUIET_ZONE);
  const texts = label.texts.map(
    ({ text, x: left, y: base, width, height }) =>
      // textLength holds the width whatever font there is, so that no text runs out of its label.
      `<text x="${mm(left)}" y="${mm(base)}" font-size="${mm(height)}" textLength="${mm(width)}" lengthAdjust="spacingAndGlyphs">${escapeXml(text)}</text>`,
  );
  return `<g transform="translate(${mm(x)} ${mm(y)})"><title>${escapeXml(symbol.payload)}</title><path transform="translate(${mm(symbol.x + QUIET_ZONE * module)} ${mm(symbol.y + QUIET_ZONE * module)}) scale(${String(module)})" shape-rendering="crispEdges" d="${symbolPath(symbol)}"/>${texts.join("")}</g>`;
}

function svgOpen(width: number, height: number): string {
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${mm(width)}mm" height="${mm(height)}mm" viewBox="0 0 ${mm(width)} ${mm(height)}" font-family="ui-monospace, 'DejaVu Sans Mono', Consolas, monospace" fill="#000"><rect width="100%" height="100%" fill="#fff"/>`;
}

/** One label as an SVG document, in millimetres, black on white. @throws FactoryError as `placeLabel` */
export function labelSvg(unit: LabelUnit, layout: LabelLayout): string {
  const label = placeLabel(unit, layout);
  return `${svgOpen(label.width, label.height)}${labelShapes(label, 0, 0)}</svg>\n`;
}

/** Paper of a sheet. Lengths in millimetres. */
export interface SheetLayout {
  readonly paper: "A4" | "Letter" | { readonly width: number; readonly height: number };
  /** Free edge of the page. Default: 10. */
  readonly margin?: number | undefined;
  /** Between labels. Default: 2. */
  readonly gap?: number | undefined;
  /** A thin line around each label, to cut along. Default: false. */
  readonly outline?: boolean | undefined;
}

const PAPERS = { A4: { width: 210, height: 297 }, Letter: { width: 215.9, height: 279.4 } } as const;

/**
 * Labels on pages: an SVG document for each, row by row, as many as fit. Labels are placed as they come: memory holds
 * one page.
 * @throws FactoryError `label-size` when not one label fits, and as `placeLabel`
 */
export async function* labelSheet(
  units: AsyncIterable<LabelUnit> | Iterable<LabelUnit>,
  layout: LabelLayout,
  sheet: SheetLayout,
): AsyncGenerator<string> {
  const paper = typeof sheet.paper === "string" ? PAPERS[sheet.paper] : sheet.paper;
  const { margin = 10, gap = 2, outline = false } = sheet;
  // 210 mm are 10 labels of 21 mm: a rounding error must not make it 9.
  const fit = (length: number, one: number): number =>
    Math.floor((length - 2 * margin + gap) / (one + gap) + 1e-9);
  const columns = fit(paper.width, layout.width);
  const rows = fit(paper.height, layout.height);
  if (!(columns >= 1 && rows >= 1))
    throw labelError(
      "label-size",
      `a label of ${layout.width} x ${layout.height} mm does not fit on a page of ${paper.width} x ${paper.height} mm with a margin of ${margin} mm`,
      "Not one label would be on the page.",
      "Take larger paper, a smaller label or a smaller margin.",
    );
  const close = "</svg>\n";
  let page = "";
  let count = 0;
  for await (const unit of units) {
    const label = placeLabel(unit, layout);
    const x = margin + (count % columns) * (label.width + gap);
    const y = margin + Math.floor(count / columns) * (label.height + gap);
    page += labelShapes(label, x, y);
    if (outline)
      page += `<rect x="${mm(x)}" y="${mm(y)}" width="${mm(label.width)}" height="${mm(label.height)}" fill="none" stroke="#999" stroke-width="0.1"/>`;
    if (++count < columns * rows) continue;
    yield svgOpen(paper.width, paper.height) + page + close;
    page = "";
    count = 0;
  }
  if (count > 0) yield svgOpen(paper.width, paper.height) + page + close;
}
