import type { SimulationHost } from "../../xs/host.js";

/**
 * Signs in JavaScript alone, with the engine's BigInt: what a device would do without native code.
 * For measuring only: neither in constant time nor with a nonce that is worth its name.
 */

interface RsaKey {
  readonly algorithm: "RS256";
  readonly text: string;
  /** Of a private JSON Web Key (RFC 7518 §6.3.2), hexadecimal. */
  readonly p: string;
  readonly q: string;
  readonly dp: string;
  readonly dq: string;
  readonly qi: string;
}

interface EcKey {
  readonly algorithm: "ES256";
  readonly text: string;
  readonly d: string;
  readonly nonce: string;
}

function big(hex: string): bigint {
  return BigInt("0x" + hex);
}

/** FIPS 180-4: the first 32 bits of the fractions of cube and square roots of primes. */
function roots(count: number, exponent: number): Int32Array {
  const made = new Int32Array(count);
  for (let candidate = 2, found = 0; found < count; candidate++) {
    let prime = true;
    for (let divisor = 2; divisor * divisor <= candidate; divisor++)
      if (candidate % divisor === 0) prime = false;
    if (!prime) continue;
    const root = candidate ** exponent;
    made[found++] = ((root - Math.floor(root)) * 4294967296) | 0;
  }
  return made;
}

function sha256(text: string): string {
  const k = roots(64, 1 / 3);
  const state = roots(8, 1 / 2);
  const length = (text.length + 9 + 63) & ~63;
  const bytes = new Uint8Array(length);
  for (let i = 0; i < text.length; i++) bytes[i] = text.charCodeAt(i);
  bytes[text.length] = 0x80;
  const view = new DataView(bytes.buffer);
  view.setUint32(length - 4, text.length * 8);
  const w = new Int32Array(64);
  for (let at = 0; at < length; at += 64) {
    for (let i = 0; i < 16; i++) w[i] = view.getInt32(at + 4 * i);
    for (let i = 16; i < 64; i++) {
      const x = w[i - 15] ?? 0;
      const y = w[i - 2] ?? 0;
      const s0 = ((x >>> 7) | (x << 25)) ^ ((x >>> 18) | (x << 14)) ^ (x >>> 3);
      const s1 = ((y >>> 17) | (y << 15)) ^ ((y >>> 19) | (y << 13)) ^ (y >>> 10);
      w[i] = ((w[i - 16] ?? 0) + s0 + (w[i - 7] ?? 0) + s1) | 0;
    }
    let [a = 0, b = 0, c = 0, d = 0, e = 0, f = 0, g = 0, h = 0] = state;
    for (let i = 0; i < 64; i++) {
      const s1 = ((e >>> 6) | (e << 26)) ^ ((e >>> 11) | (e << 21)) ^ ((e >>> 25) | (e << 7));
      const t1 = (h + s1 + ((e & f) ^ (~e & g)) + (k[i] ?? 0) + (w[i] ?? 0)) | 0;
      const s0 = ((a >>> 2) | (a << 30)) ^ ((a >>> 13) | (a << 19)) ^ ((a >>> 22) | (a << 10));
      const t2 = (s0 + ((a & b) ^ (a & c) ^ (b & c))) | 0;
      h = g;
      g = f;
      f = e;
      e = (d + t1) | 0;
      d = c;
      c = b;
      b = a;
      a = (t1 + t2) | 0;
    }
    const after = [a, b, c, d, e, f, g, h];
    for (let i = 0; i < 8; i++) state[i] = (state[i] ?? 0) + (after[i] ?? 0);
  }
  let hex = "";
  for (const word of state) hex += (word >>> 0).toString(16).padStart(8, "0");
  return hex;
}

function power(base: bigint, exponent: bigint, modulus: bigint): bigint {
  let result = 1n;
  const bits = exponent.toString(2);
  for (let i = 0; i < bits.length; i++) {
    result = (result * result) % modulus;
    if (bits.charCodeAt(i) === 0x31) result = (result * base) % modulus;
  }
  return result;
}

/** RSASSA-PKCS1-v1_5 with SHA-256 (RFC 8017 §8.2), by the Chinese remainder theorem. */
function signRsa(key: RsaKey): string {
  const digestInfo = "3031300d060960864801650304020105000420" + sha256(key.text);
  const message = big("0001" + "ff".repeat(256 - 3 - digestInfo.length / 2) + "00" + digestInfo);
  const p = big(key.p);
  const q = big(key.q);
  const mp = power(message % p, big(key.dp), p);
  const mq = power(message % q, big(key.dq), q);
  const h = (big(key.qi) * (mp - mq + p)) % p;
  return (mq + (h < 0n ? h + p : h) * q).toString(16).padStart(512, "0");
}

/** P-256 (FIPS 186-4 D.1.2.3). */
const P = 0xffffffff00000001000000000000000000000000ffffffffffffffffffffffffn;
const N = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n;
const GX = 0x6b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296n;
const GY = 0x4fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315ececbb6406837bf51f5n;

function modulo(value: bigint, modulus: bigint): bigint {
  const rest = value % modulus;
  return rest < 0n ? rest + modulus : rest;
}

function inverse(value: bigint, modulus: bigint): bigint {
  let [low, high] = [modulo(value, modulus), modulus];
  let [x, y] = [1n, 0n];
  while (low > 1n) {
    const quotient = high / low;
    [low, high] = [high % low, low];
    [x, y] = [y - quotient * x, x];
  }
  return modulo(x, modulus);
}

/** The x coordinate of `factor` times the generator, in Jacobian coordinates. */
function multiplyGenerator(factor: bigint): bigint {
  let [x, y, z] = [GX, GY, 1n];
  const bits = factor.toString(2);
  for (let i = 1; i < bits.length; i++) {
    const delta = (z * z) % P;
    const gamma = (y * y) % P;
    const beta = (x * gamma) % P;
    const alpha = modulo(3n * (x - delta) * (x + delta), P);
    const doubledX = modulo(alpha * alpha - 8n * beta, P);
    z = modulo(2n * y * z, P);
    y = modulo(alpha * (4n * beta - doubledX) - 8n * gamma * gamma, P);
    x = doubledX;
    if (bits.charCodeAt(i) !== 0x31) continue;
    const zz = (z * z) % P;
    const h = modulo(GX * zz - x, P);
    const hh = (h * h) % P;
    const hhh = (h * hh) % P;
    const r = modulo(((GY * z) % P) * zz - y, P);
    const v = (x * hh) % P;
    x = modulo(r * r - hhh - 2n * v, P);
    y = modulo(r * (v - x) - y * hhh, P);
    z = (z * h) % P;
  }
  const reciprocal = inverse(z, P);
  return (((x * reciprocal) % P) * reciprocal) % P;
}

/** ECDSA (FIPS 186-4 §6.4); r and s side by side. */
function signEc(key: EcKey): string {
  const nonce = (big(key.nonce) % (N - 1n)) + 1n;
  const r = multiplyGenerator(nonce) % N;
  const s = (inverse(nonce, N) * ((big(sha256(key.text)) + r * big(key.d)) % N)) % N;
  return r.toString(16).padStart(64, "0") + s.toString(16).padStart(64, "0");
}

export default function main(host: SimulationHost): void {
  host.listen(text => {
    const key = JSON.parse(text) as RsaKey | EcKey;
    host.report("signature", key.algorithm === "RS256" ? signRsa(key) : signEc(key));
  });
}
