import { failure, type Failure } from "../diagnosis/failure.js";
import type { Credential, CredentialRole } from "../io/credentials.js";
import { BytesCredential } from "../pki/bytes.js";
import { envelopeOf } from "../pki/envelope.js";
import type { CredentialInput, TLSSocketOptions } from "./options.js";

/** Whom a connection is to, and who we are: what was given, or else what the device has stored. */
export class TlsIdentity {
  readonly verify: boolean;
  readonly serverName: string;
  readonly ca: Credential | undefined;
  readonly certificate: Credential | undefined;
  readonly key: Credential | undefined;

  constructor(options: TLSSocketOptions) {
    const secure = options.secure ?? {};
    const credentials = secure.credentials;
    this.verify = secure.verify !== false;
    this.serverName = secure.serverName ?? (options.host || options.address || "");
    this.ca = this.verify ? (given(secure.certificate) ?? credentials?.open("ca")) : undefined;
    this.certificate = given(secure.clientCertificates?.[0]) ?? credentials?.open("certificate");
    this.key = given(secure.clientKey) ?? credentials?.open("key");
  }
}

function given(input: CredentialInput | undefined): Credential | undefined {
  if (input === undefined || "read" in input) return input;
  return new BytesCredential(input instanceof Uint8Array ? input : new Uint8Array(input));
}

/** Why a connection need not be tried; found out before anything is opened. */
export function refusalOf(options: TLSSocketOptions, identity: TlsIdentity): Failure | undefined {
  const engine = options.engine;
  const verify = identity.verify;
  const ca = identity.ca;
  const certificate = identity.certificate;
  const key = identity.key;
  let wrong: string;
  if (engine === undefined) return failure("argument", "TLS", undefined, "engine");
  if (verify && identity.serverName === "") return failure("argument", "TLS", undefined, "serverName");
  if (verify && ca === undefined) wrong = "ca: none is stored";
  else if (key === undefined && certificate !== undefined) wrong = "key: none is stored";
  else if (key !== undefined && certificate === undefined) wrong = "certificate: none is stored";
  else wrong = misfit("ca", ca) || misfit("certificate", certificate) || misfit("key", key);
  if (wrong === "" && key !== undefined) {
    const kind = envelopeOf(key).rsaLength > 0 ? "rsa" : "p256";
    if (!engine.clientKeys.includes(kind)) wrong = "key: " + kind + " is not supported by this TLS";
  }
  if (wrong !== "") return failure("credential", "TLS", undefined, wrong);
  return verify && options.clockKnown?.() === false ? failure("clock", "TLS") : undefined;
}

/** What is wrong with a credential for its role; empty: nothing. */
function misfit(role: CredentialRole, credential: Credential | undefined): string {
  if (credential === undefined) return "";
  const kind = envelopeOf(credential).kind;
  return kind === (role === "key" ? "key" : "certificate") ? "" : role + ": holds " + kind;
}
