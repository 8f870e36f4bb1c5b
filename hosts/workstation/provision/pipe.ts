import { writeSync } from "node:fs";
import { refuse } from "../simulate/check.js";
import { environmentFault } from "./machine.js";

/** What `--out` takes for stdout. */
export const STDOUT = "-";

/**
 * Writes all of it to stdout before it returns: a pipe takes less at a time, and may be full.
 * @throws FactoryError of the environment, when whoever reads has ended.
 */
export function writeToPipe(contents: string | Uint8Array): void {
  const bytes = typeof contents === "string" ? Buffer.from(contents) : contents;
  for (let at = 0; at < bytes.length;)
    try {
      at += writeSync(1, bytes, at);
    } catch (error) {
      if (!(error instanceof Error && "code" in error && error.code === "EAGAIN"))
        throw environmentFault("stdout", error);
    }
}

/** @throws InputError when JSON lines would go to stdout, too. */
export function refuseBoth(json: boolean | undefined): void {
  if (json === true)
    refuse("--json", "--json and --out - were both given", "Both write to stdout.", "Give one of them.");
}
