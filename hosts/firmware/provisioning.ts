import type { SerialRecord } from "../../modules/io/serial.js";
import type { CredentialVault } from "../../modules/io/vault.js";
import { hex32 } from "../../modules/provisioning/frame.js";
import { ProvisioningSession } from "../../modules/provisioning/session.js";
import type { Host, ReportValue } from "./host.js";

/** ` name=value`, where there is a value; what could be taken for something else in a line is replaced. */
function fact(name: string, value: ReportValue): string {
  return value === undefined ? "" : " " + name + "=" + String(value).replace(/[^!-~]|#/g, "_");
}

/** Answers the factory on the console, and overhears the application for it. */
class Provisioning {
  private imei: ReportValue;
  /** The last report's name, and how many connections to the broker and failures there were. */
  private event = "none";
  private connections = 0;
  private failures = 0;
  /** Of the last failure. */
  private failure = "";

  constructor(host: Host, port: SerialRecord, vault: CredentialVault) {
    const { unit, version, config } = host;
    // Tells this life of the program from the next one.
    const boot = hex32(host.random() * 0x1_0000_0000);
    new ProvisioningSession({
      console: port,
      vault,
      keys: host.keys,
      timer: host.timer,
      restart: host.restart,
      facts: () =>
        fact("module", config.module) +
        fact("firmware", version) +
        fact("boot", boot) +
        fact("unit", unit) +
        fact("imei", this.imei),
      progress: () =>
        fact("event", this.event) +
        fact("connections", this.connections) +
        fact("failures", this.failures) +
        this.failure,
    });
  }

  onReport(event: string, values: readonly ReportValue[]): void {
    if (event === "imei") this.imei = values[0];
    else if (event === "mqtt") this.connections++;
    else if (event === "failure") {
      this.failures++;
      this.failure =
        fact("stage", values[0]) +
        fact("kind", values[1]) +
        fact("code", values[2]) +
        fact("command", values[3]);
    }
    this.event = event;
  }
}

/**
 * Listens to the factory on the console beside the application, where there are a console and a vault.
 * Gives the host to start the application with, whose reports are overheard: that is how a tool sees
 * that credentials do for a real handshake. `undefined`: without any credential for a broker with TLS
 * there is nothing to start; that is reported as `provisioning`.
 */
export function withProvisioning(host: Host): Host | undefined {
  const { console: port, vault } = host;
  if (port === undefined || vault === undefined) return host;
  const provisioning = new Provisioning(host, port, vault);
  if (host.config.broker.secure && vault.open("ca") === undefined && vault.open("key") === undefined) {
    host.report("provisioning");
    return undefined;
  }
  return {
    ...host,
    report: (event, ...values) => {
      provisioning.onReport(event, values);
      host.report(event, ...values);
    },
  };
}
