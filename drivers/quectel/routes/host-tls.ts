import type { Failure } from "../../../modules/diagnosis/failure.js";
import { MQTTConnection } from "../../../modules/mqtt/connection.js";
import type { FlightRecorder } from "../../../modules/tls/recorder.js";
import { TLSSocket } from "../../../modules/tls/socket.js";
import type { Obstacle, Route, RouteFacts, RouteNeeds, TlsJudge } from "../route.js";
import { TCP } from "../tcp.js";

/** Gives what is told of a handshake that failed: `flightReport`. */
export type DescribeFlights = (
  report: RouteNeeds["report"],
) => (recorder: FlightRecorder, reason: Failure) => void;

/** TLS on this side, by the platform's engine, over the module's TCP; MQTT by the firmware. */
export class HostTlsRoute implements Route {
  readonly name = "host-tls";
  private readonly describe: DescribeFlights | undefined;
  private readonly judge: TlsJudge | undefined;

  /** `describe`: for products that have somebody to read what a handshake that failed was made of. */
  constructor(describe?: DescribeFlights, judge?: TlsJudge) {
    this.describe = describe;
    this.judge = judge;
  }

  obstacle(facts: RouteFacts): Obstacle | undefined {
    if (!facts.secure) return "plain";
    return facts.engine === undefined ? "engine" : this.judge?.(facts.engine, facts);
  }

  record({ modem, credentials, verify, engine, report }: RouteNeeds) {
    return {
      io: MQTTConnection,
      socket: {
        io: TLSSocket,
        TCP: { io: TCP, modem },
        engine,
        timer: modem.timer,
        clockKnown: () => {
          if (!modem.clockKnown) modem.missClock();
          return modem.clockKnown;
        },
        secure: { credentials, verify },
        onHandshake: (recorder: FlightRecorder, suite: number | undefined) => {
          report("handshake", suite, recorder.sent.offset, recorder.received.offset, recorder.transfers);
        },
        onHandshakeFailed: this.describe?.(report),
      },
    };
  }
}
