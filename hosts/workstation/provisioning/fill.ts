import type { CredentialRole } from "../../../modules/io/credentials.js";
import type { DeviceFacts, ProvisioningClient, SlotStatus, Where } from "./client.js";
import { ProvisioningError } from "./error.js";
import { commonNameOf, equal, spkiOf } from "./proof.js";

/** What a unit is to hold. All DER. */
export interface Wanted {
  readonly ca?: Uint8Array;
  /** A key that was made elsewhere. Without one the device makes its own. */
  readonly key?: Uint8Array;
  /** The certificate; or how one is had for the device's own key, the same one each time for the same key. */
  readonly certificate: Uint8Array | ((request: Uint8Array) => Promise<Uint8Array>);
  /** Subject of the request. */
  readonly commonName: string;
  /** Whether a certificate that is found in the unit, of its own key and with that name, may stay. Default: yes. */
  readonly accept?: (certificate: Uint8Array) => boolean;
}

/** What a unit has proved to hold, in the slot in use. */
export interface Filled {
  /** Nothing had to be done. */
  readonly already: boolean;
  readonly certificate: Uint8Array;
  /** SubjectPublicKeyInfo, DER; the device signed a fresh nonce with its private half. */
  readonly publicKey: Uint8Array;
  readonly facts: DeviceFacts;
}

/** What a step is about, for progress and for a journal. */
export type Step = "begin" | "generate" | "request" | CredentialRole | "verify" | "commit";

/**
 * Brings a unit to hold what is wanted, from whatever an earlier run, a pulled cable or a lost supply
 * has left: what is whole and right is used, anything else is erased. Ends with the slot in use, on
 * trial, proved by reading back and by a signature. `onStep` is awaited before each step.
 */
export async function fill(
  client: ProvisioningClient,
  wanted: Wanted,
  onStep: (step: Step) => Promise<void> | void = () => undefined,
): Promise<Filled> {
  const facts = await client.connect();
  const found = await proved(client, "used", wanted);
  if (found) return { ...found, already: true, facts };
  if (facts.locked) throw new ProvisioningError("locked", "begin");
  const closed = await begun(client, wanted, onStep);
  if (closed.key === undefined) {
    await onStep(wanted.key ? "key" : "generate");
    if (wanted.key) await client.transfer("key", wanted.key);
    else await client.generate();
  }
  if (closed.certificate === undefined) {
    let { certificate } = wanted;
    if (typeof certificate === "function") {
      await onStep("request");
      certificate = await certificate(await client.certificateRequest(wanted.commonName));
    }
    await onStep("certificate");
    await client.transfer("certificate", certificate);
  }
  if (wanted.ca && closed.ca === undefined) {
    await onStep("ca");
    await client.transfer("ca", wanted.ca);
  }
  await onStep("verify");
  const made = await proved(client, "new", wanted);
  if (!made) throw new ProvisioningError("different", "read");
  await onStep("commit");
  await client.commit();
  // What was read back is in use now: the device signs with its key.
  const { spki } = await client.prove("used");
  if (!equal(spki, made.publicKey)) throw new ProvisioningError("different", "prove");
  return { ...made, already: false, facts };
}

/** What of the begun slot can stay; begins it when there is none, or when it holds something else. */
async function begun(
  client: ProvisioningClient,
  wanted: Wanted,
  onStep: (step: Step) => Promise<void> | void,
): Promise<SlotStatus["closed"]> {
  const status = await client.status();
  if (status && (await fits(client, status.closed, wanted))) return status.closed;
  await onStep("begin");
  await client.begin();
  return {};
}

async function fits(
  client: ProvisioningClient,
  closed: SlotStatus["closed"],
  wanted: Wanted,
): Promise<boolean> {
  for (const role of ["ca", "certificate", "key"] as const) {
    if (closed[role] === undefined) continue;
    const bytes = wanted[role];
    if (bytes === undefined && role === "ca") return false;
    if (bytes instanceof Uint8Array && !(await client.holds("new", role, bytes))) return false;
  }
  // A certificate that was asked for is right when it is of the device's key.
  if (closed.certificate === undefined || typeof wanted.certificate !== "function") return true;
  return (await pair(client, "new", wanted)) !== undefined;
}

/** Certificate and public key of a slot that belong together and to the name. */
async function pair(
  client: ProvisioningClient,
  where: Where,
  wanted: Wanted,
): Promise<{ certificate: Uint8Array; publicKey: Uint8Array } | undefined> {
  const certificate = await client.readBack(where, "certificate");
  const key = await client.publicKey(where);
  if (!certificate || !key || !equal(spkiOf(certificate, "certificate"), key.spki)) return undefined;
  if (typeof wanted.certificate === "function" && commonNameOf(certificate) !== wanted.commonName)
    return undefined;
  if (wanted.accept?.(certificate) === false) return undefined;
  return { certificate, publicKey: key.spki };
}

/** The pair of a slot that holds everything that is wanted, and whose key is proved; `undefined`: it does not. */
async function proved(
  client: ProvisioningClient,
  where: Where,
  wanted: Wanted,
): Promise<{ certificate: Uint8Array; publicKey: Uint8Array } | undefined> {
  const found = await pair(client, where, wanted);
  if (!found) return undefined;
  for (const role of ["ca", "certificate", "key"] as const) {
    const bytes = wanted[role];
    if (bytes instanceof Uint8Array && !(await client.holds(where, role, bytes))) return undefined;
  }
  const { spki } = await client.prove(where);
  if (!equal(spki, found.publicKey)) throw new ProvisioningError("proof", "prove");
  return found;
}
