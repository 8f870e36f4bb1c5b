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
