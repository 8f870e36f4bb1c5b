/**
 * What `import ... from "xs-cellular"` gives in an application for Moddable's SDK: the network interface, its
 * socket classes, both modules as data, MQTT. `xs-cellular/bg95` and `xs-cellular/bc66` bring one module alone;
 * package.json exports others by their paths.
 */
export * from "./drivers/index.js";
export { Bc66TLSSocket } from "./drivers/bc66/tls.js";
export { HostTlsRoute } from "./drivers/quectel/routes/host-tls.js";
export type { Failure } from "./modules/diagnosis/failure.js";
export type { Credential, CredentialRole, Credentials } from "./modules/io/credentials.js";
export type { Power } from "./modules/io/power.js";
export type { SerialPort, SerialRecord } from "./modules/io/serial.js";
export type { Clock, Random, Timer } from "./modules/io/timer.js";
export { MQTTConnection } from "./modules/mqtt/connection.js";
export type { MQTTLink } from "./modules/mqtt/link.js";
export { ReconnectingMQTTClient } from "./modules/mqtt/reconnect.js";
export type { TlsEngineRecord } from "./modules/tls/engine.js";
