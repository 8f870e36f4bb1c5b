import { createHash, randomUUID, type X509Certificate } from "node:crypto";
import type { Ledger } from "../ledger/ledger.js";

/** Event about the ledger itself: a list was made. */
export const LIST_EVENT = "revocation-list";

interface Numbered {
  readonly number: number;
  readonly id: string | undefined;
}

/** Lists of an authority that the ledger knows, oldest first. */
async function listsOf(ledger: Ledger, issuerKey: string): Promise<readonly Numbered[]> {
  const lists: Numbered[] = [];
  for await (const { event, data } of ledger.events({ unit: "" }))
    if (event === LIST_EVENT && data["issuerKey"] === issuerKey)
      lists.push({ number: Number(data["number"]), id: data["id"] });
  return lists;
}

/**
 * The number of an authority's next list, recorded in the ledger: it must grow from list to list (RFC 5280, 5.2.3). The time
 * in milliseconds does so even where the ledger was brought back from a backup that does not know the last lists; the
 * recorded numbers do where the clock was put back, and for stations that make lists at once. A number whose list was not
 * made in the end is left out.
 */
export async function nextListNumber(
  ledger: Ledger,
  options: { readonly station: string; readonly issuer: X509Certificate; readonly now: Date },
): Promise<number> {
  const { station, issuer, now } = options;
  // Its own certificate may be renewed; the list goes on.
  const spki = issuer.publicKey.export({ type: "spki", format: "der" });
  const issuerKey = createHash("sha256").update(spki).digest("hex");
  for (;;) {
    const known = await listsOf(ledger, issuerKey);
    const number = known.reduce((most, one) => Math.max(most, one.number + 1), now.getTime());
    const id = randomUUID();
    await ledger.record("", station, LIST_EVENT, { issuerKey, number: String(number), id });
    // Another station may have come before with this number, or a higher one: then the next.
    const first = (await listsOf(ledger, issuerKey)).find(one => one.number >= number);
    if (first?.id === id) return number;
  }
}
