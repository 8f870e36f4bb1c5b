import type { X509Certificate } from "node:crypto";
import { describeHeld, readCredentialFile } from "../../../certs/files/read.js";
import { InputError } from "../../../certs/input-error.js";

/** All certificates of a file, in its order. `option`: who named it. @throws InputError when there is none. */
export function certificatesIn(
  file: string,
  option: string,
): readonly [X509Certificate, ...X509Certificate[]] {
  const held = readCredentialFile(file);
  const [first, ...others] = held.flatMap(one => (one.kind === "certificate" ? [one.certificate] : []));
  if (first !== undefined) return [first, ...others];
  const found = [...new Set(held.map(describeHeld))].join(" and ");
  throw new InputError({
    what: `${file} holds ${found === "" ? "nothing" : found}, and no certificate`,
    why: `${option} needs a certificate.`,
    fix: "Give the file of the certificate; were two files swapped?",
    file,
  });
}

/** The first certificate of a file. */
export function certificateIn(file: string, option: string): X509Certificate {
  return certificatesIn(file, option)[0];
}
