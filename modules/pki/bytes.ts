import type { Credential } from "../io/credentials.js";

/** A credential over bytes that are already in memory or mapped from flash. */
export class BytesCredential implements Credential {
  readonly byteLength: number;
  readonly view: Uint8Array;

  constructor(bytes: Uint8Array) {
    this.view = bytes;
    this.byteLength = bytes.length;
  }

  read(view: Uint8Array, offset: number): number {
    const rest = this.byteLength - offset;
    if (rest <= 0) return 0;
    const count = rest < view.length ? rest : view.length;
    view.set(this.view.subarray(offset, offset + count));
    return count;
  }
}
