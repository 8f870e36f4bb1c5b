import type { CredentialVault, SlotName } from "../../modules/io/vault.js";
import type { Host, ReportValue } from "./host.js";

/** Place of the handshake's flight among the values of a failure. */
const FLIGHT = 7;

/** More failures than any vault waits for. */
const MOST = 16;

/** Whether a connection that ended so, before the broker had accepted it, can be the credentials' fault. */
function isSuspect(kind: ReportValue, flight: ReportValue): boolean {
  switch (kind) {
    case "tls":
      // Nothing answered the ClientHello, in which there is no credential yet.
      return flight !== 1;
    case "credential":
    case "route":
    case "mqtt-refused":
    case "peer-closed":
      return true;
    default:
      return false;
  }
}

class Rotation {
  private readonly host: Host;
  private readonly vault: CredentialVault;
  /**
   * The slot that was on trial when the device started. One that is committed later has its trial from the
   * next start on: a connection that is under way then was made with what was there before.
   */
  private readonly slot: SlotName | undefined;

  constructor(host: Host, vault: CredentialVault) {
    this.host = host;
    this.vault = vault;
    this.slot = vault.state === "trial" ? vault.slot : undefined;
  }

  /** Counts against the credentials on trial; when that was the last straw, the former ones are in use. */
  count(): boolean {
    const { vault, host } = this;
    if (vault.state !== "trial" || !vault.failed()) return false;
    host.report("credentials", vault.slot ?? "build", "rolled-back");
    return true;
  }

  onReport(event: string, values: readonly ReportValue[]): void {
    const { vault, host } = this;
    if (vault.state !== "trial" || vault.slot !== this.slot) return;
    if (event === "mqtt") {
      vault.confirm();
      host.report("credentials", vault.slot, "confirmed");
    }
    if (event !== "failure" || values[0] !== "broker" || !isSuspect(values[1], values[FLIGHT])) return;
    let isBack = this.count();
    // No way takes them, and no other try will find one.
    for (let i = 0; values[1] === "route" && i < MOST && !isBack; i++) isBack = this.count();
    // They may be good for a way that these were not, and the module may hold these still.
    if (isBack) host.restart?.();
  }
}

/**
 * Keeps credentials on trial once they have connected, and counts against them what can be their
 * fault, until the vault takes the former ones back and the device begins anew with those. Reports
 * `credentials` with the slot in use (`build`: none) and `confirmed` or `rolled-back`. Gives the host to start with.
 *
 * Counted are starts of the device, so that one that restarts again and again for their sake comes
 * out of it, and connections that ended before the broker accepted them: by TLS, by a refusal, by a
 * credential that could not be used, or by the broker hanging up, which is how some answer a certificate
 * that they do not know. Not counted is what credentials cannot cause: no network, no such name, no
 * answer, a broker that is down. During an outage good ones would lose their trial for others that
 * connect as little. `woke`: this start is the end of a sleep, and no sign of anything.
 */
export function withRotation(host: Host, woke = false): Host {
  const vault = host.vault;
  // A connection by what the module holds says nothing of the vault's.
  if (vault === undefined || host.config.credentials === "module") return host;
  const rotation = new Rotation(host, vault);
  if (!woke) rotation.count();
  return {
    ...host,
    report: (event, ...values) => {
      host.report(event, ...values);
      rotation.onReport(event, values);
    },
  };
}
