import { failure, type Failure } from "../../modules/diagnosis/failure.js";
import type { Credential, CredentialRole } from "../../modules/io/credentials.js";
import { BytesCredential } from "../../modules/pki/bytes.js";
import type { CredentialInput, SecureHost, SecureOptions } from "./tls.js";
import type { TlsSettings } from "./tls-contexts.js";

/** What was given, or else what the device has stored. */
function credential(
  secure: SecureOptions,
  role: CredentialRole,
  input: CredentialInput | undefined,
): Credential | undefined {
  if (input === undefined) return secure.credentials?.open(role);
  return "read" in input
    ? input
    : new BytesCredential(input instanceof Uint8Array ? input : new Uint8Array(input));
}

/** What the module is to be set to for these options, or why no connection may be tried. `command`: for that reason. */
export function tlsSettings(
  secure: SecureOptions,
  modem: Pick<SecureHost, "clockKnown" | "missClock">,
  command: string,
): TlsSettings | Failure {
  const verify = secure.verify !== false;
  const ca = verify ? credential(secure, "ca", secure.certificate) : undefined;
  const certificate = credential(secure, "certificate", secure.clientCertificates?.[0]);
  const key = credential(secure, "key", secure.clientKey);
  let missing = "";
  if (verify && ca === undefined) missing = "ca";
  else if (key === undefined && certificate !== undefined) missing = "key";
  else if (key !== undefined && certificate === undefined) missing = "certificate";
  if (missing !== "") return failure("credential", command, undefined, missing + ": none is stored");
  if (verify && !modem.clockKnown) {
    modem.missClock();
    return failure("clock", command);
  }
  return { ca, certificate, key, cipherSuite: secure.cipherSuite };
}
