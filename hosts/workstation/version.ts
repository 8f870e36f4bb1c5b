import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

/** The folder that holds the package's `package.json`: the checkout, or the installed package. */
export function packageRoot(): string {
  let folder = dirname(fileURLToPath(import.meta.url));
  for (;;) {
    try {
      readFileSync(join(folder, "package.json"));
      return folder;
    } catch {
      const above = dirname(folder);
      if (above === folder) throw new Error("package.json of xs-cellular is missing");
      folder = above;
    }
  }
}

export function packageVersion(): string {
  const content: unknown = JSON.parse(readFileSync(join(packageRoot(), "package.json"), "utf8"));
  return typeof content === "object" && content !== null && "version" in content
    ? String(content.version)
    : "0";
}
