import { createPrivateKey, createPublicKey } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import type { CredentialRole } from "../../modules/io/credentials.js";
import { secureCertImage } from "../../modules/pki/secure-cert-image.js";
import { writeWhole, refuseExisting } from "../files/write.js";
import { FactoryError } from "../factory-error.js";
import { different } from "./faults.js";
import { readImage, type ImageReading } from "./read-image.js";
import type { Flaws, Holding, Present, ReadBack, Target } from "./target.js";

export interface ImageOptions {
  /** Where the image goes; `write` takes it instead of a file (a pipe to the flashing tool). */
  readonly path: string;
  readonly write?: ((image: Uint8Array) => void) | undefined;
  /** Take the place of a file that is there. */
  readonly force?: boolean | undefined;
}

const ROLES = ["ca", "certificate", "key"] as const;

/** Public half of a key in PKCS#8; `undefined`: it is none. */
function publicHalfOf(pkcs8: Uint8Array): Uint8Array | undefined {
  const der = Buffer.from(pkcs8);
  try {
    const key = createPrivateKey({ key: der, format: "der", type: "pkcs8" });
    return Uint8Array.from(createPublicKey(key).export({ format: "der", type: "spki" }));
  } catch {
    return undefined;
  } finally {
    der.fill(0);
  }
}

/** The public halves of what an image holds; the private key is overwritten. */
function holdingOf({ ca, certificate, key }: ImageReading["objects"]): {
  readonly place: Holding;
  readonly unread: Flaws;
} {
  const half = key && publicHalfOf(key);
  key?.fill(0);
  const unread = key !== undefined && half === undefined ? { key: "is no private key that can be used" } : {};
  return { place: { ca, certificate, key: half }, unread };
}

function same(a: Uint8Array | undefined, b: Uint8Array | undefined): boolean {
  return a !== undefined && b !== undefined && Buffer.compare(a, b) === 0;
}

/**
 * An image of the partition `esp_secure_cert`, made without a device. It holds the private key: the file is
 * for its owner alone, and comes into being whole, under its name, when everything is there.
 */
export class ImageTarget implements Target {
  readonly kind = "image";
  /** To a pipe the image goes last of all, and once: when it is on its way, the ledger has it in use. */
  readonly confirm?: () => Promise<void>;
  readonly #options: ImageOptions;
  readonly #objects = new Map<CredentialRole, Uint8Array>();
  /** The image that was made, or found under the name. */
  #image: Uint8Array | undefined;

  constructor(options: ImageOptions) {
    this.#options = options;
    const { write } = options;
    if (write !== undefined)
      this.confirm = () => {
        if (this.#image !== undefined) write(this.#image);
        this.#forget();
        return Promise.resolve();
      };
  }

  connect(): Promise<Present> {
    const { path, write } = this.#options;
    const isThere = write === undefined && existsSync(path);
    const { objects, flaws } = isThere ? readImage(readFileSync(path)) : { objects: {}, flaws: undefined };
    const { place, unread } = holdingOf(objects);
    return Promise.resolve({
      locked: false,
      generates: false,
      proves: false,
      flaws: flaws && { ...unread, ...flaws },
      used: place,
      pending: place,
    });
  }

  /** @throws InputError when a file is there that may not be replaced. */
  begin(): Promise<void> {
    if (this.#options.write === undefined)
      refuseExisting(this.#options.path, { force: this.#options.force ?? false });
    this.#forget();
    return Promise.resolve();
  }

  write(role: CredentialRole, bytes: Uint8Array): Promise<void> {
    this.#objects.set(role, Uint8Array.from(bytes));
    return Promise.resolve();
  }

  readBack(expected: Holding): Promise<ReadBack> {
    const { path, write } = this.#options;
    const objects = Object.fromEntries(this.#objects);
    // A file of an earlier run, which ended between the file and the ledger, holds all of it already.
    if (this.#objects.has("key")) {
      const image = this.#compose(objects);
      if (write === undefined) writeWhole(path, image, { secret: true, force: this.#options.force ?? false });
      else this.#image = image;
    }
    const { ca, certificate, key } = holdingOf(readImage(this.#image ?? readFileSync(path)).objects).place;
    if (!same(ca, expected.ca) || !same(certificate, expected.certificate) || !same(key, expected.key))
      throw different("the image holds something else than was put into it");
    return Promise.resolve({ ca: "content", certificate: "content", key: "content" });
  }

  /** The file is in its place already. */
  commit(): Promise<void> {
    return Promise.resolve();
  }

  close(): Promise<void> {
    this.#forget();
    return Promise.resolve();
  }

  #compose(objects: Readonly<Partial<Record<CredentialRole, Uint8Array>>>): Uint8Array {
    for (const role of ROLES) if (objects[role] === undefined) throw different(`the image lacks its ${role}`);
    try {
      return secureCertImage(objects);
    } catch (error) {
      throw new FactoryError(
        {
          code: "room",
          side: "unit",
          what: "the credentials do not fit into the partition esp_secure_cert",
          why: error instanceof RangeError ? error.message : "They are too large.",
          fix: "Use a P-256 key, shorter names or a smaller CA.",
        },
        { cause: error },
      );
    }
  }

  #forget(): void {
    this.#objects.get("key")?.fill(0);
    this.#objects.clear();
    this.#image?.fill(0);
    this.#image = undefined;
  }
}
