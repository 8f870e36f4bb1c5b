import { plainQuery } from "../../modules/at/command.js";
import { failure, type Failure } from "../../modules/diagnosis/failure.js";
import type { Credential, CredentialRole, Credentials } from "../../modules/io/credentials.js";
import { CredentialFile, type FileHost } from "./credential-file.js";

const LIST = "AT+QFLST";

/** Name and size in bytes. */
type StoredFile = readonly [name: string, byteLength: number];

/** The driver's own files. Quectel BG96 FILE AT Commands Manual V1.0, 2.2. */
const ownFiles = plainQuery<readonly StoredFile[], readonly [pattern: string]>(
  LIST + "=",
  5_000,
  "+QFLST:",
  (line, sofar = []) => {
    const name = line.text(0).replace("UFS:", "");
    return name.startsWith("xs-") ? sofar.concat([[name, line.int(1)]]) : sofar;
  },
  Object.freeze<StoredFile[]>([]),
);

/** Stands for an object whose bytes are in the module. */
const elsewhere: Credential = Object.freeze<Credential>({ byteLength: 0, read: () => 0 });

/**
 * The credentials of a unit that a factory has filled the module of: files `xs-<role>-<mark>.pem` in the file system
 * of a BG95. For connections of a modem whose profile has `ModuleFile`; every other fails with a
 * `credential` failure, because these have no bytes.
 */
export const moduleStore: Credentials = Object.freeze<Credentials>({
  inModule: true,
  open: () => elsewhere,
});

/**
 * The file of a credential in the module, whoever put it there: of `moduleStore` the one of its role,
 * which is neither read nor written; of any other store as `CredentialFile` does it.
 */
export class ModuleFile {
  private readonly host: FileHost;
  private readonly role: CredentialRole;
  private readonly used: string[];
  private readonly done: (reason: Failure | undefined, fileName: string) => void;

  /** As of `CredentialFile`. */
  constructor(
    host: FileHost,
    role: CredentialRole,
    credential: Credential,
    used: string[],
    done: (reason: Failure | undefined, fileName: string) => void,
  ) {
    this.host = host;
    this.role = role;
    this.used = used;
    this.done = done;
    // Before each connection, as for uploaded ones: somebody at the module's other port may have changed them.
    if (credential === elsewhere)
      host.channel.run(ownFiles, ["*"], (reason, files) => this.onList(reason, files));
    else new CredentialFile(host, role, credential, used, done);
  }

  private onList(reason: Failure | undefined, files: readonly StoredFile[] = []): void {
    const prefix = "xs-" + this.role + "-";
    const found = files.filter(([name]) => name.startsWith(prefix) && name.endsWith(".pem"));
    const file = found[0];
    // 405: some firmware says so of an empty file system.
    if (reason !== undefined && reason.code !== 405) this.done(reason, "");
    else if (file === undefined) this.fail("no file " + prefix + "*.pem");
    else if (found.length > 1)
      this.fail(String(found.length) + " files " + prefix + "*.pem, which of them counts is unknown");
    else {
      const [name, byteLength] = file;
      if (!this.used.includes(name)) this.used.push(name);
      this.host.event("credential", this.role, name, "kept", byteLength);
      this.done(undefined, name);
    }
  }

  private fail(detail: string): void {
    this.done(failure("credential", LIST, undefined, this.role + ": the module holds " + detail), "");
  }
}
