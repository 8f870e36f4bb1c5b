import type { TlsAcceptance } from "../../certs/check/rules.js";
import { bc66 } from "../../drivers/bc66/profile.js";
import { bg95 } from "../../drivers/bg95/profile.js";
import type { RouteName } from "../../drivers/quectel/route.js";
import type { ModuleName } from "../firmware/config.js";
import { modelOf } from "./device.js";
import { deviceProfile, sdkProfile } from "./tls-engine-profile.js";

/** The TLS of a route, as credentials and brokers are held against it. */
export interface RouteTls extends TlsAcceptance {
  readonly route: RouteName;
  /** Cipher suites that it offers, by number. */
  readonly suites: readonly number[];
}

const MODULES = { bg95, bc66 } as const;
/**
 * BC66 SSL Application Note: RSA in every suite, and no EC key or ECDSA anywhere. A suite says nothing of the chain above the
 * server's certificate: that one signed by ECDSA is refused is likely, and unverified on hardware.
 */
const AUTHORITY_KEYS: Readonly<Record<ModuleName, Pick<TlsAcceptance, "authorityKeys">>> = {
  bg95: {},
  bc66: { authorityKeys: ["rsa"] },
};
const ENGINES = { device: deviceProfile, sdk: sdkProfile } as const;

/** Which TLS each route of a module uses, the usual one first. `engine`: that of host-tls. */
export function tlsOf(module: ModuleName, engine: keyof typeof ENGINES): readonly RouteTls[] {
  const { tls } = MODULES[module];
  const own = { name: `the ${modelOf(module)}'s own TLS`, ...tls, ...AUTHORITY_KEYS[module] };
  const host = {
    name: engine === "sdk" ? "the SDK's bare TLS session" : "TLS on the ESP32",
    clientKeys: ENGINES[engine].clientKeys,
    suites: ENGINES[engine].suites,
    route: "host-tls" as const,
  };
  const byModule = [
    { ...own, route: "module-tls" as const },
    { ...own, route: "module-mqtt" as const },
  ];
  return module === "bc66" ? [host, ...byModule] : [byModule[0] ?? host, host, ...byModule.slice(1)];
}
