import assert from "node:assert/strict";
import { generateKeyPairSync, X509Certificate } from "node:crypto";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { issueRoot, newSerialNumber } from "../../../certs/authority/certificate.js";
import { SigningIssuer } from "../../../certs/authority/file-authority.js";
import { OutsideFolders } from "../../../certs/authority/outside.js";
import { readRequest } from "../../../certs/authority/request.js";
import { KeySigner } from "../../../certs/authority/signer.js";
import type { LineEvent, LineOptions, Recipe, UnitResult } from "../../../certs/factory/line.js";
import { runLine } from "../../../certs/factory/run-line.js";
import type { Present, Target } from "../../../certs/factory/target.js";
import { openLedger, type OpenLedgerOptions } from "../../../certs/ledger/open.js";
import type { CertificateRecord, Ledger, UnitState } from "../../../certs/ledger/ledger.js";
import { toPem } from "../../../certs/pem-text.js";
import { readProfile } from "../../../certs/profile/profile.js";
import {
  openDeviceTarget,
  type DeviceTargetOptions,
} from "../../../hosts/workstation/provision/targets/device.js";
import type { Timer } from "../../../modules/io/timer.js";
import { all, assertSound } from "../../factory/settled.js";
import { watchedLedger, watchedTarget } from "../../factory/watched.js";

export const MINUTE_MS = 60_000;
export const DAY_MS = 86_400_000;

export interface Life {
  readonly from: Date;
  readonly to: Date;
}

/** From two days ago, for twenty years. */
export function usualLife(): Life {
  return { from: new Date(Date.now() - 2 * DAY_MS), to: new Date(Date.now() + 7300 * DAY_MS) };
}

/** An authority with its key in memory; renewed by making another with the same key. */
export async function authority(
  life: Life = usualLife(),
  key = generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey,
): Promise<SigningIssuer> {
  const signer = new KeySigner(key);
  const der = await issueRoot(
    { subject: { commonName: "Factory CA" }, notBefore: life.from, notAfter: life.to },
    signer,
  );
  return new SigningIssuer(new X509Certificate(der), signer);
}

export interface FlowOptions {
  /** Default: a BG95 behind a device that makes its key itself. */
  readonly profile?: object;
  readonly units?: readonly string[];
  readonly issuer?: SigningIssuer;
  readonly brokerCa?: X509Certificate;
  /** Requests go out, certificates come back. */
  readonly outside?: boolean;
  readonly ledger?: OpenLedgerOptions;
}

export type FlowRun = UnitResult & { readonly events: readonly LineEvent[] };

/** A factory in a folder of its own: authority, profile, list and ledger. */
export class FlowBench {
  readonly folder: string;
  readonly issuer: SigningIssuer;
  readonly recipe: Recipe;
  readonly ledger: Ledger;

  private constructor(folder: string, issuer: SigningIssuer, recipe: Recipe, ledger: Ledger) {
    this.folder = folder;
    this.issuer = issuer;
    this.recipe = recipe;
    this.ledger = ledger;
  }

  static async create(options: FlowOptions = {}): Promise<FlowBench> {
    const { issuer = await authority(), units = ["unit-1", "unit-2"], outside = false } = options;
    const { brokerCa = issuer.certificate } = options;
    const folder = mkdtempSync(join(tmpdir(), "flow-"));
    const [requests, certificates] = [join(folder, "out"), join(folder, "back")];
    for (const each of [requests, certificates]) mkdirSync(each);
    const file = join(folder, "profile.json");
    const given = {
      version: 1,
      name: "line",
      module: "bg95",
      target: "device",
      key: { made: "device", kind: "P-256" },
      brokerCa: "broker.pem",
      certificate: { days: 100 },
      issuer: outside
        ? { kind: "requests", requests: "out", certificates: "back", certificate: "ca.pem" }
        : { kind: "authority", folder: "ca" },
      ...options.profile,
    };
    writeFileSync(file, JSON.stringify(given));
    const { certificate } = issuer;
    const recipe: Recipe = {
      profile: readProfile(file),
      brokerCa,
      chain: [certificate],
      issuer: outside
        ? { kind: "outside", by: new OutsideFolders({ requests, certificates, certificate }) }
        : { kind: "signs", by: issuer },
    };
    const ledger = await openLedger(join(folder, "ledger.db"), options.ledger);
    const list = units.map((serial, index) => ({ serial, variables: {}, line: index + 2 }));
    await ledger.list(list, recipe.profile.name, "units.csv");
    return new FlowBench(folder, issuer, recipe, ledger);
  }

  /** One unit at one port; the same station unless another is named. */
  async run(port: string, options: Partial<LineOptions> = {}): Promise<FlowRun> {
    const events: LineEvent[] = [];
    const [result] = await runLine({
      recipe: this.recipe,
      ledger: this.ledger,
      station: "station-1",
      ports: [port],
      open: address => openDeviceTarget(address),
      ...options,
      onEvent: event => {
        events.push(event);
        options.onEvent?.(event);
      },
    });
    assert.ok(result);
    return { ...result, events };
  }

  /**
   * A run whose process ends when that state is committed: nothing more of it reaches the ledger or the unit,
   * and its claim stays.
   */
  async killedAt(state: UnitState, port: string, options: Partial<LineOptions> = {}): Promise<void> {
    const { open = (address: string) => openDeviceTarget(address) } = options;
    let dead = false;
    const onPoint = (point: string): void => {
      dead ||= point === `after advance to ${state}`;
      if (dead) throw new Error("killed");
    };
    const ledger = watchedLedger(options.ledger ?? this.ledger, onPoint);
    await this.run(port, {
      ...options,
      ledger,
      open: async address => watchedTarget(await open(address), onPoint),
    });
    assert.ok(dead, `it never came to ${state}`);
  }

  /** Somebody else who issues answers all requests that are out. */
  async answer(): Promise<void> {
    const out = join(this.folder, "out");
    for (const name of readdirSync(out)) {
      const { commonName, publicKey } = readRequest(
        Buffer.from(readFileSync(join(out, name), "latin1").replace(/-----[^-]+-----|\s/g, ""), "base64"),
      );
      const der = await this.issuer.issue({
        subject: { commonName: commonName ?? "" },
        publicKey,
        notBefore: new Date(Date.now() - DAY_MS),
        notAfter: new Date(Date.now() + 30 * DAY_MS),
        serialNumber: newSerialNumber(),
      });
      writeFileSync(join(this.folder, "back", name.replace(".csr", ".pem")), toPem(der, "CERTIFICATE"));
    }
  }

  /** What the ledger says of a unit, but for attempts, failures and claims, which every try changes. */
  async said(serial: string): Promise<object> {
    const unit = await this.ledger.unit(serial);
    assert.ok(unit);
    const { state, generation, keySha256, request, draft, certificate, hardware, proofs } = unit;
    const fates = (await this.certificates(serial)).map(({ sha256, fate }) => [sha256, fate]);
    return { state, generation, keySha256, request, draft, certificate, hardware, proofs, fates };
  }

  certificates(serial?: string): Promise<CertificateRecord[]> {
    return all(this.ledger.certificates(serial));
  }

  async fates(serial: string): Promise<readonly string[]> {
    return (await this.certificates(serial)).map(({ fate }) => fate);
  }

  async eventsOf(serial: string, event: string): Promise<number> {
    return (await all(this.ledger.events({ unit: serial }))).filter(one => one.event === event).length;
  }

  /** The ledger is sound, and the folder goes. */
  async end(): Promise<void> {
    try {
      await assertSound(this.ledger);
    } finally {
      await this.ledger.close();
      rmSync(this.folder, { recursive: true });
    }
  }
}

/** Calls a spec has for what it needs no more. */
export class Ends {
  readonly #ends: (() => Promise<void>)[] = [];

  add(end: () => Promise<void>): void {
    this.#ends.push(end);
  }

  async run(): Promise<void> {
    for (const end of this.#ends.splice(0).reverse()) await end();
  }
}

/** What is waited for here is a device that does not answer; it is as silent in a twentieth of the time. */
const HASTE = 20;

const hastyTimer: Timer<NodeJS.Timeout> = {
  set: (work, ms = 0) => setTimeout(work, ms / HASTE),
  clear: handle => clearTimeout(handle),
};

/** A device that is given up soon, for lines that are to fail. */
export const HASTY: DeviceTargetOptions = {
  timer: hastyTimer,
  now: () => performance.now() * HASTE,
  mends: 0,
};

/** A unit that tells of itself something else than it is. */
export function telling(target: Target, told: (present: Present) => Partial<Present>): Target {
  return {
    ...watchedTarget(target, () => undefined),
    connect: async () => {
      const present = await target.connect();
      return { ...present, ...told(present) };
    },
  };
}
