import { createHash } from "node:crypto";
import type { Advance, Claim, Draft, Ledger, UnitState } from "../../../certs/ledger/ledger.js";
import type { Unit } from "../../../certs/units/unit.js";

export const STATION = { station: "bench-1", port: "/dev/ttyUSB0" } as const;
export const OTHER = { station: "bench-2", port: "/dev/ttyUSB0" } as const;

export function sha256(bytes: Uint8Array | string): string {
  return createHash("sha256").update(bytes).digest("hex");
}

export function unit(serial: string, members: Partial<Omit<Unit, "serial">> = {}): Unit {
  return { serial, variables: {}, line: 2, ...members };
}

export function units(count: number, prefix = "SN-"): readonly Unit[] {
  return Array.from({ length: count }, (_, index) => ({ ...unit(`${prefix}${index + 1}`), line: index + 2 }));
}

/** A clock that stands until it is moved. */
export class Clock {
  #ms = Date.parse("2026-03-01T08:00:00.000Z");

  readonly now = (): Date => new Date(this.#ms);

  pass(ms: number): void {
    this.#ms += ms;
  }
}

/** Bytes that no other name has: stands for a public key, a request or a certificate, which a ledger does not look into. */
export function bytesOf(name: string): Uint8Array {
  return new Uint8Array(createHash("sha512").update(name).digest());
}

export const ISSUER = sha256("issuer");

export function draftOf(name: string): Draft {
  return {
    serialNumber: sha256(name).slice(0, 32),
    notBefore: new Date("2026-03-01T00:00:00Z"),
    notAfter: new Date("2036-03-01T00:00:00Z"),
    publicKey: bytesOf(`key of ${name}`),
    issuer: ISSUER,
  };
}

export function certificateOf(name: string): NonNullable<Advance["certificate"]> {
  const { serialNumber, notBefore, notAfter, publicKey, issuer } = draftOf(name);
  const der = bytesOf(`certificate of ${name}`);
  return {
    sha256: sha256(der),
    serialNumber,
    der,
    issuer,
    keySha256: sha256(publicKey),
    notBefore,
    notAfter,
  };
}

/** What comes with a state, for credentials called `name`. */
export function changesOf(to: UnitState, name: string): Advance {
  if (to === "keyed") return { keySha256: sha256(draftOf(name).publicKey) };
  if (to === "requested") return { request: bytesOf(`request of ${name}`) };
  if (to === "issuing") return { draft: draftOf(name) };
  if (to === "issued") return { certificate: certificateOf(name) };
  if (to === "written") return { proof: "read-back" };
  if (to === "proved") return { proof: "possession" };
  if (to === "connected") return { proof: "handshake", data: { broker: "localhost:8883" } };
  return {};
}

/** A device with its own key. */
export const DEVICE_WAY: readonly UnitState[] = [
  "begun",
  "keyed",
  "issuing",
  "issued",
  "written",
  "proved",
  "used",
  "connected",
  "done",
];

/** Brings a unit along a way, up to and with `to`. */
export async function bring(
  ledger: Ledger,
  claim: Claim,
  to: UnitState,
  options: { readonly way?: readonly UnitState[]; readonly name?: string } = {},
): Promise<Claim> {
  const { way = DEVICE_WAY, name = claim.unit.serial } = options;
  let at = claim;
  for (const state of way.slice(way.indexOf(claim.unit.state) + 1, way.indexOf(to) + 1))
    at = await ledger.advance(at, state, changesOf(state, name));
  return at;
}

/** A claim that must be had. */
export async function taken(
  ledger: Ledger,
  serial: string,
  at: Parameters<Ledger["claim"]>[1] = STATION,
): Promise<Claim> {
  const claim = await ledger.claim({ by: "serial", serial }, at);
  if (claim === undefined) throw new Error(`${serial} is not free`);
  return claim;
}

export async function all<T>(items: AsyncIterable<T>): Promise<readonly T[]> {
  const found: T[] = [];
  for await (const item of items) found.push(item);
  return found;
}
