import {
  constants,
  createHash,
  createPublicKey,
  generateKeyPairSync,
  privateEncrypt,
  sign,
  type KeyObject,
} from "node:crypto";

/** What `isSignedBy` is asked: parts of a certificate, and the issuer's key; made by OpenSSL. */
export interface SignatureVector {
  readonly name: string;
  readonly tbs: Uint8Array;
  /** Contents of the algorithm's OBJECT IDENTIFIER. */
  readonly algorithm: Uint8Array;
  readonly signature: Uint8Array;
  /** SubjectPublicKeyInfo, DER. */
  readonly key: Uint8Array;
  readonly valid: boolean;
}

// sha256/384/512WithRSAEncryption, ecdsa-with-SHA256/384/512: the last byte.
const RSA_OID = [42, 134, 72, 134, 247, 13, 1, 1];
const ECDSA_OID = [42, 134, 72, 206, 61, 4, 3];
const HASHES = ["sha256", "sha384", "sha512"] as const;

const tbs = Uint8Array.from(Buffer.from("what a certificate says of its holder"));

function spki(key: KeyObject): Uint8Array {
  return Uint8Array.from(createPublicKey(key).export({ type: "spki", format: "der" }));
}

function changed(bytes: Uint8Array, at: number): Uint8Array {
  const copy = bytes.slice();
  copy[at] = (copy[at] ?? 0) ^ 1;
  return copy;
}

/** A DER INTEGER of at most 126 bytes, as it is given. */
function integer(bytes: readonly number[]): number[] {
  return [2, bytes.length, ...bytes];
}

function sequence(...parts: readonly (readonly number[])[]): Uint8Array {
  const body = parts.flat();
  return Uint8Array.from([0x30, body.length, ...body]);
}

/** DigestInfo of SHA-256 and PKCS #1 v1.5 around it, with what can be wrong about them. */
interface Encoding {
  readonly name: string;
  readonly padding?: number;
  readonly withoutNull?: boolean;
  /** Last byte of the hash's name: 1 is SHA-256, 4 SHA-224. */
  readonly hashName?: number;
  readonly trailing?: readonly number[];
  readonly type?: number;
  readonly separator?: number;
}

function encoded(size: number, hash: Uint8Array, encoding: Encoding): Uint8Array {
  const { withoutNull = false, hashName = 1, trailing = [], type = 1, separator = 0 } = encoding;
  const algorithm = [0x30, withoutNull ? 11 : 13, 6, 9, 0x60, 0x86, 0x48, 1, 0x65, 3, 4, 2, hashName];
  if (!withoutNull) algorithm.push(5, 0);
  const info = [0x30, algorithm.length + 2 + hash.length, ...algorithm, 4, hash.length, ...hash];
  const padding = encoding.padding ?? size - 3 - info.length - trailing.length;
  const block = [0, type, ...new Array<number>(padding).fill(0xff), separator, ...info, ...trailing];
  // Garbage fills what a short padding leaves.
  while (block.length < size) block.push(0x5a);
  return Uint8Array.from(block);
}

const FORGERIES: readonly Encoding[] = [
  { name: "a padding of 8 bytes and garbage behind the hash", padding: 8 },
  { name: "no NULL beside the hash's name", withoutNull: true },
  { name: "another hash's name", hashName: 4 },
  { name: "bytes behind the hash", trailing: [0, 0] },
  { name: "block type 2", type: 2 },
  { name: "no zero before the hash", separator: 0xff },
];

function rsaVectors(): readonly SignatureVector[] {
  const { privateKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
  const small = generateKeyPairSync("rsa", { modulusLength: 1008 }).privateKey;
  const least = generateKeyPairSync("rsa", { modulusLength: 1024 }).privateKey;
  const other = generateKeyPairSync("rsa", { modulusLength: 2048 }).privateKey;
  const cubic = generateKeyPairSync("rsa", { modulusLength: 2048, publicExponent: 3 }).privateKey;
  const of = (
    name: string,
    key: KeyObject,
    valid: boolean,
    parts: Partial<SignatureVector> = {},
  ): SignatureVector => ({
    name,
    tbs,
    algorithm: Uint8Array.from([...RSA_OID, 11]),
    signature: Uint8Array.from(sign("sha256", tbs, key)),
    key: spki(key),
    valid,
    ...parts,
  });
  const good = of("RSA-2048 with sha256", privateKey, true);
  const raw = (block: Uint8Array): Uint8Array =>
    Uint8Array.from(privateEncrypt({ key: privateKey, padding: constants.RSA_NO_PADDING }, block));
  const hash = Uint8Array.from(createHash("sha256").update(tbs).digest());
  return [
    good,
    of("RSA-1024", least, true),
    of("public exponent 3", cubic, true),
    ...HASHES.slice(1).map((hashed, i) =>
      of(`RSA-2048 with ${hashed}`, privateKey, true, {
        algorithm: Uint8Array.from([...RSA_OID, 12 + i]),
        signature: Uint8Array.from(sign(hashed, tbs, privateKey)),
      }),
    ),
    of("RSA-1008", small, false),
    { ...good, name: "signed by another key", key: spki(other), valid: false },
    { ...good, name: "what is signed differs", tbs: changed(tbs, 3), valid: false },
    {
      ...good,
      name: "the first byte of the signature differs",
      signature: changed(good.signature, 0),
      valid: false,
    },
    {
      ...good,
      name: "the last byte of the signature differs",
      signature: changed(good.signature, 255),
      valid: false,
    },
    { ...good, name: "a byte less", signature: good.signature.subarray(1), valid: false },
    {
      ...good,
      name: "a byte more in front",
      signature: Uint8Array.from([0, ...good.signature]),
      valid: false,
    },
    { ...good, name: "an empty signature", signature: new Uint8Array(0), valid: false },
    { ...good, name: "zeros for a signature", signature: new Uint8Array(256), valid: false },
    { ...good, name: "named as SHA-384", algorithm: Uint8Array.from([...RSA_OID, 12]), valid: false },
    { ...good, name: "named as SHA-1", algorithm: Uint8Array.from([...RSA_OID, 5]), valid: false },
    { ...good, name: "named as SHA-224", algorithm: Uint8Array.from([...RSA_OID, 14]), valid: false },
    { ...good, name: "named as ECDSA", algorithm: Uint8Array.from([...ECDSA_OID, 2]), valid: false },
    { ...good, name: "no name", algorithm: new Uint8Array(0), valid: false },
    {
      ...good,
      name: "the encoding by hand",
      signature: raw(encoded(256, hash, { name: "" })),
    },
    ...FORGERIES.map(forgery => ({
      ...good,
      name: forgery.name,
      signature: raw(encoded(256, hash, forgery)),
      valid: false,
    })),
  ];
}

function ecdsaVectors(curve: "P-256" | "P-384", size: number): readonly SignatureVector[] {
  const { privateKey } = generateKeyPairSync("ec", { namedCurve: curve });
  const other = generateKeyPairSync("ec", { namedCurve: curve }).privateKey;
  const elsewhere = generateKeyPairSync("ec", {
    namedCurve: curve === "P-256" ? "P-384" : "P-256",
  }).privateKey;
  const key = spki(privateKey);
  const good: SignatureVector = {
    name: `${curve} with sha256`,
    tbs,
    algorithm: Uint8Array.from([...ECDSA_OID, 2]),
    signature: Uint8Array.from(sign("sha256", tbs, privateKey)),
    key,
    valid: true,
  };
  const p1363 = Uint8Array.from(sign("sha256", tbs, { key: privateKey, dsaEncoding: "ieee-p1363" }));
  const r = [0, ...p1363.subarray(0, size)];
  const s = [0, ...p1363.subarray(size)];
  const order = ORDERS[curve];
  const refused: readonly (readonly [string, Partial<SignatureVector>])[] = [
    ["signed by another key", { key: spki(other) }],
    ["a key on another curve", { key: spki(elsewhere) }],
    ["what is signed differs", { tbs: changed(tbs, 3) }],
    ["a byte of s differs", { signature: changed(good.signature, good.signature.length - 1) }],
    ["r is zero", { signature: sequence(integer([0]), integer(s)) }],
    ["s is zero", { signature: sequence(integer(r), integer([0])) }],
    ["both are zero", { signature: sequence(integer([0]), integer([0])) }],
    ["r is the order", { signature: sequence(integer(order), integer(s)) }],
    ["s is the order", { signature: sequence(integer(r), integer(order)) }],
    ["r is negative", { signature: sequence(integer([0xff]), integer(s)) }],
    ["s is empty", { signature: sequence(integer(r), integer([])) }],
    ["named as sha384", { algorithm: Uint8Array.from([...ECDSA_OID, 3]) }],
    ["named as SHA-224", { algorithm: Uint8Array.from([...ECDSA_OID, 1]) }],
    ["named as RSA", { algorithm: Uint8Array.from([...RSA_OID, 11]) }],
    // The prefix of the point, behind everything that names the curve.
    ["a compressed point", { key: key.map((byte, i) => (i === key.length - 1 - 2 * size ? 2 : byte)) }],
    ["a point cut short", { key: shortened(key) }],
  ];
  return [
    good,
    ...HASHES.slice(1).map((hashed, i) => ({
      ...good,
      name: `${curve} with ${hashed}`,
      algorithm: Uint8Array.from([...ECDSA_OID, 3 + i]),
      signature: Uint8Array.from(sign(hashed, tbs, privateKey)),
    })),
    ...refused.map(([name, parts]) => ({ ...good, ...parts, name: `${curve}: ${name}`, valid: false })),
  ];
}

/** The last byte of the point is gone; all lengths say so. */
function shortened(key: Uint8Array): Uint8Array {
  const copy = key.slice(0, -1);
  copy[1] = (copy[1] ?? 0) - 1;
  // The BIT STRING begins behind the algorithm.
  const at = 2 + 2 + (copy[3] ?? 0) + 1;
  copy[at] = (copy[at] ?? 0) - 1;
  return copy;
}

const ORDERS = {
  "P-256": [0, ...Buffer.from("ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551", "hex")],
  "P-384": [
    0,
    ...Buffer.from(
      "ffffffffffffffffffffffffffffffffffffffffffffffffc7634d81f4372ddf581a0db248b0a77aecec196accc52973",
      "hex",
    ),
  ],
} as const;

/** Signatures that must be taken, and those that must not; keys are fresh in every run. */
export function signatureVectors(): readonly SignatureVector[] {
  return [...rsaVectors(), ...ecdsaVectors("P-256", 32), ...ecdsaVectors("P-384", 48)];
}

/** RFC 6979, A.2.5, P-256 with SHA-256. */
export const RFC6979 = {
  scalar: "C9AFA9D845BA75166B5C215767B1D6934E50C3DB36E89B127B8A622B120F6721",
  signatures: [
    {
      message: "sample",
      r: "EFD48B2AACB6A8FD1140DD9CD45E81D69D2C877B56AAF991C34D0EA84EAF3716",
      s: "F7CB1C942D657C41D436C7A1B6E29F65F3E900DBB9AFF4064DC4AB2F843ACDA8",
    },
    {
      message: "test",
      r: "F1ABB023518351CD71D881567B1EA663ED3EFCF6C5132B354F28D3B0B7D38367",
      s: "019F4113742A2B14BD25926B49C649155F267E60D3814B4C0CC84250E46F0083",
    },
  ],
} as const;

/** A P-256 key in PKCS#8 (RFC 5958, RFC 5915) without its public half. */
export function pkcs8Of(scalar: Uint8Array): Uint8Array {
  const inner = sequence(integer([1]), [4, scalar.length, ...scalar]);
  const algorithm = [0x30, 19, 6, 7, 42, 134, 72, 206, 61, 2, 1, 6, 8, 42, 134, 72, 206, 61, 3, 1, 7];
  return sequence(integer([0]), algorithm, [4, inner.length, ...inner]);
}
