import Keys from "keys";
import Timer from "timer";
import type { Credential } from "../../modules/io/credentials.js";
import type { KeyService, PrivateKey } from "../../modules/io/keys.js";

/** `host.keys`: keys that the engine's host makes and uses; the firmware holds their bytes, as on a device. */

/** More is no key: an RSA key of 4096 bits has 2.4 KB. */
const LONGEST = 4096;

/** Packed as `services.ts` has it: algorithm, length of the public key in 16 bits, public key, PKCS #8. */
class HeldKey implements PrivateKey {
  readonly algorithm: PrivateKey["algorithm"];
  readonly publicKey: Uint8Array;
  readonly pkcs8: Uint8Array;

  constructor(packed: ArrayBuffer) {
    const head = new Uint8Array(packed, 0, 3);
    const [algorithm = 0, low = 0, high = 0] = head;
    const length = low + 256 * high;
    this.algorithm = algorithm === 0 ? "ES256" : "RS256";
    this.publicKey = new Uint8Array(packed, 3, length);
    this.pkcs8 = new Uint8Array(packed, 3 + length);
  }

  sign(bytes: Uint8Array, done: (signature: Uint8Array | undefined) => void): void {
    const signature = Keys.sign(this.pkcs8, bytes);
    Timer.set(() => done(signature && new Uint8Array(signature)));
  }
}

function contents(credential: Credential): Uint8Array | undefined {
  if (credential.byteLength > LONGEST) return undefined;
  const bytes = new Uint8Array(credential.byteLength);
  for (let at = 0; at < bytes.length;) {
    const count = credential.read(bytes.subarray(at), at);
    if (!(count > 0)) return undefined;
    at += count;
  }
  return bytes;
}

export const keys: KeyService = Object.freeze({
  generate(done: (key: PrivateKey | undefined) => void): void {
    const packed = Keys.generate();
    Timer.set(() => done(packed && new HeldKey(packed)));
  },

  open(credential: Credential): PrivateKey | undefined {
    const bytes = credential.view ?? contents(credential);
    const packed = bytes && Keys.open(bytes);
    return packed && new HeldKey(packed);
  },
});
