import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** Certificates that only OpenSSL's own tool makes: of broken algorithms, with any extension. */
export class CertificateFolder {
  readonly path = mkdtempSync(join(tmpdir(), "xs-certs-"));

  file(name: string, contents: string | Uint8Array): string {
    const path = join(this.path, name);
    writeFileSync(path, contents);
    return path;
  }

  openssl(...args: readonly string[]): void {
    execFileSync("openssl", args, { cwd: this.path, stdio: "pipe" });
  }

  /** A self-signed certificate; `extra` are arguments of `openssl req -x509`. Returns its path; the key lies beside it. */
  selfSigned(name: string, subject: string, ...extra: readonly string[]): string {
    const key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"];
    const isKeyed = extra.includes("-newkey");
    this.openssl(
      ...["req", "-x509", "-nodes", "-keyout", `${name}.key`, "-out", `${name}.pem`, "-subj", subject],
      ...(isKeyed ? extra : [...key, ...extra]),
    );
    return join(this.path, `${name}.pem`);
  }

  /**
   * A certificate by the authority whose certificate is at `issuer` (its key beside it); `extensions` as openssl's
   * configuration has them. Returns its path; the key lies beside it.
   */
  signed(name: string, subject: string, issuer: string, ...extensions: readonly string[]): string {
    this.openssl(
      ...["req", "-new", "-nodes", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"],
      ...["-keyout", `${name}.key`, "-out", `${name}.csr`, "-subj", subject],
    );
    const file = this.file(`${name}.ext`, `${extensions.join("\n")}\n`);
    this.openssl(
      ...["x509", "-req", "-in", `${name}.csr`, "-CA", issuer, "-CAkey", issuer.replace(/\.pem$/, ".key")],
      ...["-CAcreateserial", "-days", "365", "-extfile", file, "-out", `${name}.pem`],
    );
    return join(this.path, `${name}.pem`);
  }

  remove(): void {
    rmSync(this.path, { recursive: true });
  }
}
