import { ImageTarget, type ImageOptions } from "./image-target.js";
import type { LineOptions, UnitResult } from "./line.js";
import { UnitRun } from "./run-unit.js";

export type ImageRunOptions = Pick<
  LineOptions,
  "recipe" | "ledger" | "station" | "accepts" | "overwrite" | "signal" | "onEvent" | "now"
> & {
  /** Units to make images of, one after the other. */
  readonly serials: AsyncIterable<string> | Iterable<string>;
  /** Where the image of a unit goes. */
  readonly imageOf: (serial: string) => ImageOptions;
};

/** Makes images without devices. Calls `onResult` for each; rejects for nothing that happens to one. */
export async function runImages(
  options: ImageRunOptions,
  onResult: (result: UnitResult) => void = () => undefined,
): Promise<void> {
  for await (const serial of options.serials) {
    if (options.signal?.aborted) return;
    const image = options.imageOf(serial);
    const run = new UnitRun({ ...options, now: options.now ?? ((): Date => new Date()) }, image.path);
    const target = new ImageTarget(image);
    onResult(await run.run(target, serial));
    await target.close();
  }
}
