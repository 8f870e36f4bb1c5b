import type { Failure } from "../diagnosis/failure.js";
import type { Credential, Credentials } from "../io/credentials.js";
import type { SocketOptions, SocketRecord } from "../io/socket.js";
import type { Timer } from "../io/timer.js";
import type { TlsEngineRecord } from "./engine.js";
import type { FlightRecorder } from "./recorder.js";

/** DER bytes, in memory or flash, or a stored object that is read in pieces. */
export type CredentialInput = ArrayBuffer | Uint8Array | Credential;

/** The `secure` record of Moddable's TLSSocket, and the device's store instead of its parts. */
export interface HostSecureOptions {
  /** Default true: chain, name and dates are checked. False checks nothing. */
  readonly verify?: boolean;
  /** For SNI and the check of the name; default the host. */
  readonly serverName?: string;
  /** One trusted certificate. */
  readonly certificate?: CredentialInput;
  /** The first is our own. */
  readonly clientCertificates?: readonly CredentialInput[];
  /** PKCS#8. */
  readonly clientKey?: CredentialInput;
  /** The device's store, for those of the three above that are not given. */
  readonly credentials?: Credentials;
}

/** Options beside those of ECMA-419. */
export interface TLSSocketOptions extends SocketOptions {
  /** What carries the records; whatever stands beside `io` is handed to it. Required, and optional in type so that the record fits any client. */
  readonly TCP?: SocketRecord;
  /** Required as well. */
  readonly timer?: Timer;
  /** Without it the connection fails with `argument`. */
  readonly engine?: TlsEngineRecord | undefined;
  readonly secure?: HostSecureOptions;
  /** Whether the clock has been set, since certificates have dates. Default: it has. */
  readonly clockKnown?: () => boolean;
  /** From the open TCP connection to the end of the handshake, milliseconds (default 120,000). */
  readonly handshakeTimeout?: number;
  /** The handshake is complete; what it was made of. */
  readonly onHandshake?: (recorder: FlightRecorder, cipherSuite: number | undefined) => void;
  /** It failed; just before `failure` tells that. */
  readonly onHandshakeFailed?: (recorder: FlightRecorder, reason: Failure) => void;
}
