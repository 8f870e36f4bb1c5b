/** Why an engine gives up, in its own words. */
export class TlsRefusal extends Error {}

const CHANGE_CIPHER_SPEC = 20;
const HANDSHAKE = 22;
const CERTIFICATE = 11;
export const HEADER_BYTES = 5;
const MESSAGE_HEADER_BYTES = 4;

function u24(bytes: Uint8Array, at: number): number {
  return ((bytes[at] ?? 0) << 16) | ((bytes[at + 1] ?? 0) << 8) | (bytes[at + 2] ?? 0);
}

/**
 * Reads what a server sends in clear, up to its ChangeCipherSpec, as Moddable's `ssl/record` does:
 * each record by itself, so that a handshake message must lie in one. Tells the certificates as soon
 * as they have come, since they are judged before the client answers.
 */
export class RecordInspector {
  readonly #onCertificates: (chain: readonly Uint8Array[]) => void;
  #buffered: Uint8Array = new Uint8Array(0);
  #encrypted = false;

  constructor(onCertificates: (chain: readonly Uint8Array[]) => void) {
    this.#onCertificates = onCertificates;
  }

  /** Throws a {@link TlsRefusal}. */
  push(bytes: Uint8Array): void {
    if (this.#encrypted) return;
    let rest = Buffer.concat([this.#buffered, bytes]);
    while (rest.length >= HEADER_BYTES) {
      const end = HEADER_BYTES + rest.readUInt16BE(3);
      if (rest.length < end) break;
      if (rest[0] === CHANGE_CIPHER_SPEC) {
        this.#encrypted = true;
        this.#buffered = new Uint8Array(0);
        return;
      }
      if (rest[0] === HANDSHAKE) this.#messages(rest.subarray(HEADER_BYTES, end));
      rest = rest.subarray(end);
    }
    this.#buffered = rest;
  }

  #messages(fragment: Uint8Array): void {
    for (let at = 0; at < fragment.length;) {
      const end = at + MESSAGE_HEADER_BYTES + u24(fragment, at + 1);
      // The SDK reads beyond the record here, which it throws an exception without text for.
      if (at + MESSAGE_HEADER_BYTES > fragment.length || end > fragment.length)
        throw new TlsRefusal("handshake: a message is split over records");
      if (fragment[at] === CERTIFICATE) this.#certificates(fragment.subarray(at + MESSAGE_HEADER_BYTES, end));
      at = end;
    }
  }

  #certificates(body: Uint8Array): void {
    const chain: Uint8Array[] = [];
    for (let at = 3; at + 3 <= body.length;) {
      const end = at + 3 + u24(body, at);
      if (end > body.length) throw new TlsRefusal("certificate: malformed");
      chain.push(body.slice(at + 3, end));
      at = end;
    }
    this.#onCertificates(chain);
  }
}
