import type { ModuleName } from "../firmware/config.js";

/** A module's name as profiles and sentences have it. */
export function modelOf(module: ModuleName): string {
  return module.toUpperCase();
}
