/** Why an engine gives up, in its own words. */
export class TlsRefusal extends Error {
  /** What the server is told of it (RFC 5246 §7.2), if anything. */
  readonly alert: number | undefined;

  constructor(message: string, alert?: number) {
    super(message);
    this.alert = alert;
  }
}

const CHANGE_CIPHER_SPEC = 20;
const HANDSHAKE = 22;
const CERTIFICATE = 11;
export const HEADER_BYTES = 5;
const MESSAGE_HEADER_BYTES = 4;

const EMPTY = Buffer.alloc(0);

function u24(bytes: Uint8Array, at: number): number {
  return ((bytes[at] ?? 0) << 16) | ((bytes[at + 1] ?? 0) << 8) | (bytes[at + 2] ?? 0);
}

/**
 * Reads what a server of TLS 1.2 sends in clear, up to its ChangeCipherSpec, and tells the
 * certificates as soon as they have come, since they are judged before the client answers. Without
 * `splitMessages` as Moddable's `ssl/record` does it: each record by itself, so that a handshake
 * message must lie in one.
 */
export class RecordInspector {
  readonly #splitMessages: boolean;
  readonly #onCertificates: (chain: readonly Uint8Array[]) => void;
  #buffered = EMPTY;
  /** The begin of a message that is split. */
  #message = EMPTY;
  #encrypted = false;

  constructor(splitMessages: boolean, onCertificates: (chain: readonly Uint8Array[]) => void) {
    this.#splitMessages = splitMessages;
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
        this.#buffered = this.#message = EMPTY;
        return;
      }
      if (rest[0] === HANDSHAKE) this.#messages(rest.subarray(HEADER_BYTES, end));
      rest = rest.subarray(end);
    }
    this.#buffered = rest;
  }

  #messages(fragment: Uint8Array): void {
    const bytes = Buffer.concat([this.#message, fragment]);
    let at = 0;
    while (at < bytes.length) {
      const end = at + MESSAGE_HEADER_BYTES + u24(bytes, at + 1);
      if (at + MESSAGE_HEADER_BYTES > bytes.length || end > bytes.length) break;
      if (bytes[at] === CERTIFICATE) this.#certificates(bytes.subarray(at + MESSAGE_HEADER_BYTES, end));
      at = end;
    }
    // The SDK reads beyond the record here, and throws an exception without text.
    if (at < bytes.length && !this.#splitMessages)
      throw new TlsRefusal("handshake: a message is split over records");
    this.#message = bytes.subarray(at);
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
