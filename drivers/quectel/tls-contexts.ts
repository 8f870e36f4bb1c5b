import type { Failure } from "../../modules/diagnosis/failure.js";
import type { Credential, CredentialRole } from "../../modules/io/credentials.js";
import { setCipherSuite, setTlsItem } from "./commands/ssl.js";
import { CredentialFile, type FileHost } from "./credential-file.js";
import type { ModemExtension } from "./extension.js";

/** What a TLS connection needs of the module. Without `ca` nothing of the server is checked. */
export interface TlsSettings {
  readonly ca: Credential | undefined;
  readonly certificate: Credential | undefined;
  readonly key: Credential | undefined;
  readonly cipherSuite: string | undefined;
}

interface Request {
  readonly settings: TlsSettings;
  readonly done: (reason: Failure | undefined, context: number) => void;
}

/** In the order in which their files are made sure of. */
const roles: readonly CredentialRole[] = Object.freeze(["ca", "certificate", "key"]);

/**
 * The module's TLS contexts. Connections with the same settings share one; settings are sent once
 * after each start of the module, because it forgets them.
 */
export class TlsContexts implements ModemExtension {
  private readonly host: FileHost;
  /** What each context is set to; the credentials are named by the fingerprint in their file names. */
  private readonly contexts: string[] = [];
  /** Files that were asked for since the device started. */
  private readonly used: string[] = [];
  /** The first is being worked on. */
  private readonly waiting: Request[] = [];
  /** File names of the first request, by the place of their role; empty: none is wanted. */
  private files: string[] = [];
  /** Context that was set up last, or is being set up, to what is wanted. */
  private context = -1;
  private wanted = "";
  /** Items of `AT+QSSLCFG` and their values; empty: left as it is. */
  private items: Readonly<Record<string, string | number>> = {};
  /** Items that are not set yet. */
  private left: string[] = [];

  constructor(host: FileHost) {
    this.host = host;
  }

  /** The module restarted: its settings are gone, its files must be looked at again. */
  forget(): void {
    this.contexts.length = 0;
  }

  /** Gives a context with these settings, its credentials on the module. One request at a time, others wait. */
  acquire(settings: TlsSettings, done: Request["done"]): void {
    this.waiting.push({ settings, done });
    if (this.waiting.length === 1) this.begin();
  }

  private begin(): void {
    this.files = [];
    this.step();
  }

  /** Makes sure of the next file; behind the last one sets up the context. */
  private step(): void {
    const files = this.files;
    const role = roles[files.length];
    const settings = this.waiting[0]?.settings;
    if (settings === undefined) return;
    if (role === undefined) {
      this.choose(settings);
      return;
    }
    const credential = settings[role];
    if (credential === undefined) {
      files.push("");
      this.step();
    } else
      new (this.host.profile.CredentialFile ?? CredentialFile)(
        this.host,
        role,
        credential,
        this.used,
        (reason, fileName) => {
          files.push(fileName);
          if (reason === undefined) this.step();
          else this.end(reason, 0);
        },
      );
  }

  private choose({ cipherSuite = "0XFFFF" }: TlsSettings): void {
    const files = this.files;
    const contexts = this.contexts;
    this.wanted = files.join() + cipherSuite;
    const known = contexts.indexOf(this.wanted);
    if (known >= 0) {
      this.end(undefined, known);
      return;
    }
    const channel = this.host.channel;
    const profile = this.host.profile;
    const verify = files[0] === "" ? 0 : 1;
    this.context = (this.context + 1) % (profile.tlsContexts ?? 1);
    contexts[this.context] = "";
    this.items = {
      // TLS 1.2
      sslversion: 3,
      // 2: our own certificate as well.
      seclevel: files[1] === "" ? verify : verify * 2,
      // The name that is indicated and checked is the host of `AT+QSSLOPEN`.
      sni: 1,
      checkhost: verify,
      ignorelocaltime: 1 - verify,
      negotiatetime: profile.sockets.handshakeTimeoutS,
      cacert: files[0] ?? "",
      clientcert: files[1] ?? "",
      clientkey: files[2] ?? "",
    };
    this.left = Object.keys(this.items);
    channel.run(setCipherSuite, [this.context, cipherSuite], reason => this.set(reason));
  }

  /** Sets the next item. */
  private set(reason: Failure | undefined): void {
    const context = this.context;
    const item = this.left.pop();
    if (reason !== undefined || item === undefined) {
      if (reason === undefined) this.contexts[context] = this.wanted;
      this.end(reason, context);
      return;
    }
    const value = this.items[item];
    if (value === "") this.set(undefined);
    else this.host.channel.run(setTlsItem, [item, context, value], refused => this.set(refused));
  }

  private end(reason: Failure | undefined, context: number): void {
    this.waiting.shift()?.done(reason, context);
    if (this.waiting.length > 0) this.begin();
  }
}
