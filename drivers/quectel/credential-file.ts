import type { Channel } from "../../modules/at/channel.js";
import { failure, type Failure } from "../../modules/diagnosis/failure.js";
import type { Credential, CredentialRole } from "../../modules/io/credentials.js";
import { envelopeOf, type Envelope } from "../../modules/pki/envelope.js";
import type { PemStream } from "../../modules/pki/pem.js";
import * as file from "./commands/file.js";
import { fingerprint, pemOf } from "./credential-text.js";
import type { Profile } from "./profile.js";

/** What files need of the modem. */
export interface FileHost {
  readonly channel: Channel;
  readonly profile: Profile;
  /** `credential`, role, file name, `kept` as it was or `stored`, size. */
  event(name: string, ...values: (string | number)[]): void;
}

/** What makes sure that the module holds a credential: `CredentialFile`, or what a product has in its place. */
export type CredentialFiles = new (...of: ConstructorParameters<typeof CredentialFile>) => object;

/**
 * A credential in the module's file system. The file's name holds a fingerprint of its contents, so
 * a credential that changed gets a new file and one that did not is left alone; older files of the
 * same role are removed. Every upload is checked twice: the module's byte count and checksum
 * against what was sent, and the size in its file list before use.
 */
export class CredentialFile {
  private readonly host: FileHost;
  private readonly role: CredentialRole;
  private readonly credential: Credential;
  private readonly envelope: Envelope;
  private readonly used: string[];
  private readonly done: (reason: Failure | undefined, fileName: string) => void;
  private readonly fileName: string;
  private upload: PemStream;
  private attempts = 0;

  /**
   * Makes sure that the module holds the credential, and gives the file's name. `used`: files that
   * other connections may need; this one is added.
   */
  constructor(
    host: FileHost,
    role: CredentialRole,
    credential: Credential,
    used: string[],
    done: (reason: Failure | undefined, fileName: string) => void,
  ) {
    const mark = fingerprint(credential);
    const { kind } = (this.envelope = envelopeOf(credential));
    this.host = host;
    this.role = role;
    this.credential = credential;
    this.used = used;
    this.done = done;
    this.fileName = "xs-" + role + "-" + mark + ".pem";
    this.upload = this.begin();
    if (mark === "" || kind !== (role === "key" ? "key" : "certificate"))
      this.fail(undefined, "holds " + (mark === "" ? "too few bytes" : kind));
    else {
      if (!used.includes(this.fileName)) used.push(this.fileName);
      this.check();
    }
  }

  private begin(): PemStream {
    return pemOf(this.credential, this.role, this.envelope);
  }

  /** Asks for the file's size, before the first upload and behind each. */
  private check(): void {
    this.host.channel.run(file.fileSize, [this.fileName], (reason, size) => this.onSize(reason, size));
  }

  private onSize(reason: Failure | undefined, size = -1): void {
    const byteLength = this.upload.byteLength;
    // 405: not found; some firmware just answers OK.
    if (reason !== undefined && reason.kind !== "error" && reason.kind !== "cme") this.done(reason, "");
    else if (size === byteLength) {
      this.host.event("credential", this.role, this.fileName, this.attempts === 0 ? "kept" : "stored", size);
      this.done(undefined, this.fileName);
    } else if (this.attempts === 0) this.clean(false);
    else this.again(undefined, byteLength, String(size));
  }

  /**
   * Removes files of this role: older credentials, and what is left of a broken upload. `all`: those
   * of other connections too, because the file system is full.
   */
  private clean(all: boolean): void {
    this.host.channel.run(file.ownFiles, ["*"], (_, names) => this.remove((names ?? []).slice(), all));
  }

  private remove(names: string[], all: boolean): void {
    const name = names.pop();
    if (name === undefined) this.send();
    else if (
      name.startsWith("xs-" + this.role + "-") &&
      (all || name === this.fileName || !this.used.includes(name))
    )
      this.host.channel.run(file.deleteFile, [name], () => this.remove(names, all));
    else this.remove(names, all);
  }

  private send(): void {
    const source = (this.upload = this.begin());
    this.attempts++;
    this.host.channel.run(
      file.uploadFile,
      [this.fileName, source.byteLength, this.host.profile.uploadTimeoutS ?? 0],
      (reason, uploaded) => this.onSent(reason, uploaded),
      { source },
    );
  }

  private onSent(reason: Failure | undefined, uploaded: file.Uploaded | undefined): void {
    const byteLength = this.upload.checksum.byteLength;
    // The result line was seen to be missing although the file was complete: the file list tells.
    if (reason?.kind === "malformed") this.check();
    else if (uploaded === undefined) this.again(reason, byteLength, "");
    else if (uploaded.byteLength !== byteLength) this.again(reason, byteLength, String(uploaded.byteLength));
    else if (uploaded.checksum !== this.upload.checksum.value)
      this.again(reason, byteLength, "another checksum");
    else this.check();
  }

  /** `told`: how the module counted otherwise; empty: it refused. */
  private again(reason: Failure | undefined, sent: number, told: string): void {
    const kind = reason?.kind;
    if (this.attempts < 2 && kind !== "no-answer" && kind !== "module-reset") this.clean(kind === "cme");
    else if (told === "") this.done(reason, "");
    else this.fail(reason?.code, String(sent) + " bytes sent, module counted " + told);
  }

  private fail(code: number | undefined, detail: string): void {
    this.done(failure("credential", "AT+QFUPL", code, this.role + ": " + detail), "");
  }
}
