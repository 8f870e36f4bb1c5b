import type { Failure } from "../../modules/diagnosis/failure.js";
import type { Credential, Credentials } from "../../modules/io/credentials.js";
import { closeTls } from "./commands/ssl-close.js";
import * as ssl from "./commands/ssl.js";
import type { FileHost } from "./credential-file.js";
import type { ModemExtension } from "./extension.js";
import type { TableHost } from "./socket-table.js";
import { ModuleSocket, type ModuleSocketOptions, type SocketHost, type SocketKind } from "./socket.js";
import { TlsContexts } from "./tls-contexts.js";
import { tlsSettings } from "./tls-settings.js";

/** DER bytes, in memory or flash, or a stored object that is read in pieces. */
export type CredentialInput = ArrayBuffer | Uint8Array | Credential;

/** The `secure` record of Moddable's TLSSocket, and what the module can do beside it. */
export interface SecureOptions {
  /** Default true: chain, name and dates are checked. False checks nothing. */
  readonly verify?: boolean;
  /** Must be the host: the module takes the name from there. */
  readonly serverName?: string;
  /** One trusted certificate. */
  readonly certificate?: CredentialInput;
  /** The first is our own. */
  readonly clientCertificates?: readonly CredentialInput[];
  /** PKCS#8. */
  readonly clientKey?: CredentialInput;
  /** Instead of the three above: the device's store. */
  readonly credentials?: Credentials;
  /** One suite as `0XC02F`; default all that the module has. */
  readonly cipherSuite?: string;
}

/** A TLS host is a socket host with room for contexts and a clock. */
export interface SecureHost extends SocketHost, FileHost {
  /** The module's clock was set from the network. */
  readonly clockKnown: boolean;
  /** A connection was refused because it was not. */
  missClock(): void;
  extension<E extends ModemExtension>(type: new (modem: FileHost & TableHost) => E): E;
}

export interface TLSSocketOptions extends ModuleSocketOptions {
  readonly modem?: SecureHost;
  readonly secure?: SecureOptions;
}

const kind: SocketKind = Object.freeze<SocketKind>({
  failureKind: "tls",
  openName: "AT+QSSLOPEN",
  send: ssl.sendTls,
  receive: ssl.receiveTls,
  receiveDefault: false,
  close: closeTls,
});

/**
 * TLS 1.2 by the module, with the surface of Moddable's TLSSocket. The certificate, name and dates
 * of the server are checked unless `secure.verify` is false.
 */
export class TLSSocket extends ModuleSocket {
  declare protected readonly modem: SecureHost;
  private readonly secure: SecureOptions;
  private context = 0;

  constructor(options: TLSSocketOptions) {
    const secure = options.secure;
    // The module resolves the host, and takes the name to check from it.
    const host = options.host || options.address;
    if (secure?.serverName !== undefined && secure.serverName !== host)
      throw new Error("the module takes the server's name from host: serverName must be the same");
    super(options, kind, host);
    this.secure = secure ?? {};
  }

  protected prepare(): void {
    const settings = tlsSettings(this.secure, this.modem, kind.openName);
    if ("kind" in settings) {
      this.fail(settings);
      return;
    }
    this.modem.extension(TlsContexts).acquire(settings, (reason, context) => {
      this.context = context;
      if (reason === undefined) this.open();
      else this.fail(reason);
    });
  }

  protected sendOpen(id: number, done: (reason: Failure | undefined) => void): void {
    const modem = this.modem;
    modem.channel.run(ssl.openTls, [modem.context, this.context, id, this.host, this.port, 0], done);
  }
}
