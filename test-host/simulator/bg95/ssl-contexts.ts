import { createPrivateKey } from "node:crypto";
import { refuseHost, refusePath, readCertificates } from "../certificate-path.js";
import type { FileStore } from "../modem/file-store.js";
import { TlsSetupError } from "../modem/tls-setup.js";
import type { TlsClient, TlsVersion } from "../network.js";
import type { Bg95Settings } from "./settings.js";
import { allSuites, opensslSuites } from "./suites.js";

export interface SslContext {
  version: number;
  suite: string;
  caCertificate: string;
  clientCertificate: string;
  clientKey: string;
  securityLevel: number;
  session: number;
  sni: number;
  checkHost: number;
  ignoreLocalTime: number;
  /** Seconds. */
  negotiateTime: number;
  dtls: number;
  dtlsVersion: number;
}

export function freshSslContext(settings: Bg95Settings): SslContext {
  return {
    version: 4,
    suite: allSuites,
    caCertificate: "",
    clientCertificate: "",
    clientKey: "",
    securityLevel: 0,
    session: settings.sessionDefault,
    sni: settings.sniDefault,
    checkHost: settings.checkHostDefault,
    ignoreLocalTime: settings.ignoreLocalTimeDefault,
    negotiateTime: 300,
    dtls: 0,
    dtlsVersion: 2,
  };
}

const versions: readonly (readonly [TlsVersion, TlsVersion] | undefined)[] = [
  undefined,
  ["TLSv1", "TLSv1"],
  ["TLSv1.1", "TLSv1.1"],
  ["TLSv1.2", "TLSv1.2"],
  ["TLSv1", "TLSv1.2"],
];

/**
 * The TLS client that a context's settings make for a host. Throws `TlsSetupError` when files are
 * missing or unusable, or nothing of what is chosen can be simulated (SSL 3.0, RC4, 3DES, static ECDH).
 */
export function tlsClient(
  context: SslContext,
  host: string,
  files: FileStore,
  settings: Bg95Settings,
  nowMs: () => number,
): TlsClient {
  const range = versions[context.version];
  if (!range) throw new TlsSetupError("SSL 3.0 is not simulated");
  if (context.dtls === 1) throw new TlsSetupError("DTLS is not simulated");
  const suites = opensslSuites(context.suite, settings.suiteOrder);
  if (suites.length === 0) throw new TlsSetupError(`suite ${context.suite} is not simulated`);
  const isVerifying = context.securityLevel >= 1;
  const anchors = isVerifying ? readAnchors(context.caCertificate, files, settings) : [];
  const checksHost = context.checkHost === 1 || settings.securityLevelChecksHost;
  const client: TlsClient = {
    minVersion: range[0],
    maxVersion: range[1],
    suites,
    groups: settings.groups,
    ...(context.sni === 1 ? { serverName: host } : {}),
    ...(context.securityLevel === 2 ? readClient(context, files, settings) : {}),
  };
  if (!isVerifying) return client;
  return {
    ...client,
    refuse: chain => {
      const policy = { anchors, partialChain: settings.partialChain };
      const dated = context.ignoreLocalTime === 1 ? policy : { ...policy, timeMs: nowMs() };
      const leaf = chain[0];
      return refusePath(chain, dated) ?? (checksHost && leaf ? refuseHost(host, leaf) : undefined);
    },
  };
}

function readAnchors(
  name: string,
  files: FileStore,
  settings: Bg95Settings,
): ReturnType<typeof readCertificates> {
  const text = readText(name, files);
  try {
    const certificates = readCertificates(text);
    if (certificates.length > 0) return settings.caFile === "all" ? certificates : certificates.slice(0, 1);
  } catch {
    // Falls through to the same complaint: the module does not tell why either.
  }
  throw new TlsSetupError(`"${name}" holds no certificate`);
}

function readClient(
  context: SslContext,
  files: FileStore,
  settings: Bg95Settings,
): { certificatePem: string; keyPem: string } {
  const certificatePem = readText(context.clientCertificate, files);
  const keyPem = readText(context.clientKey, files);
  if (keyType(keyPem) === "ec" && !settings.ecClientKeys)
    throw new TlsSetupError("EC client keys are not accepted");
  return { certificatePem, keyPem };
}

function keyType(pem: string): string | undefined {
  try {
    return createPrivateKey(pem).asymmetricKeyType;
  } catch {
    throw new TlsSetupError("the client key file holds no usable key");
  }
}

function readText(name: string, files: FileStore): string {
  const bytes = name === "" ? undefined : files.read(name);
  if (!bytes)
    throw new TlsSetupError(name === "" ? "a certificate file is not set" : `there is no file "${name}"`);
  return Buffer.from(bytes).toString("latin1");
}
