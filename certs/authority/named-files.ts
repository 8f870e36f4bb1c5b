import type { X509Certificate } from "node:crypto";
import { describeHeld, readCredentialFile } from "../files/read.js";
import { InputError } from "../input-error.js";

/** Certificates in a file of a profile, at least one. */
export type Certificates = readonly [X509Certificate, ...X509Certificate[]];

/**
 * The certificates of a file that a profile names.
 * @param member of the profile, for messages: `brokerCa`.
 * @throws InputError when it cannot be read, one is damaged, or there is none.
 */
export function certificatesOf(file: string, member: string): Certificates {
  const held = readCredentialFile(file);
  const damaged = held.find(one => one.kind === "damaged");
  if (damaged !== undefined)
    throw new InputError({
      what: `${file}: its ${damaged.name} ${damaged.fault}`,
      why: `The profile names it in ${member}; every unit would depend on it.`,
      fix: "Copy the file again, in binary mode and whole.",
      file,
    });
  const [first, ...others] = held.flatMap(one => (one.kind === "certificate" ? [one.certificate] : []));
  if (first !== undefined) return [first, ...others];
  throw new InputError({
    what: `${file} holds ${[...new Set(held.map(describeHeld))].join(" and ")}, and no certificate`,
    why: `The profile names it in ${member}, where a certificate is needed.`,
    fix: "Name the file of the certificate; were two files swapped?",
    file,
  });
}

/**
 * The CA that devices verify the broker with: the only certificate of its file, or the only root of several.
 * @throws InputError as {@link certificatesOf}, and when it is not plain which one is meant.
 */
export function brokerCaIn(file: string): X509Certificate {
  const certificates = certificatesOf(file, "brokerCa");
  if (certificates.length === 1) return certificates[0];
  const roots = certificates.filter(one => one.ca && one.checkIssued(one) && one.verify(one.publicKey));
  const [root] = roots;
  if (root !== undefined && roots.length === 1) return root;
  throw new InputError({
    what: `${file} holds ${String(certificates.length)} certificates, ${String(roots.length)} of them roots`,
    why: "A unit stores one certificate to verify the broker with.",
    fix: "Put the one root that the broker's chain ends in into a file of its own.",
    file,
  });
}
