import type { CredentialRole } from "../../../modules/io/credentials.js";
import type { DeviceFacts, ProvisioningClient, SlotStatus, Where } from "./client.js";
import { ProvisioningError } from "./error.js";
import { commonNameOf, equal, spkiIn, spkiOf } from "./proof.js";

interface Common {
  readonly ca?: Uint8Array;
  /** A key that was made elsewhere. Without one the device makes its own. */
  readonly key?: Uint8Array;
  /** Subject of the request. */
  readonly commonName: string;
}

/** The very certificate: a key that is found in the device has to be its key. */
export interface WantedCertificate extends Common {
  readonly certificate: Uint8Array;
}

/** A certificate that is asked for. */
export interface WantedIssued extends Common {
  /** How one is had for the device's key, the same one each time for the same key. */
  readonly certificate: (request: Uint8Array) => Promise<Uint8Array>;
  /**
   * Whether a certificate that is found in the unit, of its own key and with that name, may stay. Anybody can
   * have put it there: at the least it has to be one of the issuer (`isIssuedBy` of proof.ts), better one of the caller's ledger.
   */
  readonly accept: (certificate: Uint8Array) => boolean;
  /**
   * The public key (SubjectPublicKeyInfo, DER) that an earlier run had the device make, from the caller's
   * ledger. Without it a key that is found in a begun slot is erased: anybody can have put it there.
   */
  readonly publicKey?: Uint8Array;
}

/** What a unit is to hold. All DER. */
export type Wanted = WantedCertificate | WantedIssued;

/** What a unit has proved to hold, in the slot in use. */
export interface Filled {
  /** Nothing had to be done. */
  readonly already: boolean;
  readonly certificate: Uint8Array;
  /** SubjectPublicKeyInfo, DER; the device signed a fresh nonce with its private half. */
  readonly publicKey: Uint8Array;
  /** As the device tells them when all is done. */
  readonly facts: DeviceFacts;
}

/** What a step is about, for progress and for a journal. */
export type Step = "begin" | "generate" | "request" | CredentialRole | "verify" | "commit";

type OnStep = (step: Step) => Promise<void> | void;

/** A pair of a slot that belongs together. */
interface Pair {
  readonly certificate: Uint8Array;
  readonly publicKey: Uint8Array;
}

/** Refusals by which a slot says that no more can come of it; an erased one takes everything anew. */
const STUCK: readonly string[] = [
  ...["room", "closed", "kind", "ca", "certificate", "key"],
  ...["mismatch", "unusable", "place", "over", "write", "open", "different"],
];

/**
 * Brings a unit to hold what is wanted, from whatever an earlier run, a pulled cable or a lost supply
 * has left: what is whole and right is used, anything else is erased, once in a run also where the device
 * refuses to go on with it. Ends with the slot in use, on trial, proved by reading back and by a
 * signature. `onStep` is awaited before each step.
 */
export async function fill(
  client: ProvisioningClient,
  wanted: Wanted,
  onStep: OnStep = () => undefined,
): Promise<Filled> {
  const facts = await client.connect();
  const used = await whole(client, "used", wanted, expectedKey(wanted));
  if (used) {
    await prove(client, "used", used.publicKey);
    return { ...used, already: true, facts };
  }
  if (facts.locked) throw new ProvisioningError("locked", "begin");
  const made = await new Filling(client, wanted, onStep).run();
  // What was read back is in use now: the device signs with its key.
  await prove(client, "used", made.publicKey);
  return { ...made, already: false, facts: await client.connect() };
}

class Filling {
  readonly #client: ProvisioningClient;
  readonly #wanted: Wanted;
  readonly #onStep: OnStep;
  /** The slot was erased in this run: what is in it is of this run. */
  #isFresh = false;
  /** The public key that the slot has to hold, when it is known. */
  #publicKey: Uint8Array | undefined;

  constructor(client: ProvisioningClient, wanted: Wanted, onStep: OnStep) {
    this.#client = client;
    this.#wanted = wanted;
    this.#onStep = onStep;
    this.#publicKey = expectedKey(wanted);
  }

  async run(): Promise<Pair> {
    try {
      return await this.#fill(await this.#found());
    } catch (error) {
      const isStuck = error instanceof ProvisioningError && STUCK.includes(error.code);
      if (!isStuck || this.#isFresh) throw error;
      return this.#fill(await this.#begin());
    }
  }

  /** What of the begun slot can stay; begins it when there is none, or when it holds something else. */
  async #found(): Promise<SlotStatus["closed"]> {
    const status = await this.#client.status();
    return status && (await this.#fits(status.closed)) ? status.closed : this.#begin();
  }

  async #begin(): Promise<SlotStatus["closed"]> {
    const { key, certificate } = this.#wanted;
    // The device would make another key than that of the certificate.
    if (!key && typeof certificate !== "function") throw new ProvisioningError("mismatch", "begin");
    await this.#onStep("begin");
    await this.#client.begin();
    this.#isFresh = true;
    if (!key) this.#publicKey = undefined;
    return {};
  }

  async #fits(closed: SlotStatus["closed"]): Promise<boolean> {
    const { ca, key } = this.#wanted;
    // One that is asked for belongs to a key that is there.
    const certificate = typeof this.#wanted.certificate === "function" ? undefined : this.#wanted.certificate;
    const holds = (role: CredentialRole, bytes: Uint8Array): Promise<boolean> =>
      this.#client.holds("new", role, bytes);
    if (closed.ca !== undefined && !(ca && (await holds("ca", ca)))) return false;
    if (closed.key === undefined)
      return (
        closed.certificate === undefined ||
        (certificate !== undefined && (await holds("certificate", certificate)))
      );
    if (key && !(await holds("key", key))) return false;
    const stored = await this.#client.publicKey("new");
    // Nobody knows who has made a key that is not expected: a certificate for it would be its holder's.
    if (!stored || !this.#publicKey || !equal(stored.spki, this.#publicKey)) return false;
    return (
      closed.certificate === undefined ||
      (await pair(this.#client, "new", this.#wanted, this.#publicKey)) !== undefined
    );
  }

  async #fill(closed: SlotStatus["closed"]): Promise<Pair> {
    const client = this.#client;
    const wanted = this.#wanted;
    if (closed.key === undefined) {
      await this.#onStep(wanted.key ? "key" : "generate");
      if (wanted.key) await client.transfer("key", wanted.key);
      else {
        await client.generate();
        this.#publicKey = (await client.publicKey("new"))?.spki;
      }
    }
    const publicKey = this.#publicKey;
    if (!publicKey) throw new ProvisioningError("nothing", "key");
    let { certificate } = wanted;
    if (closed.certificate === undefined) {
      if (typeof certificate === "function") {
        await this.#onStep("request");
        certificate = await certificate(await client.certificateRequest(wanted.commonName, publicKey));
      }
      await this.#onStep("certificate");
      await client.transfer("certificate", certificate);
    }
    if (wanted.ca && closed.ca === undefined) {
      await this.#onStep("ca");
      await client.transfer("ca", wanted.ca);
    }
    await this.#onStep("verify");
    const found = await whole(client, "new", wanted, publicKey);
    const isOther = certificate instanceof Uint8Array && found && !equal(found.certificate, certificate);
    if (!found || isOther) throw new ProvisioningError("different", "read");
    await prove(client, "new", publicKey);
    await this.#onStep("commit");
    await client.commit();
    return found;
  }
}

/** The public key that a slot has to hold, as far as the caller knows it. */
function expectedKey(wanted: Wanted): Uint8Array | undefined {
  if (wanted.key) return spkiOf(wanted.key, "key");
  return isIssued(wanted) ? wanted.publicKey : spkiOf(wanted.certificate, "certificate");
}

function isIssued(wanted: Wanted): wanted is WantedIssued {
  return typeof wanted.certificate === "function";
}

/** Certificate and public key of a slot that belong together and are what is wanted and expected. */
async function pair(
  client: ProvisioningClient,
  where: Where,
  wanted: Wanted,
  expected: Uint8Array | undefined,
): Promise<Pair | undefined> {
  const certificate = await client.readBack(where, "certificate");
  const key = certificate && (await client.publicKey(where));
  if (!key || (expected && !equal(key.spki, expected))) return undefined;
  const own = spkiIn(certificate);
  if (!own || !equal(own, key.spki)) return undefined;
  const isWanted = isIssued(wanted)
    ? commonNameOf(certificate) === wanted.commonName && wanted.accept(certificate)
    : equal(certificate, wanted.certificate);
  return isWanted ? { certificate, publicKey: key.spki } : undefined;
}

/** The pair of a slot that holds the broker's CA, too, where one is wanted. */
async function whole(
  client: ProvisioningClient,
  where: Where,
  wanted: Wanted,
  expected: Uint8Array | undefined,
): Promise<Pair | undefined> {
  const found = await pair(client, where, wanted, expected);
  return found && wanted.ca && !(await client.holds(where, "ca", wanted.ca)) ? undefined : found;
}

async function prove(client: ProvisioningClient, where: Where, key: Uint8Array): Promise<void> {
  const { spki } = await client.prove(where);
  if (!equal(spki, key)) throw new ProvisioningError("proof", "prove");
}
