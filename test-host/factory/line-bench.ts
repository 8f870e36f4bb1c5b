import { createPrivateKey, type X509Certificate } from "node:crypto";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createAuthority } from "../../certs/authority/file-authority.js";
import { Authority } from "../../certs/issue.js";
import type { JobResult } from "./job-process.js";
import { LeakScanner, type Leak } from "./leak-scanner.js";
import type { LineJob } from "./line-job.js";
import { Secrets } from "./secrets.js";

const DAY_MS = 86_400_000;

/** What a profile of these tests asks for; everything else is the same for all. */
export interface BenchProfile {
  readonly target: "device" | "modem" | "image";
  readonly key: { readonly made: "device" | "host"; readonly kind: "P-256" | "RSA-2048" };
  readonly module?: "bg95" | "bc66";
  readonly route?: string;
  /** Requests go out, certificates come back. */
  readonly outside?: boolean;
  readonly lock?: boolean;
  /** `HOST:PORT` */
  readonly handshake?: string;
}

/** No word of it stands in any text of the program. */
const PASSPHRASE = "Gr7wq9Zp2kLx4vB8nTt6Ym3c";

/**
 * The same key under the same passphrase, which takes less of a processor to derive from it: hundreds
 * of processes open it here.
 */
function weaken(path: string): void {
  const key = createPrivateKey({ key: readFileSync(path), format: "pem", passphrase: PASSPHRASE });
  const locked = key.export({ type: "pkcs8", format: "pem", cipher: "aes-256-cbc", passphrase: PASSPHRASE });
  writeFileSync(path, locked, { mode: 0o600 });
}

/** A factory's folder with everything that a run is given: authority, broker's CA, profile; and what must not leak. */
export class LineBench {
  readonly folder: string;
  readonly profile: string;
  /** The root of the line's broker. */
  readonly broker: Authority;
  /** Issues for units, also where somebody else is to. */
  readonly authority: X509Certificate;
  readonly passphrase = PASSPHRASE;
  readonly secrets = new Secrets();
  readonly #printed: string[] = [];

  private constructor(folder: string, profile: string, broker: Authority, authority: X509Certificate) {
    this.folder = folder;
    this.profile = profile;
    this.broker = broker;
    this.authority = authority;
    this.secrets.addText(PASSPHRASE, "passphrase");
  }

  static async create(options: BenchProfile): Promise<LineBench> {
    const folder = mkdtempSync(join(tmpdir(), "line-"));
    const kind = options.key.kind;
    const broker = await Authority.create({ commonName: "Line broker root", key: kind });
    const now = Date.now();
    const { certificate } = await createAuthority(join(folder, "ca"), {
      subject: { commonName: "Factory CA" },
      key: kind,
      notBefore: new Date(now - DAY_MS),
      notAfter: new Date(now + 7300 * DAY_MS),
      passphrase: PASSPHRASE,
    });
    weaken(join(folder, "ca", "ca.key"));
    writeFileSync(join(folder, "broker.pem"), broker.certificatePem);
    const profile = join(folder, "profile.json");
    const { target, key, module = "bg95", route, outside, lock, handshake } = options;
    writeFileSync(
      profile,
      JSON.stringify({
        version: 1,
        name: "line",
        module,
        target,
        key,
        brokerCa: "broker.pem",
        certificate: { days: 3650, organization: "Acme" },
        issuer:
          outside === true
            ? { kind: "requests", requests: "out", certificates: "back", certificate: "ca/ca.pem" }
            : { kind: "authority", folder: "ca" },
        ...(route !== undefined && { route }),
        ...(lock !== undefined && { lock }),
        ...(handshake !== undefined && { proof: { handshake } }),
      }),
    );
    return new LineBench(folder, profile, broker, certificate);
  }

  /** A folder of its own for one run of many, with a list of units (CSV). */
  place(name: string, rows: readonly string[]): { readonly folder: string; readonly units: string } {
    const folder = join(this.folder, name);
    mkdirSync(folder, { recursive: true });
    const units = join(folder, "units.csv");
    writeFileSync(units, `${rows.join("\n")}\n`);
    return { folder, units };
  }

  job(place: { readonly folder: string; readonly units: string }, more: Partial<LineJob>): LineJob {
    return {
      profile: this.profile,
      units: place.units,
      ledger: join(place.folder, "ledger.db"),
      station: "station-1",
      ports: [],
      passphrase: PASSPHRASE,
      ...more,
    };
  }

  /** What a process said is searched with everything else, and so are the keys that it made. */
  keep(result: JobResult): void {
    this.#printed.push(result.stdout, result.stderr);
    for (const key of result.keys) this.secrets.addKey(key);
  }

  print(text: string): void {
    this.#printed.push(text);
  }

  /** Everything secret that stands in what was printed and in the files, but for what may hold it. */
  leaks(except: (path: string) => boolean = () => false): readonly Leak[] {
    const scanner = new LeakScanner(this.secrets);
    return [
      ...scanner.scan("what was printed", this.#printed.join("\n")),
      ...scanner.scanPaths([this.folder], path => path.endsWith("ca.key") || except(path)),
    ];
  }

  remove(): void {
    rmSync(this.folder, { recursive: true });
  }
}
