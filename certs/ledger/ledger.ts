import type { Unit } from "../units/unit.js";

/**
 * How far a unit has come. Every change is committed before the next step begins, so that a process
 * that is killed leaves the state of the last thing that is sure.
 */
export const UNIT_STATES = [
  /** Known from a list; nothing was done. */
  "listed",
  /** A station works on it. */
  "begun",
  /** Its key exists, in the unit or for an image in memory; the public half is in the ledger. */
  "keyed",
  /** Its request went out to somebody else, who issues; the unit may be taken away meanwhile. */
  "requested",
  /** Serial number and dates of its certificate are fixed; signing it again gives the same certificate. */
  "issuing",
  /** The certificate is in the ledger. */
  "issued",
  /** The unit, or the image, holds everything; read back. */
  "written",
  /** Its key has signed a nonce. */
  "proved",
  /** The unit has put it in use. */
  "used",
  /** It has done a TLS handshake with it. */
  "connected",
  /** Everything that the profile asks for was done. */
  "done",
  /** Its certificate was revoked, and nothing was asked for in its place. */
  "revoked",
] as const;
export type UnitState = (typeof UNIT_STATES)[number];

/** What became of a certificate. */
export type Fate =
  /** Issued, not yet in use. */
  | "issued"
  | "active"
  /** The run that issued it could not use it: its key is gone. It is valid all the same: revocation lists name it. */
  | "abandoned"
  /** Another took its place. */
  | "superseded"
  | "revoked";

/** Why a certificate was revoked, as RFC 5280 §5.3.1 names it. */
export const REVOCATION_REASONS = [
  "unspecified",
  "keyCompromise",
  "affiliationChanged",
  "superseded",
  "cessationOfOperation",
] as const;
export type RevocationReason = (typeof REVOCATION_REASONS)[number];

export interface CertificateRecord {
  /** SHA-256 of the DER, hexadecimal, small letters. */
  readonly sha256: string;
  /** Hexadecimal, small letters. */
  readonly serialNumber: string;
  readonly unit: string;
  readonly der: Uint8Array;
  /** SHA-256 of the issuer's certificate, hexadecimal. */
  readonly issuer: string;
  /** SHA-256 of the SubjectPublicKeyInfo, hexadecimal. */
  readonly keySha256: string;
  readonly notBefore: Date;
  readonly notAfter: Date;
  readonly fate: Fate;
  readonly fateAt: Date;
  readonly reason?: RevocationReason | undefined;
}

/** A certificate that is about to be signed: everything that its signature covers. */
export interface Draft {
  readonly serialNumber: string;
  readonly notBefore: Date;
  readonly notAfter: Date;
  /** SubjectPublicKeyInfo, DER. */
  readonly publicKey: Uint8Array;
  /** SHA-256 of the issuer's certificate. */
  readonly issuer: string;
}

/** What was found of the unit itself. */
export interface Hardware {
  readonly mac?: string | undefined;
  readonly imei?: string | undefined;
  readonly module?: string | undefined;
  readonly firmware?: string | undefined;
}

export interface UnitFailure {
  readonly code: string;
  readonly what: string;
  readonly at: Date;
}

export interface UnitRecord extends Omit<Unit, "line"> {
  /** Name of the profile. */
  readonly profile: string;
  /** Order in which lists named it, from 1. */
  readonly position: number;
  readonly state: UnitState;
  /** When the state was reached. */
  readonly stateAt: Date;
  /** 1 for the first credentials of the unit; each replacement counts one more. */
  readonly generation: number;
  /** SHA-256 of the public key (SubjectPublicKeyInfo) since `keyed`, hexadecimal. */
  readonly keySha256?: string | undefined;
  /** Request (PKCS #10, DER) since `requested`; of a key made on the host since `keyed`, while it can sign one. */
  readonly request?: Uint8Array | undefined;
  /** Since `issuing`, until `issued`. */
  readonly draft?: Draft | undefined;
  /** SHA-256 of its certificate since `issued`. */
  readonly certificate?: string | undefined;
  readonly hardware: Hardware;
  /** Names of proofs that were made for this generation: `read-back` (or `byte-count`, where a module tells no more), `possession`, `handshake`. */
  readonly proofs: readonly string[];
  /** Since the last attempt that failed; absent after a success. */
  readonly failure?: UnitFailure | undefined;
  /** Attempts that a station has begun. */
  readonly attempts: number;
  /** Who works on it, while a claim holds. */
  readonly claim?: { readonly station: string; readonly port: string; readonly until: Date } | undefined;
}

/** One line of the audit trail. It is never changed or removed. */
export interface AuditEvent {
  /** From 1, without gaps. */
  readonly sequence: number;
  readonly at: Date;
  readonly station: string;
  /** Serial of the unit; empty: about the ledger itself. */
  readonly unit: string;
  /** `listed`, `claimed`, the states, `failed`, `released`, `taken-over`, `certificate-abandoned`, `revoked`, `erased`, ... */
  readonly event: string;
  /** Facts, never secrets. */
  readonly data: Readonly<Record<string, string>>;
  /** `hash` of the event before; 64 zeros before the first. */
  readonly previous: string;
  /** SHA-256, hexadecimal, of the JSON array [sequence, at (ISO 8601), station, unit, event, data with sorted names, previous]. */
  readonly hash: string;
}

/** The right to work on a unit; it ends when it is released, runs out, or another station proves that it has the unit. */
export interface Claim {
  readonly unit: UnitRecord;
  readonly station: string;
  readonly port: string;
  /** Random; a change of state with another token is refused (`claim-lost`). */
  readonly token: string;
}

/** What changes with a state, beside it. `undefined` removes, but not a request. */
export interface Advance {
  readonly keySha256?: string | undefined;
  readonly request?: Uint8Array | undefined;
  readonly draft?: Draft | undefined;
  /** With `issued`: the new certificate, of fate `issued`. */
  readonly certificate?: Omit<CertificateRecord, "fate" | "fateAt" | "reason" | "unit"> | undefined;
  readonly hardware?: Hardware | undefined;
  /** Added to the proofs of the unit. */
  readonly proof?: string | undefined;
  /** For the audit trail. Never secrets. */
  readonly data?: Readonly<Record<string, string>> | undefined;
}

/** Which unit a station wants. */
export type Wanted =
  /** That one, unless another station has it. */
  | { readonly by: "serial"; readonly serial: string }
  /**
   * That one, whoever has it: this station has proof that it has the unit itself, by its key, its
   * certificate or its hardware's address.
   */
  | { readonly by: "identity"; readonly serial: string }
  /**
   * The next of the profile's list, of the first generation, with no hardware bound to it, whose list names no MAC or
   * IMEI: one that this station has left at this port before anything was issued for it, else one that is `listed` or
   * `begun` without a claim that holds. What has a certificate exists: another board must not become its double.
   */
  | { readonly by: "next"; readonly profile: string };

export interface Identity {
  readonly keySha256?: string | undefined;
  /** SHA-256 of the certificate's DER. */
  readonly certificate?: string | undefined;
  readonly mac?: string | undefined;
  readonly imei?: string | undefined;
}

export interface Listing {
  readonly added: number;
  /** There before, with the same members. */
  readonly known: number;
}

export interface Summary {
  readonly units: number;
  readonly byState: Readonly<Partial<Record<UnitState, number>>>;
  readonly failed: number;
  readonly byFailure: Readonly<Record<string, number>>;
  readonly certificates: Readonly<Partial<Record<Fate, number>>>;
  readonly events: number;
  /** Hash of the last event: who keeps it elsewhere can prove later that nothing before it was changed. */
  readonly head: string;
}

export interface UnitQuery {
  readonly profile?: string | undefined;
  readonly state?: UnitState | undefined;
  readonly serial?: string | undefined;
  readonly failed?: boolean | undefined;
}

export interface EventQuery {
  /** Serial; empty: of the ledger itself. */
  readonly unit?: string | undefined;
  /** Events with a higher sequence. */
  readonly after?: number | undefined;
  /** The one event with this hash. */
  readonly hash?: string | undefined;
}

/**
 * What every unit holds and what happened to it. Holds no secret. All methods reject with
 * {@link FactoryError}: `ledger-busy`, `ledger-full`, `ledger-unreachable`, `ledger-damaged` (environment), `claim-lost`,
 * `order` (a state that does not follow; a fault of the program), `conflict` (input).
 */
export interface Ledger {
  /**
   * Adds the units that are not there yet, all or none. Rejects (`UnitListError` with lines) when a serial, IMEI, MAC or
   * client id of the list belongs to another unit of the ledger, or a unit there has other members or another profile.
   */
  list(units: readonly Unit[], profile: string, file: string): Promise<Listing>;
  /** What `list` would do, without doing it. */
  tryList(units: readonly Unit[], profile: string, file: string): Promise<Listing>;
  /** `undefined`: no such unit is free. Counts an attempt and records `claimed` or `taken-over`. */
  claim(wanted: Wanted, at: { readonly station: string; readonly port: string }): Promise<Claim | undefined>;
  /** Makes the claim last longer; quietly every few seconds, not an event. */
  renew(claim: Claim): Promise<void>;
  /**
   * The next state with what changes, in one transaction with its event. `used` makes the unit's certificate
   * `active` and its former one `superseded` (unless revoked). Returns the claim with the new record.
   */
  advance(claim: Claim, to: UnitState, changes?: Advance): Promise<Claim>;
  /**
   * Back to `begun`: what was made for this generation and is of no use any more is given up. Its certificate, if there is
   * one, becomes `abandoned`; key, request, draft, certificate and proofs are removed from the unit.
   */
  restart(claim: Claim, why: string): Promise<Claim>;
  /** Records why this attempt ended, and ends the claim. The state stays. */
  fail(claim: Claim, failure: { readonly code: string; readonly what: string }): Promise<void>;
  /** Ends the claim; `done` ends it by itself. */
  release(claim: Claim): Promise<void>;
  /**
   * Revokes the unit's certificate. `replace`: the unit goes back to `listed` with the next generation;
   * otherwise to `revoked`. Returns the certificate. With `replace` a unit without a certificate that is under way
   * (`begun`, `keyed`, `requested`, `issuing`) may be given up too: `undefined`, there was nothing to revoke.
   */
  revoke(
    serial: string,
    options: { readonly reason: RevocationReason; readonly replace: boolean; readonly station: string },
  ): Promise<CertificateRecord | undefined>;
  /** A fact about a unit that changes no state: `erased`, `verified`, `label`, `exported`. */
  record(
    serial: string,
    station: string,
    event: string,
    data: Readonly<Record<string, string>>,
  ): Promise<void>;

  unit(serial: string): Promise<UnitRecord | undefined>;
  /** In the order of the lists. Memory stays flat. */
  units(query?: UnitQuery): AsyncIterable<UnitRecord>;
  /** The one unit that all that is given points to; rejects with `identity-conflict` when it points to several. */
  identify(identity: Identity): Promise<UnitRecord | undefined>;
  certificate(sha256: string): Promise<CertificateRecord | undefined>;
  /** Of a unit, oldest first; without one, of all, by unit. */
  certificates(serial?: string): AsyncIterable<CertificateRecord>;
  events(query?: EventQuery): AsyncIterable<AuditEvent>;
  summary(profile?: string): Promise<Summary>;
  /**
   * Computes the whole chain again, and by its events what the tables must say: state, generation, key and certificate of
   * each unit, fate and number of each certificate. `fault`: the first thing that does not fit, in words.
   * `last`: only so many events at the chain's end, and not the tables.
   */
  verifyChain(options?: {
    readonly last?: number | undefined;
  }): Promise<{ readonly events: number; readonly head: string; readonly fault?: string }>;
  close(): Promise<void>;
}

export interface LedgerOptions {
  readonly now?: () => Date;
  /** How long a claim holds without being renewed. Default: 60,000. */
  readonly claimMs?: number;
}
