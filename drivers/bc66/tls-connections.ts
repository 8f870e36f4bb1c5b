import type { Urc } from "../../modules/at/command.js";
import type { Line } from "../../modules/at/line.js";
import { Payloads } from "../../modules/at/payloads.js";
import { failure, type Failure } from "../../modules/diagnosis/failure.js";
import type { CredentialRole } from "../../modules/io/credentials.js";
import { fingerprint } from "../quectel/credential-text.js";
import type { ModemExtension } from "../quectel/extension.js";
import type { Profile } from "../quectel/profile.js";
import type { TlsSettings } from "../quectel/tls-contexts.js";
import { CertificateUpload, refusal, type UploadHost } from "./certificate-upload.js";
import { closeTls, securityLevel, setTlsItem, TLS_CONTEXT } from "./commands-ssl.js";

/** SSL note: connections 0 to 5, apart from those of plain TCP. */
export const CONNECTIONS = 6;

/** Who uses a connection of the module. */
export interface TlsUser {
  /** `+QSSLOPEN`, `+QSSLSEND`, `+QSSLCLOSE` with their code; `closed` by the other side. */
  onReport?(name: string, code: number): void;
  /** A push begins. */
  onPush?(): void;
  /** Bytes of a push; `left` as for `ModemExtension.onPayload`. */
  onBytes?(bytes: Uint8Array, start: number, end: number, left: number): void;
  /** Something was damaged or lost on the serial line that may have been a push. */
  onDamage?(): void;
  /** The module has forgotten the connection, or will have. */
  onLost?(reason: Failure): void;
  /** Its client of the module's own MQTT. */
  readonly client?: number;
}

/** What the connections need of the modem. */
export interface ConnectionHost extends UploadHost {
  readonly profile: Profile;
}

type Acquired = (reason: Failure | undefined, connection: number) => void;

const roles: readonly CredentialRole[] = Object.freeze(["ca", "certificate", "key"]);

function tlsUrc(name: string): Urc {
  return Object.freeze<Urc>({ name, prefix: "+" + name + ":" });
}

const urcs: readonly Urc[] = Object.freeze<Urc[]>([
  // `+QSSLURC: "recv",1,<connection>,<length>,"<data>"`, data as they are; `+QSSLURC: "closed",1,<connection>`.
  Object.freeze<Urc>({
    name: "QSSLURC",
    prefix: "+QSSLURC:",
    inline: Object.freeze({ fields: 4, counted: true }),
  }),
  tlsUrc("QSSLSEND"),
  tlsUrc("QSSLOPEN"),
  tlsUrc("QSSLCLOSE"),
]);

/**
 * The module's six TLS connections: who has which, what each is set to, which credentials it holds, and
 * the way of reports. A connection that holds the credentials already is preferred, for an upload takes
 * seconds; a restart and deep sleep empty all of them.
 */
export class TlsConnections implements ModemExtension {
  readonly urcs = urcs;
  readonly payloads = Payloads;
  private readonly host: ConnectionHost;
  private readonly users: (TlsUser | undefined)[] = [];
  /** Security level and fingerprints of each connection; empty: nothing is known, absent: nothing was set. */
  private readonly held: (string | undefined)[] = [];
  /** Whose push is coming. */
  private receiver: TlsUser | undefined;
  /** What the channel had counted of lost and damaged bytes. */
  private damage = 0;

  constructor(host: ConnectionHost) {
    this.host = host;
    this.accept();
  }

  /**
   * Gives a connection that is set up and holds the credentials, or a failure: `limit` (all are in use,
   * a credential is too long), `credential`, or one of the commands'. May call back at once.
   */
  acquire(user: TlsUser, settings: TlsSettings, done: Acquired): void {
    const level = settings.ca === undefined ? 0 : settings.certificate === undefined ? 1 : 2;
    // Without a check of the server the module sends no certificate either.
    const count = level === 2 ? 3 : level;
    let wanted = String(level);
    for (let i = 0; i < count; i++) {
      const role = roles[i];
      const credential = role === undefined ? undefined : settings[role];
      if (role === undefined || credential === undefined) continue;
      const mark = fingerprint(credential);
      const reason =
        mark === ""
          ? failure("credential", "AT+QSSLCFG", undefined, role + ": holds too few bytes")
          : refusal(role, credential, this.host.profile.tls?.credentialMax ?? Infinity);
      if (reason !== undefined) {
        done(reason, -1);
        return;
      }
      wanted += " " + mark;
    }
    const connection = this.choose(wanted);
    if (connection < 0) {
      done(failure("limit", "AT+QSSLOPEN", undefined, "all TLS connections are in use"), -1);
      return;
    }
    this.users[connection] = user;
    if (this.held[connection] !== wanted) {
      this.prepare(connection, settings, level, wanted, done);
      return;
    }
    // A restart that nobody heard of would leave the server unchecked.
    this.host.channel.run(securityLevel, [TLS_CONTEXT, connection, "seclevel"], (reason, found) => {
      if (found === level || reason?.kind === "module-reset") done(reason, connection);
      else this.prepare(connection, settings, level, wanted, done);
    });
  }

  private prepare(
    connection: number,
    settings: TlsSettings,
    level: number,
    wanted: string,
    done: Acquired,
  ): void {
    this.held[connection] = "";
    this.heed();
    this.configure(connection, settings, level, reason => {
      if (reason === undefined) this.held[connection] = wanted;
      // Answers to what was left of a damaged upload, or its echo.
      this.accept();
      done(reason, connection);
    });
  }

  /** The connection can be given to somebody else. */
  release(user: TlsUser): void {
    const connection = this.users.indexOf(user);
    if (connection >= 0) this.users[connection] = undefined;
  }

  /** What it holds may not be what was sent: it is sent again for the next user. */
  doubt(connection: number): void {
    this.held[connection] = "";
  }

  /** The connection of a client of the module's own MQTT can be given to somebody else; `doubted`: as by `doubt`. */
  releaseClient(client: number, doubted?: boolean): void {
    for (let i = 0; i < CONNECTIONS; i++)
      if (this.users[i]?.client === client) {
        this.users[i] = undefined;
        if (doubted) this.held[i] = "";
      }
  }

  /** What was damaged by now was no push: it came in data mode, in which the module pushes nothing. */
  accept(): void {
    this.damage = this.count();
  }

  /** Ends every connection when bytes were lost or damaged: the stream of one of them may have a gap. */
  heed(): void {
    if (this.damage === this.count()) return;
    this.accept();
    this.users.forEach(user => user?.onDamage?.());
  }

  private count(): number {
    const counters = this.host.channel.counters;
    return counters.strays + counters.overflows + counters.overruns;
  }

  /** One that is set up so; else one that holds nothing of worth; else any that is free; -1: none is. */
  private choose(wanted: string): number {
    const users = this.users;
    const held = this.held;
    let found = -1;
    for (let i = CONNECTIONS - 1; i >= 0; i--) {
      if (users[i] !== undefined) continue;
      if (held[i] === wanted) return i;
      if (found < 0 || !held[i] || held[found]) found = i;
    }
    return found;
  }

  private configure(
    connection: number,
    settings: TlsSettings,
    level: number,
    done: (reason: Failure | undefined) => void,
  ): void {
    const channel = this.host.channel;
    channel.run(setTlsItem, [
      TLS_CONTEXT,
      connection,
      "timeout",
      this.host.profile.sockets.handshakeTimeoutS,
    ]);
    // Not every firmware has it; where it is missing the name is indicated without it, or not at all.
    channel.run(setTlsItem, [TLS_CONTEXT, connection, "sni", 1]);
    channel.run(setTlsItem, [TLS_CONTEXT, connection, "seclevel", level], reason =>
      this.upload(connection, settings, level === 2 ? 3 : level, 0, reason, done),
    );
  }

  /** Hands over the credential `index`, and those behind it, up to `count`. */
  private upload(
    connection: number,
    settings: TlsSettings,
    count: number,
    index: number,
    reason: Failure | undefined,
    done: (reason: Failure | undefined) => void,
  ): void {
    const role = roles[index];
    const credential = role === undefined ? undefined : settings[role];
    if (reason !== undefined || index >= count || role === undefined || credential === undefined)
      done(reason);
    else
      new CertificateUpload(this.host, connection, role, credential, failed =>
        this.upload(connection, settings, count, index + 1, failed, done),
      );
  }

  // For the modem

  forget(): void {
    this.held.length = 0;
  }

  lose(reason: Failure): void {
    this.receiver = undefined;
    this.users.splice(0).forEach(user => user?.onLost?.(reason));
  }

  wake(): void {
    this.heed();
  }

  onReport(name: string, line: Line): boolean {
    if (!name.startsWith("QSSL")) return false;
    if (name !== "QSSLURC") {
      this.users[line.int(1)]?.onReport?.(name, line.int(2));
      return true;
    }
    const connection = line.int(2);
    // What came before it may have been lost.
    this.heed();
    const user = this.users[connection];
    if (line.is(0, "closed")) user?.onReport?.("closed", 0);
    else {
      this.receiver = user;
      if (user === undefined) this.stray(connection);
      user?.onPush?.();
      if (!line.opens) user?.onDamage?.();
    }
    return true;
  }

  onPayload(name: string, bytes: Uint8Array, start: number, end: number, left: number): boolean {
    if (name !== "QSSLURC") return false;
    this.receiver?.onBytes?.(bytes, start, end, left);
    if (left <= 0) this.receiver = undefined;
    return true;
  }

  /** Data of a connection that nobody has: from before a restart of this side, or its number is damaged. */
  private stray(connection: number): void {
    this.users.forEach(user => user?.onDamage?.());
    if (connection >= 0 && connection < CONNECTIONS)
      this.host.channel.run(closeTls, [TLS_CONTEXT, connection]);
  }
}
