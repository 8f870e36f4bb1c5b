import { openRecipe, type OpenedRecipe } from "../../../certs/authority/open.js";
import { revocationListPem, revokedBy } from "../../../certs/authority/crl.js";
import { nextListNumber } from "../../../certs/authority/crl-number.js";
import { InputError } from "../../../certs/input-error.js";
import type { Ledger } from "../../../certs/ledger/ledger.js";
import { printable } from "../../../certs/printable.js";
import type { Profile } from "../../../certs/profile/profile.js";
import { commonOf, type RawCommon, type RawSecrets } from "./common.js";

/** What people should know and that stops nothing. */
export interface RecipeNotice {
  readonly code: string;
  readonly text: string;
}

/** Files that are told one by one. */
const FILES_MOST = 100;

/** Of an issuer elsewhere: what came back and is of no use to any unit, or is not what was asked for. */
export async function returnedNotices(
  { outside }: OpenedRecipe,
  ledger: Ledger | undefined,
): Promise<readonly RecipeNotice[]> {
  if (outside === undefined) return [];
  const faults = await outside.faults(async sha256 => (await ledger?.certificate(sha256)) !== undefined);
  const code = "returned-file";
  const left = faults.length - FILES_MOST;
  return [
    ...faults
      .slice(0, FILES_MOST)
      .map(({ file, what }) => ({ code, text: printable(`came back: ${file}: ${what}`) })),
    ...(left > 0 ? [{ code, text: `came back: ${String(left)} more files of this kind` }] : []),
  ];
}

const DAY_MS = 86_400_000;

/** Opens what a profile names, and gives it back whatever happens. */
export async function withRecipe<Result>(
  profile: Profile,
  secrets: RawSecrets,
  use: (recipe: OpenedRecipe) => Promise<Result>,
): Promise<Result> {
  const recipe = await openRecipe(profile, secrets);
  try {
    return await use(recipe);
  } finally {
    recipe.close();
  }
}

export interface MadeList {
  readonly pem: string;
  /** Certificates in it. */
  readonly certificates: number;
  readonly nextUpdate: Date;
}

/**
 * The revocation list of the profile's issuer; that it was made becomes an event of the ledger. `days`: until when
 * the next one will be there.
 */
export async function revocationList(
  profile: Profile,
  raw: RawCommon & RawSecrets,
  ledger: Ledger,
  days: number,
): Promise<MadeList> {
  return await withRecipe(profile, raw, async ({ issuer }) => {
    if (issuer.kind === "outside")
      throw new InputError({
        what: `${profile.file}: its certificates are issued outside`,
        why: "Whoever issues a certificate signs the list of those that it revoked.",
        fix: "Give the revoked certificates to that authority: xs-cellular provision export --format json names them.",
        file: profile.file,
      });
    const thisUpdate = new Date();
    const { certificate } = issuer.by;
    const { station } = commonOf(raw, process.env);
    const number = await nextListNumber(ledger, { station, issuer: certificate, now: thisUpdate });
    const revoked = await revokedBy(certificate, ledger.certificates());
    const nextUpdate = new Date(thisUpdate.getTime() + days * DAY_MS);
    const list = await issuer.by.revocationList({ revoked, number, thisUpdate, nextUpdate });
    return { pem: revocationListPem(list), certificates: revoked.length, nextUpdate };
  });
}
