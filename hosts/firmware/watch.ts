import type { Host, ReportValue, Watchdog } from "./host.js";

/** Longest time without a report in which nothing has gone wrong: a BC66's registration on a new network, and a quarter more. */
const QUIET_MS = 750_000;
/** A failure's values: stage first, the pause that follows it at the end. */
const WAIT = 6;
/** Feedings in the time that the watchdog gives. */
const FEEDINGS = 3;

/**
 * Feeds the platform's watchdog as long as the firmware shows that it gets on, and gives the host to
 * start with.
 *
 * Two things have to hold. The event loop turns: feeding is done by its timer. And the firmware says
 * something: while it is not connected to the broker, each step of the way, or its failure, is reported
 * within the longest time that any step may take, or after the pause that the last failure announced.
 * Connected it may be silent as long as it likes: MQTT's own keep-alive finds a dead connection.
 *
 * So it guards against an engine that hangs or spins, native code that blocks, and a driver that waits
 * for what never comes. It does not guard against a network that is down, which is reported, or
 * an application that is connected and has nothing to say.
 */
class Watch {
  private readonly host: Host;
  private readonly watchdog: Watchdog;
  private connected = false;
  private since: number;
  private limitMs = QUIET_MS;

  constructor(host: Host, watchdog: Watchdog) {
    this.host = host;
    this.watchdog = watchdog;
    this.since = host.clock.ticks;
    this.feed();
  }

  onReport(event: string, values: readonly ReportValue[]): void {
    this.since = this.host.clock.ticks;
    this.limitMs = QUIET_MS;
    // Who waits for a factory may be silent, too.
    if (event === "mqtt" || event === "done" || event === "provisioning") this.connected = true;
    else if (event === "state" || event === "connecting") this.connected = false;
    else if (event === "failure") {
      const waitMs = values[WAIT];
      this.connected = false;
      if (typeof waitMs === "number") this.limitMs += waitMs;
    }
  }

  private feed(): void {
    const { clock, timer } = this.host;
    // Once it has been silent for too long, nothing but the restart follows.
    if (!this.connected && clock.delta(this.since) > this.limitMs) return;
    this.watchdog.feed();
    timer.set(() => this.feed(), this.watchdog.timeoutMs / FEEDINGS);
  }
}

/** Gives the host to start with: its reports are overheard. Without a watchdog it is the same host. */
export function withWatchdog(host: Host): Host {
  if (host.watchdog === undefined) return host;
  const watch = new Watch(host, host.watchdog);
  return {
    ...host,
    report: (event, ...values) => {
      host.report(event, ...values);
      watch.onReport(event, values);
    },
  };
}
