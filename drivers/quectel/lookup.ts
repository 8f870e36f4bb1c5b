import type { Channel } from "../../modules/at/channel.js";
import type { Line } from "../../modules/at/line.js";
import { failure, type Failure } from "../../modules/diagnosis/failure.js";
import type { Timer } from "../../modules/io/timer.js";
import { resolveName } from "./commands/dns.js";
import type { ModemExtension } from "./extension.js";
import type { SocketLimits } from "./profile.js";

/** Must not throw. */
export type LookupDone = (reason: Failure | undefined, address: string) => void;

const COMMAND = "AT+QIDNSGIP";

/** The part of the modem that looking names up needs. */
export interface LookupHost {
  readonly channel: Channel;
  readonly timer: Timer;
  readonly context: number;
  readonly limits: SocketLimits;
  /** Why a name cannot be looked up now, if so. */
  unreachable(): Failure | undefined;
}

interface Query {
  readonly host: string;
  readonly done: LookupDone;
}

/** Names to addresses, one at a time: the module's reports do not say which name they answer. */
export class NameLookup implements ModemExtension {
  private readonly modem: LookupHost;
  private readonly waiting: Query[] = [];
  private current: Query | undefined;
  private deadline: unknown;
  /** The report that comes before the addresses has come: those without it answer the query before. */
  private announced = false;

  constructor(modem: LookupHost) {
    this.modem = modem;
  }

  /**
   * Gives the first IPv4 address of the name, never inside this call. Failure kinds: `dns` with the
   * module's code, `network-lost`, `timeout`, and those of a command.
   */
  ask(host: string, done: LookupDone): void {
    this.waiting.push({ host, done });
    if (this.current === undefined) this.next();
  }

  /** `+QIURC: "dnsgip",0,<count>,<ttl>` and then count times `+QIURC: "dnsgip","<address>"`, or `"dnsgip",<code>`. */
  onReport(name: string, line: Line): boolean {
    if (name !== "dns") return false;
    if (this.current !== undefined) this.onAnswer(line);
    return true;
  }

  private onAnswer(line: Line): void {
    if (line.quoted(1)) {
      if (this.announced) this.end(undefined, line.text(1));
    } else {
      const code = line.int(1);
      this.announced = code === 0;
      if (code !== 0) this.end(failure("dns", COMMAND, code));
      else if (line.int(2) === 0) this.end(failure("dns", COMMAND, 0, "the name has no address"));
    }
  }

  /** Fails what waits: the module restarted or lost its context. */
  lose(reason: Failure): void {
    const failed = this.waiting.splice(0);
    if (this.current !== undefined) failed.unshift(this.current);
    this.current = undefined;
    this.modem.timer.clear(this.deadline);
    failed.forEach(query => query.done(reason, ""));
  }

  private next(): void {
    const query = (this.current = this.waiting.shift());
    if (query === undefined) return;
    this.announced = false;
    const { channel, timer, context, limits } = this.modem;
    const reason = this.modem.unreachable();
    this.deadline = timer.set(
      () => this.end(reason ?? failure("timeout", COMMAND)),
      reason === undefined ? limits.lookupMs : 0,
    );
    if (reason === undefined)
      channel.run(resolveName, [context, query.host], refused => {
        if (refused !== undefined && this.current === query) this.end(refused);
      });
  }

  private end(reason: Failure | undefined, address = ""): void {
    const { current } = this;
    this.modem.timer.clear(this.deadline);
    this.next();
    current?.done(reason, address);
  }
}
