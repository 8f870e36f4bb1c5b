import { bg95 } from "../../../../../drivers/bg95/profile.js";
import { deleteFile } from "../../../../../drivers/quectel/commands/file.js";
import { CredentialFile } from "../../../../../drivers/quectel/credential-file.js";
import type { Holding, ReadBack } from "../../../../../certs/factory/target.js";
import type { CredentialRole } from "../../../../../modules/io/credentials.js";
import { BytesCredential } from "../../../../../modules/pki/bytes.js";
import { FileChecksum } from "../../../../../modules/pki/checksum.js";
import { downloadFile, freeBytes, listFiles, type StoredFile } from "./commands.js";
import { different, full, unusable } from "./faults.js";
import { CommandFailure, type Session } from "./session.js";
import type { Store } from "./store.js";
import {
  certifiedKey,
  equal,
  fileNameOf,
  objectIn,
  publicHalfOf,
  roleOf,
  ROLES,
  textOf,
  unfit,
} from "./stored.js";

/** Longest file that is read: the module's credentials are far smaller. */
const READ_MAX = 16_384;
const TRIES = 2;

/** The DER objects of the module; the key in PKCS#8, to be overwritten. */
export type Objects = { readonly [Role in CredentialRole]?: Uint8Array };

function isNotFound(error: unknown): boolean {
  return error instanceof CommandFailure && error.reason.kind === "cme" && error.reason.code === 405;
}

/**
 * The file system of a BG95. Files have the names and contents that the driver gives them, so that a
 * firmware with the same credentials finds them and uploads nothing: `xs-<role>-<fingerprint>.pem`.
 * The driver takes a file for whole when its size is right; here every byte is compared.
 */
export class FileStore implements Store {
  readonly #session: Session;

  constructor(session: Session) {
    this.#session = session;
  }

  async holding(): Promise<Holding> {
    const { ca, certificate, key } = await this.objects();
    const half = key && publicHalfOf(key);
    key?.fill(0);
    return { ca, certificate, key: half };
  }

  /** What is whole. Of several certificates the one that belongs to the key. */
  async objects(): Promise<Objects> {
    const found: Record<CredentialRole, Uint8Array[]> = { ca: [], certificate: [], key: [] };
    for (const file of await this.#list()) {
      const role = roleOf(file.name);
      if (role === undefined || file.byteLength > READ_MAX) continue;
      const text = await this.#read(file, role);
      const der = text && objectIn(file.name, role, text);
      text?.fill(0);
      if (der !== undefined) found[role].push(der);
    }
    const halves = found.key.map(key => publicHalfOf(key));
    const pair = found.certificate
      .map(certificate => ({
        certificate,
        at: halves.findIndex(half => equal(half, certifiedKey(certificate))),
      }))
      .find(one => one.at >= 0);
    const key = found.key.at(pair?.at ?? -1);
    for (const other of found.key) if (other !== key) other.fill(0);
    const certificate = pair?.certificate ?? found.certificate.at(-1);
    const ca = found.ca.at(-1);
    return {
      ...(ca && { ca }),
      ...(certificate && { certificate }),
      ...(key && { key }),
    };
  }

  async begin(): Promise<void> {
    await this.#remove(file => roleOf(file.name) !== undefined);
  }

  async write(role: CredentialRole, der: Uint8Array): Promise<void> {
    const reason = unfit(role, der, bg95.tls.clientKeys);
    if (reason !== undefined) throw unusable(role, reason);
    const text = textOf(role, der);
    try {
      await this.#writeText(role, der, fileNameOf(role, der), text);
    } finally {
      text.fill(0);
    }
  }

  async readBack(expected: Holding): Promise<ReadBack> {
    const found = await this.holding();
    const told: { -readonly [Role in CredentialRole]?: "content" | "public-key" } = {};
    for (const role of ROLES) {
      if (expected[role] === undefined) continue;
      if (found[role] === undefined) throw different(role, "no whole file of it is there");
      if (!equal(found[role], expected[role])) throw different(role, "its file holds another one");
      told[role] = role === "key" ? "public-key" : "content";
    }
    return told;
  }

  async erase(what: "former" | "all"): Promise<void> {
    // Where there is one place alone, nothing is left of what was there before.
    if (what === "all") await this.#remove(file => !file.name.endsWith("/"));
    else {
      const used = await this.objects();
      const kept = ROLES.flatMap(role => {
        const der = used[role];
        return der ? [fileNameOf(role, der)] : [];
      });
      used.key?.fill(0);
      await this.#remove(file => roleOf(file.name) !== undefined && !kept.includes(file.name));
    }
  }

  async #writeText(role: CredentialRole, der: Uint8Array, name: string, text: Uint8Array): Promise<void> {
    for (let attempt = 0; ; attempt++) {
      const files = await this.#list();
      const present = files.find(file => file.name === name);
      if (present !== undefined) {
        if (present.byteLength === text.length && (await this.#holds(present, role, text))) return;
        if (attempt === TRIES) throw different(role, `${name} does not keep what is written to it`);
        // Too short, or as long and other bytes: the driver would take the latter for whole.
        await this.#delete(name);
      } else if (attempt === TRIES) throw different(role, `${name} is not there after it was written`);
      await this.#checkRoom(role, files, text.length);
      await this.#upload(role, der);
    }
  }

  /** By the driver's own class: its names, its contents, its checks of count and checksum. */
  async #upload(role: CredentialRole, der: Uint8Array): Promise<void> {
    const session = this.#session;
    await session.tell(
      session.wait<string>(done => {
        new CredentialFile(
          { channel: session.channel, profile: bg95, event: () => undefined },
          role,
          new BytesCredential(der),
          [],
          done,
        );
      }),
    );
  }

  async #checkRoom(role: CredentialRole, files: readonly StoredFile[], needed: number): Promise<void> {
    // Older files of the role are removed before the upload.
    const freed = files.reduce(
      (sum, { name, byteLength }) => sum + (roleOf(name) === role ? byteLength : 0),
      0,
    );
    const free = freed + (await this.#session.tell(this.#session.run(freeBytes, ["UFS"])));
    if (free < needed) throw full(needed, free);
  }

  async #holds(file: StoredFile, role: CredentialRole, text: Uint8Array): Promise<boolean> {
    const found = await this.#read(file, role);
    const same = equal(found, text);
    found?.fill(0);
    return same;
  }

  /** `undefined`: it is gone, or another size than the list says. To be overwritten when it is a key's. */
  async #read(file: StoredFile, role: CredentialRole): Promise<Uint8Array | undefined> {
    const session = this.#session;
    for (let attempt = 1; ; attempt++) {
      const text = new Uint8Array(file.byteLength);
      const checksum = new FileChecksum();
      const sink = {
        write: (bytes: Uint8Array, start: number, end: number): void => {
          text.set(bytes.subarray(start, end), checksum.byteLength);
          checksum.update(bytes, start, end);
        },
      };
      session.takeDownloaded();
      try {
        await session.run(downloadFile(file.byteLength), [file.name], { sink });
      } catch (error) {
        text.fill(0);
        if (isNotFound(error)) return undefined;
        const damaged = error instanceof CommandFailure && error.reason.kind === "malformed";
        if (!damaged || attempt === TRIES) return await session.tell(Promise.reject(asError(error)));
        continue;
      } finally {
        // The line buffer of the channel has had it, too; nothing else is in there between two commands.
        if (role === "key") session.channel.receiver.bytes.fill(0);
      }
      const told = session.takeDownloaded();
      if (told?.byteLength === file.byteLength && told.checksum === checksum.value) return text;
      text.fill(0);
      if (told !== undefined && told.byteLength !== file.byteLength) return undefined;
      if (attempt === TRIES) throw different(role, `${file.name} arrives damaged, as its checksum tells`);
    }
  }

  async #remove(which: (file: StoredFile) => boolean): Promise<void> {
    for (const file of await this.#list()) if (which(file)) await this.#delete(file.name);
    const left = (await this.#list()).find(which);
    if (left !== undefined) throw different(left.name, "it is still listed after it was deleted");
  }

  async #delete(name: string): Promise<void> {
    try {
      await this.#session.run(deleteFile, [name]);
    } catch (error) {
      if (!isNotFound(error)) await this.#session.tell(Promise.reject(asError(error)));
    }
  }

  async #list(): Promise<readonly StoredFile[]> {
    try {
      return await this.#session.run(listFiles, ["*"]);
    } catch (error) {
      // Some firmware says so of an empty file system.
      if (isNotFound(error)) return [];
      return this.#session.tell(Promise.reject(asError(error)));
    }
  }
}

function asError(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error));
}
