import { createPrivateKey, createPublicKey, generateKeyPairSync, sign } from "node:crypto";
import type { Credential } from "../../../modules/io/credentials.js";
import type { KeyService, PrivateKey } from "../../../modules/io/keys.js";

/** The platform's keys by OpenSSL. `later` runs what a platform does in a later turn. */
export class NodeKeys implements KeyService {
  /** Everything fails from now on. */
  broken = false;
  /** Everything throws at once from now on. */
  throws = false;
  readonly #later: (work: () => void) => void;

  constructor(later: (work: () => void) => void = setImmediate) {
    this.#later = later;
  }

  generate(done: (key: PrivateKey | undefined) => void): void {
    this.#check();
    this.#later(() => {
      const pair = generateKeyPairSync("ec", { namedCurve: "P-256" });
      done(this.broken ? undefined : this.#key(pair.privateKey.export({ format: "der", type: "pkcs8" })));
    });
  }

  open(key: Credential): PrivateKey | undefined {
    const bytes = new Uint8Array(key.byteLength);
    key.read(bytes, 0);
    return this.#key(bytes);
  }

  #check(): void {
    if (this.throws) throw new Error("no entropy");
  }

  #key(bytes: Uint8Array): PrivateKey | undefined {
    const pkcs8 = Uint8Array.from(bytes);
    try {
      const key = createPrivateKey({ key: Buffer.from(bytes), format: "der", type: "pkcs8" });
      const isRSA = key.asymmetricKeyType === "rsa";
      if (!isRSA && key.asymmetricKeyDetails?.namedCurve !== "prime256v1") return undefined;
      return {
        algorithm: isRSA ? "RS256" : "ES256",
        publicKey: Uint8Array.from(createPublicKey(key).export({ format: "der", type: "spki" })),
        pkcs8,
        sign: (signed, done) => {
          this.#check();
          this.#later(() =>
            done(
              this.broken
                ? undefined
                : Uint8Array.from(sign("sha256", signed, { key, dsaEncoding: "ieee-p1363" })),
            ),
          );
        },
      };
    } catch {
      return undefined;
    }
  }
}
