import { existsSync } from "node:fs";
import { join } from "node:path";
import { FactoryError } from "../../../certs/factory-error.js";
import { asFactoryError, unknownSerial } from "../../../certs/factory/faults.js";
import { ImageTarget } from "../../../certs/factory/image-target.js";
import { checkUnit, imageFault, recognize, refuseStranger } from "../../../certs/factory/recognize.js";
import type { OpenTarget, Present } from "../../../certs/factory/target.js";
import type { Ledger, UnitRecord, UnitState } from "../../../certs/ledger/ledger.js";
import type { Profile } from "../../../certs/profile/profile.js";
import { fileNameOf } from "../../../certs/units/file-name.js";
import type { Unit } from "../../../certs/units/unit.js";
import { EXIT_OF } from "../guarded.js";
import { refuse } from "../simulate/check.js";
import type { Common } from "./common.js";
import { lookInto } from "./ledgers.js";
import { failureFacts, sentences, type Output } from "./output.js";
import { proofs, targetWords } from "./plan.js";
import { stateWords } from "./words.js";

export interface DryRunOptions {
  readonly profile: Profile;
  readonly units: readonly Unit[];
  readonly common: Common;
  readonly ports: readonly string[];
  readonly serial: string | undefined;
  readonly overwrite: boolean;
  readonly images: string | undefined;
  readonly open: OpenTarget;
}

type Action = "begin" | "continue" | "leave" | "none-left";

interface Preview {
  readonly port: string;
  readonly present?: Present;
  readonly serial?: string;
  readonly state?: UnitState;
  readonly action?: Action;
  readonly error?: FactoryError;
}

/** What is at a port, in words. */
function presentWords({ module, firmware, mac, imei, locked }: Present): string {
  const parts = [
    module,
    firmware,
    mac && `MAC ${mac}`,
    imei && `IMEI ${imei}`,
    locked ? "locked" : undefined,
  ].filter(part => part !== undefined && part !== "");
  return parts.length === 0 ? "a unit that tells nothing of itself" : parts.join(", ");
}

/** Units of the list that the ledger does not know yet, and those of the ledger that wait. */
class Waiting {
  readonly #ledger: Ledger | undefined;
  readonly #options: DryRunOptions;
  /** Given to a port of this preview. */
  readonly #taken = new Set<string>();

  constructor(ledger: Ledger | undefined, options: DryRunOptions) {
    this.#ledger = ledger;
    this.#options = options;
  }

  async known(present: Present): Promise<UnitRecord | undefined> {
    return this.#ledger && (await recognize(this.#ledger, present))?.unit;
  }

  /** A unit of the list by what the hardware tells, or by the serial that somebody gave. */
  async listed(present: Present): Promise<UnitRecord | Unit | undefined> {
    const { serial: wanted, units } = this.#options;
    if (wanted !== undefined) {
      const known = await this.#ledger?.unit(wanted);
      const found = known ?? units.find(({ serial }) => serial.toLowerCase() === wanted.toLowerCase());
      if (found === undefined) throw unknownSerial(wanted);
      return found;
    }
    const { mac, imei } = present;
    return units.find(
      unit => (mac !== undefined && unit.mac === mac) || (imei !== undefined && unit.imei === imei),
    );
  }

  /** The next that nobody has, of those that are tied to no hardware. */
  async next(): Promise<string | undefined> {
    const { profile, units } = this.#options;
    const isFree = ({ serial, mac, imei }: UnitRecord | Unit): boolean =>
      mac === undefined && imei === undefined && !this.#taken.has(serial);
    for (const state of ["listed", "begun"] as const)
      for await (const unit of this.#ledger?.units({ profile: profile.name, state }) ?? []) {
        const isBound = unit.hardware.mac !== undefined || unit.hardware.imei !== undefined;
        if (isFree(unit) && !isBound && unit.claim === undefined) return this.#take(unit.serial);
      }
    for (const unit of units)
      if (isFree(unit) && (await this.#ledger?.unit(unit.serial)) === undefined)
        return this.#take(unit.serial);
    return undefined;
  }

  #take(serial: string): string {
    this.#taken.add(serial);
    return serial;
  }
}

function actionOf(state: UnitState): Action {
  if (state === "done") return "leave";
  return state === "listed" || state === "begun" ? "begin" : "continue";
}

async function look(port: string, waiting: Waiting, options: DryRunOptions): Promise<Preview> {
  const { profile, open, overwrite, serial } = options;
  try {
    const target = await open(port);
    try {
      const present = await target.connect();
      const known = await waiting.known(present);
      if (known !== undefined) {
        checkUnit(known, present, profile.name, serial, target.kind);
        return { port, present, serial: known.serial, state: known.state, action: actionOf(known.state) };
      }
      refuseStranger(present, overwrite);
      const unit = await waiting.listed(present);
      if (unit !== undefined && "state" in unit) {
        checkUnit(unit, present, profile.name, serial, target.kind);
        return { port, present, serial: unit.serial, state: unit.state, action: actionOf(unit.state) };
      }
      const found = unit?.serial ?? (await waiting.next());
      return found === undefined
        ? { port, present, action: "none-left" }
        : { port, present, serial: found, state: "listed", action: "begin" };
    } finally {
      await target.close();
    }
  } catch (error) {
    return { port, error: asFactoryError(error) };
  }
}

function words(preview: Preview, profile: Profile): string {
  const { serial = "", state } = preview;
  switch (preview.action) {
    case "begin":
      return `${serial}: would get a key (${profile.key.kind}, made by ${profile.key.made === "device" ? "the unit" : "this machine"}) and a certificate, written ${targetWords(profile)}; proofs: ${proofs(profile).join(", ")}`;
    case "continue":
      return `${serial}: would go on from: ${stateWords(state ?? "begun", profile)}`;
    case "leave":
      return `${serial}: is done, and would be left alone`;
    default:
      return "no unit of the list is left for it";
  }
}

function tell(out: Output, preview: Preview, options: DryRunOptions): void {
  const { port, present, serial, state, action, error } = preview;
  const { mac, imei, module, firmware, locked } = present ?? {};
  out.event("would", {
    port,
    serial,
    state,
    action: action ?? "refuse",
    ...(present === undefined ? undefined : { mac, imei, module, firmware, locked }),
    ...(error === undefined ? undefined : { failure: failureFacts(error) }),
  });
  if (error !== undefined) process.stderr.write(sentences(error, port));
  else if (present !== undefined) {
    out.line(`${port}  ${presentWords(present)}`);
    out.line(`${" ".repeat(port.length)}  ${words(preview, options.profile)}`);
  }
}

/** Images need no port: which files would be made. */
async function previewImages(
  out: Output,
  ledger: Ledger | undefined,
  { profile, units, images = ".", serial }: DryRunOptions,
): Promise<number> {
  const isChosen = (one: string): boolean =>
    serial === undefined || one.toLowerCase() === serial.toLowerCase();
  const fileOf = (one: string): string => join(images, `${fileNameOf(one)}.bin`);
  let made = 0;
  let missing = 0;
  const tellNew = (one: string): void => {
    made++;
    out.event("would", { serial: one, action: "begin", file: fileOf(one) });
    out.line(`${one}  would become ${fileOf(one)}`);
  };
  for await (const unit of ledger?.units({ profile: profile.name }) ?? []) {
    if (unit.state === "revoked" || !isChosen(unit.serial)) continue;
    if (unit.state !== "done") {
      tellNew(unit.serial);
      continue;
    }
    const file = fileOf(unit.serial);
    if (serial === undefined && !existsSync(file)) {
      out.event("would", { serial: unit.serial, state: unit.state, action: "leave", file });
      out.line(`${unit.serial}  is done, and would be left alone; its image is not here`);
      continue;
    }
    const fault = imageFault(unit, await new ImageTarget({ path: file }).connect());
    const { serial: one, state } = unit;
    out.event("would", {
      serial: one,
      state,
      action: fault === undefined ? "leave" : "refuse",
      file,
      ...(fault === undefined ? undefined : { failure: failureFacts(fault) }),
    });
    if (fault === undefined) out.line(`${one}  is done, and would be left alone`);
    else {
      missing++;
      process.stderr.write(sentences(fault, file));
    }
  }
  for (const { serial: one } of units)
    if (isChosen(one) && (await ledger?.unit(one)) === undefined) tellNew(one);
  out.line("Nothing was written.");
  return out.summary(missing > 0 ? EXIT_OF.unit : 0, { dryRun: true, images: made });
}

/** Says who is at the ports and what a run would do, and writes neither to a unit nor to the ledger. */
export async function dryRun(out: Output, options: DryRunOptions): Promise<number> {
  const { profile, units, common, ports } = options;
  return await lookInto(common.ledger, async ledger => {
    // What a run would refuse at its begin.
    if (units.length === 0 && ((await ledger?.summary(profile.name))?.units ?? 0) === 0)
      refuse(
        "--units",
        `--units is missing, and no ledger knows a unit of the profile ${profile.name}`,
        "Units come into the ledger with a list.",
        "Give the list: --units units.csv",
      );
    if (ledger !== undefined && units.length > 0) await ledger.tryList(units, profile.name, "the list");
    const { serial } = options;
    const isListed = units.some(unit => unit.serial.toLowerCase() === serial?.toLowerCase());
    if (serial !== undefined && !isListed && (await ledger?.unit(serial)) === undefined)
      throw unknownSerial(serial);
    if (profile.target === "image") return await previewImages(out, ledger, options);
    const waiting = new Waiting(ledger, options);
    const previews = await Promise.all(ports.map(port => look(port, waiting, options)));
    for (const preview of previews) tell(out, preview, options);
    out.line("Nothing was written, neither to a unit nor to the ledger.");
    const sides = new Set(previews.map(({ error }) => error?.side));
    const isIdle = previews.some(({ action }) => action === "none-left");
    const exitCode = sides.has("environment")
      ? EXIT_OF.environment
      : sides.has("input")
        ? EXIT_OF.input
        : sides.has("unit") || isIdle
          ? EXIT_OF.unit
          : 0;
    return out.summary(exitCode, { dryRun: true, ports: ports.length });
  });
}
