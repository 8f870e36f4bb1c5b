import type { X509Certificate } from "node:crypto";

/**
 * What the simulated module sees of the world beyond the radio link. Two back ends: `loopback.ts`
 * (real sockets to loopback addresses) and `memory.ts` (peers in this process, no wall clock).
 * Handlers are called as scheduler events. Link delays are the module's business, not the network's.
 */
export interface Network {
  readonly kind: "loopback" | "memory";
  /** IPv4 addresses of a name, or the address itself when one is given; undefined when unknown. */
  resolve(host: string): readonly string[] | undefined;
  /** Whether packets to the address get anywhere (for ping). */
  reaches(address: string): boolean;
  connect(address: string, port: number, handlers: StreamHandlers): Stream;
  connectSecure(address: string, port: number, tls: TlsClient, handlers: StreamHandlers): Stream;
  /** Undefined when the port is in use or listening is not possible. */
  listen(port: number, accept: (stream: AcceptedStream) => void): Promise<Listener | undefined>;
  openDatagrams(port: number, receive: DatagramHandler): Promise<DatagramPort | undefined>;
  /** Ends every connection and listener. */
  close(): void;
}

export type DatagramHandler = (bytes: Uint8Array, address: string, port: number) => void;

export interface Listener {
  close(): void;
}

export interface DatagramPort {
  readonly port: number;
  send(bytes: Uint8Array, address: string, port: number): void;
  close(): void;
}

/** Why a connection could not be made or broke off. */
export interface StreamFailure {
  readonly kind: "refused" | "unreachable" | "reset" | "tls" | "certificate" | "configuration";
  readonly detail: string;
}

export interface StreamOpened {
  readonly remoteAddress: string;
  readonly remotePort: number;
  readonly localPort: number;
  readonly tls?: TlsOpened;
}

export interface TlsOpened {
  readonly protocol: string;
  /** OpenSSL's name of the suite. */
  readonly suite: string;
  /** Record bytes until the handshake was complete. */
  readonly sentBytes: number;
  readonly receivedBytes: number;
}

export interface StreamHandlers {
  opened(info: StreamOpened): void;
  data(bytes: Uint8Array): void;
  /** The peer has ended its direction in good order; comes after all data. */
  ended(): void;
  /** Before `opened`: the connection was not made. After: it is broken. Nothing follows. */
  failed(failure: StreamFailure): void;
}

export interface Stream {
  /** `taken` is called when the network below has taken all of it. */
  write(bytes: Uint8Array, taken: () => void): void;
  /** FIN. */
  end(): void;
  /** RST; no handler is called any more. */
  destroy(): void;
  /** Stops and restarts delivery (a full receive window). */
  setPaused(paused: boolean): void;
}

export interface AcceptedStream {
  readonly remoteAddress: string;
  readonly remotePort: number;
  attach(handlers: StreamHandlers): Stream;
}

export type TlsVersion = "TLSv1" | "TLSv1.1" | "TLSv1.2";

/** A TLS client as the module's settings make it. */
export interface TlsClient {
  readonly minVersion: TlsVersion;
  readonly maxVersion: TlsVersion;
  /** OpenSSL names in the order of the ClientHello. */
  readonly suites: readonly string[];
  readonly groups: readonly string[];
  /** Absent: no server name indication. */
  readonly serverName?: string;
  readonly certificatePem?: string;
  readonly keyPem?: string;
  /** Sees the server's bytes before they are taken. Returns a reason to end the handshake. */
  readonly watch?: (bytes: Uint8Array) => string | undefined;
  /** The chain as the server sent it, leaf first. Returns a reason to refuse it. */
  readonly refuse?: (chain: readonly X509Certificate[]) => string | undefined;
}
