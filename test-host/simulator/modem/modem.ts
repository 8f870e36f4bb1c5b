import type { FaultBoard } from "../fault-board.js";
import type { Link, LinkProfile, Outage } from "../link.js";
import type { Network } from "../network.js";
import type { Scheduler } from "../scheduler.js";
import type { UartModule } from "../uart.js";
import type { LinkName } from "../link.js";
import type { Fault } from "../faults.js";
import type { OutputKind } from "./at-port.js";
import type { ModuleSocket } from "./socket.js";

/** What every simulated module is made of; `C` are the changes to its settings. */
export interface ModemOptions<C, L extends string = LinkName> {
  readonly scheduler: Scheduler;
  readonly network: Network;
  /** Default `none`. */
  readonly link?: L | LinkProfile;
  readonly outages?: readonly Outage[];
  readonly settings?: C;
  /** Faults, or their texts. */
  readonly faults?: readonly (Fault | string)[];
  readonly seed?: number | string;
}

/** Bytes that passed the module's UART, as a trace wants them. */
export type PortTap = (direction: "to module" | "to host", bytes: Uint8Array, kind: OutputKind) => void;

/** What the main UART and the pins of a simulated module show, whatever the module. */
export abstract class Modem implements UartModule {
  onOutput: ((bytes: Uint8Array, baud: number) => void) | undefined;
  onDiscard: (() => void) | undefined;
  onTap: PortTap | undefined;
  abstract readonly link: Link;
  abstract readonly faults: FaultBoard;
  readonly #scheduler: Scheduler;
  #silentUntilMs = -Infinity;

  constructor(scheduler: Scheduler) {
    this.#scheduler = scheduler;
  }

  /** Rate of the UART, bit/s. */
  abstract get baud(): number;
  abstract get heedsRts(): boolean;
  /** Level of the pin that shows whether the module is on. */
  abstract get status(): boolean;
  abstract get sockets(): readonly ModuleSocket[];
  /** Every socket since the start, closed ones too. */
  abstract get socketHistory(): readonly ModuleSocket[];
  /** Commands that were run, by name in upper case (`+QISEND`). */
  abstract get commandCounts(): ReadonlyMap<string, number>;
  /** Names of all commands that the module knows. */
  abstract get commandNames(): Iterable<string>;
  abstract powerKey(asserted: boolean): void;
  abstract resetLine(asserted: boolean): void;
  /** The pin that wakes the module from deep sleep: PSM_EINT of a BC66 low, PON_TRIG of a BG95 high. */
  abstract wakeLine(asserted: boolean): void;
  /** Powered, booted and searching, without banner. */
  abstract bootNow(): void;
  /** Cuts the supply and switches on, with everything that a start prints. */
  abstract powerUp(): void;

  /** From the host. */
  receive(bytes: Uint8Array): void {
    this.faults.toModule(bytes, piece => {
      this.onTap?.("to module", piece, this.carriesData ? "data" : "text");
      if (this.hears && !this.isSilent) this.take(piece);
    });
  }

  protected abstract get carriesData(): boolean;
  /** The UART is powered. */
  protected abstract get hears(): boolean;
  protected abstract take(bytes: Uint8Array): void;

  protected get isSilent(): boolean {
    return this.#scheduler.nowMs < this.#silentUntilMs;
  }

  /** Neither hears nor answers; `undefined` means until a restart. */
  protected silence(forMs: number | undefined): void {
    this.#silentUntilMs = this.#scheduler.nowMs + (forMs ?? Infinity);
  }

  protected transmit(bytes: Uint8Array, kind: OutputKind, baud: number): void {
    if (!this.hears || this.isSilent) return;
    const sent = this.faults.toHost(bytes);
    if (sent.length === 0) return;
    this.onTap?.("to host", sent, kind);
    this.onOutput?.(sent, baud);
  }

  /** The power is gone, and with it what was not yet sent. */
  protected discard(): void {
    this.#silentUntilMs = -Infinity;
    this.onDiscard?.();
  }
}
