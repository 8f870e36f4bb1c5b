/** A view of one DER object: its tag, its contents, and all of it. */
interface DerObject {
  readonly tag: number;
  readonly contents: Uint8Array;
  readonly whole: Uint8Array;
}

/** What of an X.509 certificate (RFC 5280) a client must know to trust a server. Views into the certificate's bytes. */
export interface Certificate {
  /** TBSCertificate: the bytes that are signed. */
  readonly tbs: Uint8Array;
  /** Contents of the signature algorithm's OBJECT IDENTIFIER. */
  readonly algorithm: Uint8Array;
  readonly signature: Uint8Array;
  /** Names, DER; compared byte by byte. */
  readonly issuer: Uint8Array;
  readonly subject: Uint8Array;
  /** Milliseconds since 1970-01-01 UTC. */
  readonly notBefore: number;
  readonly notAfter: number;
  /** SubjectPublicKeyInfo, DER. */
  readonly key: Uint8Array;
  /** basicConstraints: may issue certificates. */
  readonly authority: boolean;
  /** Its limit of authorities below it; `undefined`: none. */
  readonly pathLength: number | undefined;
  /** The first two bytes of keyUsage, bit 0 leftmost; `undefined`: everything. */
  readonly keyUsage: number | undefined;
  /** extKeyUsage names TLS servers, or is absent. */
  readonly forServers: boolean;
  /** A critical extension that is not understood here. */
  readonly unknownCritical: boolean;
  /** subjectAltName, contents of the GeneralNames; `undefined`: absent. */
  readonly names: Uint8Array | undefined;
}

const BOOLEAN = 0x01;
const INTEGER = 0x02;
const BIT_STRING = 0x03;
const OCTET_STRING = 0x04;
const OID = 0x06;
const UTC_TIME = 0x17;
const GENERALIZED_TIME = 0x18;
const SEQUENCE = 0x30;

/** Reads DER objects one behind the other; throws at what is none. */
export class DerReader {
  private readonly bytes: Uint8Array;
  private at = 0;

  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
  }

  get more(): boolean {
    return this.at < this.bytes.length;
  }

  /** The next object's tag; 0 at the end. */
  get tag(): number {
    return this.bytes[this.at] ?? 0;
  }

  /** The next object, which must have the tag if one is given. */
  next(tag?: number): DerObject {
    const { bytes, at } = this;
    const found = bytes[at] ?? 0;
    let length = bytes[at + 1] ?? 0x80;
    let start = at + 2;
    if (length >= 0x80) {
      let count = length & 0x7f;
      // Nothing of indefinite length, and nothing of 64 KB or more.
      if (count === 0 || count > 2) throw new Error("malformed certificate");
      for (length = 0; count > 0; count--) length = (length << 8) | (bytes[start++] ?? 0);
    }
    const end = start + length;
    if (end > bytes.length || (tag !== undefined && found !== tag)) throw new Error("malformed certificate");
    this.at = end;
    return { tag: found, contents: bytes.subarray(start, end), whole: bytes.subarray(at, end) };
  }

  /** A reader of what is inside the next object. */
  into(tag: number): DerReader {
    return new DerReader(this.next(tag).contents);
  }
}

/** Milliseconds since 1970 of a Time (RFC 5280, 4.1.2.5). */
function time(object: DerObject): number {
  let text = "";
  for (let i = 0; i < object.contents.length; i++) text += String.fromCharCode(object.contents[i] ?? 0);
  if (object.tag === UTC_TIME && text.length === 13) text = (text < "50" ? "20" : "19") + text;
  else if (object.tag !== GENERALIZED_TIME) text = "";
  const day = text.slice(0, 4) + "-" + text.slice(4, 6) + "-" + text.slice(6, 8);
  const clock = text.slice(8, 10) + ":" + text.slice(10, 12) + ":" + text.slice(12, 14);
  const found = text.length === 15 && text.endsWith("Z") ? Date.parse(day + "T" + clock + "Z") : NaN;
  if (Number.isNaN(found)) throw new Error("malformed date in a certificate");
  return found;
}

export function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  let i = a.length;
  if (i !== b.length) return false;
  while (i > 0 && a[i - 1] === b[i - 1]) i--;
  return i === 0;
}

/** The contents of a BIT STRING of whole bytes. */
function bits(object: DerObject): Uint8Array {
  if (object.contents[0] !== 0) throw new Error("malformed certificate");
  return object.contents.subarray(1);
}

/** Takes a certificate apart; throws when it is none. Checks no signature. */
export function parseCertificate(der: Uint8Array): Certificate {
  const outer = new DerReader(der);
  const certificate = outer.into(SEQUENCE);
  const tbs = certificate.next(SEQUENCE);
  const algorithm = certificate.next(SEQUENCE);
  const signature = bits(certificate.next(BIT_STRING));
  const fields = new DerReader(tbs.contents);
  // Version; without one there are no extensions.
  if (fields.tag === 0xa0) fields.next();
  fields.next(INTEGER);
  // The algorithm stands inside and outside of what is signed.
  if (!sameBytes(fields.next(SEQUENCE).whole, algorithm.whole) || outer.more || certificate.more)
    throw new Error("malformed certificate");
  const issuer = fields.next(SEQUENCE).whole;
  const validity = fields.into(SEQUENCE);
  const notBefore = time(validity.next());
  const notAfter = time(validity.next());
  const subject = fields.next(SEQUENCE).whole;
  const key = fields.next(SEQUENCE).whole;
  let extensions: DerReader | undefined;
  while (fields.more) {
    const object = fields.next();
    if (object.tag === 0xa3) extensions = new DerReader(object.contents).into(SEQUENCE);
  }
  let authority = false;
  let pathLength: number | undefined;
  let keyUsage: number | undefined;
  let forServers = true;
  let unknownCritical = false;
  let names: Uint8Array | undefined;
  while (extensions?.more) {
    const extension = extensions.into(SEQUENCE);
    const id = extension.next(OID).contents;
    const critical = extension.tag === BOOLEAN && extension.next().contents[0] !== 0;
    const value = extension.into(OCTET_STRING);
    // 2.5.29.x (id-ce); others matter only where they are critical.
    const kind = id.length === 3 && id[0] === 0x55 && id[1] === 0x1d ? id[2] : 0;
    if (kind === 19) {
      const constraints = value.into(SEQUENCE);
      authority = constraints.tag === BOOLEAN && constraints.next().contents[0] !== 0;
      if (constraints.tag === INTEGER) {
        const limit = constraints.next().contents;
        pathLength = limit.length === 1 ? (limit[0] ?? 0) : 255;
      }
    } else if (kind === 15) {
      const usage = value.next(BIT_STRING).contents;
      keyUsage = ((usage[1] ?? 0) << 8) | (usage[2] ?? 0);
    } else if (kind === 17) names = value.next(SEQUENCE).contents;
    else if (kind === 37) {
      const purposes = value.into(SEQUENCE);
      forServers = false;
      while (purposes.more) {
        const purpose = purposes.next(OID).contents;
        // serverAuth 1.3.6.1.5.5.7.3.1, anyExtendedKeyUsage 2.5.29.37.0
        const text = purpose.join();
        if (text === "43,6,1,5,5,7,3,1" || text === "85,29,37,0") forServers = true;
      }
    } else if (critical) unknownCritical = true;
  }
  return {
    tbs: tbs.whole,
    algorithm: new DerReader(algorithm.contents).next(OID).contents,
    signature,
    issuer,
    subject,
    notBefore,
    notAfter,
    key,
    authority,
    pathLength,
    keyUsage,
    forServers,
    unknownCritical,
    names,
  };
}
