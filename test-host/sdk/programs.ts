/** Moddable's own programs that are run, where each expects which server, and how it must end. */

/** `tests/modules/io/socket/tcp`. */
export const TCP_TESTS = [
  "close-immediate",
  "close",
  "constructor-no-address",
  "constructor-port",
  "constructor",
  "format",
  "from",
  "invalid-receiver",
  "no-callbacks",
  "onError",
  "onReadable",
  "onWritable-overflow",
  "onWritable",
  "read-beyond-available",
  "read-into-view",
  "read-no-argument",
  "read-outside-callback",
  "remoteAddress",
  "remotePort",
  "target",
  "write-outside-callback",
];

/** `tests/modules/network/mqtt`, and where the tests expect which server. */
export const MQTT_TESTS: readonly (readonly [string, keyof Servers<unknown>])[] = [
  ["clientecho", "mqtt"],
  ["mqtt-echo", "mqtt"],
  ["mqtt-unsubscribe", "mqtt"],
  ["mqtt-will", "mqtt"],
  ["mqtt-close-immediate", "mqtt"],
  ["mqtt-close-message", "mqtt"],
  ["mqtt-close-ready", "mqtt"],
  ["mqtt-auth-success", "user"],
  ["mqtt-auth-fail", "user"],
  ["mqtt-bad-endpoint", "http"],
  ["mqtt-bad-host", "mqtt"],
  ["mqtt-echo-secure", "mqtts"],
  ["mqtt-expired-cert", "expired"],
];

/** What they talk to. */
export interface Servers<S> {
  readonly mqtt: S;
  readonly mqtts: S;
  readonly user: S;
  readonly expired: S;
  readonly http: S;
  readonly https: S;
}

/** `examples/io/tcp`. */
export interface Example {
  readonly name: string;
  readonly host: string;
  readonly server: keyof Servers<unknown>;
  /** What it must have said. */
  readonly expected: readonly RegExp[];
}

/** What the examples of MQTT say when all went well, and the bytes of the long message that they publish and are sent back. */
const MQTT_SAYS = [
  /^SUBACK - \d+$/m,
  /^UNSUBACK - \d+$/m,
  /^Ping response$/m,
  /^PUBCOMP - \d+$/m,
  /^SMALL$/m,
  /^PUBACK - 1234$/m,
];
export const LONG_MESSAGE = 3 + 16 * 1024;
const HTTP_SAYS = [0, 1, 2].flatMap(i => [
  new RegExp(`^you asked for /\\?${i}$`, "m"),
  new RegExp(`\\*\\*DONE ${i} \\*\\*`),
]);

/** Bytes of the lines without a space, of the letters that the long message is made of. */
export function lettersOf(text: string): number {
  return [...text.matchAll(/^[@-~]+$/gm)]
    .filter(([line]) => line !== "SMALL")
    .reduce((sum, [line]) => sum + line.length, 0);
}

export const EXAMPLES: readonly Example[] = [
  { name: "mqttclient", host: "test.mosquitto.org", server: "mqtt", expected: MQTT_SAYS },
  { name: "mqttsclient", host: "broker.hivemq.com", server: "mqtts", expected: MQTT_SAYS },
  { name: "httpclient", host: "example.com", server: "http", expected: HTTP_SAYS },
  { name: "httpsclient", host: "www.example.edu", server: "https", expected: HTTP_SAYS },
];

/** How the tests end that do not pass, and must end so. The reasons stand in docs/moddable-tests.md. */
export const DIFFERENCES: Readonly<Record<string, RegExp>> = {
  "tcp/from": /^Error: sockets from a listener are not available$/,
  "tcp/invalid-receiver": /^Error: expected SyntaxError, got TypeError/,
  // Its 16 KB are more than the module takes ahead of the network, and its TLS has no word for "later".
  "mqttsclient bc66 module-tls": /bytes$/,
  "mqttsclient bc66 module-tls ours": /bytes$/,
};
