/** The ways to a broker. */
export type RouteName =
  /** TLS by the module, MQTT by the firmware. */
  | "module-tls"
  /** TLS on this side over the module's TCP, MQTT by the firmware. */
  | "host-tls"
  /** MQTT, and TLS below it, by the module. */
  | "module-mqtt";
