import type { X509Certificate } from "node:crypto";
import type { TlsAcceptance } from "../check/rules.js";
import type { Issuer } from "../authority/file-authority.js";
import type { Ledger, UnitState } from "../ledger/ledger.js";
import type { Profile } from "../profile/profile.js";
import type { FactoryError } from "../factory-error.js";
import type { OpenTarget } from "./target.js";

/** Requests go out, certificates come back: somebody else issues. */
export interface Outside {
  /** The authority that is expected to issue, for the chain. */
  readonly certificate: X509Certificate;
  /** Puts the request (PKCS #10, DER) where it is fetched from; the same again is harmless. */
  send(serial: string, request: Uint8Array): Promise<void>;
  /** The certificate (DER) that came back for that public key; `undefined`: none yet. */
  receive(serial: string, publicKey: Uint8Array): Promise<Uint8Array | undefined>;
}

/** A profile with everything that it names at hand: read, checked, opened. */
export interface Recipe {
  readonly profile: Profile;
  readonly brokerCa: X509Certificate;
  readonly issuer:
    { readonly kind: "signs"; readonly by: Issuer } | { readonly kind: "outside"; readonly by: Outside };
  /** Of the issuer up to its root, the issuer first. */
  readonly chain: readonly X509Certificate[];
}

/** What became of one unit at one port. */
export type Outcome =
  /** Everything that the profile asks for was done. */
  | "done"
  /** It was done before; nothing was changed. */
  | "already"
  /** Its request is out; run again when the certificate has come. */
  | "waiting"
  | "failed"
  /** No unit of the list is left for what is at this port. */
  | "none-left";

export interface UnitResult {
  readonly port: string;
  readonly outcome: Outcome;
  /** Absent when what is there could not be told. */
  readonly serial?: string | undefined;
  readonly state?: UnitState | undefined;
  /** SHA-256 of its certificate. */
  readonly certificate?: string | undefined;
  readonly proofs: readonly string[];
  readonly error?: FactoryError | undefined;
  readonly durationMs: number;
}

export type LineEvent =
  /** A unit was recognized or taken from the list. `resumed`: the state that an earlier run left it in. */
  | { readonly event: "unit"; readonly port: string; readonly serial: string; readonly resumed: UnitState }
  /** A state was reached, and is committed in the ledger. */
  | {
      readonly event: "state";
      readonly port: string;
      readonly serial: string;
      readonly state: UnitState;
      readonly ms: number;
    }
  /** Something that people should know and that stops nothing. */
  | {
      readonly event: "notice";
      readonly port: string;
      readonly serial?: string;
      readonly code: string;
      readonly text: string;
    }
  | ({ readonly event: "result" } & UnitResult);

export interface LineOptions {
  readonly recipe: Recipe;
  readonly ledger: Ledger;
  /** Who works: told in claims and the audit trail. */
  readonly station: string;
  /** Each works on its own, at the same time. */
  readonly ports: readonly string[];
  readonly open: OpenTarget;
  /** What the TLS of the profile's module and route takes; certificates are held against it before they are written. */
  readonly accepts?: readonly TlsAcceptance[] | undefined;
  /** Replace credentials that the ledger does not know. Default: a unit that holds some is refused. */
  readonly overwrite?: boolean | undefined;
  /** The unit that is at the (only) port; default: as it is recognized, else the next of the list. */
  readonly serial?: string | undefined;
  /** After a unit wait for the next one at the same port, until nothing of the list is left. Default: one a port. */
  readonly continuous?: boolean | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly onEvent: (event: LineEvent) => void;
  readonly now?: () => Date;
  /** Waits so long, or until the signal; for `continuous`. Default: by the wall clock. */
  readonly wait?: (ms: number, signal: AbortSignal | undefined) => Promise<void>;
}
