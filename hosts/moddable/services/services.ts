import type { Credentials } from "../../../modules/io/credentials.js";
import type { Host } from "../../firmware/host.js";
import type { Entropy } from "../entropy.js";

/** What the SDK's arithmetic does for a product, each with code of its own: a third of a firmware that has all. */
export type Services = Pick<Host, "tls" | "signer" | "keys">;

/** Gives them; `entropy` as `moddableTls` wants it. */
export type OpenServices = (credentials: Credentials, entropy: Entropy) => Services;
