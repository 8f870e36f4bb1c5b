import Resource from "Resource";
import type { Credential, CredentialRole, Credentials } from "../../modules/io/credentials.js";

/** A DER file among the manifest's `data`: read in place from flash. */
class StoredCredential implements Credential {
  readonly byteLength: number;
  readonly view: Uint8Array;

  constructor(name: string) {
    this.view = new Uint8Array(new Resource(name));
    this.byteLength = this.view.length;
  }

  read(view: Uint8Array, offset: number): number {
    const count = Math.max(0, Math.min(view.length, this.byteLength - offset));
    view.set(this.view.subarray(offset, offset + count));
    return count;
  }
}

/** `ca.der`, `certificate.der` and `key.der`, as far as the build had them. */
export const storedCredentials: Credentials = Object.freeze({
  open(role: CredentialRole): Credential | undefined {
    const name = role + ".der";
    return Resource.exists(name) ? new StoredCredential(name) : undefined;
  },
});
