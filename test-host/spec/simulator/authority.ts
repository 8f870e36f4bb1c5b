import "reflect-metadata";
import { webcrypto } from "node:crypto";
import * as x509 from "@peculiar/x509";

export type KeyKind = "rsa" | "ec";

/** A certificate with its key, in PEM. */
export interface Identity {
  readonly certificatePem: string;
  readonly keyPem: string;
}

export interface IssueOptions {
  readonly name: string;
  readonly key?: KeyKind;
  readonly isAuthority?: boolean;
  readonly notBefore?: Date;
  readonly notAfter?: Date;
}

const algorithms = {
  rsa: {
    name: "RSASSA-PKCS1-v1_5",
    hash: "SHA-256",
    publicExponent: new Uint8Array([1, 0, 1]),
    modulusLength: 2048,
  },
  ec: { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" },
} as const;

/** Issues certificates for tests; keys are fresh in every run. */
export class Authority implements Identity {
  static #serial = 1;
  readonly certificatePem: string;
  readonly keyPem: string;
  readonly #certificate: x509.X509Certificate;
  readonly #keys: webcrypto.CryptoKeyPair;

  private constructor(certificate: x509.X509Certificate, keys: webcrypto.CryptoKeyPair, keyPem: string) {
    this.#certificate = certificate;
    this.#keys = keys;
    this.certificatePem = certificate.toString("pem");
    this.keyPem = keyPem;
  }

  static root(options: IssueOptions): Promise<Authority> {
    return Authority.#make({ ...options, isAuthority: true }, undefined);
  }

  issue(options: IssueOptions): Promise<Authority> {
    return Authority.#make(options, this);
  }

  static async #make(options: IssueOptions, issuer: Authority | undefined): Promise<Authority> {
    const algorithm = algorithms[options.key ?? "ec"];
    const keys = await webcrypto.subtle.generateKey(algorithm, true, ["sign", "verify"]);
    const subject = `CN=${options.name}`;
    const signingKey = issuer ? issuer.#keys.privateKey : keys.privateKey;
    const certificate = await x509.X509CertificateGenerator.create(
      {
        serialNumber: (Authority.#serial++).toString(16).padStart(4, "0"),
        subject,
        issuer: issuer ? issuer.#certificate.subject : subject,
        notBefore: options.notBefore ?? new Date("2020-01-01T00:00:00Z"),
        notAfter: options.notAfter ?? new Date("2049-12-31T23:59:59Z"),
        signingKey,
        signingAlgorithm: signingKey.algorithm.name === "ECDSA" ? algorithms.ec : algorithms.rsa,
        publicKey: keys.publicKey,
        extensions: [
          new x509.BasicConstraintsExtension(options.isAuthority ?? false, undefined, true),
          ...(options.isAuthority
            ? []
            : [new x509.SubjectAlternativeNameExtension([{ type: "dns", value: options.name }])]),
        ],
      },
      webcrypto,
    );
    const key = Buffer.from(await webcrypto.subtle.exportKey("pkcs8", keys.privateKey));
    return new Authority(certificate, keys, x509.PemConverter.encode(key, "PRIVATE KEY") + "\n");
  }
}
