import { inspectDer } from "../../modules/pki/der.js";
import { refuses } from "./check-config.js";
import type { Host } from "./host.js";

/** What stands in the configuration for the unit's name. */
const MARK = "{unit}";

/** RFC 5280, ub-common-name. */
const LONGEST = 64;

/**
 * The common name of the device certificate in use; without one the platform's name for the unit. A common
 * name with `+`, `#` or `/` counts for none: in a topic filter it would stand for more than this unit.
 */
function nameOf(host: Host): string | undefined {
  // Of a certificate that the module holds nothing is known here, and another one is not this unit's.
  const certificate = host.config.credentials === "module" ? undefined : host.credentials.open("certificate");
  const found = certificate === undefined ? undefined : inspectDer(certificate);
  const name = found?.kind === "certificate" ? found.commonName : "";
  if (name === "") return host.unit;
  if (name.length <= LONGEST && !/[+#/]/.test(name)) return name;
  host.report("warning", "unit", "the certificate's common name cannot stand in a topic");
  return host.unit;
}

/**
 * Puts the unit's name in place of each `{unit}` of `clientId`, `user`, `topic` and `subscribe`, so that units
 * of one build are several to their broker. Once, at the start: behind `withRotation`, which decides about
 * the credentials. `undefined`: there is a place for a name and none to put there, which has been reported.
 */
export function withUnit(host: Host): Host | undefined {
  const config = host.config;
  const { clientId, user = "", topic, subscribe = "" } = config;
  if (!(clientId + user + topic + subscribe).includes(MARK)) return host;
  const name = nameOf(host);
  if (name === undefined) {
    refuses(host.report, [{ member: "clientId", why: "has {unit}, and this unit has no name" }]);
    return undefined;
  }
  const put = (text: string): string => text.split(MARK).join(name);
  return {
    ...host,
    config: {
      ...config,
      clientId: put(clientId),
      topic: put(topic),
      ...(config.user === undefined ? {} : { user: put(user) }),
      ...(config.subscribe === undefined ? {} : { subscribe: put(subscribe) }),
    },
  };
}
