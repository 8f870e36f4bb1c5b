import { readFileSync } from "node:fs";

/** One command of a field log with what followed it. */
export interface Exchange {
  readonly command: string;
  /** What was typed after the prompt or CONNECT. */
  readonly payload?: string;
  /** Lines of the module until the next command, without echo and empty lines. */
  readonly answer: readonly string[];
}

/**
 * Reads a transcript: `> ` a command, `>> ` payload after it, `< ` a line of the module, `# ` a
 * remark. Lines before the first command are dropped: nobody asked for them.
 */
export function readTranscript(name: string): Exchange[] {
  const text = readFileSync(new URL(`../transcripts/${name}.txt`, import.meta.url), "utf8");
  const exchanges: { command: string; payload?: string; answer: string[] }[] = [];
  for (const line of text.split("\n")) {
    const last = exchanges.at(-1);
    if (line.startsWith(">> ")) {
      if (last) last.payload = line.slice(3);
    } else if (line.startsWith("> ")) exchanges.push({ command: line.slice(2), answer: [] });
    else if (line.startsWith("< ")) last?.answer.push(line.slice(2));
  }
  return exchanges;
}

/**
 * Addresses and card numbers were masked by the posters, file contents left out, and round trip times
 * differ from run to run: any two of a kind compare equal.
 */
export function unmask(line: string): string {
  if (line.length > 1000) return `<${String(line.length)} bytes of PEM text>`;
  return line
    .replace(/^(\+QPING: 0,"[^"]*",32,)\d+/, "$1<ms>")
    .replace(/^(\+QPING: 0,\d+,\d+,\d+),\d+,\d+,\d+$/, "$1,<ms>")
    .replace(/"(?:[\dX]{1,3}\.[\dXY]{1,3}\.[\dXY]{1,3}\.\d{1,3})"/gi, '"<address>"')
    .replace(/\b\d{20}\b/, "<iccid>");
}
