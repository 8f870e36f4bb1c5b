/** Flash of an engine: NOR partitions by label, as a device's partition table names them. */

const FLASH_BLOCK_BYTES = 4096;
const JOURNAL = "journal";
/** Of a credential vault's two slots, as `hosts/esp32/vault.ts` has them. */
export const VAULT_LABELS = ["esp_secure_cert", "secure_cert_b"] as const;
const JOURNAL_BYTES = 16 * FLASH_BLOCK_BYTES;

export type Partitions = Readonly<Record<string, Uint8Array>>;

/**
 * Power goes away in the middle of an operation on flash: the run ends there, as `power cut`.
 *
 * - `prefix`: bytes up to the cut are done, of the one at the cut some bits
 * - `scatter`: any bits of the whole operation are done, as when a page is programmed at once; of an
 *   erase, pieces of eight bytes are done, not done or half done, or nothing but one place is
 */
export interface PowerCut {
  /** The partition whose steps count. Absent: the steps of all of them together. */
  readonly label?: string;
  /** Steps that are still done whole: a programmed byte is one, the erasure of a block four. */
  readonly afterSteps: number;
  /** Default `prefix`. */
  readonly tear?: "prefix" | "scatter";
  /** Decides which bits are done. Default 1. */
  readonly seed?: number;
}

/** The partitions of an engine: those given, and a journal of 64 KB, erased, unless one is given. */
export function resolvePartitions(
  given: Partitions | undefined,
  journal: Uint8Array | undefined,
  powerCut: PowerCut | undefined,
): Partitions {
  if (journal && given?.[JOURNAL]) throw new TypeError("the journal's contents are given twice");
  const partitions = {
    [JOURNAL]: journal ?? new Uint8Array(JOURNAL_BYTES).fill(0xff),
    ...given,
  };
  for (const [label, { length }] of Object.entries(partitions)) {
    if (length % FLASH_BLOCK_BYTES)
      throw new RangeError(
        `partition ${label} of ${length} bytes is not made of whole blocks of ${FLASH_BLOCK_BYTES}`,
      );
  }
  if (powerCut?.label !== undefined) checkLabel(partitions, powerCut.label);
  return partitions;
}

function checkLabel(partitions: Partitions, label: string): void {
  if (!(label in partitions)) throw new RangeError(`there is no partition ${label}`);
}

/** What asking an engine for its flash is about: the journal when nothing is said. */
export function labelOf(partitions: Partitions, label: string = JOURNAL): string {
  checkLabel(partitions, label);
  return label;
}
