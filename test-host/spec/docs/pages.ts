import { readdirSync } from "node:fs";
import { join } from "node:path";
import { readText } from "./type-check.js";

/** A fenced block of a page. */
export interface Block {
  readonly page: string;
  readonly language: string;
  readonly text: string;
}

export function pagesOf(root: string): readonly string[] {
  const docs = readdirSync(join(root, "docs")).filter(name => name.endsWith(".md"));
  return ["README.md", ...docs.map(name => `docs/${name}`)];
}

export function blocksOf(root: string, page: string): readonly Block[] {
  const blocks: Block[] = [];
  for (const [, language = "", text = ""] of readText(root, page).matchAll(/^```(\w*)\n([\s\S]*?)^```$/gm))
    blocks.push({ page, language, text });
  return blocks;
}

/** What a command prints, as a page shows it. */
export interface ShownSession {
  readonly page: string;
  /** Arguments of `xs-cellular`. */
  readonly args: readonly string[];
  readonly command: string;
  readonly text: string;
}

/** Blocks behind `<!-- session: COMMAND -->`; the first line repeats the command. */
export function sessionsOf(root: string): readonly ShownSession[] {
  return pagesOf(root).flatMap(page =>
    [...readText(root, page).matchAll(/^<!-- session: (.+) -->\n\n```text\n\$ (.+)\n([\s\S]*?)^```$/gm)].map(
      ([, command = "", repeated = "", text = ""]) => {
        if (command !== repeated) throw new Error(`${page}: ${repeated} is shown for ${command}`);
        const words = command.split(" ");
        const args = words[0] === "npm" ? ["simulate", ...words.slice(3)] : words.slice(2);
        return { page, command, text, args };
      },
    ),
  );
}

/**
 * What stays the same from run to run: stages of the log, rows of the summary, and whole every
 * sentence that tells a route or a failure.
 */
export function shapeOf(text: string): readonly string[] {
  const lines = text
    .split("\n")
    .filter(line => /^ {2}\w+:? |^ *\d+\.\d{3} s|^xs-cellular: /.test(line))
    .map(line => line.replace(/^ *\d+\.\d{3} s/, "").trim())
    .map(line => (/^(route|failed|xs-cellular:|why:|fix:) /.test(line) ? line : (line.split(" ")[0] ?? "")));
  // The broker answers in its own time: what comes first, acknowledgements or the command, is open.
  const isTalk = (line: string): boolean => ["MQTT", "up", "down"].includes(line);
  return [...lines.filter(line => !isTalk(line)), ...lines.filter(isTalk).sort()];
}

/** Whether `shown`, which may leave a middle out by a line of dots, is what was printed. */
export function isShown(shown: string, printed: string): boolean {
  const [before = "", after] = shown.split(/^ *\.\.\.\n/m);
  const all = shapeOf(printed);
  if (after === undefined) return shapeOf(before).join("\n") === all.join("\n");
  const [first, last] = [shapeOf(before), shapeOf(after)];
  const start = all.slice(0, first.length).join("\n");
  const end = all.slice(-last.length).join("\n");
  return last.length > 0 && start === first.join("\n") && end === last.join("\n");
}

/** A command line of a page, and the exit code that its comment announces (default 0). */
export interface CommandLine {
  readonly page: string;
  readonly line: string;
  readonly exitCode: number;
}

export function commandsOf(root: string): readonly CommandLine[] {
  return pagesOf(root).flatMap(page =>
    blocksOf(root, page)
      .filter(({ language }) => language === "sh")
      .flatMap(({ text }) => text.split("\n"))
      .filter(line => line !== "")
      .map(text => {
        const [line = "", comment = ""] = text.split("#");
        return { page, line: line.trim(), exitCode: Number(/exit (\d+)/.exec(comment)?.[1] ?? 0) };
      }),
  );
}
