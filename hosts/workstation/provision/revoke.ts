import type { Command } from "commander";
import { FactoryError } from "../../../certs/factory-error.js";
import { asFactoryError, unknownSerial } from "../../../certs/factory/faults.js";
import { revokeUnit } from "../../../certs/factory/rework.js";
import type { Target } from "../../../certs/factory/target.js";
import { REVOCATION_REASONS } from "../../../certs/ledger/ledger.js";
import { InputError } from "../../../certs/input-error.js";
import { readProfile, type Profile } from "../../../certs/profile/profile.js";
import { choice, CHOICE_OF } from "../choice.js";
import { EXIT_OF } from "../guarded.js";
import { addCommon, commonOf, type RawCommon } from "./common.js";
import { withLedger } from "./ledgers.js";
import { copyLeft, erasedWords } from "./module-copy.js";
import { act, failureFacts, sentences, type Output } from "./output.js";
import { checkPorts, opener, type RawPorts } from "./targets.js";

interface RawRevoke extends RawCommon, RawPorts {
  readonly serial: string;
  readonly reason: string;
  readonly replace?: boolean;
  readonly port?: string;
}

async function unitAt(
  out: Output,
  raw: RawRevoke,
  profile: Profile | undefined,
): Promise<Target | undefined> {
  if (raw.port === undefined || profile === undefined) return undefined;
  const open = opener(profile, raw, (port, code, text) => {
    out.event("notice", { port, code, text });
    out.line(`note: ${text}`);
  });
  return await open(raw.port);
}

/** The same failure, with what it means for the certificate. */
function revokedNothing(fault: FactoryError): FactoryError {
  const { code, side, what, why, fix } = fault;
  const more = /--port/.test(fix) ? "" : " Without --port the certificate is revoked in the ledger alone.";
  return new FactoryError(
    { code, side, what: `${what}; nothing was revoked`, why, fix: `${fix}${more}` },
    { cause: fault },
  );
}

async function revoke(out: Output, raw: RawRevoke): Promise<number> {
  const reason = choice("--reason", raw.reason, REVOCATION_REASONS, CHOICE_OF.known);
  const common = commonOf(raw, process.env);
  if (raw.port !== undefined) checkPorts([raw.port]);
  const { serial, replace = false } = raw;
  return await withLedger(common.ledger, "existing", async ledger => {
    const before = await ledger.unit(serial);
    if (before === undefined) throw unknownSerial(serial);
    let target: Target | undefined;
    try {
      const profile = raw.port === undefined ? undefined : readProfile(common.profile);
      target = await unitAt(out, raw, profile);
      const { station } = common;
      const { certificate, erased } = await revokeUnit({ ledger, station, serial, reason, replace, target });
      out.line(
        certificate === undefined
          ? `${serial} had no certificate yet.`
          : `${serial}: certificate ${certificate.sha256.slice(0, 16)} (serial number ${certificate.serialNumber}) is revoked: ${certificate.reason ?? reason}.`,
      );
      out.line(
        replace
          ? `${serial} gets another key and certificate with the next run.`
          : `${serial} is out of service; with --replace it would get other credentials.`,
      );
      out.line(
        erased && profile !== undefined
          ? erasedWords(profile, raw.port ?? "")
          : "The unit itself was not touched: what it holds works wherever the revocation is not known.",
      );
      const left = erased && profile !== undefined ? copyLeft(profile) : undefined;
      if (left !== undefined) {
        out.event("notice", { port: raw.port, ...left });
        out.line(`note: ${left.text}`);
      }
      out.line("Brokers learn of it by a list: xs-cellular provision export --format crl.");
      return out.summary(0, {
        serial,
        certificate: certificate?.sha256,
        serialNumber: certificate?.serialNumber,
        reason,
        replace,
        erased,
      });
    } catch (error) {
      const { certificate } = before;
      const record = certificate === undefined ? undefined : await ledger.certificate(certificate);
      // The ledger comes first: what is revoked stays so when the unit could not be erased.
      if (raw.port === undefined || error instanceof InputError) throw error;
      const fault = asFactoryError(error);
      if (record?.fate !== "revoked") throw revokedNothing(fault);
      process.stderr.write(sentences(fault, raw.port));
      out.line(
        `${serial}: its certificate is revoked, but the unit was NOT erased${fault.code === "locked" ? "" : "; run the same again for that"}.`,
      );
      return out.summary(fault.side === "environment" ? EXIT_OF.environment : EXIT_OF.unit, {
        serial,
        certificate: record.sha256,
        reason,
        replace,
        erased: false,
        failure: failureFacts(fault),
      });
    } finally {
      await target?.close();
    }
  });
}

/** `provision revoke`: a certificate must not be trusted any more; the unit may be erased and get another. */
export function addRevoke(provision: Command, done: (exitCode: number) => void): void {
  addCommon(
    provision
      .command("revoke")
      .description("revoke a unit's certificate in the ledger; with --port erase the unit, too")
      .requiredOption("--serial <serial>", "which unit")
      .option("--reason <name>", REVOCATION_REASONS.join(", "), "unspecified")
      .option("--replace", "the unit gets other credentials with the next run")
      .option("--port <port>", "where the unit is: it is erased, and looked at afterwards")
      .option("--baud <rate>", "of the modem's port, for a profile whose target is modem (default: 115200)"),
  ).action((raw: RawRevoke) => act(raw.json ?? false, done, out => revoke(out, raw)));
}
