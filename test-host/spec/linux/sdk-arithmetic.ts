/**
 * Stands in for the SDK's arithmetic (`modules/crypt`), by whole numbers of the language: what it is asked
 * for by `hosts/moddable`, and no stricter than it. RFC 8017, FIPS 186-5, SEC 1.
 */
import { createHash } from "node:crypto";

function numberOf(bytes: Uint8Array | ArrayBuffer): bigint {
  return BigInt(
    `0x0${Buffer.from(bytes instanceof Uint8Array ? bytes : new Uint8Array(bytes)).toString("hex")}`,
  );
}

function bytesOf(value: bigint, byteLength: number): Uint8Array {
  return Uint8Array.from(Buffer.from(value.toString(16).padStart(2 * byteLength, "0"), "hex"));
}

function bufferOf(bytes: Uint8Array): ArrayBuffer {
  return Uint8Array.from(bytes).buffer;
}

function power(base: bigint, exponent: bigint, modulus: bigint): bigint {
  let result = 1n;
  for (let at = base % modulus, left = exponent; left > 0n; left >>= 1n) {
    if (left & 1n) result = (result * at) % modulus;
    at = (at * at) % modulus;
  }
  return result;
}

function mod(value: bigint, modulus: bigint): bigint {
  const rest = value % modulus;
  return rest < 0n ? rest + modulus : rest;
}

/** The modulus is a prime. */
function inverse(value: bigint, modulus: bigint): bigint {
  return power(mod(value, modulus), modulus - 2n, modulus);
}

type Point = readonly [x: bigint, y: bigint] | undefined;

// p, b, n, and the base point (SP 800-186, 3.2.1); a is -3.
const CURVES = {
  secp256r1: [
    0xffffffff00000001000000000000000000000000ffffffffffffffffffffffffn,
    0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n,
    0x6b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296n,
    0x4fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315ececbb6406837bf51f5n,
  ],
  secp384r1: [
    0xfffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffeffffffff0000000000000000ffffffffn,
    0xffffffffffffffffffffffffffffffffffffffffffffffffc7634d81f4372ddf581a0db248b0a77aecec196accc52973n,
    0xaa87ca22be8b05378eb1c71ef320ad746e1d3b628ba79b9859f741e082542a385502f25dbf55296c3a545e3872760ab7n,
    0x3617de4a96262c6f5d9e98bf9292dc29f8f41dbd289a147ce9da3113b5f0b8c00a60b1ce1d7e819d7a431d7c90ea0e5fn,
  ],
} as const;

export class Curve {
  readonly p: bigint;
  readonly n: bigint;
  readonly base: Point;
  readonly size: number;
  k: bigint | undefined;

  constructor(name: keyof typeof CURVES) {
    const [p, n, x, y] = CURVES[name];
    this.p = p;
    this.n = n;
    this.base = [x, y];
    this.size = name === "secp256r1" ? 32 : 48;
  }

  add(a: Point, b: Point): Point {
    if (a === undefined) return b;
    if (b === undefined) return a;
    const p = this.p;
    const [ax, ay] = a;
    const [bx, by] = b;
    if (ax === bx && mod(ay + by, p) === 0n) return undefined;
    const slope = ax === bx ? (3n * ax * ax - 3n) * inverse(2n * ay, p) : (by - ay) * inverse(bx - ax, p);
    const x = mod(slope * slope - ax - bx, p);
    return [x, mod(slope * (ax - x) - ay, p)];
  }

  multiply(point: Point, by: bigint): Point {
    let result: Point;
    for (let at = point, left = by; left > 0n; left >>= 1n) {
      if (left & 1n) result = this.add(result, at);
      at = this.add(at, at);
    }
    return result;
  }

  dh(key: ArrayBuffer): ArrayBuffer {
    const [x, y] = this.multiply(this.base, numberOf(key)) ?? [0n, 0n];
    return bufferOf(Uint8Array.of(4, ...bytesOf(x, this.size), ...bytesOf(y, this.size)));
  }
}

export class ECPoint {
  readonly at: Point;

  private constructor(at: Point) {
    this.at = at;
  }

  static fromOctetString(bytes: Uint8Array): ECPoint {
    const size = (bytes.length - 1) / 2;
    return new ECPoint([numberOf(bytes.subarray(1, 1 + size)), numberOf(bytes.subarray(1 + size))]);
  }
}

export class ECDSA {
  readonly #key: ECPoint | bigint;
  readonly #curve: Curve;

  constructor(key: ECPoint | bigint, curve: Curve) {
    this.#key = key;
    this.#curve = curve;
  }

  verify(hash: ArrayBuffer, signature: Uint8Array): boolean {
    const curve = this.#curve;
    if (typeof this.#key === "bigint") throw new Error("a private key");
    const first = signature[3] ?? 0;
    const r = numberOf(signature.subarray(4, 4 + first));
    const s = numberOf(signature.subarray(6 + first));
    const w = inverse(s, curve.n);
    const sum = curve.add(
      curve.multiply(curve.base, mod(numberOf(hash) * w, curve.n)),
      curve.multiply(this.#key.at, mod(r * w, curve.n)),
    );
    return sum !== undefined && mod(sum[0], curve.n) === r;
  }

  sign(hash: ArrayBuffer): ArrayBuffer {
    const curve = this.#curve;
    const k = curve.k;
    if (k === undefined || typeof this.#key !== "bigint")
      throw new Error("a secret number and a private key are wanted");
    const r = mod(curve.multiply(curve.base, k)?.[0] ?? 0n, curve.n);
    const s = mod(inverse(k, curve.n) * (numberOf(hash) + r * this.#key), curve.n);
    return bufferOf(Uint8Array.of(...bytesOf(r, curve.size), ...bytesOf(s, curve.size)));
  }
}

export class RSA {
  readonly #exponent: bigint;
  readonly #modulus: bigint;

  constructor(exponent: bigint, modulus: bigint) {
    this.#exponent = exponent;
    this.#modulus = modulus;
  }

  process(value: bigint): bigint {
    return power(value, this.#exponent, this.#modulus);
  }
}

export class Digest {
  readonly #hash;

  constructor(name: string) {
    this.#hash = createHash(name);
  }

  write(bytes: Uint8Array): void {
    this.#hash.update(bytes);
  }

  close(): ArrayBuffer {
    return bufferOf(this.#hash.digest());
  }
}

/** XS's additions to the language. */
export function installXSNumbers(): void {
  Object.assign(BigInt, { fromArrayBuffer: (bytes: ArrayBuffer) => numberOf(bytes) });
  Object.assign(ArrayBuffer, {
    fromBigInt: (value: bigint, least: number) => bufferOf(bytesOf(value, least)),
  });
}
