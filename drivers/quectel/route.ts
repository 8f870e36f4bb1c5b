import type { Failure } from "../../modules/diagnosis/failure.js";
import type { Credentials } from "../../modules/io/credentials.js";
import type { SocketRecord } from "../../modules/io/socket.js";
import type { TlsEngineRecord } from "../../modules/tls/engine.js";
import type { ConnectionOwner } from "../../modules/mqtt/connection.js";
import type { MQTTLink } from "../../modules/mqtt/link.js";
import type { MQTTClientOptions } from "../../modules/mqtt/options.js";
import type { Session } from "../../modules/mqtt/session.js";
import type { Cellular } from "./interface.js";
import type { Profile, TlsLimits } from "./profile.js";

/** The ways to a broker. */
export type RouteName =
  /** TLS by the module, MQTT by the firmware. */
  | "module-tls"
  /** TLS on this side over the module's TCP, MQTT by the firmware. */
  | "host-tls"
  /** MQTT, and TLS below it, by the module. */
  | "module-mqtt";

/** What stands in the way of a route. The sentences are in `route-sentences.ts`. */
export type Obstacle =
  /** The firmware does not contain it. */
  | "absent"
  /** The platform has no TLS engine. */
  | "engine"
  /** Broker and TLS have no cipher suite in common. */
  | "suites"
  /** The TLS does not sign with this kind of client key. */
  | "key"
  /** A credential is larger than the module stores. */
  | "size"
  /** The credentials are files of the module, and this TLS takes none. */
  | "store"
  /** The module's MQTT does not take a text of this length: host, client identifier, user name, password, topic. */
  | "host"
  | "client-id"
  | "user"
  | "password"
  | "topic"
  | "payload"
  /** There is no TLS to be done. */
  | "plain";

/** Why a route was taken. */
export type RouteReason =
  /** It was asked for. */
  | "asked"
  /** No TLS is wanted: the module's TCP carries MQTT of the firmware. */
  | "plain"
  /** The module's usual way. */
  | "usual"
  /** Those before it had an obstacle. */
  | "obstacle"
  /** The module's TLS failed, and this is the next. */
  | "fallback";

/** What the choice depends on. Lengths in bytes of UTF-8. */
export interface RouteFacts {
  readonly profile: Profile;
  readonly secure: boolean;
  readonly credentials: Credentials;
  readonly engine: TlsEngineRecord | undefined;
  /** Suites that the broker takes, by number; absent: not known. */
  readonly suites?: readonly number[] | undefined;
  readonly hostLength: number;
  readonly clientIdLength: number;
  readonly userLength: number;
  readonly passwordLength: number;
  readonly topicLength: number;
  readonly payloadLength: number;
}

/** What a route needs to be opened. */
export interface RouteNeeds {
  readonly modem: Cellular;
  readonly credentials: Credentials;
  readonly verify: boolean;
  readonly secure: boolean;
  readonly engine: TlsEngineRecord | undefined;
  /** Is told of what happens on the way: `handshake`, cipher suite, bytes sent and received, commands of the module. */
  readonly report: (event: string, ...values: (number | string | undefined)[]) => void;
}

/** What a client of MQTT is made with, over this route: spread into `ReconnectOptions`. */
export interface RouteRecord {
  readonly io: new (
    options: MQTTClientOptions<MQTTLink>,
    session?: Session,
    owner?: ConnectionOwner,
  ) => MQTTLink;
  /** Whatever `io` opens its connection with. */
  readonly socket: SocketRecord;
}

/** Judges a TLS before it is tried: `tlsObstacle`, for products with more than one route; one alone has the last word itself. */
export type TlsJudge = (tls: TlsLimits | undefined, facts: RouteFacts) => Obstacle | undefined;

/** A route as a product contains it. */
export interface Route {
  readonly name: RouteName;
  obstacle(facts: RouteFacts): Obstacle | undefined;
  record(needs: RouteNeeds): RouteRecord;
}

/** The outcome of a choice; without a route, every one has its obstacle. */
export interface RouteChoice {
  readonly route: Route | undefined;
  readonly reason: RouteReason;
  /** `module-tls: suites`, for those that were passed over, in order. */
  readonly passed: string;
}

/** Obstacles that no attempt could get past: with the others the module or the broker has the last word. */
const HOPELESS = "absent plain engine store topic payload";

/** Chooses the first route without an obstacle. `asked`: that one, if there is any hope for it. */
export function chooseRoute(
  routes: readonly Route[],
  facts: RouteFacts,
  asked: RouteName | "auto",
  failed?: RouteName,
): RouteChoice {
  const free = asked === "auto";
  let reason: RouteReason = free ? "usual" : "asked";
  let passed = "";
  for (let i = 0; i < routes.length; i++) {
    const route = routes[i];
    if (route === undefined || (free ? route.name === failed : route.name !== asked)) continue;
    const obstacle = route.obstacle(facts);
    if (free) {
      if (obstacle === undefined)
        return { route, reason: failed !== undefined ? "fallback" : facts.secure ? reason : "plain", passed };
      reason = "obstacle";
    } else if (obstacle === undefined || !HOPELESS.includes(obstacle)) return { route, reason, passed };
    passed += (passed === "" ? "" : ", ") + route.name + ": " + obstacle;
  }
  return { route: undefined, reason, passed: free || passed !== "" ? passed : asked + ": absent" };
}

/** Whether another route is worth trying: the module's own TLS has failed. */
export function isModuleTlsFailure(reason: Failure): boolean {
  return reason.kind === "tls" && (reason.command ?? "").startsWith("AT+Q");
}
