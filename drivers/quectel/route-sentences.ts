/** Why a route was taken, in sentences for people. Data: a product that shows none leaves this out. */
import type { Obstacle, RouteName, RouteReason } from "./route.js";

/** What stands in the way, as the rest of a sentence that begins with the route's name. */
const OBSTACLES: Readonly<Record<Obstacle, string>> = Object.freeze({
  absent: "is not part of this firmware",
  engine: "needs a TLS engine, and this platform has none",
  suites: "has no cipher suite in common with the broker",
  key: "cannot sign with the device's kind of key",
  size: "cannot store a credential of this size",
  store: "cannot use credentials that only the module's file system holds",
  host: "does not take a broker's name of this length",
  "client-id": "does not take a client identifier of this length",
  user: "does not take a user name of this length",
  password: "does not take a password of this length",
  topic: "does not take a topic of this length",
  payload: "does not take a payload of this length",
  plain: "has nothing to do without TLS",
});

/** Why it is the usual way of this module. */
const USUAL: Readonly<Record<string, string>> = Object.freeze({
  "BG95 module-tls": "the BG95's own TLS 1.2 has the suites that brokers ask for today",
  "BC66 host-tls":
    "the BC66's own TLS offers nothing but static-RSA suites with CBC, which brokers have been dropping; TLS on the ESP32 over the module's TCP offers ECDHE",
});

const ROUTES: Readonly<Record<RouteName, string>> = Object.freeze({
  "module-tls": "the module's TLS",
  "host-tls": "TLS on the ESP32",
  "module-mqtt": "the module's MQTT",
});

function isObstacle(word: string): word is Obstacle {
  return Object.hasOwn(OBSTACLES, word);
}

function isRoute(word: string): word is RouteName {
  return Object.hasOwn(ROUTES, word);
}

/** `module-tls: suites, module-mqtt: password` as a sentence. */
export function explainPassed(passed: string): string {
  return passed
    .split(", ")
    .filter(part => part !== "")
    .map(part => {
      const [route = "", obstacle = ""] = part.split(": ");
      return `${isRoute(route) ? ROUTES[route] : route} ${isObstacle(obstacle) ? OBSTACLES[obstacle] : obstacle}`;
    })
    .join("; ");
}

/** Why this route. `model`: the module's, as its profile names it. */
export function explainRoute(model: string, name: string, reason: RouteReason, passed: string): string {
  switch (reason) {
    case "asked":
      return "asked for";
    case "plain":
      return "the broker's address is without TLS: MQTT of the firmware over the module's TCP";
    case "fallback":
      return "the module's own TLS failed; this is the next way, with the same verification";
    case "obstacle":
      return explainPassed(passed);
    case "usual":
      return (
        USUAL[`${model} ${name}`] ?? "the first way that this firmware contains, and nothing stands in it"
      );
  }
}

/** The word of a report as what it stands for; anything else counts as asked for. */
export function asRouteReason(word: string): RouteReason {
  return word === "plain" || word === "usual" || word === "obstacle" || word === "fallback" ? word : "asked";
}
