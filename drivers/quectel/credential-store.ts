import type { Channel } from "../../modules/at/channel.js";
import type { Source } from "../../modules/at/command.js";
import { failure, type Failure } from "../../modules/diagnosis/failure.js";
import type { Credential, CredentialRole } from "../../modules/io/credentials.js";
import { FileChecksum } from "../../modules/pki/checksum.js";
import { envelopeOf } from "../../modules/pki/envelope.js";
import { PemStream, type PemLabel } from "../../modules/pki/pem.js";
import { deleteFile, fileSize, ownFiles, uploadFile } from "./commands/file.js";

const ATTEMPTS = 2;
const SCAN_BYTES = 64;

type Done = (reason: Failure | undefined, fileName: string) => void;
/** Tells what happened to a credential: `kept` as it was, or `stored`. */
export type CredentialReport = (
  role: CredentialRole,
  fileName: string,
  action: "kept" | "stored",
  byteLength: number,
) => void;

/** FNV-1a over the DER bytes: tells contents apart; it is no protection. */
function fingerprint(credential: Credential): string | undefined {
  const view = new Uint8Array(SCAN_BYTES);
  let hash = 0x811c9dc5;
  let offset = 0;
  while (offset < credential.byteLength) {
    const count = credential.read(view, offset);
    if (count <= 0) return undefined;
    for (let i = 0; i < count; i++) hash = Math.imul(hash ^ (view[i] ?? 0), 0x01000193);
    offset += count;
  }
  return (hash >>> 0).toString(16).padStart(8, "0");
}

/** A part of a stored object: an RSA key in its PKCS#8 envelope. */
class Part implements Credential {
  readonly byteLength: number;
  private readonly whole: Credential;
  private readonly offset: number;

  constructor(whole: Credential, offset: number, byteLength: number) {
    this.whole = whole;
    this.offset = offset;
    this.byteLength = byteLength;
  }

  read(view: Uint8Array, offset: number): number {
    const rest = Math.max(0, this.byteLength - offset);
    return this.whole.read(rest < view.length ? view.subarray(0, rest) : view, this.offset + offset);
  }
}

/** Streams PEM to the serial port and adds up what it sent. */
class Upload implements Source {
  readonly byteLength: number;
  readonly checksum = new FileChecksum();
  private readonly pem: PemStream;

  constructor(pem: PemStream) {
    this.pem = pem;
    this.byteLength = pem.byteLength;
  }

  read(view: Uint8Array): number {
    const count = this.pem.read(view);
    this.checksum.update(view, 0, count);
    return count;
  }
}

/**
 * Credentials in the module's file system. A file's name holds a fingerprint of its contents, so
 * a credential that changed gets a new file and one that did not is left alone; older files of the
 * same role are removed. Every upload is checked twice: the module's byte count and checksum
 * against what was sent, and the size in its file list before use.
 */
export class CredentialStore {
  private readonly channel: Channel;
  private readonly uploadTimeoutS: number;
  private readonly report: CredentialReport;
  /** Files that were asked for since the device started: another connection may need them. */
  private readonly used: string[] = [];

  constructor(channel: Channel, uploadTimeoutS: number, report: CredentialReport) {
    this.channel = channel;
    this.uploadTimeoutS = uploadTimeoutS;
    this.report = report;
  }

  /** Makes sure that the module holds the credential, and gives the file's name. */
  ensure(role: CredentialRole, credential: Credential, done: Done): void {
    const { kind, rsaOffset, rsaLength } = envelopeOf(credential);
    const mark = fingerprint(credential);
    if (mark === undefined || (kind === "key") !== (role === "key") || kind === "unknown") {
      done(
        failure(
          "credential",
          undefined,
          undefined,
          role + ": holds " + (mark === undefined ? "too few bytes" : kind),
        ),
        "",
      );
      return;
    }
    const name = "xs-" + role + "-" + mark + ".pem";
    let label: PemLabel = role === "key" ? "PRIVATE KEY" : "CERTIFICATE";
    let content = credential;
    if (rsaOffset > 0) {
      // Every working log of these modules shows the older form for RSA keys.
      label = "RSA PRIVATE KEY";
      content = new Part(credential, rsaOffset, rsaLength);
    }
    if (!this.used.includes(name)) this.used.push(name);
    const task: Task = {
      role,
      name,
      label,
      content,
      byteLength: new PemStream(content, label).byteLength,
      done,
      attempts: 0,
    };
    this.size(task, size => {
      if (size === task.byteLength) {
        this.report(role, name, "kept", size);
        done(undefined, name);
      } else this.clean(task, false);
    });
  }

  /** Size of the file on the module, -1 when there is none. */
  private size(task: Task, next: (size: number) => void): void {
    this.channel.run(fileSize, [task.name], (reason, size) => {
      // 405: not found; some firmware just answers OK.
      if (reason !== undefined && reason.kind !== "error" && reason.kind !== "cme")
        task.done(reason, task.name);
      else next(size ?? -1);
    });
  }

  /**
   * Removes files of this role: older credentials, and what is left of a broken upload. `all`: those
   * of other connections too, because the file system is full.
   */
  private clean(task: Task, all: boolean): void {
    this.channel.run(ownFiles, ["*"], (_, names) => {
      const own = "xs-" + task.role + "-";
      const old = (names ?? []).filter(
        name => name.startsWith(own) && (all || name === task.name || !this.used.includes(name)),
      );
      const next = (): void => {
        const name = old.pop();
        if (name === undefined) this.upload(task);
        else this.channel.run(deleteFile, [name], next);
      };
      next();
    });
  }

  private upload(task: Task): void {
    task.attempts++;
    const source = new Upload(new PemStream(task.content, task.label));
    this.channel.run(
      uploadFile,
      [task.name, source.byteLength, this.uploadTimeoutS],
      (reason, uploaded) => {
        const sent = source.checksum;
        if (uploaded?.byteLength === sent.byteLength && uploaded.checksum === sent.value) this.verify(task);
        // The result line was seen to be missing although the file was complete: the file list tells.
        else if (reason?.kind === "malformed") this.verify(task);
        else {
          const told =
            uploaded === undefined
              ? undefined
              : String(uploaded.byteLength) + " with checksum " + uploaded.checksum.toString(16);
          this.again(
            task,
            reason,
            String(sent.byteLength) + " with checksum " + sent.value.toString(16),
            told,
          );
        }
      },
      { source },
    );
  }

  private verify(task: Task): void {
    this.size(task, size => {
      if (size !== task.byteLength) this.again(task, undefined, String(task.byteLength), String(size));
      else {
        this.report(task.role, task.name, "stored", size);
        task.done(undefined, task.name);
      }
    });
  }

  private again(task: Task, reason: Failure | undefined, sent: string, told: string | undefined): void {
    if (task.attempts < ATTEMPTS && reason?.kind !== "no-answer" && reason?.kind !== "module-reset") {
      this.clean(task, reason?.kind === "cme");
      return;
    }
    const detail =
      task.role + ": " + sent + " bytes sent, module " + (told === undefined ? "refused" : "counted " + told);
    task.done(
      told === undefined && reason !== undefined
        ? reason
        : failure("credential", "AT+QFUPL", reason?.code, detail),
      "",
    );
  }
}

interface Task {
  readonly role: CredentialRole;
  readonly name: string;
  readonly label: PemLabel;
  readonly content: Credential;
  readonly byteLength: number;
  readonly done: Done;
  attempts: number;
}
