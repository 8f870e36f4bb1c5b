import { createPrivateKey, X509Certificate } from "node:crypto";
import { refuseHost, refusePath } from "../certificate-path.js";
import { HandshakeWatch } from "../handshake-watch.js";
import type { OpenFailure } from "../modem/socket-table.js";
import { TlsSetupError } from "../modem/tls-setup.js";
import type { TlsClient } from "../network.js";
import type { Bc66Module } from "./module.js";
import { offeredSuites } from "./suites.js";
import type { Bc66TlsCause } from "./tls-codes.js";
import type { StartKind } from "./values.js";

export type CredentialName = "cacert" | "clientcert" | "clientkey";

/** What AT+QSSLCFG holds for one connection of context 1; in RAM. */
export interface TlsItem {
  securityLevel: number;
  sendHex: boolean;
  receiveHex: boolean;
  timeoutS: number;
  debug: number;
  sni: boolean;
  readonly credentials: Map<CredentialName, Uint8Array>;
}

function freshItem(): TlsItem {
  return {
    securityLevel: 0,
    sendHex: false,
    receiveHex: false,
    timeoutS: 90,
    debug: 0,
    sni: false,
    credentials: new Map(),
  };
}

/** Connections 0 to 5: their settings, and what they make of them. */
export class TlsConnections {
  readonly #module: Bc66Module;
  #items: readonly TlsItem[] = [];

  constructor(module: Bc66Module) {
    this.#module = module;
    this.#items = Array.from({ length: 6 }, freshItem);
  }

  item(connection: number): TlsItem {
    const item = this.#items[connection];
    if (!item) throw new RangeError(`there is no connection ${String(connection)}`);
    return item;
  }

  restart(kind: StartKind): void {
    if (kind === "deep-sleep" && this.#module.settings.certificatesInDeepSleep === "kept") return;
    this.#items = Array.from({ length: 6 }, freshItem);
  }

  /** Throws a `TlsSetupError`. `watch` sees the handshake. */
  client(context: number, connection: number, host: string, watch: HandshakeWatch): TlsClient {
    const { settings, clock } = this.#module;
    if (context !== 1) throw new TlsSetupError("only context 1 works", "context");
    const item = this.item(connection);
    const anchors = item.securityLevel >= 1 ? readCertificates(item, "cacert") : [];
    const isNamed = !/^[\d.]+$/.test(host) && (settings.sniItem ? item.sni : settings.sniSent);
    return {
      minVersion: "TLSv1",
      maxVersion: "TLSv1.2",
      suites: offeredSuites,
      groups: ["P-256"],
      ...(isNamed ? { serverName: host } : {}),
      ...(item.securityLevel === 2 ? readClient(item, settings.ecClientKeys) : {}),
      watch: bytes => {
        watch.take(bytes);
        return watch.isSplit && settings.refusesSplitMessages
          ? "handshake message split over records"
          : undefined;
      },
      ...(item.securityLevel === 0
        ? {}
        : {
            refuse: (chain: readonly X509Certificate[]) => {
              const policy = { anchors, partialChain: settings.partialChain };
              const dated = settings.checksDates ? { ...policy, timeMs: clock.nowMs } : policy;
              const leaf = chain[0];
              return (
                refusePath(chain, dated) ?? (settings.checksHost && leaf ? refuseHost(host, leaf) : undefined)
              );
            },
          }),
    };
  }

  /** Result code of an opening. */
  code(failure: OpenFailure | undefined, watch: HandshakeWatch): number {
    return failure ? this.codeOf(causeOf(failure, watch)) : 0;
  }

  codeOf(cause: Bc66TlsCause): number {
    return this.#module.settings.tlsCodes[cause];
  }
}

/** What went wrong, from what the network and the server's records tell. */
export function causeOf(failure: OpenFailure, watch: HandshakeWatch): Bc66TlsCause {
  switch (failure.kind) {
    case "name":
    case "connection":
      return failure.kind;
    case "limit":
      return "timeout";
    case "setup": {
      const { subject } = failure.error;
      return subject === "certificate" ? "own-certificate" : subject === "suite" ? "suites" : subject;
    }
    case "handshake": {
      const { kind, detail } = failure.failure;
      if (kind === "certificate") return "server-certificate";
      if (kind === "configuration") return "key";
      if (watch.isSplit) return "split-message";
      return watch.alert === undefined ? causeOfEnd(detail) : causeOfAlert(watch.alert, watch.hasServerHello);
    }
  }
}

const alerts = { handshakeFailure: 40, protocolVersion: 70 } as const;

function causeOfAlert(alert: number, hasServerHello: boolean): Bc66TlsCause {
  if (hasServerHello) return "refused-by-server";
  if (alert === alerts.handshakeFailure) return "suites";
  return alert === alerts.protocolVersion ? "version" : "other";
}

function causeOfEnd(detail: string): Bc66TlsCause {
  return detail.includes("SSL routines") ? "other" : "closed-in-handshake";
}

/** What mbedTLS takes for a PEM block: a line end LF or CR LF behind the header, base64 up to the footer. */
const pemBlock = /-----BEGIN ([A-Z ]+)----- ?\r?\n([A-Za-z0-9+/=\r\n:,\- ]*?)-----END \1-----/g;

function blocks(item: TlsItem, name: CredentialName): { label: string; pem: string }[] {
  const text = Buffer.from(item.credentials.get(name) ?? []).toString("latin1");
  return [...text.matchAll(pemBlock)]
    .filter(([, , body = ""]) => !/\r(?!\n)/.test(body))
    .map(([pem, label = ""]) => ({ label, pem }));
}

function readCertificates(item: TlsItem, name: "cacert" | "clientcert"): X509Certificate[] {
  const certificates = blocks(item, name).flatMap(({ label, pem }) => {
    if (label !== "CERTIFICATE") return [];
    try {
      return [new X509Certificate(pem)];
    } catch {
      return [];
    }
  });
  if (certificates.length === 0) throw new TlsSetupError(`"${name}" holds no certificate`, "certificate");
  return certificates;
}

function readClient(item: TlsItem, takesEc: boolean): { certificatePem: string; keyPem: string } {
  const certificates = readCertificates(item, "clientcert");
  const keyPem = blocks(item, "clientkey").find(({ label }) => label.endsWith("PRIVATE KEY"))?.pem;
  try {
    const key = createPrivateKey(keyPem ?? "");
    const isUsable = key.asymmetricKeyType === "rsa" || (takesEc && key.asymmetricKeyType === "ec");
    if (isUsable && keyPem !== undefined && certificates[0]?.checkPrivateKey(key) === true)
      return { certificatePem: certificates.map(certificate => certificate.toString()).join(""), keyPem };
  } catch {
    // The same complaint: the module does not tell why either.
  }
  throw new TlsSetupError('"clientkey" holds no key of the client certificate', "key");
}
