import type { SocketFormat, StreamSocket } from "../../../modules/io/socket.js";
import type { MqttDialect } from "../mqtt-dialect.js";
import { ModuleMQTT } from "../mqtt.js";
import type { MqttLimits } from "../profile.js";
import type { Obstacle, Route, RouteFacts, RouteNeeds, TlsJudge } from "../route.js";

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
  private readonly judge: TlsJudge | undefined;

  /** `dialect`: of the module. */
  constructor(dialect: MqttDialect, judge?: TlsJudge) {
    this.dialect = dialect;
    this.judge = judge;
  }

  obstacle(facts: RouteFacts): Obstacle | undefined {
    const limits: MqttLimits = this.dialect.limits;
    if (facts.hostLength > limits.hostMax) return "host";
    if (facts.clientIdLength > limits.clientIdMax) return "client-id";
    if (facts.userLength > limits.userMax) return "user";
    if (facts.passwordLength > limits.passwordMax) return "password";
    if (facts.topicLength > limits.topicMax) return "topic";
    if (facts.payloadLength > limits.payloadMax) return "payload";
    return facts.secure ? this.judge?.(facts.profile.tls, facts) : undefined;
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
