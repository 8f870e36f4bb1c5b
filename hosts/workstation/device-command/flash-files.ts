import { mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { InputError } from "../../../certs/input-error.js";
import { VAULT_LABELS, type Partitions } from "../../../test-host/xs/partitions.js";

/** Bytes of the partitions, as `hosts/esp32/partitions.csv` has them. */
export const SIZES: Readonly<Record<string, number>> = {
  [VAULT_LABELS[0]]: 0x2000,
  [VAULT_LABELS[1]]: 0x2000,
  journal: 0x1e000,
};

/** A device's flash partitions in a folder, one file each: `LABEL.bin`. */
export class FlashFiles {
  readonly #folder: string;
  readonly #written = new Map<string, Buffer>();

  /** Throws an `InputError` when the folder cannot be used, or holds files of other sizes. */
  constructor(folder: string) {
    this.#folder = folder;
    try {
      mkdirSync(folder, { recursive: true });
    } catch (error) {
      throw unusable(folder, error);
    }
  }

  /** What the files hold; a partition without a file is erased. */
  load(): Partitions {
    const partitions: Record<string, Uint8Array> = {};
    for (const [label, size] of Object.entries(SIZES)) {
      const found = this.#read(label);
      if (found && found.length !== size)
        throw new InputError({
          what: `${label}.bin has ${String(found.length)} bytes, not ${String(size)}`,
          why: "It is not this partition's contents.",
          fix: "Name another folder, or remove the file for an erased partition.",
          file: "--flash",
        });
      if (found) this.#written.set(label, found);
      partitions[label] = found ? Uint8Array.from(found) : new Uint8Array(size).fill(0xff);
    }
    return partitions;
  }

  /** Writes what has changed; each file is whole at any time. */
  save(partitions: Partitions): void {
    for (const [label, bytes] of Object.entries(partitions)) {
      const contents = Buffer.from(bytes);
      if (this.#written.get(label)?.equals(contents)) continue;
      const path = this.#path(label);
      writeFileSync(`${path}.new`, contents, { mode: 0o600 });
      renameSync(`${path}.new`, path);
      this.#written.set(label, contents);
    }
  }

  #path(label: string): string {
    return join(this.#folder, `${label}.bin`);
  }

  #read(label: string): Buffer | undefined {
    try {
      return readFileSync(this.#path(label));
    } catch (error) {
      if (error instanceof Error && "code" in error && error.code === "ENOENT") return undefined;
      throw unusable(this.#folder, error);
    }
  }
}

function unusable(folder: string, error: unknown): InputError {
  const code = error instanceof Error && "code" in error ? String(error.code) : "unknown error";
  return new InputError({
    what: `--flash ${folder} cannot be used (${code})`,
    why: "The device's flash is kept there, one file for each partition.",
    fix: "Name a folder that this user may write to.",
    file: "--flash",
  });
}
