import type { Channel } from "../../modules/at/channel.js";
import type { Line } from "../../modules/at/line.js";
import { failure, type Failure } from "../../modules/diagnosis/failure.js";
import type { Timer } from "../../modules/io/timer.js";
import { resolveName } from "./commands/tcpip.js";

export type LookupDone = (reason: Failure | undefined, address: string) => void;

const COMMAND = "AT+QIDNSGIP";
/** TCP/IP note: the result comes within 60 s. */
const LOOKUP_MS = 60_000;

/** What the modem tells of the module's DNS client. */
export interface Lookup {
  /** Gives the first IPv4 address of the name. Failure kinds: `dns` with the module's code, and those of a command. */
  ask(host: string, done: LookupDone): void;
  /** `+QIURC: "dnsgip",...`. */
  onReport(line: Line): void;
  /** The module restarted or lost its context. */
  reset(reason: Failure): void;
}

/** The part of the modem that looking names up needs. */
export interface LookupHost {
  readonly channel: Channel;
  readonly timer: Timer;
  readonly context: number;
  lookup: Lookup | undefined;
}

/** Names to addresses, one at a time: the module's reports do not say which name they answer. */
export class NameLookup implements Lookup {
  private readonly channel: Channel;
  private readonly timer: Timer;
  private readonly context: number;
  private readonly waiting: { readonly host: string; readonly done: LookupDone }[] = [];
  private deadline: unknown;
  private busy = false;

  constructor({ channel, timer, context }: LookupHost) {
    this.channel = channel;
    this.timer = timer;
    this.context = context;
  }

  ask(host: string, done: LookupDone): void {
    this.waiting.push({ host, done });
    if (!this.busy) this.next();
  }

  /** `+QIURC: "dnsgip",0,<count>,<ttl>` and then `+QIURC: "dnsgip","<address>"`, or `"dnsgip",<code>`. */
  onReport(line: Line): void {
    if (!this.busy) return;
    if (line.quoted(1)) this.end(undefined, line.text(1));
    else {
      const code = line.int(1);
      if (code !== 0) this.end(failure("dns", COMMAND, code), "");
      else if (line.int(2) === 0) this.end(failure("dns", COMMAND, 0, "the name has no address"), "");
    }
  }

  /** Fails what waits: the module restarted or lost its context. */
  reset(reason: Failure): void {
    this.timer.clear(this.deadline);
    this.busy = false;
    for (const { done } of this.waiting.splice(0)) done(reason, "");
  }

  private next(): void {
    const request = this.waiting[0];
    this.busy = request !== undefined;
    if (request === undefined) return;
    this.deadline = this.timer.set(() => {
      this.end(failure("timeout", COMMAND), "");
    }, LOOKUP_MS);
    this.channel.run(resolveName, [this.context, request.host], reason => {
      if (reason !== undefined && this.waiting[0] === request) this.end(reason, "");
    });
  }

  private end(reason: Failure | undefined, address: string): void {
    this.timer.clear(this.deadline);
    const request = this.waiting.shift();
    request?.done(reason, address);
    this.next();
  }
}
