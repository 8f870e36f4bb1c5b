import type { X509Certificate } from "node:crypto";
import { isIP } from "node:net";
import { connect, type TLSSocket } from "node:tls";
import { chainFault } from "../../../certs/check/chain.js";
import type { Finding } from "../../../certs/check/finding.js";
import { subjectOf } from "../../../certs/files/read.js";

const TIMEOUT_MS = 5_000;

/** What the server has shown: its certificate, and those it sent with it. */
function shownBy(socket: TLSSocket): readonly X509Certificate[] {
  const shown: X509Certificate[] = [];
  let one = socket.getPeerX509Certificate();
  // A root is its own issuer.
  while (one !== undefined && !shown.some(other => one?.raw.equals(other.raw))) {
    shown.push(one);
    one = one.issuerCertificate;
  }
  return shown;
}

function refusal(
  host: string,
  shown: readonly X509Certificate[],
  ca: X509Certificate,
  now: Date,
): string | undefined {
  const [leaf, ...sent] = shown;
  if (leaf === undefined) return "it shows no certificate";
  const isNamed = isIP(host) === 0 ? leaf.checkHost(host) : leaf.checkIP(host);
  if (isNamed === undefined) return `its certificate (${subjectOf(leaf)}) is not for ${host}`;
  return chainFault(leaf, [...sent, ca], ca, now);
}

/** What a server shows, or why it shows nothing: `silent`, or the system's word. */
type Shown = { readonly certificates: readonly X509Certificate[] } | { readonly fault: string };

/**
 * Asks a server for its certificate in a handshake that need not succeed: one that wants a client's certificate hangs up
 * behind it.
 */
function askForCertificate(host: string, port: number): Promise<Shown> {
  return new Promise(resolve => {
    let certificates: readonly X509Certificate[] = [];
    const socket = connect({
      host,
      port,
      ...(isIP(host) === 0 ? { servername: host } : undefined),
      // Judged by the caller, by the one CA that the device has and by the name.
      rejectUnauthorized: false,
      // With TLS 1.3 a broker's refusal of the client comes after the end of the handshake.
      maxVersion: "TLSv1.2",
    });
    const end = (shown: Shown): void => {
      socket.destroy();
      resolve(shown);
    };
    socket.setTimeout(TIMEOUT_MS, () => {
      end({ fault: "silent" });
    });
    // The first moment at which the certificate is known, before a refusal can take it away.
    socket.on("keylog", () => {
      if (certificates.length === 0) certificates = shownBy(socket);
    });
    socket.on("secureConnect", () => {
      end({ certificates: shownBy(socket) });
    });
    socket.on("error", (error: NodeJS.ErrnoException) => {
      end(certificates.length > 0 ? { certificates } : { fault: error.code ?? error.message });
    });
  });
}

/** The certificate that a broker shows; `undefined`: none. */
export async function brokerCertificate(host: string, port: number): Promise<X509Certificate | undefined> {
  const shown = await askForCertificate(host, port);
  return "fault" in shown ? undefined : shown.certificates[0];
}

/** Whether the CA that a device has leads to the certificate that a broker shows. */
export async function lookAtChain(
  host: string,
  port: number,
  ca: X509Certificate,
  now: Date,
): Promise<Finding | undefined> {
  const finding = (rule: "broker" | "unreachable", what: string, why: string, fix: string): Finding => ({
    rule,
    severity: "error",
    subject: "broker",
    what: `${host}:${String(port)} ${what}`,
    why,
    fix,
  });
  const shown = await askForCertificate(host, port);
  if ("fault" in shown)
    return shown.fault === "silent"
      ? finding(
          "unreachable",
          "does not answer to TLS",
          "The connection stands, but no handshake came to its end.",
          "Check the port; 8883 is usual for MQTT with TLS.",
        )
      : finding(
          "unreachable",
          `cannot be asked (${shown.fault})`,
          "No TLS server showed a certificate there.",
          "Check host and port, and that the broker runs.",
        );
  const fault = refusal(host, shown.certificates, ca, now);
  if (fault === undefined) return undefined;
  return finding(
    "broker",
    `shows a certificate that this device would refuse: ${fault}`,
    "A device that verifies its broker, as it must, ends the handshake there.",
    "Give the root that the broker's chain ends in, and the name that stands in its certificate.",
  );
}
