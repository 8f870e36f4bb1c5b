/**
 * Lists in each manifest every module that it stands for, one by one, as `mcconfig` wants TypeScript
 * modules, preloads all that can be, and includes the manifests of the native classes that are needed:
 * `npx tsx scripts/update-manifest.ts`. A spec finds out when it was forgotten.
 */
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { format, resolveConfig } from "prettier";
import { modulePath, readManifest } from "./manifests/manifest.js";
import { fileOf, isPreloadable, NATIVE_FOLDER, plansOf, type Plan } from "./manifests/plan.js";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");

/** The two lists of a manifest, or of a platform's part of it. */
function lists(plan: Plan, platform: string, names: readonly string[]) {
  const modules = names.map(name => [name, modulePath(plan.path, fileOf(plan, platform, name))]);
  return {
    modules: Object.fromEntries(modules) as Record<string, string>,
    preload: names.filter(isPreloadable),
  };
}

function updated(plan: Plan): object {
  const manifest = readManifest(root, plan.path);
  const platforms = { ...manifest.platforms };
  for (const [platform, names] of plan.modules)
    if (platform !== "") {
      const part = platforms[platform];
      const natives = (plan.natives?.get(platform) ?? []).map(path => modulePath(plan.path, path));
      const others = (part?.include ?? []).filter(one => !one.includes(NATIVE_FOLDER));
      platforms[platform] = { ...part, include: [...others, ...natives], ...lists(plan, platform, names) };
    }
  return {
    ...manifest,
    ...lists(plan, "", plan.modules.get("") ?? []),
    ...(Object.keys(platforms).length > 0 ? { platforms } : undefined),
  };
}

// One after the other: what a manifest lists depends on those that it includes.
for (const plan of plansOf(root)) {
  const file = join(root, plan.path);
  if (!existsSync(file)) throw new Error(`${plan.path} is not there; begin it with what it includes`);
  const text = JSON.stringify(updated(plan));
  const options = await resolveConfig(file);
  const formatted = await format(text, { ...options, filepath: file });
  if (formatted !== readFileSync(file, "utf8")) writeFileSync(file, formatted);
}
