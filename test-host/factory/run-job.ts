import { X509Certificate } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { openAuthority } from "../../certs/authority/file-authority.js";
import { OutsideFolders } from "../../certs/authority/outside.js";
import type { LineEvent, LineOptions, Recipe, UnitResult } from "../../certs/factory/line.js";
import type { OpenTarget } from "../../certs/factory/target.js";
import { runImages } from "../../certs/factory/run-images.js";
import { runLine } from "../../certs/factory/run-line.js";
import { openLedger } from "../../certs/ledger/open.js";
import { readProfile, type Profile } from "../../certs/profile/profile.js";
import { openDeviceTarget } from "../../hosts/workstation/provision/targets/device.js";
import { openModemTarget } from "../../hosts/workstation/provision/targets/modem/target.js";
import type { Timer } from "../../modules/io/timer.js";
import { readUnits } from "../../certs/units/list.js";
import type { LineJob } from "./line-job.js";
import { watchedIssuer, watchedLedger, watchedOutside, watchedTarget, type OnPoint } from "./watched.js";

function recipeOf(job: LineJob, onPoint: OnPoint): Recipe {
  const profile = readProfile(job.profile);
  const brokerCa = new X509Certificate(readFileSync(profile.brokerCa));
  if (profile.issuer.kind === "authority") {
    const issuer = openAuthority(profile.issuer.folder, job.passphrase);
    return {
      profile,
      brokerCa,
      issuer: { kind: "signs", by: watchedIssuer(issuer, onPoint) },
      chain: [issuer.certificate],
    };
  }
  if (profile.issuer.kind !== "requests" || job.exchange === undefined)
    throw new TypeError(`no job for an issuer of the kind ${profile.issuer.kind}`);
  const certificate = new X509Certificate(readFileSync(profile.issuer.certificate));
  const outside = new OutsideFolders({
    requests: join(job.exchange, "out"),
    certificates: join(job.exchange, "back"),
    certificate,
  });
  return {
    profile,
    brokerCa,
    issuer: { kind: "outside", by: watchedOutside(outside, onPoint) },
    chain: [certificate],
  };
}

/** The real targets. */
function openerOf(profile: Profile, haste: number): OpenTarget {
  if (profile.target === "modem") {
    const { module, route } = profile;
    return port => openModemTarget(port, { module, route });
  }
  if (haste === 1) return port => openDeviceTarget(port);
  const timer: Timer<NodeJS.Timeout> = {
    set: (work, ms = 0) => setTimeout(work, ms / haste),
    clear: handle => clearTimeout(handle),
  };
  return port => openDeviceTarget(port, { timer, now: () => performance.now() * haste });
}

/** Does what a job says, with the real flow, ledger and targets; every change is told before and after it. */
export async function runJob(
  job: LineJob,
  onPoint: OnPoint,
  onEvent: (event: LineEvent) => void,
): Promise<readonly UnitResult[]> {
  const recipe = recipeOf(job, onPoint);
  const { profile } = recipe;
  const { claimMs, mostBytes } = job;
  const real = await openLedger(job.ledger, {
    ...(claimMs !== undefined && { claimMs }),
    ...(mostBytes !== undefined && { mostBytes }),
  });
  const ledger = watchedLedger(real, onPoint);
  try {
    const units = readUnits(job.units, profile.variables);
    await ledger.list(units, profile.name, job.units);
    const { images } = job;
    const shared: Pick<LineOptions, "recipe" | "ledger" | "station" | "onEvent"> = {
      recipe,
      ledger,
      station: job.station,
      onEvent,
    };
    if (images !== undefined) {
      const results: UnitResult[] = [];
      await runImages(
        {
          ...shared,
          serials: units.map(({ serial }) => serial),
          imageOf: serial => ({ path: join(images, `${serial}.bin`) }),
        },
        result => results.push(result),
      );
      return results;
    }
    const openTarget = openerOf(profile, job.haste ?? 1);
    const open: OpenTarget = async port => watchedTarget(await openTarget(port), onPoint);
    return await runLine({
      ...shared,
      ports: job.ports,
      open,
      ...(job.continuous !== undefined && { continuous: job.continuous }),
    });
  } finally {
    await ledger.close();
  }
}
