import { escapeXml } from "../xml.js";
import { niceStep } from "./statistics.js";

/** Widths in the units of the view box, which are about the page's pixels: letters are of one size in all charts. */
const WIDTHS = { wide: 1040, half: 500 } as const;

/** A chart with the figures that it is drawn from: for readers who do not see it, and for copying. */
export interface Figure {
  readonly id: string;
  readonly title: string;
  /** What it shows, in a sentence. */
  readonly description: string;
  /** Over the whole page, or beside another. */
  readonly size: keyof typeof WIDTHS;
  readonly head: readonly string[];
  readonly rows: readonly (readonly string[])[];
}

/** HTML of a table; cells after the first are figures. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const cells = (row: readonly string[]): string =>
    row
      .map((cell, index) =>
        index === 0 ? `<th scope="row">${escapeXml(cell)}</th>` : `<td class="n">${escapeXml(cell)}</td>`,
      )
      .join("");
  return `<table><thead><tr>${head
    .map((cell, index) => `<th scope="col"${index === 0 ? "" : ' class="n"'}>${escapeXml(cell)}</th>`)
    .join("")}</tr></thead><tbody>${rows.map(row => `<tr>${cells(row)}</tr>`).join("")}</tbody></table>`;
}

function figure(about: Figure, height: number, shapes: string): string {
  const { id, title, description, size, head, rows } = about;
  return (
    `<figure class="${size}"><figcaption><h3>${escapeXml(title)}</h3><p>${escapeXml(description)}</p></figcaption>` +
    `<svg role="img" aria-labelledby="${id}-t ${id}-d" viewBox="0 0 ${WIDTHS[size]} ${height}">` +
    `<title id="${id}-t">${escapeXml(title)}</title><desc id="${id}-d">${escapeXml(description)}</desc>${shapes}</svg>` +
    `<details><summary>Figures</summary>${table(head, rows)}</details></figure>`
  );
}

function n(value: number): string {
  return String(Math.round(value * 10) / 10);
}

function label(x: number, y: number, text: string, anchor: "start" | "middle" | "end" = "start"): string {
  return `<text x="${n(x)}" y="${n(y)}" text-anchor="${anchor}">${escapeXml(text)}</text>`;
}

/** Shortened in the picture alone: the table has the whole. */
function short(text: string, most: number): string {
  const characters = Array.from(text);
  return characters.length <= most ? text : `${characters.slice(0, most - 1).join("")}…`;
}

export interface Bar {
  readonly name: string;
  readonly value: number;
  /** Beside the bar. */
  readonly shown: string;
  /** A mark further out, in the same unit: a 95th percentile. */
  readonly mark?: number | undefined;
}

/** Bars from left to right, one below the other. `kind` names a colour of the style. */
export function bars(about: Figure, list: readonly Bar[], kind: string): string {
  const row = 26;
  const width = WIDTHS[about.size];
  const left = 130;
  const right = 130;
  const most = list.reduce((top, bar) => Math.max(top, bar.value, bar.mark ?? 0), 0) || 1;
  const scale = (width - left - right) / most;
  const shapes = list.map((bar, index) => {
    const y = index * row;
    const end = left + Math.max(bar.value, bar.mark ?? 0) * scale;
    const mark =
      bar.mark === undefined
        ? ""
        : `<path class="mark" d="M${n(left + bar.value * scale)} ${n(y + 12)}H${n(left + bar.mark * scale)}m0-5v10"/>`;
    return (
      label(left - 8, y + 16, short(bar.name, 17), "end") +
      `<rect class="${kind}" x="${left}" y="${n(y + 4)}" width="${n(Math.max(bar.value > 0 ? 1 : 0, bar.value * scale))}" height="16"/>` +
      mark +
      label(end + 8, y + 16, bar.shown)
    );
  });
  return figure(about, Math.max(1, list.length) * row, shapes.join(""));
}

export interface Column {
  /** Lower bound. */
  readonly name: string;
  readonly value: number;
}

/** Columns side by side over bounds: a histogram. `end`: the bound after the last. */
export function columns(about: Figure, list: readonly Column[], end: string): string {
  const height = 200;
  const whole = WIDTHS[about.size];
  const left = 44;
  const base = height - 24;
  const most = list.reduce((top, column) => Math.max(top, column.value), 0) || 1;
  const step = Math.max(1, niceStep(most / 4));
  const top = Math.ceil(most / step) * step;
  const scale = (base - 12) / top;
  const width = (whole - left - 24) / Math.max(1, list.length);
  let shapes = "";
  for (let value = 0; value <= top; value += step) {
    const y = base - value * scale;
    shapes += `<path class="grid" d="M${left} ${n(y)}H${whole - 24}"/>${label(left - 6, y + 4, String(value), "end")}`;
  }
  // Bounds may be long: not every one is written.
  const every = Math.ceil(list.length / 7);
  list.forEach(({ name, value }, index) => {
    const x = left + index * width;
    if (value > 0)
      shapes += `<rect class="done" x="${n(x + 1)}" y="${n(base - Math.max(1, value * scale))}" width="${n(Math.max(1, width - 2))}" height="${n(Math.max(1, value * scale))}"/>`;
    if (index % every === 0) shapes += label(x, base + 16, name, "middle");
  });
  if (list.length % every === 0) shapes += label(left + list.length * width, base + 16, end, "middle");
  return figure(about, height, shapes);
}

export interface Share {
  readonly name: string;
  readonly value: number;
  /** Colour of the style. */
  readonly kind: string;
}

/** One bar of several parts with its key below. */
export function shares(about: Figure, list: readonly Share[]): string {
  const total = list.reduce((sum, share) => sum + share.value, 0) || 1;
  const whole = WIDTHS[about.size];
  let x = 0;
  let key = 0;
  let shapes = "";
  for (const { name, value, kind } of list) {
    if (value === 0) continue;
    const width = (value / total) * whole;
    // A few failures among ten thousand units are a hairline: never less than two dots.
    shapes += `<rect class="${kind}" x="${n(Math.min(x, whole - 2))}" y="0" width="${n(Math.max(2, width - 1))}" height="28"/>`;
    x += width;
    const text = `${name} ${value.toLocaleString("en-US")}`;
    shapes += `<rect class="${kind}" x="${n(key)}" y="44" width="12" height="12"/>${label(key + 18, 55, text)}`;
    key += 18 + text.length * 7.6 + 18;
  }
  return figure(about, 64, shapes);
}

export interface Lane {
  readonly name: string;
  /** Pieces of its time, with how they ended. */
  readonly pieces: readonly {
    readonly from: number;
    readonly to: number;
    readonly kind: string;
    readonly title?: string;
  }[];
}

export interface TimeAxis {
  readonly from: number;
  readonly to: number;
  readonly ticks: readonly { readonly at: number; readonly name: string }[];
}

/** What went on when, a lane for each port. */
export function timeline(about: Figure, lanes: readonly Lane[], axis: TimeAxis): string {
  const row = 26;
  const left = 190;
  const span = Math.max(1, axis.to - axis.from);
  const scale = (WIDTHS[about.size] - left - 12) / span;
  const place = (at: number): number => left + (at - axis.from) * scale;
  const height = lanes.length * row + 22;
  let shapes = axis.ticks
    .map(
      ({ at, name }) =>
        `<path class="grid" d="M${n(place(at))} 0V${lanes.length * row}"/>${label(place(at), height - 6, name, "middle")}`,
    )
    .join("");
  lanes.forEach((lane, index) => {
    const y = index * row;
    shapes += label(left - 8, y + 16, short(lane.name, 26), "end");
    for (const { from, to, kind, title } of lane.pieces)
      shapes +=
        `<rect class="${kind}" x="${n(place(from))}" y="${y + 4}" width="${n(Math.max(1, (to - from) * scale - 0.5))}" height="16"` +
        (title === undefined ? "/>" : `><title>${escapeXml(title)}</title></rect>`);
  });
  return figure(about, height, shapes);
}
