import type { SerialRecord } from "../../modules/io/serial.js";
import type { CredentialVault } from "../../modules/io/vault.js";
import { hex32 } from "../../modules/provisioning/frame.js";
import { ProvisioningSession } from "../../modules/provisioning/session.js";
import type { Host, ReportValue } from "./host.js";

/** A factory that was heard so lately goes on: the device does not sleep. */
const HOLD_MS = 30_000;
/** Shortest sleep. */
const LEAST_MS = 1_000;
/** Characters of a failure's detail that go into an answer. */
const DETAIL_MOST = 64;

/** ` name=value`, where there is a value; what could be taken for something else in a line is replaced. */
function fact(name: string, value: ReportValue): string {
  return value === undefined ? "" : " " + name + "=" + String(value).replace(/[^!-~]|#/g, "_");
}

/** Of texts that may be long the part that names the cause. */
function clipped(text: ReportValue): ReportValue {
  return text === undefined ? undefined : String(text).slice(0, DETAIL_MOST);
}

/** Answers the factory on the console, and overhears the application for it. */
class Provisioning {
  private readonly host: Host;
  private imei: ReportValue;
  /** When the last request came, in ticks. */
  private heardAt: number | undefined;
  /** The last report's name, and how many connections to the broker and failures there were. */
  private event = "none";
  private connections = 0;
  private failures = 0;
  /** Of the last failure. */
  private failure = "";

  constructor(host: Host, port: SerialRecord, vault: CredentialVault) {
    const { unit, version, config } = host;
    this.host = host;
    // Tells this life of the program from the next one.
    const boot = hex32(host.random() * 0x1_0000_0000);
    new ProvisioningSession({
      console: port,
      vault,
      keys: host.keys,
      timer: host.timer,
      restart: host.restart,
      heard: () => {
        this.heardAt = host.clock.ticks;
      },
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

  /** Sleeps, as soon as no factory is heard any more. */
  sleep(ms: number): void {
    const { clock, timer, report } = this.host;
    const quietMs = this.heardAt === undefined ? HOLD_MS : clock.delta(this.heardAt);
    if (quietMs >= HOLD_MS) this.host.sleep?.(ms);
    else {
      // The watchdog lets who waits for a factory be silent.
      report("provisioning");
      const waitMs = HOLD_MS - quietMs;
      timer.set(() => this.sleep(Math.max(LEAST_MS, ms - waitMs)), waitMs);
    }
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
        fact("command", values[3]) +
        fact("detail", clipped(values[4]));
    }
    this.event = event;
  }
}

/**
 * Listens to the factory on the console beside the application, where there are a console and a vault.
 * Gives the host to start the application with, whose reports are overheard: that is how a tool sees
 * that credentials do for a real handshake, and whose sleep waits until no request has come for 30 s, which is
 * reported as `provisioning`. `undefined`: without any credential for a broker with TLS
 * there is nothing to start; that is reported as `provisioning`, too.
 */
export function withProvisioning(host: Host): Host | undefined {
  const { console: port, vault, credentials } = host;
  if (port === undefined || vault === undefined) return host;
  const provisioning = new Provisioning(host, port, vault);
  if (
    host.config.broker.secure &&
    credentials.open("ca") === undefined &&
    credentials.open("key") === undefined
  ) {
    host.report("provisioning");
    return undefined;
  }
  return {
    ...host,
    ...(host.sleep === undefined ? {} : { sleep: (ms: number) => provisioning.sleep(ms) }),
    report: (event, ...values) => {
      provisioning.onReport(event, values);
      host.report(event, ...values);
    },
  };
}
