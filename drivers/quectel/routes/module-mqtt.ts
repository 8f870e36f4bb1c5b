import type { SocketFormat, StreamSocket } from "../../../modules/io/socket.js";
import type { MqttDialect } from "../mqtt-dialect.js";
import { ModuleMQTT } from "../mqtt.js";
import type { MqttLimits } from "../profile.js";
import { tlsObstacle, type Obstacle, type Route, type RouteFacts, type RouteNeeds } from "../route.js";

/** Stands where other routes have a class of sockets; the module sees to that by itself. */
class Nothing implements StreamSocket {
  format: SocketFormat = "buffer";

  read(): undefined {
    return undefined;
  }

  write(): number {
    return 0;
  }

  close(): void {
    // There is none.
  }
}

/** MQTT by the module, with its own TLS below it. */
export class ModuleMqttRoute implements Route {
  readonly name = "module-mqtt";
  private readonly dialect: MqttDialect;

  /** `dialect`: of the module. */
  constructor(dialect: MqttDialect) {
    this.dialect = dialect;
  }

  obstacle(facts: RouteFacts): Obstacle | undefined {
    const limits: MqttLimits = this.dialect.limits;
    if (facts.hostLength > limits.hostMax) return "host";
    if (facts.clientIdLength > limits.clientIdMax) return "client-id";
    if (facts.userLength > limits.userMax) return "user";
    if (facts.passwordLength > limits.passwordMax) return "password";
    if (facts.topicLength > limits.topicMax) return "topic";
    if (facts.payloadLength > limits.payloadMax) return "payload";
    return facts.secure ? tlsObstacle(facts.profile.tls, facts) : undefined;
  }

  record({ modem, credentials, verify, secure }: RouteNeeds) {
    const dialect = this.dialect;
    return {
      io: ModuleMQTT,
      socket: secure
        ? { io: Nothing, modem, dialect, secure: { credentials, verify } }
        : { io: Nothing, modem, dialect },
    };
  }
}
