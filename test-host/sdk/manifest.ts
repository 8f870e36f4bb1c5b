import { readFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";

/** A manifest as `mcconfig` reads it. */
export type ManifestText = Readonly<Record<string, unknown>>;

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function placed(value: unknown, folder: string): unknown {
  if (typeof value === "string") return value.startsWith(".") ? resolve(folder, value) : value;
  if (Array.isArray(value)) return value.map(item => placed(item, folder));
  if (isRecord(value))
    return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, placed(item, folder)]));
  return value;
}

/** A manifest of the project with its paths made absolute, so that a changed copy can stand elsewhere. */
export function absoluteManifest(file: string): ManifestText {
  return placed(JSON.parse(readFileSync(file, "utf8")), dirname(file)) as ManifestText;
}

/** `config` and `data` replaced, in all platforms. */
export function configured(
  manifest: ManifestText,
  config: Readonly<Record<string, unknown>>,
  credentials: string,
): ManifestText {
  const own = isRecord(manifest["config"]) ? manifest["config"] : {};
  const platforms = isRecord(manifest["platforms"]) ? manifest["platforms"] : {};
  const lin = isRecord(platforms["lin"]) ? platforms["lin"] : {};
  const theirs = isRecord(lin["config"]) ? lin["config"] : {};
  return {
    ...manifest,
    config: { ...own, ...theirs, ...config },
    data: { "*": [join(credentials, "*")] },
    platforms: { ...platforms, lin: { ...lin, config: {}, data: {} } },
  };
}
