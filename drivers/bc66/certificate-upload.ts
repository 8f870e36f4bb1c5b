import type { Channel } from "../../modules/at/channel.js";
import { failure, type Failure } from "../../modules/diagnosis/failure.js";
import type { Credential, CredentialRole } from "../../modules/io/credentials.js";
import type { Timer } from "../../modules/io/timer.js";
import { envelopeOf } from "../../modules/pki/envelope.js";
import { pemOf } from "../quectel/credential-text.js";
import { bc66Commands } from "./commands.js";
import { TLS_CONTEXT, uploadCredential } from "./commands-ssl.js";

/**
 * What is left of an upload that ended early is taken for commands: until they have been answered
 * nothing is asked. 3,072 bytes take 0.3 s at 115,200 baud; what the UART held is through before.
 */
const SETTLE_MS = 1_000;

/** What uploads need of the modem. */
export interface UploadHost {
  readonly channel: Channel;
  readonly timer: Timer;
  /** `credential`, role, item, `stored`, bytes. */
  event(name: string, ...values: (string | number)[]): void;
}

/** The items of `AT+QSSLCFG`. */
export const uploadItems: Readonly<Record<CredentialRole, string>> = Object.freeze({
  ca: "cacert",
  certificate: "clientcert",
  key: "clientkey",
});

/** Why this module cannot take a credential, if so; nothing is sent then. `byteMax`: of its text. */
export function refusal(role: CredentialRole, credential: Credential, byteMax: number): Failure | undefined {
  const envelope = envelopeOf(credential);
  const kind = envelope.kind;
  if (kind !== (role === "key" ? "key" : "certificate"))
    return failure("credential", "AT+QSSLCFG", undefined, role + ": holds " + kind);
  if (role === "key" && envelope.rsaLength === 0)
    return failure("credential", "AT+QSSLCFG", undefined, "key: no RSA key");
  const byteLength = pemOf(credential, role, envelope).byteLength;
  return byteLength > byteMax
    ? failure(
        "limit",
        "AT+QSSLCFG",
        undefined,
        role + ": " + String(byteLength) + " bytes, " + String(byteMax) + " are taken",
      )
    : undefined;
}

/**
 * Hands one credential to the module, which answers with the count of bytes that it took: the only
 * check there is, because nothing can be read back. When the count is another, it is tried once more
 * with CR LF at the ends of lines, as the vendor's own samples have it; then it failed with
 * `credential`, whose detail says what was sent and what arrived. 0 bytes: the Ctrl+Z came too early.
 */
export class CertificateUpload {
  private readonly host: UploadHost;
  private readonly connection: number;
  private readonly role: CredentialRole;
  private readonly credential: Credential;
  private readonly done: (reason: Failure | undefined) => void;
  private second = false;

  constructor(
    host: UploadHost,
    connection: number,
    role: CredentialRole,
    credential: Credential,
    done: (reason: Failure | undefined) => void,
  ) {
    this.host = host;
    this.connection = connection;
    this.role = role;
    this.credential = credential;
    this.done = done;
    this.send();
  }

  private send(): void {
    const role = this.role;
    const source = pemOf(this.credential, role, envelopeOf(this.credential), this.second ? "\r\n" : "\n");
    this.host.channel.run(
      uploadCredential,
      [TLS_CONTEXT, this.connection, uploadItems[role]],
      (reason, taken) => this.sent(reason, source.byteLength, taken),
      { source },
    );
  }

  private sent(reason: Failure | undefined, byteLength: number, taken: number | undefined): void {
    const kind = reason?.kind;
    const host = this.host;
    if (taken === byteLength) {
      host.event("credential", this.role, uploadItems[this.role], "stored", byteLength);
      this.done(undefined);
    } else if (!this.second && kind !== "no-answer" && kind !== "module-reset" && kind !== "cancelled") {
      this.second = true;
      host.timer.set(() => this.clear(), SETTLE_MS);
    } else if (taken === undefined) this.done(reason);
    else
      this.done(
        failure(
          "credential",
          "AT+QSSLCFG",
          undefined,
          this.role + ": " + String(byteLength) + " bytes sent, module counted " + String(taken),
        ),
      );
  }

  /** Ends a command line of which the rest of an upload may be the beginning. */
  private clear(): void {
    this.host.channel.run(bc66Commands.attention, [], reason => {
      if (reason?.kind === "module-reset") this.done(reason);
      else this.send();
    });
  }
}
