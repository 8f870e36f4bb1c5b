import "reflect-metadata";
import { Pkcs10CertificateRequest } from "@peculiar/x509";

/** What a request (PKCS #10) says; the signature is checked elsewhere. */
export interface RequestFacts {
  /** Its last common name; `undefined`: it has none. */
  readonly commonName: string | undefined;
  /** SubjectPublicKeyInfo, DER. */
  readonly publicKey: Uint8Array;
}

/** @throws Error when it is no request. */
export function readRequest(der: Uint8Array): RequestFacts {
  const request = new Pkcs10CertificateRequest(Uint8Array.from(der));
  return {
    commonName: request.subjectName.getField("CN").pop(),
    publicKey: new Uint8Array(request.publicKey.rawData),
  };
}
