import type { Channel } from "../../modules/at/channel.js";
import type { Command } from "../../modules/at/command.js";
import type { Done } from "../../modules/at/request.js";

/** One way to hand bytes to the module, and the most that it takes at a time. */
export interface SendWay {
  readonly send: Command<void, readonly [id: number, byteLength: number]>;
  readonly sendMax: number;
}

/** The commands of one kind of socket. */
export interface SocketKind {
  readonly failureKind: "connect" | "tls";
  /** The command's name, for failures. */
  readonly openName: string;
  readonly send: Command<void, readonly [id: number, byteLength: number]>;
  /** Where there is more than one way to send: the one for so many waiting bytes at this baud rate. */
  readonly sendWay?: (waiting: number, baud: number | undefined) => SendWay;
  readonly receive: Command<number, readonly [id: number, byteLength: number | undefined]>;
  /** Whether `receive` without a count takes as much as the module gives. */
  readonly receiveDefault: boolean;
  /** The result of `receive` is the count that the module still holds, and not the one that came. */
  readonly tellsRest?: true;
  /** The open command answers `ERROR`, without a code, when its id is taken. */
  readonly refusesTaken?: true;
  /** The timeout is left out where the command has none. */
  readonly close: CloseCommand;
}

export type CloseCommand = Command<void, readonly [id: number, timeoutSeconds: number | undefined]>;

/** TCP of a module. */
export interface TcpKind extends SocketKind {
  /** Sends the open command; its result comes by report. */
  open(channel: Channel, context: number, id: number, host: string, port: number, done: Done<void>): void;
}
