import { MQTTConnection } from "../../../modules/mqtt/connection.js";
import type { SocketOptions, StreamSocket } from "../../../modules/io/socket.js";
import type { Credentials } from "../../../modules/io/credentials.js";
import type { Obstacle, Route, RouteFacts, RouteNeeds, TlsJudge } from "../route.js";

/** A TLS socket of a module: beside ECMA-419's options it takes the modem and what to trust. */
export type ModuleTlsSocket = new (
  options: SocketOptions & {
    readonly modem?: RouteNeeds["modem"];
    readonly secure?: { readonly credentials?: Credentials; readonly verify?: boolean };
  },
) => StreamSocket;

/** TLS by the module; MQTT by the firmware. */
export class ModuleTlsRoute implements Route {
  readonly name = "module-tls";
  private readonly io: ModuleTlsSocket;
  private readonly plain: ModuleTlsSocket | undefined;
  private readonly judge: TlsJudge | undefined;

  /**
   * `io`: the TLS socket class of the module. `plain`: its TCP, for products that also reach brokers
   * without TLS; their profile has to have it.
   */
  constructor(io: ModuleTlsSocket, plain?: ModuleTlsSocket, judge?: TlsJudge) {
    this.io = io;
    this.plain = plain;
    this.judge = judge;
  }

  obstacle(facts: RouteFacts): Obstacle | undefined {
    if (facts.secure) return this.judge?.(facts.profile.tls, facts);
    return this.plain === undefined ? "plain" : undefined;
  }

  record({ modem, credentials, verify, secure }: RouteNeeds) {
    return {
      io: MQTTConnection,
      socket: secure
        ? { io: this.io, modem, secure: { credentials, verify } }
        : { io: this.plain ?? this.io, modem },
    };
  }
}
