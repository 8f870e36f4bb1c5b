import type { Channel } from "../../modules/at/channel.js";
import type { Command } from "../../modules/at/command.js";
import { failure, type Failure } from "../../modules/diagnosis/failure.js";
import type { Credential, CredentialRole } from "../../modules/io/credentials.js";
import {
  setCertificateFile,
  setCipherSuite,
  setHandshakeTime,
  setHostCheck,
  setIgnoreDates,
  setKeyFile,
  setRootFile,
  setSecurityLevel,
  setServerName,
  setVersion,
} from "./commands/ssl.js";
import type { CredentialStore } from "./credential-store.js";

const ALL_SUITES = "0XFFFF";
const TLS_1_2 = 3;

/** What a TLS connection needs of the module. Without `ca` nothing of the server is checked. */
export interface TlsSettings {
  readonly ca: Credential | undefined;
  readonly certificate: Credential | undefined;
  readonly key: Credential | undefined;
  readonly cipherSuite: string | undefined;
}

type Done = (reason: Failure | undefined, context: number) => void;
type Setting = (channel: Channel, context: number, next: (reason: Failure | undefined) => void) => void;

function value(command: Command<void, readonly [number, number]>, parameter: number): Setting {
  return (channel, context, next) => {
    channel.run(command, [context, parameter], next);
  };
}

function text(command: Command<void, readonly [number, string]>, parameter: string): Setting {
  return (channel, context, next) => {
    channel.run(command, [context, parameter], next);
  };
}

/**
 * The module's TLS contexts. Connections with the same settings share one; settings are sent once
 * after each start of the module, because it forgets them.
 */
export class TlsContexts {
  private readonly channel: Channel;
  private readonly store: CredentialStore;
  private readonly handshakeTimeoutS: number;
  /** What each context is set to; the credentials are named by the fingerprint in their file names. */
  private readonly contexts: (string | undefined)[] = [];
  private readonly count: number;
  private readonly files: Record<CredentialRole, string | undefined> = {
    ca: undefined,
    certificate: undefined,
    key: undefined,
  };
  private readonly waiting: [TlsSettings, Done][] = [];
  private busy = false;
  private next = 0;

  constructor(channel: Channel, store: CredentialStore, count: number, handshakeTimeoutS: number) {
    this.channel = channel;
    this.store = store;
    this.count = count;
    this.handshakeTimeoutS = handshakeTimeoutS;
  }

  /** The module restarted: its settings are gone, its files must be looked at again. */
  forget(): void {
    this.contexts.length = 0;
  }

  /** Gives a context with these settings, its credentials on the module. One request at a time, others wait. */
  acquire(settings: TlsSettings, done: Done): void {
    this.waiting.push([settings, done]);
    if (!this.busy) this.take();
  }

  private take(): void {
    const request = this.waiting.shift();
    this.busy = request !== undefined;
    if (request === undefined) return;
    const [settings, done] = request;
    this.credentials(settings, reason => {
      if (reason !== undefined) this.end(done, reason, 0);
      else this.configure(settings, done);
    });
  }

  private end(done: Done, reason: Failure | undefined, context: number): void {
    done(reason, context);
    this.take();
  }

  private credentials(settings: TlsSettings, next: (reason: Failure | undefined) => void): void {
    const roles: CredentialRole[] = ["key", "certificate", "ca"];
    const step = (): void => {
      const role = roles.pop();
      if (role === undefined) {
        next(undefined);
        return;
      }
      const credential = settings[role];
      this.files[role] = undefined;
      if (credential === undefined) step();
      else
        this.store.ensure(role, credential, (reason, fileName) => {
          this.files[role] = fileName;
          if (reason === undefined) step();
          else next(reason);
        });
    };
    step();
  }

  private configure(settings: TlsSettings, done: Done): void {
    const { ca, certificate, key } = this.files;
    const suite = settings.cipherSuite ?? ALL_SUITES;
    const wanted = [ca, certificate, key, suite].join();
    const known = this.contexts.indexOf(wanted);
    if (known >= 0) {
      this.end(done, undefined, known);
      return;
    }
    const context = this.next;
    this.next = (context + 1) % this.count;
    this.contexts[context] = undefined;
    const verify = ca !== undefined;
    const settingsLeft: Setting[] = [
      value(setVersion, TLS_1_2),
      text(setCipherSuite, suite),
      value(setSecurityLevel, certificate === undefined ? (verify ? 1 : 0) : verify ? 2 : 0),
      value(setServerName, 1),
      value(setIgnoreDates, verify ? 0 : 1),
      value(setHandshakeTime, this.handshakeTimeoutS),
      value(setHostCheck, verify ? 1 : 0),
    ];
    if (ca !== undefined) settingsLeft.push(text(setRootFile, ca));
    if (certificate !== undefined) settingsLeft.push(text(setCertificateFile, certificate));
    if (key !== undefined) settingsLeft.push(text(setKeyFile, key));
    const step = (reason: Failure | undefined): void => {
      const setting = reason === undefined ? settingsLeft.pop() : undefined;
      if (setting !== undefined) setting(this.channel, context, step);
      else {
        if (reason === undefined) this.contexts[context] = wanted;
        this.end(
          done,
          reason === undefined ? undefined : failure(reason.kind, "AT+QSSLCFG", reason.code),
          context,
        );
      }
    };
    step(undefined);
  }
}
