import type { Scheduler } from "../scheduler.js";

/** The module's real-time clock: kept in UTC plus the zone that the network told. */
export class ModuleClock {
  readonly #scheduler: Scheduler;
  readonly #epochMs: number;
  readonly #unsetMs: number;
  #offsetMs: number | undefined;
  #networkMs: number | undefined;
  #startMs = 0;
  zoneQuarters = 0;

  /** Before the first synchronisation the clock counts from `unsetMs`. */
  constructor(scheduler: Scheduler, epochMs: number, unsetMs = Date.UTC(1980, 0, 6)) {
    this.#scheduler = scheduler;
    this.#epochMs = epochMs;
    this.#unsetMs = unsetMs;
  }

  /** True time in the world, ms since 1970. */
  get worldMs(): number {
    return this.#epochMs + this.#scheduler.nowMs;
  }

  /** What the module believes, ms since 1970 UTC. */
  get nowMs(): number {
    if (this.#offsetMs === undefined) return this.#unsetMs + this.#scheduler.nowMs - this.#startMs;
    return this.worldMs + this.#offsetMs;
  }

  get isSet(): boolean {
    return this.#offsetMs !== undefined;
  }

  set(nowMs: number): void {
    this.#offsetMs = nowMs - this.worldMs;
  }

  /** The network told the time. */
  synchronise(zoneQuarters: number): void {
    this.#offsetMs = 0;
    this.#networkMs = this.worldMs;
    this.zoneQuarters = zoneQuarters;
  }

  /** Last time that the network told, ms since 1970 UTC. */
  get networkMs(): number | undefined {
    return this.#networkMs;
  }

  /** The supply was cut. */
  forget(): void {
    this.#offsetMs = undefined;
    this.#networkMs = undefined;
    this.#startMs = this.#scheduler.nowMs;
    this.zoneQuarters = 0;
  }
}

/** `yy/MM/dd,hh:mm:ss±zz`; with a four-digit year when `wide`. */
export function formatTime(ms: number, zoneQuarters: number, wide: boolean): string {
  const date = new Date(ms);
  const year = date.getUTCFullYear();
  const day = `${wide ? String(year) : two(year % 100)}/${two(date.getUTCMonth() + 1)}/${two(date.getUTCDate())}`;
  const time = `${two(date.getUTCHours())}:${two(date.getUTCMinutes())}:${two(date.getUTCSeconds())}`;
  return `${day},${time}${zoneQuarters < 0 ? "-" : "+"}${two(Math.abs(zoneQuarters))}`;
}

/** Milliseconds since 1970 of `yy/MM/dd,hh:mm:ss[±zz]`, and the zone; undefined when it is no time. */
export function parseTime(text: string): { ms: number; zoneQuarters: number } | undefined {
  const match = /^(\d\d|\d{4})\/(\d\d)\/(\d\d),(\d\d):(\d\d):(\d\d)([+-]\d\d)?$/.exec(text);
  if (!match) return undefined;
  const [year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0] = match.slice(1, 7).map(Number);
  if (month < 1 || month > 12 || day < 1 || day > 31 || hour > 23 || minute > 59 || second > 59)
    return undefined;
  const fullYear = year >= 100 ? year : year >= 80 ? 1900 + year : 2000 + year;
  return {
    ms: Date.UTC(fullYear, month - 1, day, hour, minute, second),
    zoneQuarters: Number(match[7] ?? 0),
  };
}

function two(value: number): string {
  return String(value).padStart(2, "0");
}
