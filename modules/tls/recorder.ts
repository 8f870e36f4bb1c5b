import type { HandshakePlace } from "../diagnosis/failure.js";

/** Messages that are remembered: a mutual handshake of TLS 1.2 has fourteen. */
export const MESSAGES = 20;
/** Sends and reads of the module that are remembered, the last ones. */
export const TRANSFERS = 8;
/** A record announces at most 16,384 bytes and what its protection adds (RFC 5246, 6.2.3). */
const RECORD_MAX = 16_384 + 2_048;

/** What the first records show that an engine with limits will fail at. */
export type Trouble =
  /** A handshake message goes on in the next record. */
  | "split message"
  /** The server's Certificate holds one certificate. */
  | "leaf alone"
  /** A record announces more bytes than TLS allows. */
  | "record too large"
  /** What came is no TLS. */
  | "no TLS";

/** Names by type (RFC 5246, 7.4; RFC 6066); 20 is also what the first protected message is. */
const NAMES: Readonly<Record<number, string>> = Object.freeze({
  0: "HelloRequest",
  1: "ClientHello",
  2: "ServerHello",
  4: "NewSessionTicket",
  11: "Certificate",
  12: "ServerKeyExchange",
  13: "CertificateRequest",
  14: "ServerHelloDone",
  15: "CertificateVerify",
  16: "ClientKeyExchange",
  20: "Finished",
  22: "CertificateStatus",
  [0x80]: "ChangeCipherSpec",
});

export function messageName(type: number): string {
  return NAMES[type] ?? "message " + String(type);
}

const CHANGE_CIPHER_SPEC = 0x80;

/** One direction: where in a record, and in a handshake message, the stream is. */
class Track {
  /** Bytes so far. */
  offset = 0;
  /** Behind ChangeCipherSpec nothing can be read any more. */
  isProtected = false;
  /** Records of application data. */
  data = 0;
  /** Header of the record, or behind it that of a handshake message. */
  readonly header = new Uint8Array(5);
  /** Bytes of the record's header that have come. */
  headerLength = 0;
  type = 0;
  /** Bytes of the record still to come. */
  left = 0;
  /** Handshake header and the first bytes of the body, in which a Certificate tells its lengths. */
  readonly head = new Uint8Array(10);
  headLength = 0;
  /** Index of the message under way; -1: none. */
  message = -1;
  /** Bytes of it still to come. */
  messageLeft = 0;
}

/**
 * Reads the headers that pass in clear between TLS and TCP, in both directions and in pieces of any
 * size, and keeps in constant memory what a handshake was made of: messages, flights, sizes, what
 * the module had confirmed. Nothing of the contents is kept.
 */
export class FlightRecorder {
  /** Of the server's records; of the engine's. */
  readonly received = new Track();
  readonly sent = new Track();
  /** Bytes of ours that the module confirmed. */
  confirmed = 0;
  /** Messages so far, for those who show them. */
  count = 0;
  /** The flight of the last message: 1 ClientHello, then one more with each change of direction. */
  flight = 0;
  /** Alert that came or went in clear: its number, -1 for none; 256 stands for one that is protected. */
  alertReceived = -1;
  alertSent = -1;
  trouble: Trouble | undefined;
  /** Both sides have finished. */
  complete = false;
  /** The last sends (positive) and reads (negative) of the module, `transfers` in all. */
  readonly sizes = new Int16Array(TRANSFERS);
  transfers = 0;
  /** A confirmation came from below; without one, what was written counts as confirmed. */
  private confirms = false;
  /** For each message: direction and type, where it begins in its stream, its length. */
  private readonly kinds = new Uint16Array(MESSAGES);
  private readonly starts = new Uint32Array(MESSAGES);
  private readonly lengths = new Uint32Array(MESSAGES);
  private readonly flights = new Uint8Array(MESSAGES);

  /** Bytes of the engine that go to TCP. */
  onSent(bytes: Uint8Array): void {
    this.read(this.sent, bytes, true);
    if (!this.confirms) this.confirmed = this.sent.offset;
  }

  /** Bytes of the server that go to the engine. */
  onReceived(bytes: Uint8Array): void {
    this.read(this.received, bytes, false);
  }

  /** From the TCP below: a send was confirmed, or a read brought bytes. */
  onTransfer(sent: boolean, byteLength: number): void {
    if (sent) {
      if (!this.confirms) this.confirmed = 0;
      this.confirms = true;
      this.confirmed += byteLength;
    }
    this.sizes[this.transfers++ % TRANSFERS] = sent ? byteLength : -byteLength;
  }

  /** TCP below tells of confirmations: until the first, nothing counts as confirmed. */
  awaitConfirmations(): void {
    this.confirms = true;
    this.confirmed = 0;
  }

  /** Message `index`: whose, which, how long, in which flight, and how much of it is known to have arrived. */
  isSent(index: number): boolean {
    return (this.kinds[index] ?? 0) > 0xff;
  }
  typeOf(index: number): number {
    return (this.kinds[index] ?? 0) & 0xff;
  }
  lengthOf(index: number): number {
    return this.lengths[index] ?? 0;
  }
  flightOf(index: number): number {
    return this.flights[index] ?? 0;
  }
  arrivedOf(index: number): number {
    const length = this.lengthOf(index);
    if (this.isSent(index)) {
      const start = this.starts[index] ?? 0;
      return Math.max(0, Math.min(length, this.confirmed - start));
    }
    return index === this.received.message ? length - this.received.messageLeft : length;
  }

  /** The first message that has not arrived whole, or else the last one. */
  place(): HandshakePlace | undefined {
    const last = Math.min(this.count, MESSAGES) - 1;
    if (last < 0) return undefined;
    let index = 0;
    while (index < last && this.arrivedOf(index) === this.lengthOf(index)) index++;
    return Object.freeze({
      flight: this.flightOf(index),
      message: messageName(this.typeOf(index)),
      confirmedBytes: this.arrivedOf(index),
      totalBytes: this.lengthOf(index),
    });
  }

  private read(track: Track, bytes: Uint8Array, sent: boolean): void {
    let at = 0;
    while (at < bytes.length && this.trouble !== "no TLS") {
      if (track.headerLength < 5) {
        track.header[track.headerLength++] = bytes[at++] ?? 0;
        track.offset++;
        if (track.headerLength === 5) this.begin(track, sent);
      } else {
        const count = Math.min(track.left, bytes.length - at);
        if (track.type === 22 && !track.isProtected) this.handshake(track, bytes, at, at + count, sent);
        else if (track.type === 21) this.alert(track, bytes, at, at + count, sent);
        at += count;
        track.offset += count;
        track.left -= count;
        if (track.message >= 0 && track.isProtected) track.messageLeft = track.left;
      }
      if (track.headerLength === 5 && track.left === 0) this.end(track, sent);
    }
  }

  private begin(track: Track, sent: boolean): void {
    const header = track.header;
    track.type = header[0] ?? 0;
    track.left = ((header[3] ?? 0) << 8) | (header[4] ?? 0);
    if (track.type < 20 || track.type > 24 || header[1] !== 3) {
      this.trouble ??= "no TLS";
      return;
    }
    if (track.left > RECORD_MAX) this.trouble ??= "record too large";
    if (track.type === 20) this.note(track, sent, CHANGE_CIPHER_SPEC, track.left);
    // What the first protected handshake record holds is known without reading it.
    else if (track.type === 22 && track.isProtected && !this.complete) this.note(track, sent, 20, track.left);
    else if (track.type === 23) track.data++;
  }

  private end(track: Track, sent: boolean): void {
    track.headerLength = 0;
    if (track.type === 20) {
      track.isProtected = true;
      track.message = -1;
    } else if (track.type === 22 && track.isProtected) {
      track.message = -1;
      if (!sent && this.sent.isProtected) this.complete = true;
      // A resumed session ends with the client's.
      else if (sent && this.received.isProtected) this.complete = true;
    } else if (track.type === 22 && !sent && (track.messageLeft > 0 || track.headLength > 0))
      this.trouble ??= "split message";
  }

  private handshake(track: Track, bytes: Uint8Array, from: number, to: number, sent: boolean): void {
    const head = track.head;
    for (let at = from; at < to;) {
      if (track.headLength < 4 && track.messageLeft === 0) {
        head[track.headLength++] = bytes[at++] ?? 0;
        if (track.headLength === 4) {
          const body = ((head[1] ?? 0) << 16) | ((head[2] ?? 0) << 8) | (head[3] ?? 0);
          track.messageLeft = body;
          this.note(track, sent, head[0] ?? 0, body + 4, track.offset + (at - from) - 4);
          if (body === 0) this.finishMessage(track);
        }
        continue;
      }
      const count = Math.min(track.messageLeft, to - at);
      for (let i = 0; i < count && track.headLength < 10; i++) {
        head[track.headLength++] = bytes[at + i] ?? 0;
        if (track.headLength === 10 && !sent && head[0] === 11) this.lookAtChain(head);
      }
      at += count;
      track.messageLeft -= count;
      if (track.messageLeft === 0) this.finishMessage(track);
    }
  }

  private finishMessage(track: Track): void {
    track.headLength = 0;
    track.message = -1;
  }

  /** The list's length, then that of its first certificate: alone when nothing is left behind it. */
  private lookAtChain(head: Uint8Array): void {
    const list = ((head[4] ?? 0) << 16) | ((head[5] ?? 0) << 8) | (head[6] ?? 0);
    const first = ((head[7] ?? 0) << 16) | ((head[8] ?? 0) << 8) | (head[9] ?? 0);
    if (list === first + 3) this.trouble ??= "leaf alone";
  }

  private alert(track: Track, bytes: Uint8Array, from: number, to: number, sent: boolean): void {
    // Level and description, in clear; protected ones are longer.
    const end = track.left - (to - from);
    if (end > 0) return;
    const number = track.isProtected || to <= from ? 256 : (bytes[to - 1] ?? 0);
    if (sent) this.alertSent = number;
    else this.alertReceived = number;
  }

  private note(track: Track, sent: boolean, type: number, length: number, start = track.offset): void {
    const first = this.count === 0;
    const before = this.isSent(Math.min(this.count, MESSAGES) - 1);
    if (first || before !== sent) this.flight++;
    track.message = this.count;
    track.messageLeft = type === CHANGE_CIPHER_SPEC || track.isProtected ? length : track.messageLeft;
    if (this.count < MESSAGES) {
      this.kinds[this.count] = (sent ? 0x100 : 0) | type;
      this.starts[this.count] = start;
      this.lengths[this.count] = length;
      this.flights[this.count] = this.flight;
      this.count++;
    }
  }
}
