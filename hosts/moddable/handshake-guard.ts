/** A record in a buffer that grows, as the session reads it. */
export interface RecordBuffer extends ArrayBuffer {
  resize(byteLength: number): void;
}

/** The handshake does not go as TLS 1.2 says it must; `alert` is what the server is told. */
export class HandshakeError extends Error {
  readonly alert: number;

  constructor(message: string, alert: number) {
    super(message);
    this.alert = alert;
  }
}

// Content types of records.
const CHANGE_CIPHER_SPEC = 20;
const ALERT = 21;
const HANDSHAKE = 22;

// Handshake messages of a server, in the order in which they come.
const SERVER_HELLO = 2;
const CERTIFICATE = 11;
const SERVER_KEY_EXCHANGE = 12;
const CERTIFICATE_REQUEST = 13;
const SERVER_HELLO_DONE = 14;

// Alerts.
const UNEXPECTED_MESSAGE = 10;
const RECORD_OVERFLOW = 22;
const ILLEGAL_PARAMETER = 47;
const DECODE_ERROR = 50;

const HEADER = 5;
/** Longest record (RFC 5246, 6.2.1). */
const LONGEST_RECORD = 16_384 + HEADER;
/** A server's flight fits, whatever its chain; also the most that is kept of a message that is split. */
const LONGEST_MESSAGE = 16_384;

function uint24(bytes: Uint8Array, at: number): number {
  return ((bytes[at] ?? 0) << 16) | ((bytes[at + 1] ?? 0) << 8) | (bytes[at + 2] ?? 0);
}

/**
 * Stands between the records of a server and the SDK's session, as long as they are in clear, and
 * does what the session (SDK 8.2.3) leaves undone: it puts messages together that are split over
 * records, holds the server to the order of messages, and lets no key exchange pass that is not
 * signed by an algorithm that was offered. What the session would take instead: a key exchange
 * whose signature names no known algorithm, unchecked.
 */
export class HandshakeGuard {
  /** The server has sent everything that it must have sent, and everything was checked. */
  complete = false;
  private readonly onChain: (chain: readonly Uint8Array[]) => void;
  /** Records so far, as one, of a message that is not complete. */
  private pending: RecordBuffer | undefined;
  /** The last message. */
  private last = 0;
  /** The suite's key exchange is signed by the server. */
  private signed = false;
  private exchanged = false;

  /** `onChain` gets the server's certificates, and throws when it does not trust them. */
  constructor(onChain: (chain: readonly Uint8Array[]) => void) {
    this.onChain = onChain;
  }

  /** Takes a record, header included; gives what the session may see now. */
  take(record: RecordBuffer): RecordBuffer | undefined {
    if (this.complete) return record;
    const bytes = new Uint8Array(record);
    const type = bytes[0];
    if (bytes.length > LONGEST_RECORD) throw new HandshakeError("a record is too long", RECORD_OVERFLOW);
    if (type === ALERT) return record;
    if (type === CHANGE_CIPHER_SPEC) {
      if (
        this.pending !== undefined ||
        this.last !== SERVER_HELLO_DONE ||
        bytes.length !== HEADER + 1 ||
        bytes[HEADER] !== 1
      )
        throw new HandshakeError("change of cipher out of order", UNEXPECTED_MESSAGE);
      this.complete = true;
      return record;
    }
    if (type !== HANDSHAKE) throw new HandshakeError("data before the handshake is over", UNEXPECTED_MESSAGE);
    const joined = this.join(bytes) ?? record;
    this.pending = undefined;
    const whole = new Uint8Array(joined);
    let at = HEADER;
    while (at + 4 <= whole.length) {
      const end = at + 4 + uint24(whole, at + 1);
      if (end - at > LONGEST_MESSAGE) throw new HandshakeError("a message is too long", RECORD_OVERFLOW);
      if (end > whole.length) break;
      at = end;
    }
    // Nothing is looked at twice: a record whose last message is cut waits as a whole.
    if (at < whole.length) {
      this.pending = joined;
      return undefined;
    }
    for (at = HEADER; at < whole.length;) {
      const end = at + 4 + uint24(whole, at + 1);
      this.check(whole[at] ?? 0, whole.subarray(at + 4, end));
      at = end;
    }
    return joined;
  }

  /** What waits, with the payload of the new record behind it. */
  private join(bytes: Uint8Array): RecordBuffer | undefined {
    const pending = this.pending;
    if (pending === undefined) return undefined;
    const length = pending.byteLength;
    const total = length + bytes.length - HEADER;
    // Several messages may stand before the one that is cut.
    if (total > LONGEST_RECORD + LONGEST_MESSAGE)
      throw new HandshakeError("a flight is too long", RECORD_OVERFLOW);
    pending.resize(total);
    const joined = new Uint8Array(pending);
    joined.set(bytes.subarray(HEADER), length);
    joined[3] = (total - HEADER) >> 8;
    joined[4] = (total - HEADER) & 0xff;
    return pending;
  }

  private check(type: number, body: Uint8Array): void {
    const expected =
      type === SERVER_HELLO
        ? this.last === 0
        : type === CERTIFICATE
          ? this.last === SERVER_HELLO
          : type === SERVER_KEY_EXCHANGE
            ? this.last === CERTIFICATE && this.signed
            : (type === CERTIFICATE_REQUEST || type === SERVER_HELLO_DONE) &&
              this.last >= CERTIFICATE &&
              this.last < type &&
              this.exchanged === this.signed;
    if (!expected)
      throw new HandshakeError("handshake message " + String(type) + " out of order", UNEXPECTED_MESSAGE);
    this.last = type;
    if (type === SERVER_HELLO) this.hello(body);
    else if (type === CERTIFICATE) this.certificates(body);
    else if (type === SERVER_KEY_EXCHANGE) this.keyExchange(body);
  }

  private hello(body: Uint8Array): void {
    if (body[0] !== 3 || body[1] !== 3)
      throw new HandshakeError("the server does not speak TLS 1.2", 70 /* protocol_version */);
    // Version, random, session id, suite: 0x00.. is RSA (DHE is not offered), 0xC0.. ECDHE.
    this.signed = body[2 + 32 + 1 + (body[34] ?? 0)] === 0xc0;
  }

  private certificates(body: Uint8Array): void {
    const chain: Uint8Array[] = [];
    let at = 3;
    let fits = uint24(body, 0) === body.length - 3;
    while (fits && at < body.length) {
      const end = at + 3 + uint24(body, at);
      fits = end <= body.length;
      chain.push(body.subarray(at + 3, end));
      at = end;
    }
    if (!fits) throw new HandshakeError("malformed certificate message", DECODE_ERROR);
    this.onChain(chain);
  }

  /** ServerKeyExchange of ECDHE (RFC 8422, 5.4): P-256, signed with SHA-256 by RSA or ECDSA. */
  private keyExchange(body: Uint8Array): void {
    const at = 4 + (body[3] ?? 0);
    const algorithm = body[at + 1];
    const length = ((body[at + 2] ?? 0) << 8) | (body[at + 3] ?? 0);
    const signature = body.subarray(at + 4);
    if (
      body[0] !== 3 /* named curve */ ||
      body[1] !== 0 ||
      body[2] !== 23 /* secp256r1 */ ||
      body[3] !== 65 ||
      body[4] !== 4 /* uncompressed */ ||
      body[at] !== 4 /* SHA-256 */ ||
      (algorithm !== 1 /* RSA */ && algorithm !== 3) /* ECDSA */ ||
      length === 0 ||
      length !== signature.length ||
      (algorithm === 3 && !hasTwoNumbers(signature))
    )
      throw new HandshakeError("the server's key exchange is not signed as it must be", ILLEGAL_PARAMETER);
    this.exchanged = true;
  }
}

/** An ECDSA signature: a SEQUENCE of r and s. Zeros, which the session would not refuse, are found out here. */
function hasTwoNumbers(signature: Uint8Array): boolean {
  let at = 2;
  for (let i = 0; i < 2; i++) {
    const end = at + 2 + (signature[at + 1] ?? 0);
    if (signature[at] !== 2) return false;
    at += 2;
    while (at < end && signature[at] === 0) at++;
    if (at >= end) return false;
    at = end;
  }
  return signature[0] === 0x30 && at === signature.length && signature[1] === at - 2;
}
