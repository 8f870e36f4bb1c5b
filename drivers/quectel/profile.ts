import type { Command, Parameter, Urc } from "../../modules/at/command.js";
import type { Line } from "../../modules/at/line.js";
import type { Failure, FailureKind } from "../../modules/diagnosis/failure.js";
import type { CredentialFiles } from "./credential-file.js";
import type { CloseCommand, TcpKind } from "./socket-kind.js";
import type { ReportName } from "./urcs.js";

/** One line of a module's start script. */
export interface StartStep {
  readonly command: Command<unknown>;
  /** Firmware that does not know the command answers `ERROR`, which does no harm. */
  readonly mayFail?: true;
  /** A refusal can be over soon: repeated so often, a second apart. */
  readonly tries?: number;
  /** Sent when `command` did not answer `true`: a setting that is kept is written only when it is another. */
  readonly otherwise?: (baud: number | undefined) => Command | undefined;
}

/** Access point of a context as the module stores it. */
export interface AccessPoint {
  readonly apn: string;
  /** `undefined`: the module does not tell. */
  readonly user: string | undefined;
}

/** The commands on the way to the network that modules have in different forms, or not at all. */
export interface NetworkCommands {
  readonly attention: Command;
  /** IMEI. */
  readonly serialNumber: Command<string>;
  readonly functionality: Command<void, readonly [fun: number]>;
  readonly restart: Command;
  readonly powerDown: Command;
  /** Lets the module sleep, for products that want that instead of power-down. */
  readonly sleep?: Command;
  readonly accessPoint: (context: number) => Command<AccessPoint>;
  readonly setAccessPoint: Command<void, readonly Parameter[]>;
  readonly accessPointParameters: (
    context: number,
    apn: string,
    user: string,
    password: string,
  ) => readonly Parameter[];
  /** Own address in a context; empty when it is not active. */
  readonly contextAddress: (context: number) => Command<string>;
  readonly activate: Command<void, readonly [context: number]>;
  readonly deactivate: Command<void, readonly [context: number]>;
  /** Registration in GSM, where the module has that: `<stat>`. */
  readonly gprsRegistration?: Command<number>;
  /** Access technology, where it is not always the same. */
  readonly networkInformation?: Command<string>;
  /** UTC seconds from the network, `NaN` when not told; then from the module's own clock. */
  readonly networkClock: Command<number>;
  readonly ownClock: Command<number>;
}

/** Limits of stream sockets, in bytes where nothing else is said. */
export interface SocketLimits {
  /** Ids 0 to count - 1, shared by TCP and TLS. */
  readonly count: number;
  readonly sendMax: number;
  readonly receiveMax: number;
  /** Size of the ring for received data. */
  readonly incomingBytes: number;
  /**
   * Bytes that the module keeps of a connection; what comes then is lost, because it does not hold
   * the other side back. Absent where it does.
   */
  readonly moduleBytes?: number;
  /** Longest host name. */
  readonly hostMax: number;
  /** How long the module waits for the other side's FIN, where it can be told; it takes no command meanwhile. */
  readonly closeTimeoutS?: number;
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
  /** It takes credentials from files that outlast a restart, and that somebody else may have put there. */
  readonly keepsFiles?: true;
}

/** Limits of the module's own MQTT, in bytes. */
export interface MqttLimits {
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
  /** PWRKEY low to turn off: long enough for that. Absent: it only turns on. */
  readonly powerKeyOffMs?: number;
  /** Length of a pulse on the wake line. */
  readonly wakeMs: number;
  /** RESET_N low. */
  readonly resetMs: number;
  /** From power-on to the ready report, with reserve; where the module learns the baud rate: to the first question. */
  readonly bootMs: number;
  /**
   * So often a module that learns the baud rate from the question is asked before it counts as silent; a
   * quarter of that while it may still be woken or turned on.
   */
  readonly asks?: number;
  /** From power-down until it can be turned on again. */
  readonly offMs: number;
  /** How often a refused power-down command is repeated, a second apart. */
  readonly powerDownTries: number;
}

/** What a module's own reports can do to the modem. */
export interface ReportHost {
  readonly state: string;
  /** The application wants to be online. */
  readonly wished: boolean;
  /** Own address; empty when there is none. */
  readonly localAddress: string;
  /** `boot`: the module starts; `ready`: it has started and listens. */
  onPowerReport(name: "boot" | "ready"): void;
  /** Asks for the address now, when the next question waits. */
  hasten(): void;
  recover(kind: FailureKind): void;
  /** Ends the connection `id`, or all when that is no number, here and on the module. */
  endSockets(reason: Failure, id: number): void;
}

/** The module's sockets. */
export interface SocketFacts {
  readonly tcp: TcpKind;
  /** Close commands of every kind of socket. */
  readonly closes: readonly CloseCommand[];
  /** How data are sent, as an event for the log. */
  readonly sendReport?: (baud: number | undefined) => readonly [name: string, ...values: (string | number)[]];
}

/** The module's own TLS. */
export interface TlsFacts {
  readonly tlsContexts: number;
  readonly tls: TlsLimits;
  /** The module ends an upload to its files when nothing came for so long. */
  readonly uploadTimeoutS: number;
  /** In place of `CredentialFile`: `ModuleFile`, for products whose credentials may be in the module alone. */
  readonly CredentialFile?: CredentialFiles;
}

/**
 * A module as data: what a driver must know to speak to it. A product leaves out what it has no use for:
 * sockets (MQTT by the module), TLS (TLS on this side).
 */
export interface Profile extends Partial<SocketFacts>, Partial<TlsFacts> {
  readonly model: string;
  /** PDP context that is used where nothing else is configured. */
  readonly context: number;
  /** What is configured and this module cannot do, if so; nothing is sent then. */
  readonly refuse?: (context: number, apn: string) => Failure | undefined;
  readonly urcs: readonly Urc<ReportName>[];
  /** Reports of this module that no other has; true: it was one, and nobody else is asked. */
  readonly onReport?: (modem: ReportHost, name: string, line: Line) => boolean;
  readonly commands: NetworkCommands;
  readonly startScript: readonly StartStep[];
  readonly power: PowerTiming;
  readonly sockets: SocketLimits;
  /** Longest wait for a usable SIM, then for registration. */
  readonly simMs: number;
  readonly registrationMs: number;
  /** How often registration is asked for while none is reported. */
  readonly registrationPollMs: number;
  /** The context comes up by itself within this time after registration; 0: it has to be activated. */
  readonly bearerMs: number;
  /** A new access point counts after a restart only. */
  readonly accessPointRestarts?: true;
  /** Activations of the context that are tried before the next rung of recovery. */
  readonly activations: number;
  /** After so many failed opens in a row the context is renewed. */
  readonly openFailures: number;
  /** From the question to a time server to its answer. */
  readonly timeServerMs: number;
}

export type FullProfile = Profile & SocketFacts & TlsFacts;

/** Is told of a buffer: its name, its size and the most bytes that it ever held. */
export type BufferReport = (name: string, size: number, highWater: number) => void;
