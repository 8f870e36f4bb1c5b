/** One measured figure. `limit` is the most that is allowed, or the least where `atLeast` is set. */
export interface Figure {
  readonly name: string;
  readonly value: number;
  readonly unit: string;
  readonly limit: number | null;
  readonly ok: boolean;
}

/** Figures under a heading, with what has to be known to read them. */
export interface Chapter {
  readonly title: string;
  readonly note: string;
  readonly figures: readonly Figure[];
}

/** A figure without a limit: it is shown beside others. */
export function shown(name: string, value: number, unit: string): Figure {
  return { name, value: rounded(value), unit, limit: null, ok: Number.isFinite(value) };
}

/** A figure that must not exceed its limit. */
export function atMost(name: string, value: number, unit: string, limit: number): Figure {
  return { name, value: rounded(value), unit, limit: rounded(limit), ok: value <= limit };
}

/** A figure that must reach its limit. */
export function atLeast(name: string, value: number, unit: string, limit: number): Figure {
  return { name, value: rounded(value), unit, limit: rounded(limit), ok: value >= limit };
}

function rounded(value: number): number {
  return Math.abs(value) < 100 ? Math.round(value * 100) / 100 : Math.round(value);
}

function cells(figure: Figure): readonly [string, string, string, string, string] {
  const { name, value, unit, limit, ok } = figure;
  return [
    name,
    value.toLocaleString("en"),
    unit,
    limit === null ? "" : limit.toLocaleString("en"),
    limit === null ? "" : ok ? "yes" : "NO",
  ];
}

const HEAD = ["figure", "value", "unit", "limit", "met"] as const;

/** For a terminal. */
export function tableOf(chapters: readonly Chapter[]): string {
  const rows = chapters.flatMap(({ figures }) => figures.map(cells));
  const widths = HEAD.map((title, column) =>
    Math.max(title.length, ...rows.map(row => (row[column] ?? "").length)),
  );
  const line = (row: readonly string[]): string =>
    row
      .map((cell, column) => {
        const width = widths[column] ?? 0;
        return column === 1 || column === 3 ? cell.padStart(width) : cell.padEnd(width);
      })
      .join("  ")
      .trimEnd();
  return chapters
    .map(
      ({ title, note, figures }) =>
        `${title}\n${note}\n\n${[HEAD, ...figures.map(cells)].map(line).join("\n")}\n`,
    )
    .join("\n");
}

/** For a document. */
export function markdownOf(chapters: readonly Chapter[]): string {
  const row = (columns: readonly string[]): string => `| ${columns.join(" | ")} |`;
  return chapters
    .map(({ title, note, figures }) =>
      [
        `## ${title}`,
        "",
        note,
        "",
        row(HEAD),
        "| --- | ---: | --- | ---: | --- |",
        ...figures.map(figure => row(cells(figure))),
        "",
      ].join("\n"),
    )
    .join("\n");
}
