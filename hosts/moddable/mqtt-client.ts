import Timer from "timer";
import type { ConnectionOwner } from "../../modules/mqtt/connection.js";
import { MQTTClient } from "../../modules/mqtt/client.js";
import type { MQTTClientOptions } from "../../modules/mqtt/options.js";
import type { Session } from "../../modules/mqtt/session.js";
import { systemClock } from "./system-clock.js";

/** As the SDK's client: the timer and the clock are the platform's, and an older spelling is taken. */
type ClientOptions = Omit<MQTTClientOptions<MQTTClient>, "timer" | "clock"> & {
  readonly timer?: MQTTClientOptions<MQTTClient>["timer"];
  readonly clock?: MQTTClientOptions<MQTTClient>["clock"];
  readonly keepalive?: number;
};

/**
 * The client of this library under the SDK's name: in a manifest
 * `"embedded:network/mqtt/client": ".../hosts/moddable/mqtt-client"`, in place of the SDK's own.
 */
export default class extends MQTTClient {
  constructor(options: ClientOptions, session?: Session, owner?: ConnectionOwner) {
    super(
      {
        timer: Timer,
        clock: systemClock,
        ...(options.keepalive !== undefined && { keepAlive: options.keepalive }),
        ...options,
      },
      session,
      owner,
    );
  }
}
