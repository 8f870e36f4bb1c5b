import { MQTTConnection } from "../../../modules/mqtt/connection.js";
import type { SocketOptions, StreamSocket } from "../../../modules/io/socket.js";
import type { Credentials } from "../../../modules/io/credentials.js";
import { NamePassing } from "../name-passing.js";
import { tlsObstacle, type Obstacle, type Route, type RouteFacts, type RouteNeeds } from "../route.js";
import { TCP } from "../tcp.js";

/** A TLS socket of a module: beside ECMA-419's options it takes the modem and what to trust. */
export type ModuleTlsSocket = new (
  options: SocketOptions & {
    readonly modem?: RouteNeeds["modem"];
    readonly secure?: { readonly credentials?: Credentials; readonly verify?: boolean };
  },
) => StreamSocket;

/** TLS by the module, or none where none is wanted; MQTT by the firmware. */
export class ModuleTlsRoute implements Route {
  readonly name = "module-tls";
  private readonly io: ModuleTlsSocket;

  /** `io`: the TLS socket class of the module. */
  constructor(io: ModuleTlsSocket) {
    this.io = io;
  }

  obstacle(facts: RouteFacts): Obstacle | undefined {
    return facts.secure ? tlsObstacle(facts.profile.tls, facts) : undefined;
  }

  record({ modem, credentials, verify, secure }: RouteNeeds) {
    const dns = { io: NamePassing, modem };
    return {
      io: MQTTConnection,
      dns,
      socket: secure ? { io: this.io, modem, secure: { credentials, verify } } : { io: TCP, modem },
    };
  }
}
