import type { Random } from "./random.js";
import type { Scheduler } from "./scheduler.js";

export type LinkName = "none" | "lte-m" | "nb-iot";

/**
 * Figures of a radio link. Measured ones come from field logs of BG95/BG96 modules; those marked
 * [estimate] stand in for what no source tells. All durations are milliseconds.
 */
export interface LinkProfile {
  readonly name: LinkName;
  /** Access technology as +COPS and +CEREG code it: 0 GSM, 8 eMTC, 9 NB-IoT. */
  readonly accessTechnology: 0 | 8 | 9;
  readonly rttMs: number;
  /** Added to each one-way trip, evenly distributed from 0 to this. */
  readonly jitterMs: number;
  readonly upBitsPerSecond: number;
  readonly downBitsPerSecond: number;
  /** SIM ready until registered. */
  readonly attachMs: number;
  readonly activateMs: number;
  readonly deactivateMs: number;
  /** Beside the round trip of a TCP open or a DNS query. */
  readonly openMs: number;
  /** Data handed over until SEND OK. */
  readonly sendMs: number;
  /** Time that the module computes in a TLS handshake. */
  readonly handshakeMs: number;
  /** PDP contexts that can be active at a time. */
  readonly contexts: number;
  readonly detachMs: number;
  /** Last data until the radio connection is released. */
  readonly releaseMs: number;
}

export const linkProfiles: Readonly<Record<LinkName, LinkProfile>> = {
  none: {
    name: "none",
    accessTechnology: 8,
    rttMs: 0,
    jitterMs: 0,
    upBitsPerSecond: Infinity,
    downBitsPerSecond: Infinity,
    attachMs: 0,
    activateMs: 0,
    deactivateMs: 0,
    openMs: 0,
    sendMs: 0,
    handshakeMs: 0,
    contexts: 3,
    detachMs: 0,
    releaseMs: 20_000,
  },
  // Ping 192-479 ms; TCP open 0.9 s; activation 0.7-0.8 s; rates: Cat-M1 of the BG96, half duplex [estimate].
  "lte-m": {
    name: "lte-m",
    accessTechnology: 8,
    rttMs: 220,
    jitterMs: 40,
    upBitsPerSecond: 300_000,
    downBitsPerSecond: 300_000,
    attachMs: 5_000,
    activateMs: 750,
    deactivateMs: 300,
    openMs: 600,
    sendMs: 100,
    handshakeMs: 1_500,
    contexts: 3,
    detachMs: 2_000,
    releaseMs: 20_000,
  },
  // Latency 0.1-8 s; activation 3.2 s; rates well below the peak of 32/70 kbit/s [estimate].
  "nb-iot": {
    name: "nb-iot",
    accessTechnology: 9,
    rttMs: 1_600,
    jitterMs: 600,
    upBitsPerSecond: 15_000,
    downBitsPerSecond: 20_000,
    attachMs: 15_000,
    activateMs: 3_200,
    deactivateMs: 1_000,
    openMs: 900,
    sendMs: 200,
    handshakeMs: 1_500,
    contexts: 2,
    detachMs: 5_000,
    releaseMs: 20_000,
  },
};

/** Nothing gets through between `fromMs` and `fromMs + forMs`; what was sent arrives after it. */
export interface Outage {
  readonly fromMs: number;
  readonly forMs: number;
}

export interface LinkOptions {
  readonly scheduler: Scheduler;
  readonly random: Random;
  readonly profile: LinkProfile;
  readonly outages?: readonly Outage[];
}

/** The radio link of one module: both directions keep their order and share nothing but outages. */
export class Link {
  readonly profile: LinkProfile;
  readonly #scheduler: Scheduler;
  readonly #up: Random;
  readonly #down: Random;
  readonly #outages: Outage[];
  #upFreeMs = 0;
  #upArrivedMs = 0;
  #downFreeMs = 0;
  /** Simulated time of the last traffic. */
  lastTrafficMs = 0;
  onTraffic: (() => void) | undefined;

  constructor(options: LinkOptions) {
    this.profile = options.profile;
    this.#scheduler = options.scheduler;
    this.#up = options.random.fork("up");
    this.#down = options.random.fork("down");
    this.#outages = [...(options.outages ?? [])];
  }

  addOutage(outage: Outage): void {
    this.#outages.push(outage);
  }

  /** Signalling with the network that carries no payload: the radio connection is up. */
  touch(): void {
    this.#traffic();
  }

  /** Carries `bytes` to the network; `arrived` runs there. */
  send(bytes: number, arrived: () => void): void {
    this.#traffic();
    const leftMs =
      this.#clear(Math.max(this.#scheduler.nowMs, this.#upFreeMs)) +
      airMs(bytes, this.profile.upBitsPerSecond);
    this.#upFreeMs = leftMs;
    // Jitter never lets a later packet overtake an earlier one.
    this.#upArrivedMs = Math.max(this.#upArrivedMs, leftMs + this.#trip(this.#up));
    this.#scheduler.at(this.#upArrivedMs, arrived);
  }

  /** Carries `bytes` from the network to the module. */
  receive(bytes: number, arrived: () => void): void {
    const profile = this.profile;
    const startMs = Math.max(this.#scheduler.nowMs + this.#trip(this.#down), this.#downFreeMs);
    this.#downFreeMs = this.#clear(startMs) + airMs(bytes, profile.downBitsPerSecond);
    this.#scheduler.at(this.#downFreeMs, () => {
      this.#traffic();
      arrived();
    });
  }

  /** One exchange: so many bytes up, so many down, in so many round trips. */
  exchange(roundTrips: number, upBytes: number, downBytes: number, done: () => void): void {
    this.#traffic();
    const profile = this.profile;
    let endMs = this.#clear(this.#scheduler.nowMs);
    for (let trip = 0; trip < roundTrips; trip++) endMs += 2 * this.#trip(this.#up);
    endMs += airMs(upBytes, profile.upBitsPerSecond) + airMs(downBytes, profile.downBitsPerSecond);
    this.#scheduler.at(endMs, done);
  }

  /** A duration around `ms`, spread as much as the profile's jitter. */
  spread(ms: number): number {
    return ms === 0 ? 0 : ms + this.#up.next() * this.profile.jitterMs;
  }

  #trip(random: Random): number {
    const { rttMs, jitterMs } = this.profile;
    return rttMs === 0 ? 0 : rttMs / 2 + random.next() * jitterMs;
  }

  #clear(startMs: number): number {
    for (const { fromMs, forMs } of this.#outages) {
      if (startMs >= fromMs && startMs < fromMs + forMs) return this.#clear(fromMs + forMs);
    }
    return startMs;
  }

  #traffic(): void {
    this.lastTrafficMs = this.#scheduler.nowMs;
    this.onTraffic?.();
  }
}

function airMs(bytes: number, bitsPerSecond: number): number {
  return (bytes * 8000) / bitsPerSecond;
}
