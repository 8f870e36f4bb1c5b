import type { Urc } from "../../modules/at/command.js";
import type { Line } from "../../modules/at/line.js";
import type { Payloads } from "../../modules/at/payloads.js";
import type { Failure } from "../../modules/diagnosis/failure.js";
import type { BufferReport } from "./profile.js";

/**
 * A part of the driver that not every product needs: the sockets of the module, its TLS contexts, its
 * DNS client, its MQTT client. The modem knows it by this interface alone, so that a product without it carries
 * none of its code. `Modem.extension` makes it when it is asked for first, and keeps it.
 *
 * No method may throw; none may be called back from within the call that registered it.
 */
export interface ModemExtension {
  /**
   * Reports that only this extension knows; they are tried behind those of the profile. A name may be
   * that of a profile's report or new: both come to `onReport`.
   */
  readonly urcs?: readonly Urc[];
  /** The class of that name, where payloads stand in lines: of these reports, or of a command's answer. */
  readonly payloads?: typeof Payloads;
  /**
   * The module restarted, was reset or woke from deep sleep: whatever it was told is gone. `lose`
   * follows. Nothing may be sent from here, the module does not listen yet.
   */
  forget?(): void;
  /**
   * Every connection is gone: the module restarted, lost its context or its network, or is about to
   * be turned off. Also when there was none. Commands in flight fail by themselves.
   */
  lose?(reason: Failure): void;
  /**
   * A report that the modem itself has no use for, by the name of its entry in `urcs`; `dns` is
   * `+QIURC: "dnsgip"`. `line` is valid during the call only. True: it was this one's, nobody else is asked.
   */
  onReport?(name: string, line: Line): boolean;
  /**
   * Bytes `[start, end)` of the payload of a report that this extension took last. `left`: how many
   * follow, `Infinity` when the module does not tell; 0: these were the last; -1: some were lost on the
   * way, and no more come.
   */
  onPayload?(name: string, bytes: Uint8Array, start: number, end: number, left: number): boolean;
  /** A report may have been lost: look whether the module has something. */
  wake?(): void;
  /** Ends the connection `id`, or all when that is no number, here and on the module. */
  endSockets?(reason: Failure, id: number): void;
  /** Tells of the buffers of its own. */
  reportBuffers?(report: BufferReport): void;
}

/** Gives the one extension of a class, made when it is asked for first. */
export interface ExtensionHost<Host> {
  extension<E extends ModemExtension>(type: new (modem: Host) => E): E;
}
