import "reflect-metadata";
import { Pkcs10CertificateRequest, X509CertificateGenerator } from "@peculiar/x509";
import { createPrivateKey, webcrypto } from "node:crypto";
import type { Authority } from "../../../certs/issue.js";
import type { WantedIssued } from "../../../hosts/workstation/provisioning/fill.js";
import { isIssuedBy } from "../../../hosts/workstation/provisioning/proof.js";

/** A certificate for a request, by an authority; the same one each time for the same key and name, as a ledger keeps them. */
export function issueFor(authority: Authority): (request: Uint8Array) => Promise<Uint8Array> {
  const issued = new Map<string, Uint8Array>();
  return async request => {
    const read = new Pkcs10CertificateRequest(Uint8Array.from(request));
    const id = `${read.subject} ${Buffer.from(read.publicKey.rawData).toString("hex")}`;
    const known = issued.get(id);
    if (known) return known;
    const pkcs8 = createPrivateKey({ key: Buffer.from(authority.key), format: "der", type: "pkcs8" }).export({
      format: "der",
      type: "pkcs8",
    });
    const algorithm = { name: "ECDSA", namedCurve: "P-256" };
    const made = await X509CertificateGenerator.create({
      subject: read.subjectName,
      issuer: `CN=${authority.commonName}`,
      notBefore: new Date(Date.now() - 86_400_000),
      notAfter: new Date(Date.now() + 365 * 86_400_000),
      publicKey: read.publicKey,
      signingKey: await webcrypto.subtle.importKey("pkcs8", pkcs8, algorithm, false, ["sign"]),
      signingAlgorithm: { name: "ECDSA", hash: "SHA-256" },
    });
    const certificate = new Uint8Array(made.rawData);
    issued.set(id, certificate);
    return certificate;
  };
}

/** What `fill` wants to know of an authority that issues, and whose certificates may stay. */
export function issuing(authority: Authority): Pick<WantedIssued, "certificate" | "accept"> {
  return {
    certificate: issueFor(authority),
    accept: certificate => isIssuedBy(authority.certificate, certificate),
  };
}
