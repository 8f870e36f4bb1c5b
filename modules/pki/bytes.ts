import type { Credential } from "../io/credentials.js";

/** A credential over bytes that are already in memory or mapped from flash. */
export class BytesCredential implements Credential {
  readonly byteLength: number;
  private readonly bytes: Uint8Array;

  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
    this.byteLength = bytes.length;
  }

  read(view: Uint8Array, offset: number): number {
    const rest = this.byteLength - offset;
    if (rest <= 0) return 0;
    const count = rest < view.length ? rest : view.length;
    view.set(this.bytes.subarray(offset, offset + count));
    return count;
  }
}
