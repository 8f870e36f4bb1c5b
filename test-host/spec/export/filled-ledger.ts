import { createHash, createPublicKey, randomBytes, X509Certificate } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Authority } from "../../../certs/issue.js";
import type { Ledger, UnitState } from "../../../certs/ledger/ledger.js";
import { openLedger } from "../../../certs/ledger/open.js";
import type { Unit } from "../../../certs/units/unit.js";

/** A clock that goes on by a second with every look. */
export function steppingClock(start = "2026-11-20T06:00:00.000Z"): () => Date {
  let at = Date.parse(start);
  return () => new Date((at += 1000));
}

export function sha256(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}

export function unitOf(serial: string, members: Partial<Unit> = {}): Unit {
  return { serial, variables: {}, line: 1, ...members };
}

/** Folder of the ledgers that nobody named a file for, until the process ends. */
const folder = mkdtempSync(join(tmpdir(), "xs-filled-ledger-"));
process.once("exit", () => {
  rmSync(folder, { recursive: true, force: true });
});
let number = 0;

/** A ledger and what brings its units on. */
export class FilledLedger {
  private constructor(
    readonly ledger: Ledger,
    readonly authority: Authority,
  ) {}

  static async open(
    now = steppingClock(),
    location = join(folder, `${String(++number)}.db`),
  ): Promise<FilledLedger> {
    return new FilledLedger(
      await openLedger(location, { now }),
      await Authority.create({ commonName: "Factory CA" }),
    );
  }

  /** Lists a unit and takes it to a state by the way of a key made on the device. `name`: the certificate's common name. */
  async bring(unit: Unit, to: UnitState, options: { name?: string; port?: string } = {}): Promise<void> {
    const { ledger } = this;
    await ledger.list([unit], "gateway", "units.csv");
    if (to === "listed") return;
    await this.work(unit.serial, to, options);
  }

  /** One attempt at a unit that is `listed`. */
  async work(serial: string, to: UnitState, options: { name?: string; port?: string } = {}): Promise<void> {
    const { ledger, authority } = this;
    const place = { station: "bench", port: options.port ?? "/dev/ttyUSB0" };
    let claim = await ledger.claim({ by: "serial", serial }, place);
    if (claim === undefined) throw new Error(`${serial} is not free`);
    claim = await ledger.advance(claim, "begun");
    if (to === "begun") return ledger.release(claim);
    const issued = await authority.client({ commonName: options.name ?? serial });
    const certificate = new X509Certificate(issued.certificate);
    const publicKey = Uint8Array.from(
      createPublicKey(certificate.publicKey.export({ type: "spki", format: "pem" })).export({
        type: "spki",
        format: "der",
      }),
    );
    const keySha256 = sha256(publicKey);
    claim = await ledger.advance(claim, "keyed", { keySha256 });
    if (to === "requested") {
      claim = await ledger.advance(claim, "requested", { request: Uint8Array.from(randomBytes(300)) });
      return ledger.release(claim);
    }
    const fixed = {
      serialNumber: certificate.serialNumber.toLowerCase(),
      notBefore: new Date(certificate.validFrom),
      notAfter: new Date(certificate.validTo),
      issuer: sha256(authority.certificate),
    };
    claim = await ledger.advance(claim, "issuing", { draft: { ...fixed, publicKey } });
    claim = await ledger.advance(claim, "issued", {
      draft: undefined,
      certificate: { ...fixed, sha256: sha256(issued.certificate), der: issued.certificate, keySha256 },
    });
    for (const state of ["written", "proved", "used", "done"] as const) {
      if (claim.unit.state === to) break;
      claim = await ledger.advance(claim, state, state === "proved" ? { proof: "possession" } : {});
    }
    if (to !== "done") await ledger.release(claim);
  }
}
