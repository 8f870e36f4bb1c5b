import { failure, type Failure } from "../../modules/diagnosis/failure.js";
import type { Credential, CredentialRole } from "../../modules/io/credentials.js";
import type { CredentialInput, SecureHost, SecureOptions } from "./tls.js";
import type { TlsSettings } from "./tls-contexts.js";

class Bytes implements Credential {
  readonly byteLength: number;
  private readonly bytes: Uint8Array;

  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
    this.byteLength = bytes.length;
  }

  read(view: Uint8Array, offset: number): number {
    const count = Math.max(0, Math.min(view.length, this.byteLength - offset));
    view.set(this.bytes.subarray(offset, offset + count));
    return count;
  }
}

/** What was given, or else what the device has stored. */
function credential(
  secure: SecureOptions,
  role: CredentialRole,
  input: CredentialInput | undefined,
): Credential | undefined {
  if (input === undefined) return secure.credentials?.open(role);
  return "read" in input ? input : new Bytes(input instanceof Uint8Array ? input : new Uint8Array(input));
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
