import type { CredentialRole } from "../../modules/io/credentials.js";

/** Where credentials go. */
export type TargetKind = "modem" | "device" | "image";

/** What one place of a unit holds; certificates in DER, of keys the public half (SubjectPublicKeyInfo, DER). */
export interface Holding {
  readonly ca?: Uint8Array | undefined;
  readonly certificate?: Uint8Array | undefined;
  readonly key?: Uint8Array | undefined;
}

/** What is wrong with what is stored, in words; `whole`: with the place itself. */
export type Flaws = Readonly<Partial<Record<CredentialRole | "whole", string>>>;

/** The unit at hand, as it tells itself. Nothing of it is proved by being told. */
export interface Present {
  /** 12 capital hexadecimal digits. */
  readonly mac?: string | undefined;
  /** 15 digits. */
  readonly imei?: string | undefined;
  readonly module?: string | undefined;
  readonly firmware?: string | undefined;
  /** Nothing can be written any more. */
  readonly locked: boolean;
  /** It can make a key itself. */
  readonly generates: boolean;
  /** It can sign a nonce. */
  readonly proves: boolean;
  /** False: it cannot tell what it holds, so that `used` and `pending` are empty whatever is there. Default: it can. */
  readonly tells?: boolean | undefined;
  /** Empty: nothing is wrong. Absent: it was not looked at byte by byte, as only an image is. */
  readonly flaws?: Flaws | undefined;
  /** What its application takes its credentials from. */
  readonly used: Holding;
  /** What is being filled, left by an earlier run. Equal to `used` where there is one place alone. */
  readonly pending: Holding;
}

/** How a role was compared with what had been sent. */
export type ReadBackBy =
  /** Read back whole. */
  | "content"
  /** The unit tells the public half of a key, or signs with it. */
  | "public-key"
  /** The module's checksum over what it took. */
  | "checksum"
  /** The module's count of bytes, and nothing better: a BC66. */
  | "byte-count";

/** What was found equal, and how. */
export type ReadBack = Readonly<Partial<Record<CredentialRole, ReadBackBy>>>;

/** A handshake that the unit has done. */
export interface Handshake {
  /** `HOST:PORT`. */
  readonly broker: string;
  /** Whatever else is known of it, for the ledger: `suite`, `version`. Never a secret. */
  readonly facts: Readonly<Record<string, string>>;
}

/**
 * One unit at one port, or an image. All methods reject with {@link FactoryError}s and may be repeated
 * after a failure of the line: what is whole in the unit stays. Only one is under way at a time.
 */
export interface Target {
  readonly kind: TargetKind;
  /** Speaks to the unit anew and tells what is there; the first call, and after a failure. */
  connect(): Promise<Present>;
  /** Erases the place that is to be filled, whatever it holds. */
  begin(): Promise<void>;
  /** Has the unit make a key in that place. Absent: it cannot. Returns the public half. */
  generate?(): Promise<Uint8Array>;
  /**
   * A request (PKCS #10, DER) for a common name, signed by the key in that place, which must be `key` (public half): whoever
   * cannot sign with it gets no certificate for it. Absent: it cannot.
   */
  request?(commonName: string, key: Uint8Array): Promise<Uint8Array>;
  /**
   * Writes an object into that place: certificates in DER, a key in PKCS#8 (DER), which the caller
   * overwrites afterwards. What an interrupted call has left of the same object is continued or replaced.
   */
  write(role: CredentialRole, bytes: Uint8Array): Promise<void>;
  /** Compares everything in that place with what it should hold; rejects with `different` when something is not. */
  readBack(expected: Holding): Promise<ReadBack>;
  /** Has the unit sign a fresh nonce with that key, and checks it. Absent: it cannot sign. */
  prove?(where: "pending" | "used", key: Uint8Array): Promise<void>;
  /** Puts the place in use. Repeating it after it was done is harmless. */
  commit(): Promise<void>;
  /**
   * A TLS handshake with client authentication from the unit, with what is in use now. `broker`: `HOST:PORT`;
   * a device goes to the broker that it was built for. Rejects with `handshake` and the unit's own cause.
   */
  handshake?(broker: string): Promise<Handshake>;
  /** The last word after all proofs: ends the trial where no handshake does. Absent: there is nothing to say. */
  confirm?(): Promise<void>;
  /** For ever. Absent: it cannot be locked. */
  lock?(): Promise<void>;
  /**
   * `former`: what the unit held before and does not use any more; `all`: everything. Erases and looks
   * that it is gone. Absent: nothing can be erased.
   */
  erase?(what: "former" | "all"): Promise<void>;
  /** Gives the port back. */
  close(): Promise<void>;
}

/** Opens ports. `port`: a path, or `tcp:HOST:PORT`. Rejects with a {@link FactoryError} of the environment. */
export type OpenTarget = (port: string) => Promise<Target>;
