import { existsSync } from "node:fs";
import type { UnitRecord } from "../ledger/ledger.js";
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
  /** The units were named one by one: one whose image is not there any more fails. Default: that is told and stops nothing. */
  readonly isNamed?: boolean | undefined;
};

/**
 * The unit, when it is finished and its image is not there: flashed and deleted, as it should be, or made in another
 * folder. Which of both nobody knows here.
 */
async function awayOf(
  { ledger, recipe, isNamed }: ImageRunOptions,
  serial: string,
  { path, write }: ImageOptions,
): Promise<UnitRecord | undefined> {
  if (isNamed === true || write !== undefined || existsSync(path)) return undefined;
  const unit = await ledger.unit(serial);
  return unit?.state === "done" && unit.profile === recipe.profile.name ? unit : undefined;
}

function away(port: string, unit: UnitRecord, onEvent: LineOptions["onEvent"]): UnitResult {
  const { serial, state, certificate, proofs } = unit;
  const text = `the image of ${serial} was made before and is not here; its private key is nowhere else`;
  onEvent({ event: "notice", port, serial, code: "image-away", text });
  const result: UnitResult = { port, outcome: "already", serial, state, certificate, proofs, durationMs: 0 };
  onEvent({ event: "result", ...result });
  return result;
}

/** Makes images without devices. Calls `onResult` for each; rejects for nothing that happens to one. */
export async function runImages(
  options: ImageRunOptions,
  onResult: (result: UnitResult) => void = () => undefined,
): Promise<void> {
  for await (const serial of options.serials) {
    if (options.signal?.aborted) return;
    const image = options.imageOf(serial);
    const unit = await awayOf(options, serial, image);
    if (unit !== undefined) {
      onResult(away(image.path, unit, options.onEvent));
      continue;
    }
    const run = new UnitRun({ ...options, now: options.now ?? ((): Date => new Date()) }, image.path);
    const target = new ImageTarget(image);
    onResult(await run.run(target, serial));
    await target.close();
  }
}
