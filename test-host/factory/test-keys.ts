import type { Credential } from "../../modules/io/credentials.js";
import type { KeyService, PrivateKey } from "../../modules/io/keys.js";
import { deviceKeys } from "../../hosts/workstation/device-keys.js";

/** A simulated device's keys, by the workstation's OpenSSL; every private key that passes is remembered, to be searched for. */
export class TestKeys {
  /** PKCS#8 (DER) of all keys that were made or opened here, without doubles. */
  readonly seen = new Map<string, Uint8Array>();
  /** Keys that were made here. */
  made = 0;
  readonly service: KeyService;

  /** `dead`: power is gone, nobody is called back. */
  constructor(dead: () => boolean, generates: boolean) {
    const later = (work: () => void): void => {
      setImmediate(() => {
        if (!dead()) work();
      });
    };
    const wrap = (pkcs8: Uint8Array): PrivateKey | undefined => {
      const kept = deviceKeys.open(pkcs8);
      if (!kept) return undefined;
      this.seen.set(Buffer.from(kept.publicKey).toString("hex"), Uint8Array.from(kept.pkcs8));
      return {
        ...kept,
        sign: (bytes, done) => later(() => done(deviceKeys.sign(pkcs8, bytes))),
      };
    };
    this.service = {
      ...(generates && {
        generate: (done: (key: PrivateKey | undefined) => void) =>
          later(() => {
            this.made++;
            const made = deviceKeys.generate();
            done(made && wrap(made.pkcs8));
          }),
      }),
      open: key => this.#open(key, wrap),
    };
  }

  open(key: Credential): PrivateKey | undefined {
    return this.service.open(key);
  }

  #open(key: Credential, wrap: (pkcs8: Uint8Array) => PrivateKey | undefined): PrivateKey | undefined {
    const bytes = new Uint8Array(key.byteLength);
    key.read(bytes, 0);
    return wrap(bytes);
  }
}
