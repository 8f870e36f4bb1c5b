import type { Command, Urc } from "../../modules/at/command.js";
import type { ReportName } from "./urcs.js";

/** One line of a module's start script. */
export interface StartStep {
  readonly command: Command;
  /** Firmware that does not know the command answers `ERROR`, which does no harm. */
  readonly mayFail?: true;
}

/** Limits of stream sockets, in bytes where nothing else is said. */
export interface SocketLimits {
  /** Ids 0 to count - 1, shared by TCP and TLS. */
  readonly count: number;
  readonly sendMax: number;
  readonly receiveMax: number;
  /** Longest host name. */
  readonly hostMax: number;
  /** How long the module waits for the other side's FIN; it takes no command meanwhile. */
  readonly closeTimeoutS: number;
  /** From the open command to its result; with TLS the handshake's time comes on top. */
  readonly openTimeoutMs: number;
  readonly handshakeTimeoutS: number;
  /** From a name query to its result. */
  readonly lookupMs: number;
  /** A refused send is tried again after this, doubled each time, so often. */
  readonly sendRetryMs: number;
  readonly sendRetries: number;
  /** Bytes of a receive answer around its data: header, trailer, and one report that may come with it. */
  readonly receiveOverhead: number;
  /** Burst that the stock ESP32 serial class takes: its FIFO. */
  readonly stockReceiveBurst: number;
}

/** What the module's own TLS can do. */
export interface TlsLimits {
  /** Suites that it offers, by number. */
  readonly suites: readonly number[];
  /** Kinds of client keys that it signs with. */
  readonly clientKeys: readonly ("rsa" | "p256")[];
  /** Bytes of a credential as PEM; absent: no limit is known. */
  readonly credentialMax?: number;
}

/** Limits of the module's own MQTT, in bytes. */
export interface MqttLimits {
  /** Ids 0 to count - 1. */
  readonly clients: number;
  readonly hostMax: number;
  readonly clientIdMax: number;
  readonly userMax: number;
  readonly passwordMax: number;
  readonly topicMax: number;
  /** Payload that one publish can carry. */
  readonly payloadMax: number;
  readonly willMax: number;
  /** Unacknowledged publishes at a time. */
  readonly window: number;
}

export interface PowerTiming {
  /** PWRKEY low to turn on: long enough for that, too short to turn a running module off. */
  readonly powerKeyMs: number;
  /** PWRKEY low to turn off: long enough for that. */
  readonly powerKeyOffMs: number;
  /** RESET_N low. */
  readonly resetMs: number;
  /** From power-on to the ready report, with reserve. */
  readonly bootMs: number;
  /** From power-down until it can be turned on again. */
  readonly offMs: number;
  /** How often a refused power-down command is repeated, a second apart. */
  readonly powerDownTries: number;
}

/** A module as data: what a driver must know to speak to it. */
export interface Profile {
  readonly model: string;
  /** PDP context that is used. */
  readonly context: number;
  readonly urcs: readonly Urc<ReportName>[];
  readonly startScript: readonly StartStep[];
  readonly power: PowerTiming;
  readonly sockets: SocketLimits;
  readonly tlsContexts: number;
  readonly tls: TlsLimits;
  readonly mqtt: MqttLimits;
  /** Longest wait for a usable SIM, then for registration. */
  readonly simMs: number;
  readonly registrationMs: number;
  /** How often registration is asked for while none is reported. */
  readonly registrationPollMs: number;
  /** Activations of the context that are tried before the next rung of recovery. */
  readonly activations: number;
  /** After so many failed opens in a row the context is renewed. */
  readonly openFailures: number;
  /** From the question to a time server to its answer. */
  readonly timeServerMs: number;
  /** The module ends an upload when nothing came for so long. */
  readonly uploadTimeoutS: number;
}

/** Is told of a buffer: its name, its size and the most bytes that it ever held. */
export type BufferReport = (name: string, size: number, highWater: number) => void;
