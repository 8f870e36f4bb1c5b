import type { ModuleName } from "../firmware/config.js";
import { refuse } from "./simulate/check.js";

/** Refuses a folder for the files of a module that has none. */
export function checkFiles(module: ModuleName, folder: string | undefined): void {
  if (folder !== undefined && module === "bc66")
    refuse(
      "--files",
      "--files needs a BG95",
      "A BC66 has no file system: what it is given is gone when its power is.",
      "Leave --files out, or take --module bg95.",
    );
}
