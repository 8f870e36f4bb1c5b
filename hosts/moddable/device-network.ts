import { Cellular, type CellularOptions } from "../../drivers/quectel/interface.js";
import { NamePassing } from "../../drivers/quectel/name-passing.js";
import { chooseRoute, type Route, type RouteName } from "../../drivers/quectel/route.js";
import { TCP } from "../../drivers/quectel/tcp.js";
import type { Credentials } from "../../modules/io/credentials.js";
import type { SocketOptions, SocketRecord } from "../../modules/io/socket.js";
import type { TlsEngineRecord } from "../../modules/tls/engine.js";
import type { ReportValue } from "../firmware/host.js";
import { CellularInterface, SharedModem, type InterfaceOptions } from "./network-interface.js";

/** What a platform gives for `device.network`: its modem, and how TLS is done. */
export interface NetworkPlatform extends Omit<
  CellularOptions,
  "onChanged" | "onState" | "onFailure" | "onEvent"
> {
  /** The ways to TLS that the build contains, the usual one first. */
  readonly routes: readonly Route[];
  /** Default `auto`. */
  readonly route?: RouteName | "auto" | undefined;
  readonly credentials: Credentials;
  readonly engine?: TlsEngineRecord | undefined;
  readonly report: (event: string, ...values: ReportValue[]) => void;
}

/** The class that a module of the application exports by default; `undefined` where it has no such module. */
export type FindClass = (specifier: string) => unknown;

/** A class that constructs by its options alone, as everything in `device` does. */
type Constructor = new (options: object) => object;

/** A client's record: `new record.io({ ...record, host, ... })`. */
interface ClientRecord {
  readonly io: Constructor;
  readonly port: number;
  readonly dns: { readonly io: Constructor };
  readonly socket: { readonly io: SocketRecord["io"] };
}

/** `device.network`, to be merged with what is there. */
export interface DeviceNetwork {
  readonly cellular: {
    readonly io: new (options: InterfaceOptions) => CellularInterface;
    readonly kind: "cellular";
  };
  /** The same, where the SDK's newer setup modules look for it. */
  readonly interface: { readonly cellular: DeviceNetwork["cellular"] };
  /** `mqtt`, `mqtts`, `http`, `https`, `ws`, `wss`: those whose client the application contains. */
  readonly [client: string]: object;
}

/** Why a socket failed, which the SDK's clients do not pass on. */
type Failed = NonNullable<SocketOptions["failure"]>;

interface Secured {
  readonly secure?: object | undefined;
}

interface Bound extends Secured {
  readonly failure: Failed;
}

/** The SDK's names of its clients, what `device.network` calls them, and their usual ports. */
const CLIENTS = Object.freeze([
  Object.freeze({ name: "mqtt", specifier: "embedded:network/mqtt/client", port: 1883, securePort: 8883 }),
  Object.freeze({ name: "http", specifier: "embedded:network/http/client", port: 80, securePort: 443 }),
  Object.freeze({ name: "ws", specifier: "embedded:network/websocket/client", port: 80, securePort: 443 }),
]);

/**
 * The class of a record with all that stands beside `io` put in: records in `device` hold classes alone,
 * because applications freeze `device` deep, and a frozen modem would stand still.
 */
function bound({ io, ...rest }: SocketRecord & Bound): SocketRecord["io"] {
  return class extends io {
    constructor(options: SocketOptions & Secured) {
      super({ ...rest, ...options, ...(rest.secure && { secure: { ...rest.secure, ...options.secure } }) });
    }
  };
}

/** TLS by the first way that can do it, as a socket class; `undefined` when there is none. */
function secureSocket(
  platform: NetworkPlatform,
  modem: Cellular,
  failure: Failed,
): SocketRecord["io"] | undefined {
  const { credentials, engine, report } = platform;
  // MQTT by the module is no socket.
  const routes = platform.routes.filter(({ name }) => name !== "module-mqtt");
  const lengths = {
    hostLength: 0,
    clientIdLength: 0,
    userLength: 0,
    passwordLength: 0,
    topicLength: 0,
    payloadLength: 0,
  };
  const facts = { profile: platform.profile, secure: true, credentials, engine, ...lengths };
  const { route, reason, passed } = chooseRoute(routes, facts, platform.route ?? "auto");
  report("route", route?.name, reason, passed);
  if (route === undefined) return undefined;
  const { socket } = route.record({ modem, credentials, verify: true, secure: true, engine, report });
  return bound({ ...socket, failure });
}

/** Makes the modem and everything of `device.network` that stands on it. Nothing is sent yet. */
export function deviceNetwork(platform: NetworkPlatform, find: FindClass): DeviceNetwork {
  const { report } = platform;
  const shared = new SharedModem(
    onChanged =>
      new Cellular({
        ...platform,
        onChanged,
        onState: state => report("state", state),
        onEvent: report,
        onFailure: ({ kind, code, command, detail }, rung, waitMs) =>
          report("failure", "modem", kind, code, command, detail, rung, waitMs),
      }),
  );
  const modem = shared.cellular;
  class Interface extends CellularInterface {
    constructor(options: InterfaceOptions) {
      super(options, shared);
    }
  }
  class Names extends NamePassing {
    constructor() {
      super({ modem });
    }
  }
  const dns = { io: Names };
  const failure: Failed = ({ kind, code, command, detail, handshake }) =>
    report("failure", "socket", kind, code, command, detail, handshake?.flight, handshake?.message);
  const tcp = { io: TCP, modem, failure };
  const socket = { io: bound(tcp) };
  const secure = secureSocket(platform, modem, failure);
  const clients: Record<string, ClientRecord> = {};
  CLIENTS.forEach(({ name, specifier, port, securePort }) => {
    const io = find(specifier) as Constructor | undefined;
    if (io === undefined) return;
    clients[name] = { io, port, dns, socket };
    if (secure) clients[name + "s"] = { io, port: securePort, dns, socket: { io: secure } };
  });
  const cellular = { io: Interface, kind: "cellular" } as const;
  return { cellular, interface: { cellular }, ...clients };
}
