/** What a credential is for. */
export type CredentialRole = "ca" | "certificate" | "key";

/** A stored DER object (X.509 certificate, PKCS#8 key), read in place or in pieces, never copied whole. */
export interface Credential {
  readonly byteLength: number;
  /** The object in place, where the store can give that: mapped flash. */
  readonly view?: Uint8Array;
  /** Copies bytes from `offset` into `view`; returns how many (less than `view.length` only at the end). */
  read(view: Uint8Array, offset: number): number;
}

/** The device's credential store. `undefined`: nothing is stored for that role. */
export interface Credentials {
  /** The objects are in the modem's own file system, and nowhere else: what `open` gives stands for them and has no bytes. */
  readonly inModule?: true;
  open(role: CredentialRole): Credential | undefined;
}
