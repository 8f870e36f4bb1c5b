import type { Command } from "commander";
import { accessSync, constants, statSync } from "node:fs";
import { checkRecipe } from "../../../certs/authority/open.js";
import type { Verdict, Verified } from "../../../certs/factory/verify.js";
import { InputError } from "../../../certs/input-error.js";
import { readProfile } from "../../../certs/profile/profile.js";
import { EXIT_OF } from "../guarded.js";
import { refuse } from "../simulate/check.js";
import { addCommon, commonOf, type RawCommon } from "./common.js";
import { withLedger } from "./ledgers.js";
import { act, type Output } from "./output.js";
import { checkPorts, opener, type RawPorts } from "./targets.js";

interface RawVerify extends RawCommon, RawPorts {
  readonly port: string;
  readonly serial: string;
}

const VERDICTS: Readonly<Record<Verdict, string>> = { ok: "ok", differs: "differs", unknown: "cannot tell" };

/** No partition of this kind is longer by far: what is need not be read. */
const IMAGE_MOST = 0x100000;

/** @throws InputError when there is no image to look at. */
function checkImage(path: string): void {
  const wrong = (what: string, why: string): never =>
    refuse("--port", `${path} ${what}`, why, "Name the file of the unit's image, such as images/SERIAL.bin.");
  const why = "The profile's target is an image, and its file is looked at.";
  try {
    const { size } = statSync(path);
    if (!statSync(path).isFile()) wrong("is no file", why);
    if (size > IMAGE_MOST)
      wrong(`has ${size.toLocaleString("en")} bytes`, "No partition of this kind is so long.");
    accessSync(path, constants.R_OK);
  } catch (error) {
    if (error instanceof InputError) throw error;
    const code = error instanceof Error && "code" in error ? String(error.code) : "unreadable";
    wrong(code === "ENOENT" ? "does not exist" : `cannot be read (${code})`, why);
  }
}

/** The last sentence: it says no more than the points do. */
function endWords({ serial, ok, found, points }: Verified, port: string): string {
  if (found !== undefined) return `What is at ${port} is ${found}, not ${serial}.`;
  if (!ok) return `${serial} is not what the ledger says.`;
  return points.some(({ point, verdict }) => point === "certificate" && verdict === "unknown")
    ? `Nothing differs, but what is at ${port} does not tell that it is ${serial}.`
    : `${serial} is what the ledger says.`;
}

async function verify(out: Output, raw: RawVerify): Promise<number> {
  const common = commonOf(raw, process.env);
  checkPorts([raw.port]);
  const profile = readProfile(common.profile);
  if (profile.target === "image") checkImage(raw.port);
  const { brokerCa } = checkRecipe(profile, new Date());
  const open = opener(profile, raw, (port, code, text) => {
    out.event("notice", { port, code, text });
    out.line(`note: ${text}`);
  });
  const { verifyUnit } = await import("../../../certs/factory/verify.js");
  return await withLedger(common.ledger, "existing", async ledger => {
    const target = await open(raw.port);
    try {
      const { station } = common;
      const now = new Date();
      const verified = await verifyUnit(target, { ledger, serial: raw.serial, station, brokerCa, now });
      for (const { point, verdict, text } of verified.points) {
        out.event("point", { point, verdict, text });
        out.line(`${VERDICTS[verdict].padEnd(11)}  ${point.padEnd(11)}  ${text}`);
      }
      out.line(endWords(verified, raw.port));
      return out.summary(verified.ok ? 0 : EXIT_OF.unit, { port: raw.port, ...verified });
    } finally {
      await target.close();
    }
  });
}

/** `provision verify`: what the unit holds, against the ledger. */
export function addVerify(provision: Command, done: (exitCode: number) => void): void {
  addCommon(
    provision
      .command("verify")
      .description("hold what a unit holds and proves against the ledger; changes nothing in the unit")
      .requiredOption("--port <port>", "where the unit is: a path, or tcp:HOST:PORT; of an image its file")
      .requiredOption("--serial <serial>", "which unit it should be")
      .option("--baud <rate>", "of the modem's port, for a profile whose target is modem (default: 115200)"),
  ).action((raw: RawVerify) => act(raw.json ?? false, done, out => verify(out, raw)));
}
