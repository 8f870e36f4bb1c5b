import type { Credential } from "../io/credentials.js";

/**
 * A TLS engine as `TLSSocket` drives it: it turns bytes of the peer into application data and back,
 * and knows nothing of sockets. On a device it is an adapter of Moddable's `ssl/session`, on the
 * workstation a service of the host. It may answer inside a call or in a later turn.
 *
 * Every method may throw; `TLSSocket` guards each call.
 */
export interface TlsEngine {
  /** Begins the handshake: the ClientHello is transmitted. Called once. */
  start(): void;
  /** Bytes of the peer, in pieces of any size; valid during the call only. */
  receive(bytes: Uint8Array): void;
  /** Application data, at most 16,384 bytes, valid during the call only: one record, transmitted in order. Not before `connected`. */
  write(bytes: Uint8Array): void;
  /** Takes leave with close_notify. */
  end(): void;
  /** Frees what the engine holds. Nothing calls back afterwards. */
  close(): void;
}

export interface TlsEngineOptions {
  /** Name for SNI and for the check of the server's certificate. */
  readonly serverName: string;
  /** False: nothing of the server is checked. */
  readonly verify: boolean;
  /** The trusted certificate, DER; present when `verify` is true. */
  readonly ca: Credential | undefined;
  /** Our own certificate and its key (PKCS#8 DER); both or neither. */
  readonly certificate: Credential | undefined;
  readonly key: Credential | undefined;

  /** Bytes for the peer; valid during the call only. */
  readonly transmit: (bytes: Uint8Array) => void;
  /** The handshake is complete. `cipherSuite`: its number, where the engine tells it. */
  readonly connected: (cipherSuite?: number) => void;
  /** Application data of the peer; valid during the call only. */
  readonly received: (bytes: Uint8Array) => void;
  /** The peer's close_notify came. */
  readonly closed: () => void;
  /** The engine has given up; `message` is its own word for it and never holds a secret. An exception out of a method means the same. */
  readonly failed: (message: string) => void;
}

/** What an engine can do; what it cannot is found out before it is tried. */
export interface TlsEngineLimits {
  /** Kinds of client keys that it can sign with. */
  readonly clientKeys: readonly ("rsa" | "p256")[];
  /** It takes a handshake message that is split over records. */
  readonly splitMessages: boolean;
  /** It takes a server that sends its leaf certificate alone. */
  readonly leafAlone: boolean;
  /** Suites that it offers, by number. */
  readonly suites: readonly number[];
}

/** A platform's engine: its limits, and how one is made for each connection. */
export interface TlsEngineRecord extends TlsEngineLimits {
  readonly io: new (options: TlsEngineOptions) => TlsEngine;
}
