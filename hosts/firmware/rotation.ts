import type { Failure } from "../../modules/diagnosis/failure.js";
import type { CredentialVault } from "../../modules/io/vault.js";
import type { Host } from "./host.js";

/**
 * Keeps credentials on trial once they have connected, and counts against them what can be their
 * fault, until the vault takes the former ones back. Reports `credentials` with the slot in use and
 * `confirmed` or `rolled-back`.
 *
 * Counted are starts of the device, and connections that ended before the broker had accepted one,
 * by TLS, by a refusal, by a credential that could not be used or by the broker hanging up, which is
 * how some answer a certificate that they do not know. Not counted is what credentials cannot cause: no
 * network, no such name, no answer, a ClientHello that nothing answered, a broker that is down. During an
 * outage good credentials would lose their trial otherwise, for others that connect as little.
 */
export class Rotation {
  private readonly host: Host;
  private readonly vault: CredentialVault;

  constructor(host: Host, vault: CredentialVault) {
    this.host = host;
    this.vault = vault;
    // Should they be what makes the device start again and again, that ends as well.
    this.count();
  }

  /** The broker has accepted a connection. */
  connected(): void {
    const vault = this.vault;
    if (vault.state !== "trial") return;
    vault.confirm();
    this.host.report("credentials", vault.slot, "confirmed");
  }

  /** A connection failed. True: other credentials are in use now, and worth a connection at once. */
  failed(reason: Failure): boolean {
    switch (reason.kind) {
      case "route":
        // No way takes them, and no other try will find one.
        while (this.vault.state === "trial") if (this.count()) return true;
        return false;
      case "tls":
        return reason.handshake?.flight !== 1 && this.count();
      case "credential":
      case "mqtt-refused":
      case "peer-closed":
        return this.count();
      default:
        return false;
    }
  }

  private count(): boolean {
    const vault = this.vault;
    if (vault.state !== "trial" || !vault.failed()) return false;
    this.host.report("credentials", vault.slot, "rolled-back");
    return true;
  }
}
