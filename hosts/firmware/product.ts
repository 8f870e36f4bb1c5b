import type { Profile } from "../../drivers/quectel/profile.js";
import type { Route } from "../../drivers/quectel/route.js";
import type { Application } from "./application.js";
import type { ModuleName } from "./config.js";
import type { withProvisioning } from "./provisioning.js";
import type { Token } from "./token.js";

/** A module as a product supports it. */
export interface ModuleKit {
  readonly profile: Profile;
  /** The ways to a broker that the product contains, the usual one first. */
  readonly routes: readonly Route[];
}

/** What a firmware is built of: only this is in its byte code. */
export interface Product {
  readonly modules: Readonly<Partial<Record<ModuleName, ModuleKit>>>;
  /** For brokers that want a token as password. */
  readonly Token?: typeof Token;
  /** In place of the usual one. */
  readonly Application?: typeof Application;
  /** Lets a factory fill the vault over the console. */
  readonly withProvisioning?: typeof withProvisioning;
}
