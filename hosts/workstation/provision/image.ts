import type { Command } from "commander";
import { existsSync, readFileSync, statSync } from "node:fs";
import { refuseExisting } from "../../../certs/files/write.js";
import type { ImageOptions } from "../../../certs/factory/image-target.js";
import type { UnitResult } from "../../../certs/factory/line.js";
import { readImage } from "../../../certs/factory/read-image.js";
import { runImages } from "../../../certs/factory/run-images.js";
import { readProfile, type Profile } from "../../../certs/profile/profile.js";
import { readUnits } from "../../../certs/units/list.js";
import { refuse } from "../simulate/check.js";
import { acceptanceOf, checkAcceptance } from "./accepts.js";
import { addCommon, addSecrets, commonOf, type RawCommon, type RawSecrets } from "./common.js";
import { checkTrail, withLedger } from "./ledgers.js";
import { act, type Output } from "./output.js";
import { refuseBoth, STDOUT, writeToPipe } from "./pipe.js";
import { Progress } from "./progress.js";
import { withRecipe } from "./recipes.js";
import { exitCodeOf } from "./run.js";
import { Stop } from "./stop.js";

interface RawImage extends RawCommon, RawSecrets {
  readonly serial: string;
  readonly out: string;
  readonly units?: string;
  readonly force?: boolean;
}

/** No partition of this kind is larger. */
const IMAGE_MOST = 0x10000;

function checkTogether(raw: RawImage, profile: Profile): void {
  if (profile.target !== "image")
    refuse(
      "--profile",
      `${profile.file}: its target is "${profile.target}"`,
      "An image is made without a unit, and its key on this machine.",
      'Give a profile with target "image" and key.made "host".',
    );
  if (raw.out !== STDOUT) {
    // The image of a run that was killed behind it is gone on with; whose it is, the ledger knows.
    if (!isImage(raw.out)) refuseExisting(raw.out, { force: raw.force ?? false });
    return;
  }
  refuseBoth(raw.json);
  if (process.stdout.isTTY)
    refuse(
      "--out",
      "--out - would write a private key to a terminal",
      "A terminal keeps what it has shown, and others see it.",
      "Pipe it into the tool that flashes, or name a file.",
    );
}

/** Whether a file is an image with a key. */
function isImage(path: string): boolean {
  if (!existsSync(path) || !statSync(path).isFile() || statSync(path).size > IMAGE_MOST) return false;
  const { key } = readImage(readFileSync(path)).objects;
  key?.fill(0);
  return key !== undefined;
}

async function image(out: Output, raw: RawImage): Promise<number> {
  const common = commonOf(raw, process.env);
  const profile = readProfile(common.profile);
  checkTogether(raw, profile);
  const units = raw.units === undefined ? undefined : readUnits(raw.units, profile.variables);
  const toPipe = raw.out === STDOUT;
  const place: ImageOptions = {
    path: raw.out,
    force: raw.force,
    ...(toPipe ? { write: writeToPipe } : undefined),
  };
  return await withRecipe(profile, raw, async recipe => {
    const issuer = recipe.issuer.by.certificate;
    const acceptance = await acceptanceOf(
      profile,
      issuer,
      recipe.brokerCa,
      { serial: raw.serial },
      new Date(),
    );
    checkAcceptance(profile, acceptance);
    return await withLedger(common.ledger, units === undefined ? "existing" : "create", async ledger => {
      await checkTrail(ledger);
      if (units !== undefined && raw.units !== undefined) await ledger.list(units, profile.name, raw.units);
      const progress = new Progress(out, profile, [raw.out], Date.now);
      const stop = new Stop(text => {
        progress.say(text);
      });
      const results: UnitResult[] = [];
      try {
        await runImages(
          {
            recipe,
            ledger,
            station: common.station,
            accepts: acceptance.accepts,
            overwrite: raw.force,
            signal: stop.signal,
            onEvent: event => {
              progress.onEvent(event);
            },
            serials: [raw.serial],
            isNamed: true,
            imageOf: () => place,
          },
          result => {
            results.push(result);
          },
        );
      } finally {
        progress.close();
        stop.close();
      }
      const [result] = results;
      if (result?.outcome === "done")
        out.line(
          toPipe
            ? "The image holds the unit's private key, and exists nowhere else."
            : `${raw.out} holds the unit's private key, readable by its owner alone: flash it, then delete it.`,
        );
      return out.summary(stop.exitCode ?? exitCodeOf(progress.tally, false), {
        serial: raw.serial,
        outcome: result?.outcome,
        file: raw.out,
        certificate: result?.certificate,
      });
    });
  });
}

/** `provision image`: the credential partition of one unit as a file. */
export function addImage(provision: Command, done: (exitCode: number) => void): void {
  addSecrets(
    addCommon(
      provision
        .command("image")
        .description(
          "make the image of one unit's partition esp_secure_cert, without a device; it holds the private key",
        )
        .requiredOption("--serial <serial>", "which unit")
        .requiredOption("--out <file>", "where it goes, readable by its owner alone; - is stdout, for a pipe")
        .option("--units <file>", "list of units: CSV or JSON; not needed when the ledger knows the unit")
        .option("--force", "replace a file that is there"),
    ),
  ).action((raw: RawImage) =>
    // With - stdout belongs to the image.
    act(
      raw.json ?? false,
      done,
      out => image(out, raw),
      raw.out === STDOUT ? process.stderr : process.stdout,
    ),
  );
}
