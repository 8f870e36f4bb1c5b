import { X509Certificate } from "node:crypto";
import { isIP } from "node:net";
import type { Duplex } from "node:stream";
import { connect, createSecureContext, type DetailedPeerCertificate, type TLSSocket } from "node:tls";
import { WatchedDuplex } from "./watched-duplex.js";
import type { StreamFailure, TlsClient, TlsOpened } from "./network.js";

export interface TlsEvents {
  secure(opened: TlsOpened): void;
  data(bytes: Uint8Array): void;
  ended(): void;
  failed(failure: StreamFailure): void;
}

/** A transport that counts what passes. */
export interface CountedTransport {
  readonly socket: Duplex;
  readonly sentBytes: () => number;
  readonly receivedBytes: () => number;
}

/**
 * Runs a TLS client over a connected transport with Node's OpenSSL, limited to what the module
 * offers. Returns undefined after calling `failed` when the settings cannot be used at all, as with
 * a broken key file.
 */
export function startTls(
  transport: CountedTransport,
  tls: TlsClient,
  events: TlsEvents,
): TLSSocket | undefined {
  let finished = false;
  const fail = (failure: StreamFailure): void => {
    if (finished) return;
    finished = true;
    events.failed(failure);
    socket?.destroy();
  };
  const { watch } = tls;
  const below = watch
    ? new WatchedDuplex(transport.socket, watch, detail => fail({ kind: "tls", detail }))
    : transport.socket;
  const socket = openTls(below, tls, events);
  if (!socket) return undefined;
  let secure = false;
  socket.on("secureConnect", () => {
    const refused = tls.refuse?.(sentChain(socket.getPeerCertificate(true)));
    if (refused !== undefined) {
      fail({ kind: "certificate", detail: refused });
      return;
    }
    secure = true;
    events.secure({
      protocol: socket.getProtocol() ?? "",
      suite: socket.getCipher().name,
      sentBytes: transport.sentBytes(),
      receivedBytes: transport.receivedBytes(),
    });
  });
  socket.on("data", (bytes: Buffer) => {
    if (!finished) events.data(bytes);
  });
  socket.on("end", () => {
    if (finished) return;
    if (!secure) {
      fail({ kind: "tls", detail: "the peer closed during the handshake" });
      return;
    }
    finished = true;
    events.ended();
  });
  socket.on("error", (error: Error) => fail({ kind: secure ? "reset" : "tls", detail: error.message }));
  socket.on("close", () => fail({ kind: secure ? "reset" : "tls", detail: "the connection is gone" }));
  return socket;
}

function openTls(socket: Duplex, tls: TlsClient, events: TlsEvents): TLSSocket | undefined {
  try {
    const secureContext = createSecureContext({
      // The path is judged by `refuse`; without this every context loads the roots of Node.
      ca: [],
      minVersion: tls.minVersion,
      maxVersion: tls.maxVersion,
      // Level 0: OpenSSL refuses TLS 1.0/1.1 and SHA-1 suites otherwise, the module does not.
      ciphers: tls.suites.join(":") + ":@SECLEVEL=0",
      ecdhCurve: tls.groups.join(":"),
      ...(tls.certificatePem === undefined ? {} : { cert: tls.certificatePem }),
      ...(tls.keyPem === undefined ? {} : { key: tls.keyPem }),
    });
    return connect({
      socket,
      secureContext,
      rejectUnauthorized: false,
      // RFC 6066, 3: SNI carries no addresses.
      ...(tls.serverName === undefined || isIP(tls.serverName) > 0 ? {} : { servername: tls.serverName }),
    });
  } catch (error) {
    events.failed({ kind: "configuration", detail: error instanceof Error ? error.message : String(error) });
    return undefined;
  }
}

function sentChain(leaf: DetailedPeerCertificate): X509Certificate[] {
  const chain: X509Certificate[] = [];
  const seen = new Set<string>();
  let current: Partial<DetailedPeerCertificate> | undefined = leaf;
  while (current?.raw && current.fingerprint256 !== undefined && !seen.has(current.fingerprint256)) {
    seen.add(current.fingerprint256);
    chain.push(new X509Certificate(current.raw));
    current = current.issuerCertificate;
  }
  return chain;
}
