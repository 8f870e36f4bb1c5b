import { type CodeTable, diagnosis, type DiagnosisRule } from "../../modules/diagnosis/table.js";

/** `+QMTSTAT: <client>,<code>` (MQTT Application Notes of BG95 and BC66). */
const STATUS_CODES: CodeTable = Object.freeze({
  1: diagnosis(
    "broker closed the connection",
    "The broker ended or reset it: another client took the same client identifier, it was silent for too long, or did something that its rights do not allow.",
    "Look at the broker's log. Two devices with one client identifier throw each other out again and again.",
  ),
  2: diagnosis(
    "ping without an answer",
    "The module sent PINGREQ and no PINGRESP came: the link is dead without anyone having said so.",
    "It is connected again by itself. If it comes at regular times, use a keep-alive shorter than the operator's idle limit.",
  ),
  3: diagnosis(
    "CONNECT could not be sent",
    "The connection was opened, but CONNECT did not get through.",
    "Look at the signal; on NB-IoT allow more time for answers.",
  ),
  4: diagnosis(
    "no CONNACK",
    "CONNECT was delivered and not answered: the port belongs to something else than an MQTT broker, or wants TLS and was spoken to without.",
    "Check the port: 8883 is usual with TLS and 1883 without. On NB-IoT allow more time for answers.",
  ),
  5: diagnosis(
    "closed after DISCONNECT",
    "The broker hung up after it was left, as it should.",
    "Nothing is broken.",
  ),
  6: diagnosis(
    "a packet was never delivered",
    "The module sent it as often as it is set to and gave the connection up.",
    "Look at the signal. The message is sent again on the next connection.",
  ),
  7: diagnosis(
    "link dead",
    "The network connection is gone, or the server cannot be reached any more.",
    "It is connected again by itself; look at signal and registration if it goes on.",
  ),
});

const NO_ANSWER: CodeTable = Object.freeze({
  2: diagnosis(
    "never acknowledged",
    "The module sent the packet as often as it is set to, and the broker did not acknowledge it: the link is dead, or the broker silently drops what this client may not do.",
    "It is connected again and done again by itself. If the same one fails each time, check the rights to its topic.",
  ),
});

const common: readonly DiagnosisRule[] = Object.freeze<DiagnosisRule[]>([
  { commands: ["+QMTSTAT"], codes: STATUS_CODES },
  { kinds: ["mqtt-timeout"], commands: ["AT+QMTPUB", "AT+QMTSUB", "AT+QMTUNS"], codes: NO_ANSWER },
  {
    kinds: ["send-fail"],
    commands: ["AT+QMTPUB"],
    always: diagnosis(
      "message of QoS 0 not sent",
      "The module could not hand it to the network. With QoS 0 it is not tried again.",
      "Use QoS 1 for what must arrive; look at the signal.",
    ),
  },
  {
    kinds: ["timeout"],
    commands: ["AT+QMTOPEN"],
    always: diagnosis(
      "no result of the MQTT connection",
      "The module reported neither success nor failure in the connect time.",
      "Look at the signal, and allow more time to connect: TLS on NB-IoT takes minutes at the edge of a cell.",
    ),
  },
  {
    kinds: ["error"],
    commands: ["AT+QMTCFG"],
    always: diagnosis(
      "setting of MQTT refused",
      "This firmware does not know the item that is named, or not this value.",
      "Update the module's firmware, or use MQTT of the firmware: routes module-tls and host-tls.",
    ),
  },
  {
    kinds: ["error"],
    commands: ["AT+QMTPUB", "AT+QMTSUB", "AT+QMTUNS"],
    always: diagnosis(
      "refused by the module, which is connected",
      "The module does not take this topic or message, although it keeps to the lengths that its manual gives. It was given up: sent again it would be refused again.",
      "Use shorter and simpler topics; compare with the manual of exactly this firmware version.",
    ),
  },
  {
    kinds: ["limit"],
    commands: ["+QMTRECV"],
    always: diagnosis(
      "received message too large",
      "The module hands messages over whole, and this one did not fit the buffer, or those before it were not read. The module has acknowledged it: the broker will not send it again.",
      "Give the client a larger buffer (receiveLength), send smaller messages, and read them as they come.",
    ),
  },
  {
    kinds: ["malformed"],
    commands: ["+QMTRECV"],
    always: diagnosis(
      "received message damaged",
      "It did not arrive whole from the module: bytes were lost on the serial line, or its topic has a quotation mark, which the module does not escape.",
      "Check baud rate and flow control; use topics without quotation marks.",
    ),
  },
  {
    kinds: ["argument"],
    commands: ["AT+QMTCONN", "AT+QMTOPEN", "AT+QMTCFG", "AT+QMTPUB", "AT+QMTSUB"],
    detail: "AT commands cannot carry",
    always: diagnosis(
      "text that an AT command cannot carry",
      "Quotation marks, control characters and anything but ASCII cannot stand in the text of a command; nothing was sent.",
      "Use another name, or MQTT of the firmware (routes module-tls and host-tls), which takes any text.",
    ),
  },
  {
    kinds: ["limit"],
    commands: ["AT+QMTCONN", "AT+QMTOPEN", "AT+QMTCFG", "AT+QMTPUB", "AT+QMTSUB"],
    detail: " over ",
    always: diagnosis(
      "longer than the module's MQTT takes",
      "The length is a limit of the module's MQTT commands; nothing was sent.",
      "Use MQTT of the firmware (routes module-tls and host-tls), which has no such limit: tokens, for one, are often longer than a module's 256 bytes.",
    ),
  },
]);

/** `+QMTOPEN: <client>,<code>` of the BG95. */
const BG95_OPEN_CODES: CodeTable = Object.freeze({
  [-1]: diagnosis(
    "network not opened",
    "With TLS this is also what a failed handshake ends in: the certificate of the server does not fit the CA certificate or the host's name, its dates do not fit the clock, there is no suite in common, the name was not indicated (SNI), or the server refused the client's certificate. Without TLS the network did not carry the connection.",
    "Open the same server with TLS alone (route module-tls): AT+QSSLOPEN has a code for each of these. Check port, clock, CA certificate and the host's name.",
  ),
  1: diagnosis(
    "wrong parameter",
    "The module does not take the host or the port.",
    "Compare them with the limits: up to 100 characters, 1 to 65535.",
  ),
  2: diagnosis(
    "client in use",
    "The module has this client open, and closing it did not help.",
    "Restart the module.",
  ),
  3: diagnosis(
    "data connection not activated",
    "The PDP context is down.",
    "It is renewed after some failures; see AT+QIACT? and the access point.",
  ),
  4: diagnosis(
    "host name not resolved",
    "The name is misspelt or does not exist, or the operator's name servers did not answer.",
    "Try the same name on a computer; set other name servers with AT+QIDNSCFG.",
  ),
  5: diagnosis(
    "connection failed",
    "The server did not accept the connection, or could not be reached.",
    "Try host and port from a computer outside of your own network; many SIMs reach only addresses that the operator allows.",
  ),
});

/** What is known of failures of MQTT by a BG95; before the rules of its TLS. */
export const bg95MqttDiagnoses: readonly DiagnosisRule[] = Object.freeze<DiagnosisRule[]>([
  { kinds: ["tls", "connect", "dns", "pdp"], commands: ["AT+QMTOPEN"], codes: BG95_OPEN_CODES },
  ...common,
]);

/** What is known of failures of MQTT by a BC66; before the rules of its TLS. */
export const bc66MqttDiagnoses: readonly DiagnosisRule[] = Object.freeze<DiagnosisRule[]>([
  {
    kinds: ["tls"],
    commands: ["AT+QMTOPEN"],
    always: diagnosis(
      "failed, without a reason",
      "A BC66 has this one code for everything: name, TCP and TLS. Behind TLS stand the same causes as behind AT+QSSLOPEN, which names some of them: a server that was not reached; a certificate that does not fit the CA certificate or has expired; a client key that is none of RSA; and a broker that takes none of the module's suites, which are static RSA with CBC alone (no ECDHE, no GCM, no TLS 1.3).",
      "Open the same server with TLS alone (route module-tls) and see what AT+QSSLOPEN says, or ask the broker for its suites. If it wants ECDHE, use TLS on the ESP32 (route host-tls).",
    ),
  },
  {
    kinds: ["connect"],
    commands: ["AT+QMTOPEN"],
    always: diagnosis(
      "failed, without a reason",
      "A BC66 has this one code for everything: the name was not resolved, nobody listens at that port, or there is no bearer.",
      "Try the name and port from a computer outside of your own network; AT+QIDNSGIP and AT+QPING tell name and way apart.",
    ),
  },
  ...common,
]);
