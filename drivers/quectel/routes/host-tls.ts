import { MQTTConnection } from "../../../modules/mqtt/connection.js";
import type { FlightRecorder } from "../../../modules/tls/recorder.js";
import { TLSSocket } from "../../../modules/tls/socket.js";
import { NamePassing } from "../name-passing.js";
import { tlsObstacle, type Obstacle, type Route, type RouteFacts, type RouteNeeds } from "../route.js";
import { TCP } from "../tcp.js";

/** TLS on this side, by the platform's engine, over the module's TCP; MQTT by the firmware. */
export class HostTlsRoute implements Route {
  readonly name = "host-tls";

  obstacle(facts: RouteFacts): Obstacle | undefined {
    if (!facts.secure) return "plain";
    return facts.engine === undefined ? "engine" : tlsObstacle(facts.engine, facts);
  }

  record({ modem, credentials, verify, engine, report }: RouteNeeds) {
    return {
      io: MQTTConnection,
      dns: { io: NamePassing, modem },
      socket: {
        io: TLSSocket,
        TCP: { io: TCP, modem },
        engine,
        timer: modem.timer,
        clockKnown: () => modem.clockKnown,
        secure: { credentials, verify },
        onHandshake: ({ sent, received, transfers }: FlightRecorder, suite: number | undefined) =>
          report("handshake", suite, sent.offset, received.offset, transfers),
      },
    };
  }
}
