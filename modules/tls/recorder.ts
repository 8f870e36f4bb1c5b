import type { HandshakePlace } from "../diagnosis/failure.js";
import type { TlsEngineLimits } from "./engine.js";

/** Messages that are remembered: a mutual handshake of TLS 1.2 has sixteen at most. */
export const MESSAGES = 20;
/** Sends and reads of the module that are remembered, the last ones. */
export const TRANSFERS = 12;
/** A record announces at most 16,384 bytes and what its protection adds (RFC 5246, 6.2.3). */
const RECORD_MAX = 16_384 + 2_048;

/** What the engine would fail at, seen before it gets there. */
export type Trouble =
  /** What came is no TLS. */
  | "no TLS"
  /** A record announces more bytes than TLS allows. */
  | "record too large"
  /** The server answers with a version before TLS 1.2. */
  | "version"
  /** The server chose a suite that was not offered. */
  | "suite"
  /** A handshake message goes on in the next record, which this engine does not put together. */
  | "split message"
  /** The server sent its certificate without any other, which this engine cannot verify. */
  | "leaf alone";

// Content types of records (RFC 5246, 6.2.1).
const CHANGE_CIPHER_SPEC = 20;
const ALERT = 21;
const HANDSHAKE = 22;
const APPLICATION_DATA = 23;

// Types of handshake messages (RFC 5246, 7.4), and two that are records of their own.
export const SERVER_HELLO = 2;
export const CERTIFICATE = 11;
export const CERTIFICATE_REQUEST = 13;
export const SERVER_HELLO_DONE = 14;
const CERTIFICATE_VERIFY = 15;
const CLIENT_KEY_EXCHANGE = 16;
/** Also what the first protected handshake record of TLS 1.2 holds. */
export const FINISHED = 20;
const CHANGE = 0x7e;
/** A handshake message of TLS 1.3, which cannot be seen. */
const PROTECTED = 0x7f;

/** Names by number, in one text: a table would take three times its byte code. */
const NAMES =
  "HelloRequest,ClientHello,ServerHello,,NewSessionTicket,,,,,,,Certificate,ServerKeyExchange," +
  "CertificateRequest,ServerHelloDone,CertificateVerify,ClientKeyExchange,,,,Finished,,CertificateStatus";

/** Level (in bits 8 to 15) and number of the last alert in clear; what stands for one that is protected. */
export const ALERT_HIDDEN = 0x1_00_00;
const FATAL = 2;

/** One direction: where its stream is in a record, and in a handshake message. */
class Track {
  /** Set in `kind` of a message: ours. */
  readonly flag: 0 | 0x80;
  /** Bytes so far. */
  offset = 0;
  /** Records of application data. */
  data = 0;
  /** The last alert: `level << 8 | number`, {@link ALERT_HIDDEN} for a protected one, 0 for none. */
  alert = 0;
  /** Behind ChangeCipherSpec nothing can be read any more; 2 when a Finished came there. */
  hidden: 0 | 1 | 2 = 0;
  /** Bytes of the record's header that have come. */
  header = 0;
  type = 0;
  /** Bytes of the record still to come; while the header comes, its last two bytes. */
  left = 0;
  /** Bytes of the handshake header that have come; 0 between messages. */
  head = 0;
  kind = 0;
  /** Bytes of the message still to come. */
  missing = 0;
  /** The last four bytes that were looked at. */
  word = 0;
  /** Place of the message under way in the log; -1: none. */
  message = -1;

  constructor(flag: 0 | 0x80) {
    this.flag = flag;
  }

  /** Number of a fatal alert in clear; -1: there was none. */
  get fatal(): number {
    return this.alert >> 8 === FATAL ? this.alert & 0xff : -1;
  }
}

/**
 * Reads the headers that pass in clear between TLS and TCP, in both directions and in pieces of any
 * size, and keeps in constant memory what a handshake was made of: messages, flights, sizes, what
 * the module had confirmed. Of contents it looks at the server's version and suite, and whether its
 * certificate comes alone; nothing of them is kept.
 */
export class FlightRecorder {
  readonly sent = new Track(0x80);
  readonly received = new Track(0);
  /** Messages so far, more than the log has room for or not. */
  total = 0;
  /** Sends and reads of the module so far; the last ones are kept. */
  transfers = 0;
  trouble: Trouble | undefined;
  /** The handshake is complete: what follows is counted only. */
  complete = false;
  /** A flight of ours has begun whose end is still to come. */
  midFlight = false;
  /** The TCP class tells what the module confirmed; otherwise what was written counts as that. */
  confirms = false;
  /** Bytes of the body of the server's message that were looked at, and a number to compare with. */
  private body = 0;
  private mark = 0;
  private readonly limits: TlsEngineLimits | undefined;
  private readonly verify: boolean;
  /**
   * For each message its offset in its stream, then its kind (8 bits) and length (24 bits); behind
   * them the bytes that the module read and those that it confirmed, and the last transfers. In one
   * array, since every property costs the engine 16 bytes.
   */
  readonly log = new Uint32Array(2 * MESSAGES + 2 + TRANSFERS);

  /** `limits`: of the engine, so that what it cannot do is seen coming. `verify`: certificates are checked. */
  constructor(limits?: TlsEngineLimits, verify = true) {
    this.limits = limits;
    this.verify = verify;
  }

  /** Bytes that the engine gives to TCP. */
  onSent(bytes: Uint8Array): void {
    this.read(this.sent, bytes);
  }

  /** Bytes of the server, before the engine sees them. */
  onReceived(bytes: Uint8Array): void {
    this.read(this.received, bytes);
  }

  /** From the TCP below: a send was confirmed, or a read brought bytes. */
  onTransfer(sent: boolean, byteLength: number): void {
    const way = sent ? 1 : 0;
    const log = this.log;
    if (sent) this.confirms = true;
    log[2 * MESSAGES + way] = (log[2 * MESSAGES + way] ?? 0) + byteLength;
    log[2 * MESSAGES + 2 + (this.transfers++ % TRANSFERS)] = byteLength * 2 + way;
  }

  /** Bytes of ours that the module has confirmed. */
  get confirmed(): number {
    return this.confirms ? (this.log[2 * MESSAGES + 1] ?? 0) : this.sent.offset;
  }

  /** Messages in the log. */
  get count(): number {
    return Math.min(this.total, MESSAGES);
  }

  // Messages, by their place in the log

  isSent(index: number): boolean {
    return ((this.log[2 * index + 1] ?? 0) & 0x8000_0000) !== 0;
  }

  kindOf(index: number): number {
    return ((this.log[2 * index + 1] ?? 0) >> 24) & 0x7f;
  }

  nameOf(index: number): string {
    const kind = this.kindOf(index);
    if (kind === CHANGE) return "ChangeCipherSpec";
    if (kind === PROTECTED) return "protected message";
    return NAMES.split(",")[kind] || "message " + String(kind);
  }

  /** Where it begins in its stream. */
  startOf(index: number): number {
    return this.log[2 * index] ?? 0;
  }

  /** Its bytes without those of records. */
  lengthOf(index: number): number {
    return (this.log[2 * index + 1] ?? 0) & 0xff_ffff;
  }

  /** As many of them as the module has confirmed, or as have come here. */
  arrivedOf(index: number): number {
    const length = this.lengthOf(index);
    if (this.isSent(index)) return Math.max(0, Math.min(length, this.confirmed - this.startOf(index)));
    return index === this.received.message ? length - this.received.missing : length;
  }

  /** 1 for ClientHello, one more with each change of direction. */
  flightOf(index: number): number {
    let flight = 1;
    for (let i = 1; i <= index; i++) if (this.isSent(i) !== this.isSent(i - 1)) flight++;
    return flight;
  }

  /** The first message that has not arrived whole, or else the last one; -1 when there is none. */
  get last(): number {
    const last = this.count - 1;
    let index = 0;
    while (index < last && this.arrivedOf(index) === this.lengthOf(index)) index++;
    return last < 0 ? last : index;
  }

  place(): HandshakePlace | undefined {
    const index = this.last;
    if (index < 0) return undefined;
    return Object.freeze({
      flight: this.flightOf(index),
      message: this.nameOf(index),
      confirmedBytes: this.arrivedOf(index),
      totalBytes: this.lengthOf(index),
    });
  }

  // Reading

  private read(track: Track, bytes: Uint8Array): void {
    const end = bytes.length;
    let at = 0;
    // Behind trouble nothing is certain any more.
    while (at < end && this.trouble === undefined) {
      const start = at;
      if (track.header < 5) this.recordByte(track, bytes[at++] ?? 0);
      else {
        const type = track.type;
        const clear = (type === HANDSHAKE || type === ALERT) && track.hidden === 0;
        if (clear && (type === ALERT || track.head < 4 || this.body < lookedAt(track))) {
          if (type === HANDSHAKE) this.handshakeByte(track, bytes[at] ?? 0);
          else track.word = (track.word << 8) | (bytes[at] ?? 0);
          at++;
        } else {
          const count = Math.min(track.left, end - at, clear ? track.missing : end);
          at += count;
          if (clear || track.message >= 0) track.missing -= count;
        }
        track.left -= at - start;
        if (track.missing === 0 && track.head >= 4) endMessage(track);
      }
      track.offset += at - start;
      if (track.header === 5 && track.left === 0) this.endRecord(track);
    }
    track.offset += end - at;
  }

  private recordByte(track: Track, byte: number): void {
    if (track.header === 0) track.type = byte;
    track.left = ((track.left << 8) | byte) & 0xffff;
    track.header++;
    const type = track.type;
    if (track.header === 2 && (type < CHANGE_CIPHER_SPEC || type > APPLICATION_DATA || byte !== 3))
      this.trouble = "no TLS";
    if (track.header < 5) return;
    const left = track.left;
    if (left > RECORD_MAX) this.trouble = "record too large";
    else if (type === CHANGE_CIPHER_SPEC) this.note(track, CHANGE, left, 1);
    else if (type === ALERT && track.flag) this.midFlight = false;
    else if (type === HANDSHAKE && track.hidden > 0) this.note(track, FINISHED, left, 1);
    else if (type === APPLICATION_DATA) {
      if (this.complete || track.hidden > 1) track.data++;
      // In TLS 1.3 the handshake goes on in such records.
      else this.note(track, PROTECTED, left, 1);
    }
  }

  private endRecord(track: Track): void {
    const type = track.type;
    track.header = 0;
    if (type === CHANGE_CIPHER_SPEC) track.hidden = 1;
    else if (type === ALERT) track.alert = track.hidden > 0 ? ALERT_HIDDEN : track.word & 0xffff;
    else if (type === HANDSHAKE && track.hidden > 0) track.hidden = 2;
    else if (type === HANDSHAKE && track.head > 0 && track.flag === 0 && this.limits?.splitMessages === false)
      this.trouble = "split message";
    if (track.head === 0) track.message = -1;
  }

  private handshakeByte(track: Track, byte: number): void {
    track.word = (track.word << 8) | byte;
    if (track.head < 4) {
      if (track.head === 0) track.kind = byte;
      track.head++;
      if (track.head === 4) {
        track.missing = track.word & 0xff_ffff;
        if (track.flag === 0) this.body = 0;
        this.note(track, track.kind, track.missing + 4, -3);
      }
      return;
    }
    track.missing--;
    this.body++;
    this.look(track);
  }

  /** At the beginning of a ServerHello and of the server's Certificate. */
  private look(track: Track): void {
    const word = track.word;
    const body = this.body;
    const limits = this.limits;
    if (track.kind === SERVER_HELLO) {
      if (body === 2 && (word & 0xffff) < 0x0303) this.trouble = "version";
      // Behind 32 random bytes the session id with its length, then the suite.
      else if (body === 35) this.mark = 37 + (word & 0xff);
      else if (body > 35 && body === this.mark && limits && !limits.suites.includes(word & 0xffff))
        this.trouble = "suite";
    } else if (body === 3) this.mark = word & 0xff_ffff;
    // The list is as long as its first certificate.
    else if (
      body === 6 &&
      this.mark === (word & 0xff_ffff) + 3 &&
      this.verify &&
      !(limits?.leafAlone ?? true)
    )
      this.trouble = "leaf alone";
  }

  /** Enters a message; it begins `ahead` bytes behind what was counted so far. */
  private note(track: Track, kind: number, length: number, ahead: number): void {
    const index = this.total;
    if (track.flag && kind !== CHANGE)
      this.midFlight = kind === CERTIFICATE || kind === CLIENT_KEY_EXCHANGE || kind === CERTIFICATE_VERIFY;
    track.message = -1;
    if (this.complete) return;
    this.total = index + 1;
    if (index >= MESSAGES) return;
    this.log[2 * index] = track.offset + ahead;
    this.log[2 * index + 1] = ((kind | track.flag) << 24) | Math.min(length, 0xff_ffff);
    track.message = index;
    if (ahead > 0) track.missing = length;
  }
}

function endMessage(track: Track): void {
  track.head = 0;
  track.message = -1;
}

/** Bytes of the message's body that are looked at, when the server sent it. */
function lookedAt(track: Track): number {
  if (track.flag) return 0;
  return track.kind === SERVER_HELLO ? 72 : track.kind === CERTIFICATE ? 6 : 0;
}
