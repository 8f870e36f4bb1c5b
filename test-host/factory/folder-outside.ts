import { createHash, type X509Certificate } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Outside } from "../../certs/factory/line.js";

/** Name of a request's or certificate's file: of one unit there may be several, each for another key. */
function nameOf(serial: string, publicKey: Uint8Array): string {
  return `${serial}-${createHash("sha256").update(publicKey).digest("hex").slice(0, 16)}`;
}

/** Somebody else who issues, reached by a folder that both look into. */
export class FolderOutside implements Outside {
  readonly certificate: X509Certificate;
  readonly #folder: string;

  constructor(folder: string, certificate: X509Certificate) {
    this.#folder = folder;
    this.certificate = certificate;
    mkdirSync(folder, { recursive: true });
  }

  send(serial: string, request: Uint8Array): Promise<void> {
    const path = join(this.#folder, `${serial}.csr`);
    writeFileSync(`${path}.new`, request);
    renameSync(`${path}.new`, path);
    return Promise.resolve();
  }

  receive(serial: string, publicKey: Uint8Array): Promise<Uint8Array | undefined> {
    const path = join(this.#folder, `${nameOf(serial, publicKey)}.der`);
    return Promise.resolve(existsSync(path) ? Uint8Array.from(readFileSync(path)) : undefined);
  }

  /** The request of a unit, for who issues. */
  request(serial: string): Uint8Array | undefined {
    const path = join(this.#folder, `${serial}.csr`);
    return existsSync(path) ? Uint8Array.from(readFileSync(path)) : undefined;
  }

  /** Puts a certificate back. */
  reply(serial: string, publicKey: Uint8Array, certificate: Uint8Array): void {
    writeFileSync(join(this.#folder, `${nameOf(serial, publicKey)}.der`), certificate);
  }
}
