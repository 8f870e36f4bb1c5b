import * as asn1js from "asn1js";

/** What of a certificate both readers tell. */
export interface IndependentFields {
  readonly notBefore: number;
  readonly notAfter: number;
  readonly commonName: string;
  readonly algorithm: "RSA" | "P-256" | "other";
  readonly bits: number;
}

/** The same and what a client must know to trust a server; views as they stand in the bytes. */
export interface IndependentCertificate extends IndependentFields {
  readonly tbs: Uint8Array;
  readonly issuer: Uint8Array;
  readonly subject: Uint8Array;
  readonly key: Uint8Array;
  readonly signature: Uint8Array;
  /** Rules of DER, or of devices, that these bytes break though they can be read. */
  readonly stricter: ReadonlySet<StricterRule>;
}

/** What device code refuses and a reader of BER takes. A closed list: everything else must be refused by both. */
export const STRICTER_RULES = [
  /** A length in more bytes than it needs, or indefinite (X.690, 10.1). */
  "length",
  /** Bytes behind the certificate. */
  "trailing",
  /** A time not of the form YYMMDDHHMMSSZ or YYYYMMDDHHMMSSZ (RFC 5280, 4.1.2.5), or of a day that does not exist. */
  "time",
  /** A modulus that is negative or has zeros in front (X.690, 8.3.2). */
  "modulus",
  /** A P-256 key that is no uncompressed point. */
  "point",
] as const;
export type StricterRule = (typeof STRICTER_RULES)[number];

export class Refused extends Error {}

export type Block = asn1js.AsnType;

function rawOf(block: Block): Uint8Array {
  return new Uint8Array(block.valueBeforeDecodeView);
}

export function is(block: Block | undefined, tagClass: number, tag: number): block is Block {
  return block?.idBlock.tagClass === tagClass && block.idBlock.tagNumber === tag;
}

const UNIVERSAL = 1;
const CONTEXT = 3;

function constructed(block: Block | undefined, tag: number): readonly Block[] {
  if (!is(block, UNIVERSAL, tag) || !block.idBlock.isConstructed || !(block instanceof asn1js.Constructed))
    throw new Refused();
  return block.valueBlock.value;
}

export const sequence = (block: Block | undefined): readonly Block[] => constructed(block, 16);

export function primitive(block: Block | undefined, tag: number): Block {
  if (!is(block, UNIVERSAL, tag) || block.idBlock.isConstructed) throw new Refused();
  return block;
}

/** Contents of a primitive. */
export function contents(block: Block): Uint8Array {
  const raw = rawOf(block);
  return raw.subarray(raw.length - block.lenBlock.length);
}

const FORMS = {
  23: /^(\d{2})(\d{2})(\d{2})(\d{2})(\d{2})(\d{2})Z$/,
  24: /^(\d{4})(\d{2})(\d{2})(\d{2})(\d{2})(\d{2})Z$/,
} as const;

function seconds(block: Block | undefined, stricter: Set<StricterRule>): number {
  if (!is(block, UNIVERSAL, 23) && !is(block, UNIVERSAL, 24)) throw new Refused();
  // GeneralizedTime of asn1js is a kind of its UTCTime.
  if (!(block instanceof asn1js.UTCTime)) throw new Refused();
  const text = Buffer.from(contents(block)).toString("latin1");
  const tag = block.idBlock.tagNumber === 23 ? 23 : 24;
  const ms = block.toDate().getTime();
  const match = FORMS[tag].exec(text);
  if (match === null) stricter.add("time");
  else {
    // A day that does not exist comes out as another one.
    const [, year, month, day, hour, minute, second] = match.map(Number);
    const date = new Date(ms);
    const same =
      date.getUTCFullYear() % (tag === 23 ? 100 : 10_000) === year &&
      date.getUTCMonth() + 1 === month &&
      date.getUTCDate() === day &&
      date.getUTCHours() === hour &&
      date.getUTCMinutes() === minute &&
      date.getUTCSeconds() === second;
    if (!same) stricter.add("time");
  }
  return ms / 1_000;
}

export function oidOf(block: Block | undefined): string {
  primitive(block, 6);
  if (!(block instanceof asn1js.ObjectIdentifier)) throw new Refused();
  return block.valueBlock.toString();
}

function textOf(block: Block): string {
  const { tagClass, tagNumber, isConstructed } = block.idBlock;
  const isText = tagClass === UNIVERSAL && [12, 19, 22].includes(tagNumber) && !isConstructed;
  if (!isText || block.lenBlock.length > 256) return "";
  try {
    const text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(contents(block));
    return text.replace(/[^\P{Cc}\x80-\x9f]/gu, "?");
  } catch {
    return "";
  }
}

function commonNameOf(name: Block | undefined): string {
  let found = "";
  for (const set of sequence(name)) {
    const attribute = constructed(set, 17)[0];
    const [type, value] = sequence(attribute);
    const id = oidOf(type);
    if (value === undefined) throw new Refused();
    if (id === "2.5.4.3") found = textOf(value);
  }
  return found;
}

function keyOf(
  block: Block | undefined,
  stricter: Set<StricterRule>,
): Pick<IndependentFields, "algorithm" | "bits"> {
  const [identifier, key, ...more] = sequence(block);
  const [type, curve] = sequence(identifier);
  const id = oidOf(type);
  primitive(key, 3);
  if (key === undefined || more.length > 0) throw new Refused();
  const bits = contents(key).subarray(1);
  if (id === "1.2.840.113549.1.1.1") {
    const { offset, result } = asn1js.fromBER(Uint8Array.from(bits));
    if (offset === -1) throw new Refused();
    if (offset !== bits.length) stricter.add("trailing");
    lengths(result, stricter);
    const modulus = contents(primitive(sequence(result)[0], 2));
    const [first = 0, second = 0] = modulus;
    if (modulus.length < 2 || first >= 0x80 || (first === 0 && second < 0x80)) stricter.add("modulus");
    const from = first === 0 ? 1 : 0;
    return { algorithm: "RSA", bits: (modulus.length - from) * 8 - Math.clz32(modulus[from] ?? 0) + 24 };
  }
  if (
    id === "1.2.840.10045.2.1" &&
    curve !== undefined &&
    is(curve, UNIVERSAL, 6) &&
    oidOf(curve) === "1.2.840.10045.3.1.7"
  ) {
    if (bits.length !== 65) stricter.add("point");
    return { algorithm: "P-256", bits: 256 };
  }
  return { algorithm: "other", bits: 0 };
}

/** Lengths that are not the shortest, in any depth. */
export function lengths(block: Block, stricter: Set<StricterRule>): void {
  const { length, isIndefiniteForm } = block.lenBlock;
  const head = rawOf(block).length - length;
  const shortest = length < 0x80 ? 2 : length < 0x100 ? 3 : length < 0x10000 ? 4 : 5;
  if (isIndefiniteForm || head !== shortest) stricter.add("length");
  if (!(block instanceof asn1js.Constructed)) return;
  let size = 0;
  for (const one of block.valueBlock.value) {
    lengths(one, stricter);
    size += rawOf(one).length;
  }
  // asn1js lets an object reach beyond the one that it is in.
  if (!isIndefiniteForm && size !== length) throw new Refused();
}

function read(bytes: Uint8Array): IndependentCertificate {
  const { offset, result } = asn1js.fromBER(Uint8Array.from(bytes));
  if (offset === -1) throw new Refused();
  const stricter = new Set<StricterRule>();
  if (offset !== bytes.length) stricter.add("trailing");
  lengths(result, stricter);
  const [tbs, algorithm, signature, ...more] = sequence(result);
  if (tbs === undefined || signature === undefined || more.length > 0) throw new Refused();
  sequence(algorithm);
  const fields = [...sequence(tbs)];
  if (is(fields[0], CONTEXT, 0) && fields[0].idBlock.isConstructed) fields.shift();
  const [serial, inner, issuer, validity, subject, key] = fields;
  primitive(serial, 2);
  sequence(inner);
  sequence(issuer);
  const [from, to, ...dates] = sequence(validity);
  if (dates.length > 0 || issuer === undefined || subject === undefined || key === undefined)
    throw new Refused();
  return {
    notBefore: seconds(from, stricter),
    notAfter: seconds(to, stricter),
    commonName: commonNameOf(subject),
    ...keyOf(key, stricter),
    ...{ tbs: rawOf(tbs), issuer: rawOf(issuer), subject: rawOf(subject), key: rawOf(key) },
    signature: contents(primitive(signature, 3)).subarray(1),
    stricter,
  };
}

/** A certificate as asn1js, which knows nothing of device code, reads it; `undefined`: it refuses. */
export function readByAsn1js(bytes: Uint8Array): IndependentCertificate | undefined {
  return unlessRefused(() => read(bytes));
}

/** What `work` reads; `undefined`: it or asn1js refuses. */
export function unlessRefused<Result>(work: () => Result): Result | undefined {
  try {
    return work();
  } catch (error) {
    if (error instanceof Refused) return undefined;
    // asn1js throws at some malformed values instead of telling.
    if (error instanceof Error && (error.stack ?? "").includes("asn1js")) return undefined;
    throw error;
  }
}

/** Contents of a block, from and up to (not including) these places in the certificate. */
function placeOf(block: Block, root: Block): readonly [number, number] {
  const start = block.valueBeforeDecodeView.byteOffset - root.valueBeforeDecodeView.byteOffset;
  const end = start + block.valueBeforeDecodeView.byteLength;
  return [end - block.lenBlock.length, end];
}

/**
 * Places in a good certificate that `inspectDer` says it does not look at: algorithms, the issuer's name, values of the
 * subject but its common names, numbers of keys, extensions, signatures.
 */
export function unreadPlaces(bytes: Uint8Array): readonly (readonly [number, number])[] {
  const root = asn1js.fromBER(Uint8Array.from(bytes)).result;
  const [tbs, algorithm, signature] = sequence(root);
  const fields = sequence(tbs);
  const [version, , inner, issuer, , subject, key] = fields;
  const extensions = fields.find(one => is(one, CONTEXT, 3));
  const [identifier, bits] = sequence(key);
  const parameters = sequence(identifier).slice(1);
  const found = [
    version,
    algorithm,
    inner,
    issuer,
    signature,
    ...(extensions === undefined ? [] : [extensions]),
  ].flatMap(one => (one === undefined ? [] : [placeOf(one, root)]));
  for (const set of sequence(subject))
    for (const attribute of constructed(set, 17)) {
      const [type, value] = sequence(attribute);
      if (value === undefined) continue;
      const [start, end] = placeOf(value, root);
      // The tag of a value is anything; of the first attribute of a set alone the common name is read.
      if (oidOf(type) !== "2.5.4.3") found.push([start - 2, start - 1], [start, end]);
    }
  if (bits !== undefined) {
    const [start, end] = placeOf(bits, root);
    const isRSA = oidOf(sequence(identifier)[0]) === "1.2.840.113549.1.1.1";
    // The count of unused bits; of RSA the modulus' head decides how many bits it has.
    found.push([start, start + 1], isRSA ? [start + 12, end] : [start + 1, end]);
    if (isRSA || (parameters[0] !== undefined && !is(parameters[0], UNIVERSAL, 6)))
      for (const one of parameters) found.push(placeOf(one, root));
  }
  return found;
}

/** Last bytes of the object identifiers in the subject and of the key's kind. */
export function identifierEnds(bytes: Uint8Array): readonly number[] {
  const root = asn1js.fromBER(Uint8Array.from(bytes)).result;
  const fields = sequence(sequence(root)[0]);
  const [, , , , , subject, key] = fields;
  const types = sequence(subject).flatMap(set =>
    constructed(set, 17).flatMap(attribute => sequence(attribute).slice(0, 1)),
  );
  const kinds = sequence(sequence(key)[0]).filter(one => is(one, UNIVERSAL, 6));
  return [...types, ...kinds].map(one => placeOf(one, root)[1] - 1);
}

/**
 * Tags and lengths of what is inside the subject, the version and the key, and of the extensions: `inspectDer` goes by the objects that it
 * looks for, and what is left behind them, in the same object, is not read.
 */
export function headsWithin(bytes: Uint8Array): readonly number[] {
  const root = asn1js.fromBER(Uint8Array.from(bytes)).result;
  const fields = sequence(sequence(root)[0]);
  const [version, , , , , subject, key] = fields;
  const heads: number[] = [];
  const walk = (block: Block): void => {
    const [start] = placeOf(block, root);
    const size = rawOf(block).length - block.lenBlock.length;
    for (let count = 1; count <= size; count++) heads.push(start - count);
    if (block instanceof asn1js.Constructed) for (const one of block.valueBlock.value) walk(one);
  };
  for (const part of [version, subject, key])
    if (part instanceof asn1js.Constructed) for (const one of part.valueBlock.value) walk(one);
  // Of an RSA key the modulus is found, and nothing behind it: tags and lengths of both, four bytes each.
  const [identifier, bits] = sequence(key);
  if (bits !== undefined && oidOf(sequence(identifier)[0]) === "1.2.840.113549.1.1.1") {
    const [start] = placeOf(bits, root);
    for (let place = start + 1; place <= start + 8; place++) heads.push(place);
  }
  // What follows the key is stepped over, whatever it is.
  const last = fields[fields.length - 1];
  if (last !== key && last !== undefined) {
    const [start] = placeOf(last, root);
    for (let count = rawOf(last).length - last.lenBlock.length; count > 0; count--) heads.push(start - count);
  }
  return heads;
}
