/**
 * Why something failed: one closed union, frozen data, no sentence. The words for people are
 * looked up from `kind`, `code` and `command` where people read them.
 */
export type FailureKind =
  /** The module did not finish an answer in the time that its manual gives. */
  | "timeout"
  /** The module answered `ERROR`. */
  | "error"
  /** The module answered `+CME ERROR: code`. */
  | "cme"
  /** The module answered `+CMS ERROR: code`. */
  | "cms"
  /** `SEND FAIL`: the module's send buffer is full. */
  | "send-fail"
  /** The command was cancelled before its final result. */
  | "cancelled"
  /** The answer could not be read as the manual describes it. */
  | "malformed"
  /** Received bytes were lost: the receive buffer or the line buffer overflowed. */
  | "overrun"
  /** The module restarted (its boot message arrived in the middle of a session). */
  | "module-reset"
  /** The module does not answer at all. */
  | "no-answer"
  /** The SIM is missing, locked or faulty; `detail` holds its state. */
  | "sim"
  /** Not registered in time, or registration denied; `code` is the `<stat>` of CEREG. */
  | "registration"
  /** The packet data context could not be activated; `code` as the module's result code. */
  | "pdp"
  /** The network took the packet data context away. */
  | "pdp-deactivated"
  /** The name was not resolved; `code` as the module's result code. */
  | "dns"
  /** The connection was not opened; `code` as the module's result code. */
  | "connect"
  /** TLS was not established; `code` as the module's result code. */
  | "tls"
  /** The other side ended the connection. */
  | "peer-closed"
  /** Sent data were not acknowledged, or the network is gone without a word. */
  | "network-lost"
  /** No route to the broker is left that module, key and broker have in common; `detail` says what stands in the way of each. */
  | "route"
  /** A credential is missing, unreadable or arrived changed; `detail` names which. */
  | "credential"
  /** The module's clock could not be set, so certificate dates cannot be checked. */
  | "clock"
  /** The broker refused the connection; `code` is the MQTT CONNACK return code. */
  | "mqtt-refused"
  /** The broker sent what MQTT 3.1.1 forbids. */
  | "mqtt-protocol"
  /** The broker did not answer in time (CONNACK, PINGRESP, acknowledgement). */
  | "mqtt-timeout"
  /** The broker refused a subscription (SUBACK 0x80). */
  | "mqtt-subscribe"
  /** A limit of the module, the protocol or a buffer would be exceeded; nothing was sent. */
  | "limit"
  /** What the application asked for cannot be expressed or is out of turn; nothing was sent. `detail` says what. */
  | "argument"
  /** The socket or resolver underneath threw; `detail` is the exception's message. */
  | "socket"
  /** A callback of the application threw; `command` is its name where that is known, `detail` the exception's message. */
  | "exception"
  /** Storage failed: flash could not be written or holds what cannot be read. */
  | "storage";

/**
 * Where a TLS handshake ended, from the records and handshake headers that pass in clear. Byte
 * counts are those of one handshake message, its four header bytes included.
 */
export interface HandshakePlace {
  /** 1 ClientHello, 2 the server's first flight, 3 the client's second, 4 the server's last. */
  readonly flight: number;
  /** The message that was under way, or the last complete one when none was: `Certificate`. */
  readonly message: string;
  /** Bytes of it that had arrived here, or that the module had confirmed when it was ours. */
  readonly confirmedBytes: number;
  /** Its length. */
  readonly totalBytes: number;
}

export interface Failure {
  readonly kind: FailureKind;
  /** The code that module, broker or protocol gave. */
  readonly code?: number;
  /** The command or protocol step that failed, without parameters that could be secret: `AT+QSSLOPEN`, `CONNECT`. */
  readonly command?: string;
  /** One more fact for the reader, never a secret: a file name, a state word, a count. */
  readonly detail?: string;
  /** With `tls` on `host-tls`: how far the handshake had come. */
  readonly handshake?: HandshakePlace;
}

/** Builds a frozen failure; parts that are `undefined` are left out. */
export function failure(
  kind: FailureKind,
  command?: string,
  code?: number,
  detail?: string,
  handshake?: HandshakePlace,
): Failure {
  const made: { -readonly [Part in keyof Failure]: Failure[Part] } = { kind };
  if (code !== undefined) made.code = code;
  if (command !== undefined) made.command = command;
  if (detail !== undefined) made.detail = detail;
  if (handshake !== undefined) made.handshake = handshake;
  return Object.freeze(made);
}
