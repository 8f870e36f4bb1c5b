/**
 * The credential vault on an ESP32's flash. Verified on no hardware yet: the vault itself runs in
 * specs, on models of plain and encrypted flash; what is here type-checks against Moddable's typings.
 */
import storage from "embedded:storage/flash";
import Flash from "flash";
import type { CredentialVault } from "../../modules/io/vault.js";
import type { Host } from "../firmware/host.js";
import { SlotVault } from "../../modules/pki/vault.js";
import type { SlotFlash } from "../../modules/pki/vault-slot.js";
import { storedCredentials } from "../moddable/stored-credentials.js";

/** The label that Espressif's tools know, and that of the other slot. */
const LABEL_A = "esp_secure_cert";
const LABEL_B = "secure_cert_b";

/**
 * The partition twice: `embedded:storage/flash` writes and erases, and only copies; `flash` maps. Both
 * find partitions of the type `data` alone. ESP-IDF drops what its cache holds of a place that is
 * written or erased, so a mapped view shows what flash holds.
 */
function slot(label: string): SlotFlash {
  // The SDK's typings know nothing of typed arrays over its host buffers, which its engine takes.
  const mapped: unknown = new Flash(label).map();
  return { flash: storage.open({ path: label, mode: "r+" }), view: new Uint8Array(mapped as ArrayBuffer) };
}

/**
 * The vault over `hosts/esp32/partitions.csv`, which also gives what no slot has from the manifest's
 * `data` files. `undefined`, and a warning with the platform's words, where the partition table has not both
 * partitions, or flash cannot be read: then there are these files alone.
 */
export function deviceVault(report: Host["report"]): CredentialVault | undefined {
  try {
    return new SlotVault(slot(LABEL_A), slot(LABEL_B), storedCredentials);
  } catch (error) {
    report("warning", "vault", String(error));
    return undefined;
  }
}
