import type { CredentialRole } from "../io/credentials.js";
import { ROLES } from "./secure-cert.js";
import { SecureCertWriter } from "./secure-cert-writer.js";

/** Size of Espressif's partition. */
export const SECURE_CERT_SIZE = 0x2000;

/** What a partition is to hold: DER, by role. */
export type SecureCertObjects = { readonly [Role in CredentialRole]?: Uint8Array };

/**
 * A whole partition, erased behind its entries, for Espressif's flashing tool. It is as long as the
 * partition so that flashing it also removes the records of a slot that the device has filled itself.
 * @throws RangeError when the objects need more than `byteLength - reserved` bytes; the default leaves
 *   free what `CredentialVault` keeps for its records.
 */
export function secureCertImage(
  objects: SecureCertObjects,
  byteLength = SECURE_CERT_SIZE,
  reserved = 512,
): Uint8Array {
  const image = new Uint8Array(byteLength).fill(0xff);
  const limit = byteLength - reserved;
  const writer = new SecureCertWriter(
    {
      write(bytes, offset) {
        if (offset + bytes.byteLength > limit)
          throw new RangeError("objects of more than " + String(limit) + " bytes");
        image.set(bytes instanceof Uint8Array ? bytes : new Uint8Array(bytes), offset);
      },
    },
    0,
  );
  for (const role of ROLES) {
    const object = objects[role];
    if (object === undefined) continue;
    if (object.length === 0 || object.length > 0xffff)
      throw new RangeError(role + " of " + String(object.length) + " bytes");
    writer.open(role, object.length);
    writer.write(object);
    writer.close();
  }
  return image;
}
