/** Lengths that a module's QMT commands take; bytes. */
export interface MqttLimits {
  readonly host: number;
  readonly clientId: number;
  readonly user: number;
  readonly password: number;
  /** Of topics, will topic and will message alike. */
  readonly topic: number;
  /** Payload in the command line: AT+QMTPUBEX of the BG95, AT+QMTPUB of the BC66. */
  readonly inlinePayload: number;
  /** Payload after the prompt. */
  readonly promptPayload: number;
}

/** What the manuals tell of a module's MQTT client, and where the two modules differ. */
export interface MqttDialect {
  readonly limits: MqttLimits;
  /** +QMTOPEN tells the cause (-1 to 5), or nothing but -1. */
  readonly openCodes: "causes" | "failed-only";
  /** AT+QMTPUB takes a length, or the payload itself, as its sixth argument. */
  readonly publishArgument: "length" | "payload";
  /** Message id 0 exactly when QoS is 0; otherwise 0 is merely refused for QoS 1 and 2. */
  readonly idZeroExactly: boolean;
  /** `;` in a payload in the command line is taken for the end of the command. */
  readonly semicolonCuts: boolean;
  /** Default of QMTCFG "timeout", seconds. */
  readonly packetTimeoutS: number;
  /** How often a packet is sent in all before it counts as failed. */
  readonly transmissions: (retries: number) => number;
  /** Answer to CONNECT is awaited for one packet timeout, or as long as any other. */
  readonly connectWaits: "one-timeout" | "all-retries";
  /** With notices on, PUBREL and PINGREQ sent again are told by lines of their own. */
  readonly ownNotices: boolean;
  /** Longest time until +QMTOPEN, ms. */
  readonly openLimitMs: number;
}

/**
 * Choices about a module's MQTT client that no source tells or sources contradict. Defaults are with
 * each module: what the references make more likely, and where they are silent the stricter one.
 */
export interface MqttSettings {
  /** QMTCFG "version" after a restart; logs set 4 explicitly. */
  readonly versionDefault: 3 | 4;
  /** AT+QMTOPEN while its PDP context is down: result 3, or it activates the context by itself. */
  readonly contextDown: "refused" | "activates";
  /** AT+QMTOPEN of a client that is open: OK and a result, or ERROR. */
  readonly openUsedClient: "result" | "error";
  /** A failed opening comes as URC after OK, or as information line before ERROR (a BG95-M5 log). */
  readonly openFailure: "urc" | "final";
  /** AT+QMTCLOSE of a client that is not open. */
  readonly closeUnopened: "error" | "result";
  /** AT+QMTCLOSE after AT+QMTDISC: no +QMTCLOSE was seen on a BG95-M3. */
  readonly closeAfterDisconnect: "ok-only" | "error" | "result";
  /** `+QMTSTAT: n,5` when the broker closes after DISCONNECT. */
  readonly statAfterDisconnect: boolean;
  /** Result in +QMTCONN when the broker answers CONNACK with a refusal. */
  readonly refusedResult: 0 | 2;
  /** No CONNACK: `+QMTCONN: n,2` before +QMTSTAT, or +QMTSTAT alone. */
  readonly connectFailure: "both" | "status-only";
  /** CONNECT is sent again while the answer is awaited; brokers close on the second one. */
  readonly retransmitsConnect: boolean;
  /** A packet that was never acknowledged closes the client with +QMTSTAT 6. */
  readonly failedSendCloses: boolean;
  /** Results of what was under way when the client is closed: none, or failed (2). */
  readonly pendingAtClose: "silent" | "failed";
  /** One more publication while the window of five is full. */
  readonly windowFull: "error" | "failed";
  /** A sixth message while five are stored. */
  readonly receiveOverflow: "drop-new" | "overwrite-oldest";
  /** AT+QMTRECV without receive id. */
  readonly readWithoutId: "oldest" | "all";
  /** Payload beyond the limit after the prompt: cut as AT+QISEND does, or refused. */
  readonly overlongPayload: "cut" | "error";
  /** Quotes in a payload in the command line: taken as they are, or ERROR. */
  readonly inlineQuotes: "whole" | "error";
  /** QMTCFG of what is fixed by the opening, while the client is open. */
  readonly configureWhileOpen: "error" | "for-later";
  /** Answers to QMTCFG questions name the client. */
  readonly queryNamesClient: boolean;
  /** Payload is echoed after the prompt. */
  readonly payloadEcho: boolean;
  /** Bytes that the client's connection takes before the peer has acknowledged any. */
  readonly sendBufferBytes: number;
}

export const bg95MqttDialect: MqttDialect = {
  limits: {
    host: 100,
    // The note gives no figure; the command line is what bounds them.
    clientId: Infinity,
    user: Infinity,
    password: Infinity,
    topic: 255,
    inlinePayload: 560,
    promptPayload: 4096,
  },
  openCodes: "causes",
  publishArgument: "length",
  idZeroExactly: false,
  semicolonCuts: false,
  packetTimeoutS: 5,
  transmissions: retries => Math.max(1, retries),
  connectWaits: "one-timeout",
  ownNotices: false,
  openLimitMs: Infinity,
};

export const defaultBg95MqttSettings: MqttSettings = {
  versionDefault: 3,
  contextDown: "refused",
  openUsedClient: "result",
  openFailure: "urc",
  closeUnopened: "error",
  closeAfterDisconnect: "ok-only",
  statAfterDisconnect: true,
  refusedResult: 0,
  connectFailure: "both",
  retransmitsConnect: false,
  failedSendCloses: true,
  pendingAtClose: "silent",
  windowFull: "error",
  receiveOverflow: "drop-new",
  readWithoutId: "oldest",
  overlongPayload: "cut",
  inlineQuotes: "error",
  configureWhileOpen: "for-later",
  queryNamesClient: false,
  payloadEcho: false,
  sendBufferBytes: 8_192,
};

export const bc66MqttDialect: MqttDialect = {
  limits: {
    host: 150,
    clientId: 128,
    user: 256,
    password: 256,
    topic: 255,
    inlinePayload: 700,
    promptPayload: 1024,
  },
  openCodes: "failed-only",
  publishArgument: "payload",
  idZeroExactly: true,
  semicolonCuts: true,
  packetTimeoutS: 10,
  transmissions: retries => 1 + retries,
  connectWaits: "all-retries",
  ownNotices: true,
  openLimitMs: 75_000,
};

export const defaultBc66MqttSettings: MqttSettings = {
  ...defaultBg95MqttSettings,
  closeAfterDisconnect: "error",
  retransmitsConnect: true,
  inlineQuotes: "whole",
  configureWhileOpen: "error",
  sendBufferBytes: 4_096,
};
