import { type CodeTable, diagnosis, type DiagnosisRule } from "../diagnosis/table.js";

/** CONNACK return codes (MQTT 3.1.1, 3.2.2.3). */
const CONNECT_CODES: CodeTable = Object.freeze({
  1: diagnosis(
    "unacceptable protocol version",
    "The broker does not speak MQTT 3.1.1, the version of this client; some brokers take MQTT 5 alone.",
    "Switch MQTT 3.1.1 on in the broker, or use another of its ports.",
  ),
  2: diagnosis(
    "client identifier rejected",
    "The client identifier is well-formed, but this broker does not allow it: too long, forbidden characters, or not the name that the certificate or account is registered for.",
    "Use the identifier that the broker expects; up to 23 letters and digits are allowed everywhere.",
  ),
  3: diagnosis(
    "server unavailable",
    "The broker is reached but serves nobody at the moment: it starts up, is overloaded or in maintenance, or the account's connections are used up.",
    "Wait and connect again with growing pauses; look at the broker's state page or log.",
  ),
  4: diagnosis(
    "bad user name or password",
    "User name or password are wrong or malformed for this broker; tokens may have expired because the device's clock was wrong.",
    "Check both, and for tokens the clock and the time for which they are valid.",
  ),
  5: diagnosis(
    "not authorized",
    "The broker knows who this is but does not let it in: no policy is attached to the certificate, the certificate is not active, or the client identifier is not the one that the policy allows.",
    "Attach a policy that allows connecting with this client identifier, and activate the certificate.",
  ),
});

const SUBSCRIBE_CODES: CodeTable = Object.freeze({
  128: diagnosis(
    "subscription refused",
    "The broker's access rules do not let this client read this topic filter, or the filter's wildcards are not allowed there.",
    "Allow the filter in the broker's policy; note that some brokers have separate rights for subscribing and for receiving.",
  ),
});

/** What is known of failures of the MQTT conversation. */
export const mqttDiagnoses: readonly DiagnosisRule[] = Object.freeze([
  { kinds: ["mqtt-refused"], codes: CONNECT_CODES },
  { kinds: ["mqtt-subscribe"], codes: SUBSCRIBE_CODES },
  {
    kinds: ["mqtt-timeout"],
    detail: "resolve",
    always: diagnosis(
      "name resolution",
      "The host name was not resolved within the connect time.",
      "Check that the data connection works; on NB-IoT allow more time to connect.",
    ),
  },
  {
    kinds: ["mqtt-timeout"],
    detail: "connect",
    always: diagnosis(
      "connection",
      "Socket and TLS were not established within the connect time; a TLS handshake takes 3 to 8 seconds on LTE-M and 10 to 30 on NB-IoT.",
      "Allow more time to connect; if it never succeeds, look at signal, host and port.",
    ),
  },
  {
    kinds: ["mqtt-timeout"],
    detail: "CONNACK",
    always: diagnosis(
      "no CONNACK",
      "The connection stands, but the broker did not answer CONNECT: the port belongs to something else than an MQTT broker, or wants TLS and was spoken to without (or the other way round).",
      "Check the port: 8883 is usual with TLS and 1883 without.",
    ),
  },
  {
    kinds: ["mqtt-timeout"],
    detail: "PINGRESP",
    always: diagnosis(
      "no PINGRESP",
      "The broker did not answer a ping: the link is dead without anyone having said so, as after a change of cell or when an operator forgets an idle connection.",
      "It is connected again by itself. If it comes at regular times, use a keep-alive shorter than the operator's idle limit.",
    ),
  },
  {
    kinds: ["mqtt-timeout"],
    detail: "acknowledgement",
    always: diagnosis(
      "no acknowledgement",
      "The broker did not acknowledge a message of QoS 1 or 2: the link is dead, or the broker silently dropped a message that this client may not publish.",
      "It is connected again and the message sent again by itself. If the same message fails each time, check the right to publish to its topic.",
    ),
  },
  {
    kinds: ["mqtt-protocol"],
    detail: "session present",
    always: diagnosis(
      "session present after a clean start",
      "The broker claims to remember a session although a clean one was asked for.",
      "Update the broker, or use another client identifier.",
    ),
  },
  {
    kinds: ["limit"],
    commands: ["PUBLISH"],
    detail: "topic",
    always: diagnosis(
      "topic too long",
      "The topic of a message is longer than the client's buffer for topics.",
      "Use shorter topics, or give the client a larger buffer.",
    ),
  },
]);
