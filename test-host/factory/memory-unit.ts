import { createPrivateKey, createPublicKey, randomBytes, sign, verify } from "node:crypto";
import type { CredentialRole } from "../../modules/io/credentials.js";
import type { Holding, Present, ReadBack, Target } from "../../certs/factory/target.js";

interface Place {
  ca?: Uint8Array;
  certificate?: Uint8Array;
  key?: Uint8Array;
  pkcs8?: Uint8Array;
}

function same(a: Uint8Array | undefined, b: Uint8Array | undefined): boolean {
  return a !== undefined && b !== undefined && Buffer.compare(a, b) === 0;
}

/**
 * A unit without a line to it, for figures of everything behind the target: it keeps what it is given and
 * signs with the key that it was given.
 */
export class MemoryUnit implements Target {
  readonly kind = "device";
  readonly mac: string;
  #used: Place = {};
  #pending: Place = {};

  constructor(mac: string) {
    this.mac = mac;
  }

  connect(): Promise<Present> {
    return Promise.resolve({
      mac: this.mac,
      locked: false,
      generates: false,
      proves: true,
      used: { ...this.#used },
      pending: { ...this.#pending },
    });
  }

  begin(): Promise<void> {
    this.#pending = {};
    return Promise.resolve();
  }

  write(role: CredentialRole, bytes: Uint8Array): Promise<void> {
    const copy = Uint8Array.from(bytes);
    if (role === "key") {
      this.#pending.pkcs8 = copy;
      const key = createPrivateKey({ key: Buffer.from(copy), format: "der", type: "pkcs8" });
      this.#pending.key = Uint8Array.from(createPublicKey(key).export({ format: "der", type: "spki" }));
    } else this.#pending[role] = copy;
    return Promise.resolve();
  }

  readBack(expected: Holding): Promise<ReadBack> {
    for (const role of ["ca", "certificate", "key"] as const)
      if (expected[role] !== undefined && !same(expected[role], this.#pending[role]))
        return Promise.reject(new Error(`${role} is another`));
    return Promise.resolve({ ca: "content", certificate: "content", key: "public-key" });
  }

  prove(where: "pending" | "used", spki: Uint8Array): Promise<void> {
    const { pkcs8 } = where === "used" ? this.#used : this.#pending;
    const nonce = randomBytes(32);
    const signature = sign("sha256", nonce, {
      key: Buffer.from(pkcs8 ?? []),
      format: "der",
      type: "pkcs8",
    });
    const isRight = verify(
      "sha256",
      nonce,
      { key: Buffer.from(spki), format: "der", type: "spki" },
      signature,
    );
    return isRight ? Promise.resolve() : Promise.reject(new Error("another key"));
  }

  commit(): Promise<void> {
    this.#used = this.#pending;
    return Promise.resolve();
  }

  confirm(): Promise<void> {
    return Promise.resolve();
  }

  erase(): Promise<void> {
    return Promise.resolve();
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}
