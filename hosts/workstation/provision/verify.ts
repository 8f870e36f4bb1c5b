import type { Command } from "commander";
import { checkRecipe } from "../../../certs/authority/open.js";
import type { Verdict } from "../../../certs/factory/verify.js";
import { readProfile } from "../../../certs/profile/profile.js";
import { EXIT_OF } from "../guarded.js";
import { addCommon, commonOf, type RawCommon } from "./common.js";
import { withLedger } from "./ledgers.js";
import { act, type Output } from "./output.js";
import { checkPorts, opener, type RawPorts } from "./targets.js";

interface RawVerify extends RawCommon, RawPorts {
  readonly port: string;
  readonly serial: string;
}

const VERDICTS: Readonly<Record<Verdict, string>> = { ok: "ok", differs: "differs", unknown: "cannot tell" };

async function verify(out: Output, raw: RawVerify): Promise<number> {
  const common = commonOf(raw, process.env);
  checkPorts([raw.port]);
  const profile = readProfile(common.profile);
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
      out.line(
        verified.ok
          ? `${verified.serial} is what the ledger says.`
          : `${verified.serial} is not what the ledger says.`,
      );
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
