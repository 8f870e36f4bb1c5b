import { Channel } from "../../../../../modules/at/channel.js";
import type { Command, Parameter, Urc } from "../../../../../modules/at/command.js";
import type { Transfer } from "../../../../../modules/at/request.js";
import { Trace, type TraceWriter } from "../../../../../modules/at/trace.js";
import { failure, type Failure } from "../../../../../modules/diagnosis/failure.js";
import type { Clock, Timer } from "../../../../../modules/io/timer.js";
import type { Line } from "../../../../../modules/at/line.js";
import type { ModuleName } from "../../../../firmware/config.js";
import type { Wire } from "../../../serial/wire.js";
import { commandFailed, gone } from "./faults.js";

/** What both ends of a session need. */
export interface Bench {
  readonly port: string;
  readonly module: ModuleName;
  readonly timer: Timer;
  readonly clock: Clock;
  /** Lines of the AT channel; keys and other payload by their length only. */
  readonly trace: Trace | undefined;
}

export function traceOf(clock: Clock, write: TraceWriter | undefined): Trace | undefined {
  return write && new Trace(clock, write);
}

/** A module that starts in the middle of the work has dropped what was under way. */
const RESTARTS: ReadonlySet<string> = new Set(["boot", "ready", "power-down"]);

/** A command ended without success; for those who can do something about it. */
export class CommandFailure extends Error {
  override readonly name = "CommandFailure";
  readonly reason: Failure;

  constructor(reason: Failure) {
    super(`${reason.command ?? "a command"}: ${reason.kind}`);
    this.reason = reason;
  }
}

/**
 * The project's AT channel over a wire, with promises. Every command ends: with its result, by the
 * channel's time limits, by a restart of the module, or with the port.
 */
export class Session {
  readonly channel: Channel;
  readonly #bench: Bench;
  readonly #wire: Wire;
  /** Ends of what is being waited for, when the port is gone. */
  readonly #waiting = new Set<() => void>();
  /** Size and checksum that the module gave behind the last download. */
  #downloaded: { readonly byteLength: number; readonly checksum: number } | undefined;

  constructor(bench: Bench, wire: Wire, urcs: readonly Urc[]) {
    this.#bench = bench;
    this.#wire = wire;
    this.channel = new Channel({
      serial: wire.record,
      timer: bench.timer,
      // Behind the bytes of a file comes a second information line of another name.
      urcs: [...urcs, { name: "downloaded", prefix: "+QFDWL:" }],
      onReport: (urc, line) => this.#onReport(urc, line),
      trace: bench.trace,
    });
    wire.onLost = () => {
      // What waits inside of the driver's own sequences must not go on asking a port that is gone.
      this.channel.close();
      for (const give of [...this.#waiting]) give();
    };
  }

  /** Runs a command. Rejects with a {@link CommandFailure}, or with a FactoryError `gone`. */
  run<R, P extends readonly Parameter[]>(
    command: Command<R, P>,
    parameters: P,
    transfer?: Transfer,
  ): Promise<R> {
    return this.wait<R>(done => {
      this.channel.run(
        command,
        parameters,
        (reason, result) => {
          // A command without information lines has `undefined` for its result, which is its type then.
          done(reason, result as R);
        },
        transfer,
      );
    });
  }

  /** Waits for something of the driver's that runs commands of its own. */
  wait<R>(begin: (done: (reason: Failure | undefined, result: R) => void) => void): Promise<R> {
    return new Promise((resolve, reject) => {
      const give = (): void => {
        this.#waiting.delete(give);
        reject(gone(this.#bench.port));
      };
      if (this.#wire.lost) {
        give();
        return;
      }
      this.#waiting.add(give);
      begin((reason, result) => {
        this.#waiting.delete(give);
        if (reason === undefined) resolve(result);
        else reject(new CommandFailure(reason));
      });
    });
  }

  /** The same, with a failure in words for people. */
  async tell<R>(work: Promise<R>): Promise<R> {
    try {
      return await work;
    } catch (error) {
      throw error instanceof CommandFailure
        ? commandFailed(this.#bench.port, error.reason, this.#bench.module)
        : error;
    }
  }

  /** What the module counted of the last download; once. */
  takeDownloaded(): { readonly byteLength: number; readonly checksum: number } | undefined {
    const told = this.#downloaded;
    this.#downloaded = undefined;
    return told;
  }

  /** Lets go of the wire. What the line buffer holds is overwritten. */
  close(): void {
    this.#wire.onLost = undefined;
    this.channel.close();
    this.channel.receiver.bytes.fill(0);
  }

  #onReport(urc: Urc, line: Line): void {
    if (urc.name === "downloaded") this.#downloaded = { byteLength: line.int(0), checksum: line.hex(1) };
    else if (RESTARTS.has(urc.name)) this.channel.reset(failure("module-reset", urc.prefix));
  }
}
