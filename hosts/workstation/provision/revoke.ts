import type { Command } from "commander";
import { asFactoryError } from "../../../certs/factory/faults.js";
import { revokeUnit } from "../../../certs/factory/rework.js";
import type { Target } from "../../../certs/factory/target.js";
import { REVOCATION_REASONS } from "../../../certs/ledger/ledger.js";
import { readProfile } from "../../../certs/profile/profile.js";
import { choice, CHOICE_OF } from "../choice.js";
import { EXIT_OF } from "../guarded.js";
import { addCommon, commonOf, type Common, type RawCommon } from "./common.js";
import { withLedger } from "./ledgers.js";
import { act, failureFacts, sentences, type Output } from "./output.js";
import { opener, type RawPorts } from "./targets.js";

interface RawRevoke extends RawCommon, RawPorts {
  readonly serial: string;
  readonly reason: string;
  readonly replace?: boolean;
  readonly port?: string;
}

async function unitAt(out: Output, raw: RawRevoke, common: Common): Promise<Target | undefined> {
  if (raw.port === undefined) return undefined;
  const open = opener(readProfile(common.profile), raw, (port, code, text) => {
    out.event("notice", { port, code, text });
    out.line(`note: ${text}`);
  });
  return await open(raw.port);
}

async function revoke(out: Output, raw: RawRevoke): Promise<number> {
  const reason = choice("--reason", raw.reason, REVOCATION_REASONS, CHOICE_OF.known);
  const common = commonOf(raw, process.env);
  const { serial, replace = false } = raw;
  return await withLedger(common.ledger, "existing", async ledger => {
    const before = await ledger.unit(serial);
    const target = await unitAt(out, raw, common);
    try {
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
        erased
          ? `The unit at ${raw.port ?? ""} was erased, and looked at: nothing is left.`
          : "The unit itself was not touched: what it holds works wherever the revocation is not known.",
      );
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
      const certificate = before?.certificate;
      const record = certificate === undefined ? undefined : await ledger.certificate(certificate);
      // The ledger comes first: what is revoked stays so when the unit could not be erased.
      if (raw.port === undefined || record?.fate !== "revoked") throw error;
      const fault = asFactoryError(error);
      process.stderr.write(sentences(fault, raw.port));
      out.line(
        `${serial}: its certificate is revoked, but the unit was NOT erased; run the same again for that.`,
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
