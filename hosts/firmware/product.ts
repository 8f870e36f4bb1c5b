import type { Profile } from "../../drivers/quectel/profile.js";
import type { Route } from "../../drivers/quectel/route.js";
import type { ModuleName } from "./config.js";

/** A module as a product supports it. */
export interface ModuleKit {
  readonly profile: Profile;
  /** The ways to a broker that the product contains, the usual one first. */
  readonly routes: readonly Route[];
}

/** What a firmware is built of: only this is in its byte code. */
export type Product = Readonly<Partial<Record<ModuleName, ModuleKit>>>;
