import type { FailureKind } from "./failure.js";
import type { Diagnosis } from "./table.js";

/** What can be said of each kind without knowing the module. Names begin a sentence. */
export const KINDS: Readonly<Record<FailureKind, Diagnosis>> = Object.freeze({
  timeout: {
    name: "The module did not finish its answer in time",
    cause:
      "The command was taken, but its final result did not come within the time that the manual gives: the network is slow or gone, or an answer was lost on the serial line.",
    remedy:
      "Look at signal and registration. If it happens with commands that need no network too, check baud rate, wiring and flow control.",
  },
  error: {
    name: "The module refused a command",
    cause:
      "It answered ERROR without a code: a parameter is out of range, the command does not fit the module's present state, or its firmware does not know it.",
    remedy: "Compare the command with the manual of exactly this firmware version (AT+QGMR shows it).",
  },
  cme: {
    name: "The module refused a command",
    cause: "It answered +CME ERROR with a code that its manual does not list.",
    remedy: "Look the code up in the documents of exactly this firmware version (AT+QGMR shows it).",
  },
  cms: {
    name: "The module refused an SMS command",
    cause: "It answered +CMS ERROR with a code that 3GPP 27.005 does not list.",
    remedy: "Look the code up in the SMS document of exactly this firmware version (AT+QGMR shows it).",
  },
  "send-fail": {
    name: "The module took no more data",
    cause: "Its send buffer is full: data are written faster than the network carries and acknowledges them.",
    remedy:
      "Send less or less often; if the buffer never empties, the connection is dead and has to be opened again.",
  },
  cancelled: {
    name: "The command was cancelled",
    cause: "The connection or the modem was closed before the command had its final result.",
    remedy: "Nothing is broken. If it was not closed on purpose, see what was reported just before.",
  },
  malformed: {
    name: "The module's answer could not be read",
    cause:
      "It does not have the form that the manual gives: bytes were lost or changed on the serial line, or this firmware answers differently.",
    remedy:
      "Look at the trace of the line. Letters that are plainly wrong mean baud rate, ground or lost bytes.",
  },
  overrun: {
    name: "Received bytes were lost",
    cause:
      "The UART's receive buffer was full before the firmware read it: with the stock serial class and no flow control 32 bytes of room are left, 2.8 ms at 115200 baud.",
    remedy: "Use the buffered serial class with RTS and CTS wired, or a lower baud rate.",
  },
  "module-reset": {
    name: "The module restarted",
    cause:
      "Its boot message came in the middle of a session. Sudden restarts come from a supply that breaks down when the module transmits (up to 2 A), or from a disturbed PWRKEY or RESET line.",
    remedy:
      "Measure the supply at the module while it transmits, and add capacity. Connections are opened again by themselves.",
  },
  "no-answer": {
    name: "The module does not answer",
    cause:
      "It is off, asleep, still booting, or the serial line does not connect: TX and RX swapped, wrong pins, wrong baud rate.",
    remedy: "Check the STATUS pin, then wiring and pins, then the baud rate (115200 as delivered).",
  },
  sim: {
    name: "The SIM cannot be used",
    cause: "It is missing, not seated well, locked by a PIN, or faulty.",
    remedy: "Take it out and look at it; try it in a telephone; unlock the PIN there.",
  },
  registration: {
    name: "The module is not registered with a network",
    cause:
      "No network that the SIM may use was found in time: no coverage by LTE-M or NB-IoT here, no antenna, bands or technologies switched off, or a SIM that is not activated.",
    remedy:
      "Check the antenna and the signal (AT+CSQ). Ask the operator which of LTE-M and NB-IoT the SIM may use, and in which bands. A first search may take minutes.",
  },
  pdp: {
    name: "The data connection could not be activated",
    cause:
      "The network refused the packet data context or did not answer: most often the APN is wrong or the SIM has no data.",
    remedy:
      "Compare the APN, user name and password with what the operator gives; ask whether data are enabled for the SIM.",
  },
  "pdp-deactivated": {
    name: "The network ended the data connection",
    cause:
      "Operators do so after long silence, after a change of cell, or for maintenance; every connection through it is gone.",
    remedy:
      "It is activated again by itself. If it happens often, send something more often than the operator's idle limit.",
  },
  dns: {
    name: "The host name was not resolved",
    cause: "The name is misspelt or does not exist, or the operator's name servers did not answer.",
    remedy:
      "Try the same name on a computer. If it resolves there, set other name servers (AT+QIDNSCFG) or use an address.",
  },
  connect: {
    name: "The connection was not opened",
    cause: "The server could not be reached at this address and port.",
    remedy:
      "Try address and port from a computer outside of your own network; many SIMs reach only addresses that the operator allows.",
  },
  tls: {
    name: "TLS was not established",
    cause: "The server was reached or not, but no secure connection came about.",
    remedy:
      "Check in this order: port, clock, CA certificate, server name, client certificate and key, cipher suites.",
  },
  "peer-closed": {
    name: "The other side ended the connection",
    cause:
      "The server closed it: after silence, on a restart, because another client took the same client identifier, or because it did not accept what it was sent.",
    remedy:
      "Look at the server's log. If it happens right after connecting, check certificate permissions and the client identifier.",
  },
  "network-lost": {
    name: "The network is gone",
    cause:
      "Sent data are not acknowledged any more: no coverage, or the operator dropped the connection without a word.",
    remedy:
      "It is opened again by itself. If it happens after a fixed time of silence, use a shorter keep-alive.",
  },
  route: {
    name: "No route to the broker is left",
    cause:
      "TLS by the module, TLS on the ESP32 and the module's own MQTT were looked at, and each has something in its way: cipher suites, the kind of key, the length of a credential, or a part that this firmware does not contain.",
    remedy:
      "Read what stands in the way of each route, and change the smallest of it: the broker's suites, the device's key, or the routes that the firmware is built with.",
  },
  credential: {
    name: "A certificate or key cannot be used",
    cause: "It is missing in the device's store, cannot be read, or did not arrive unchanged in the module.",
    remedy:
      "Store the credential again, as DER; if the module counts other bytes than were sent, check the serial line for losses.",
  },
  clock: {
    name: "The time is not known",
    cause:
      "The network gave no time and no time server answered, so that the dates of certificates cannot be checked.",
    remedy:
      "Wait for the network's time, allow UDP port 123 for a time server, or set the clock by other means.",
  },
  "mqtt-refused": {
    name: "The broker refused the connection",
    cause: "It answered CONNECT with a return code that MQTT 3.1.1 does not define.",
    remedy: "Look at the broker's log, and whether it speaks MQTT 3.1.1.",
  },
  "mqtt-protocol": {
    name: "The broker broke the MQTT protocol",
    cause:
      "It sent what MQTT 3.1.1 forbids: the other side is no MQTT broker, speaks another version, or bytes were lost on the way.",
    remedy: "Check host and port, and the trace of the serial line for lost bytes.",
  },
  "mqtt-timeout": {
    name: "The broker did not answer in time",
    cause: "The connection stands or stood, but an expected packet did not come.",
    remedy:
      "Check that the port belongs to an MQTT broker and not, say, to a web server; on NB-IoT allow more time.",
  },
  "mqtt-subscribe": {
    name: "The broker refused a subscription",
    cause: "It answered the subscription with failure: this client may not subscribe to this topic filter.",
    remedy: "Check the broker's access rules or policy for this client and topic.",
  },
  limit: {
    name: "A limit would be exceeded",
    cause:
      "What was to be sent does not fit a limit of the module, the protocol or a buffer; nothing was sent.",
    remedy: "Send it in smaller parts, or raise the limit where it is a setting.",
  },
  argument: {
    name: "A call cannot be carried out",
    cause:
      "The application asked for what the protocol cannot express, or at a moment that does not allow it; nothing was sent.",
    remedy: "Correct the call that the message names.",
  },
  callback: {
    name: "A callback of the application failed",
    cause:
      "The application's own code threw an exception, which would have restarted the device had it gone on.",
    remedy: "Correct the callback that the message names.",
  },
  socket: {
    name: "The socket below failed",
    cause: "The class that carries the connection threw an exception instead of reporting an error.",
    remedy: "Look at the exception's text; a socket that is used after it was closed is the usual reason.",
  },
  exception: {
    name: "A callback of the application failed",
    cause:
      "The application's own code threw an exception, which would have restarted the device had it gone on.",
    remedy: "Correct the code that the exception's text points to.",
  },
  storage: {
    name: "The flash storage failed",
    cause: "The journal could not be written, is full, or holds what cannot be read.",
    remedy:
      "If it is full, messages are made faster than they are sent. Otherwise check the partition's size and place; worn flash has to be replaced.",
  },
});
