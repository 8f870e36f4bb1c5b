/**
 * One cell of CSV (RFC 4180). A spreadsheet takes a cell that begins with `=`, `+`, `-`, `@`, a tab or a line end for a
 * formula, even in quotes, and a list of units may come from anybody: such a cell gets a `'` in front, which
 * spreadsheets take for "text" (OWASP, "CSV Injection"). Who needs the exact bytes takes the JSON lines.
 */
export function csvCell(text: string): string {
  const safe = /^[=+\-@\t\r\n]/.test(text) ? `'${text}` : text;
  return /[",\r\n']/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}

export function csvLine(cells: readonly string[]): string {
  return `${cells.map(csvCell).join(",")}\r\n`;
}
