/** Value below which that share of a sorted list lies, between neighbours in proportion. */
export function quantile(sorted: readonly number[], share: number): number {
  const place = (sorted.length - 1) * share;
  const below = sorted[Math.floor(place)] ?? 0;
  const above = sorted[Math.ceil(place)] ?? below;
  return below + (above - below) * (place - Math.floor(place));
}

export function sorted(values: readonly number[]): readonly number[] {
  return Array.from(Float64Array.from(values).sort());
}

/** 1, 2 or 5 times a power of ten that is not smaller. */
export function niceStep(least: number): number {
  if (!(least > 0)) return 1;
  const power = 10 ** Math.floor(Math.log10(least));
  const step = [1, 2, 5, 10].find(factor => factor * power >= least * (1 - 1e-9)) ?? 10;
  return step * power;
}

export interface Bin {
  readonly from: number;
  readonly to: number;
  readonly count: number;
}

/**
 * Counts milliseconds in about `wanted` bins of equal, round width; the last takes what lies beyond `most`, so that one unit that took
 * an hour does not press all others into the first.
 */
export function histogram(values: readonly number[], wanted: number, most: number): readonly Bin[] {
  if (values.length === 0) return [];
  const least = values.reduce((a, b) => Math.min(a, b), Infinity);
  const top = Math.max(least, most);
  // Of milliseconds: finer steps than one would be of the clock, not of the units.
  const step = Math.max(1, niceStep((top - least || top || 1) / wanted));
  const start = Math.floor(least / step) * step;
  const count = Math.max(1, Math.floor((top - start) / step) + 1);
  const counts = new Array<number>(count).fill(0);
  for (const value of values) {
    const bin = Math.min(count - 1, Math.floor((value - start) / step));
    counts[bin] = (counts[bin] ?? 0) + 1;
  }
  return counts.map((one, index) => ({
    from: start + index * step,
    to:
      index === count - 1
        ? Math.max(
            start + count * step,
            values.reduce((a, b) => Math.max(a, b)),
          )
        : start + (index + 1) * step,
    count: one,
  }));
}

/** `0.35 s`, `4.2 s`, `1 min 20 s`, `2 h 5 min`. */
export function shownDuration(ms: number): string {
  if (ms < 950) return `${(ms / 1000).toFixed(2)} s`;
  if (ms < 59_950) return `${(ms / 1000).toFixed(1)} s`;
  const seconds = Math.round(ms / 1000);
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ${seconds % 60} s`;
  const minutes = Math.round(seconds / 60);
  return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

/** Units an hour: `4.2`, `1,879`. */
export function shownRate(rate: number): string {
  return rate < 10 ? rate.toFixed(1) : Math.round(rate).toLocaleString("en-US");
}
