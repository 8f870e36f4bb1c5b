import "reflect-metadata";
import {
  AuthorityKeyIdentifierExtension,
  BasicConstraintsExtension,
  ExtendedKeyUsage,
  ExtendedKeyUsageExtension,
  type Extension,
  KeyUsageFlags,
  KeyUsagesExtension,
  Name,
  SubjectAlternativeNameExtension,
  SubjectKeyIdentifierExtension,
  X509CertificateGenerator,
} from "@peculiar/x509";
import { webcrypto } from "node:crypto";
import { isIP } from "node:net";
import { toPem } from "./pem-text.js";

/** `RSA-1024`, `P-384` are for tests of what a device refuses. */
export type KeyKind = "P-256" | "RSA-2048" | "RSA-4096" | "RSA-1024" | "P-384";

/** A certificate and its private key. */
export interface Issued {
  readonly commonName: string;
  /** X.509, DER. */
  readonly certificate: Uint8Array;
  /** PKCS#8, DER. */
  readonly key: Uint8Array;
  readonly certificatePem: string;
  readonly keyPem: string;
  /** The certificate, then its issuers without the root, as a server sends them. */
  readonly chainPem: string;
}

export interface IssueOptions {
  readonly commonName: string;
  /** Default: P-256, about a millisecond; RSA-2048 takes about 200 ms. */
  readonly key?: KeyKind;
  /** Default: a day ago. */
  readonly notBefore?: Date;
  /** Default: in a year. */
  readonly notAfter?: Date;
}

export interface ServerOptions extends IssueOptions {
  /** Names and IP addresses that the certificate is for. Default: the common name. */
  readonly names?: readonly string[];
}

const DAY_MS = 86_400_000;

function signingAlgorithm(kind: KeyKind): { name: string; hash: string } {
  return { name: kind.startsWith("P-") ? "ECDSA" : "RSASSA-PKCS1-v1_5", hash: "SHA-256" };
}

async function generateKeys(kind: KeyKind): Promise<webcrypto.CryptoKeyPair> {
  if (kind === "P-256" || kind === "P-384") {
    return webcrypto.subtle.generateKey({ name: "ECDSA", namedCurve: kind }, true, ["sign", "verify"]);
  }
  const modulusLength = Number(kind.slice(4));
  return webcrypto.subtle.generateKey(
    { name: "RSASSA-PKCS1-v1_5", hash: "SHA-256", modulusLength, publicExponent: Uint8Array.of(1, 0, 1) },
    true,
    ["sign", "verify"],
  );
}

/** Who signs: the issuing authority, or the new authority itself. */
interface Signer {
  readonly commonName: string;
  readonly keys: webcrypto.CryptoKeyPair;
  readonly kind: KeyKind;
  /** What an issued certificate is sent with. */
  readonly chainPem: string;
}

/** As a typed string: in any other form characters such as quotes have a meaning. */
function nameOf(commonName: string): Name {
  return new Name([{ CN: [{ utf8String: commonName }] }]);
}

async function issue(
  options: IssueOptions,
  keys: webcrypto.CryptoKeyPair,
  signer: Signer,
  extensions: readonly Extension[],
): Promise<Issued> {
  const now = Date.now();
  const made = await X509CertificateGenerator.create({
    subject: nameOf(options.commonName),
    issuer: nameOf(signer.commonName),
    notBefore: options.notBefore ?? new Date(now - DAY_MS),
    notAfter: options.notAfter ?? new Date(now + 365 * DAY_MS),
    publicKey: keys.publicKey,
    signingKey: signer.keys.privateKey,
    signingAlgorithm: signingAlgorithm(signer.kind),
    extensions: [
      ...extensions,
      await SubjectKeyIdentifierExtension.create(keys.publicKey),
      await AuthorityKeyIdentifierExtension.create(signer.keys.publicKey),
    ],
  });
  const certificate = new Uint8Array(made.rawData);
  const key = new Uint8Array(await webcrypto.subtle.exportKey("pkcs8", keys.privateKey));
  const certificatePem = toPem(certificate, "CERTIFICATE");
  return {
    commonName: options.commonName,
    certificate,
    key,
    certificatePem,
    keyPem: toPem(key, "PRIVATE KEY"),
    chainPem: certificatePem + signer.chainPem,
  };
}

function authorityExtensions(): Extension[] {
  return [
    new BasicConstraintsExtension(true, undefined, true),
    new KeyUsagesExtension(KeyUsageFlags.keyCertSign | KeyUsageFlags.cRLSign, true),
  ];
}

function leafExtensions(kind: KeyKind, usage: ExtendedKeyUsage): Extension[] {
  // Key encipherment: TLS with static RSA, the only key exchange that some modules know.
  const usages = kind.startsWith("RSA")
    ? new KeyUsagesExtension(KeyUsageFlags.digitalSignature | KeyUsageFlags.keyEncipherment, true)
    : new KeyUsagesExtension(KeyUsageFlags.digitalSignature, true);
  return [
    new BasicConstraintsExtension(false, undefined, true),
    usages,
    new ExtendedKeyUsageExtension([usage]),
  ];
}

/** A certificate authority that lives in memory. */
export class Authority implements Issued {
  readonly commonName: string;
  readonly certificate: Uint8Array;
  readonly key: Uint8Array;
  readonly certificatePem: string;
  readonly keyPem: string;
  readonly chainPem: string;
  readonly #signer: Signer;

  private constructor(issued: Issued, signer: Signer) {
    this.commonName = issued.commonName;
    this.certificate = issued.certificate;
    this.key = issued.key;
    this.certificatePem = issued.certificatePem;
    this.keyPem = issued.keyPem;
    this.chainPem = issued.chainPem;
    this.#signer = signer;
  }

  /** A root: a self-signed CA certificate. */
  static async create(options: IssueOptions): Promise<Authority> {
    const kind = options.key ?? "P-256";
    const keys = await generateKeys(kind);
    // A server does not send the root: whoever verifies has it.
    const signer: Signer = { commonName: options.commonName, keys, kind, chainPem: "" };
    return new Authority(await issue(options, keys, signer, authorityExtensions()), signer);
  }

  /** An intermediate authority under this one. */
  async authority(options: IssueOptions): Promise<Authority> {
    const kind = options.key ?? "P-256";
    const keys = await generateKeys(kind);
    const issued = await issue(options, keys, this.#signer, authorityExtensions());
    const { commonName, chainPem } = issued;
    return new Authority(issued, { commonName, keys, kind, chainPem });
  }

  /** A TLS server's certificate with its names and addresses as subject alternative names. */
  async server(options: ServerOptions): Promise<Issued> {
    const kind = options.key ?? "P-256";
    const names = (options.names ?? [options.commonName]).map(value =>
      isIP(value) === 0 ? { type: "dns" as const, value } : { type: "ip" as const, value },
    );
    return issue(options, await generateKeys(kind), this.#signer, [
      ...leafExtensions(kind, ExtendedKeyUsage.serverAuth),
      new SubjectAlternativeNameExtension(names),
    ]);
  }

  /** A TLS client's certificate. */
  async client(options: IssueOptions): Promise<Issued> {
    const kind = options.key ?? "P-256";
    const extensions = leafExtensions(kind, ExtendedKeyUsage.clientAuth);
    return issue(options, await generateKeys(kind), this.#signer, extensions);
  }
}
