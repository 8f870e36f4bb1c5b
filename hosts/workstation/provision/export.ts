import type { X509Certificate } from "node:crypto";
import type { Command } from "commander";
import { checkRecipe } from "../../../certs/authority/open.js";
import type { Ledger, UnitQuery } from "../../../certs/ledger/ledger.js";
import { readProfile } from "../../../certs/profile/profile.js";
import { choice, CHOICE_OF } from "../choice.js";
import { integer, refuse } from "../simulate/check.js";
import { addCommon, addSecrets, commonOf, repeated, type RawCommon, type RawSecrets } from "./common.js";
import { certificateIn, certificatesIn } from "./certificate-files.js";
import { withLedger } from "./ledgers.js";
import { act, type Output } from "./output.js";
import { count, day } from "./words.js";
import { revocationList, type MadeList } from "./recipes.js";
import { writePieces } from "./write-pieces.js";

const FORMATS = [
  "aws-bulk",
  "aws-bulk-template",
  "aws-jitp",
  "aws-without-ca",
  "azure-dps",
  "azure-group",
  "csv",
  "json",
  "pem",
  "requests",
  "audit",
  "crl",
  "report",
] as const;
type Format = (typeof FORMATS)[number];

const DEVICE_IDS = ["registration-id", "client-id"] as const;

interface RawExport extends RawCommon, RawSecrets {
  readonly format: string;
  readonly out: string;
  readonly force?: boolean;
  readonly serial?: string;
  readonly issued?: boolean;
  readonly authority?: readonly string[];
  readonly policy?: string;
  readonly thingType?: string;
  readonly thingGroup?: readonly string[];
  readonly thingName: string;
  readonly attribute?: readonly string[];
  readonly awsMode: string;
  readonly roleArn?: string;
  readonly verification?: string;
  readonly deviceId: string;
  readonly update?: boolean;
  readonly group?: string;
  readonly authorityName?: string;
  readonly days: string;
}

/** Options that only some formats know: given to another one they would be a misunderstanding. */
const OPTIONS_OF: Readonly<Record<string, readonly Format[]>> = {
  "--policy": ["aws-bulk", "aws-bulk-template", "aws-jitp"],
  "--thing-type": ["aws-bulk", "aws-bulk-template", "aws-jitp"],
  "--thing-group": ["aws-bulk", "aws-bulk-template", "aws-jitp"],
  "--attribute": ["aws-bulk", "aws-bulk-template"],
  "--role-arn": ["aws-jitp"],
  "--verification": ["aws-jitp"],
  "--authority": ["aws-bulk", "aws-jitp", "azure-group"],
  "--authority-name": ["azure-group"],
  "--group": ["azure-group"],
  "--update": ["azure-dps"],
  "--issued": ["aws-bulk", "aws-jitp", "aws-without-ca", "azure-dps", "azure-group", "pem"],
};

function checkVain(raw: RawExport, format: Format): void {
  const given: Readonly<Record<string, unknown>> = {
    "--policy": raw.policy,
    "--thing-type": raw.thingType,
    "--thing-group": raw.thingGroup,
    "--attribute": raw.attribute,
    "--role-arn": raw.roleArn,
    "--verification": raw.verification,
    "--authority": raw.authority,
    "--authority-name": raw.authorityName,
    "--group": raw.group,
    "--update": raw.update,
    "--issued": raw.issued,
  };
  for (const [option, formats] of Object.entries(OPTIONS_OF))
    if (given[option] !== undefined && !formats.includes(format))
      refuse(
        option,
        `${option} has no meaning for --format ${format}`,
        `It belongs to ${formats.join(", ")}.`,
        "Leave it out, or choose that format.",
      );
}

function needed(option: string, value: string | undefined, format: Format, fix: string): string {
  return value ?? refuse(option, `${option} is missing`, `--format ${format} needs it.`, fix);
}

function der(certificate: X509Certificate): Uint8Array {
  return Uint8Array.from(certificate.raw);
}

function thingOf(
  raw: RawExport,
  format: Format,
): { policy: string; thingType: string | undefined; thingGroups: readonly string[] | undefined } {
  return {
    policy: needed("--policy", raw.policy, format, "Name an AWS IoT policy that exists: --policy devices"),
    thingType: raw.thingType,
    thingGroups: raw.thingGroup,
  };
}

/** Authorities that were named, else that of the profile. */
function authorities(raw: RawExport, profile: string): readonly X509Certificate[] {
  if (raw.authority !== undefined) return raw.authority.flatMap(file => certificatesIn(file, "--authority"));
  return [checkRecipe(readProfile(profile), new Date()).issuer];
}

async function* once(text: Promise<string> | string): AsyncGenerator<string> {
  yield await text;
}

/** What the format makes of the ledger, piece by piece. */
async function pieces(
  ledger: Ledger,
  format: Format,
  raw: RawExport,
  profileFile: string,
  profile: string | undefined,
  tally: Tally,
): Promise<AsyncIterable<string>> {
  const query: UnitQuery = { profile, serial: raw.serial };
  const selection = { ...query, issued: raw.issued ?? false };
  switch (format) {
    case "aws-bulk": {
      const { exportAwsBulk } = await import("../../../certs/export/aws.js");
      const mode = choice("--aws-mode", raw.awsMode, ["DEFAULT", "SNI_ONLY"], CHOICE_OF.known);
      const thingName = choice("--thing-name", raw.thingName, ["serial", "client-id"], CHOICE_OF.known);
      const issuers = mode === "DEFAULT" ? authorities(raw, profileFile).map(der) : undefined;
      return exportAwsBulk(ledger, {
        ...selection,
        ...thingOf(raw, format),
        mode,
        thingName,
        attributes: raw.attribute,
        authorities: issuers,
      });
    }
    case "aws-bulk-template": {
      const { awsBulkTemplate } = await import("../../../certs/export/aws.js");
      const mode = choice("--aws-mode", raw.awsMode, ["DEFAULT", "SNI_ONLY"], CHOICE_OF.known);
      return once(awsBulkTemplate({ ...thingOf(raw, format), mode, attributes: raw.attribute }));
    }
    case "aws-jitp": {
      const { exportAwsJitp } = await import("../../../certs/export/aws.js");
      const [authority] = authorities(raw, profileFile);
      if (authority === undefined)
        return refuse(
          "--authority",
          "--authority holds no certificate",
          "AWS is to know it.",
          "Give the CA.",
        );
      const verification =
        raw.verification === undefined ? undefined : der(certificateIn(raw.verification, "--verification"));
      return once(
        exportAwsJitp(ledger, {
          ...selection,
          ...thingOf(raw, format),
          mode: choice("--aws-mode", raw.awsMode, ["DEFAULT", "SNI_ONLY"], CHOICE_OF.known),
          authority: der(authority),
          roleArn: raw.roleArn,
          verification,
        }),
      );
    }
    case "aws-without-ca":
      return (await import("../../../certs/export/aws.js")).exportAwsWithoutCa(ledger, selection);
    case "azure-dps":
      return (await import("../../../certs/export/azure.js")).exportAzureEnrollments(ledger, {
        ...selection,
        mode: raw.update === true ? "update" : "create",
        deviceId: choice("--device-id", raw.deviceId, DEVICE_IDS, CHOICE_OF.known),
      });
    case "azure-group": {
      const { exportAzureGroup } = await import("../../../certs/export/azure.js");
      const group = needed("--group", raw.group, format, "Name the enrollment group: --group devices");
      const [first] = raw.authorityName === undefined ? authorities(raw, profileFile) : [];
      const authority = first === undefined ? { name: raw.authorityName ?? "" } : { der: der(first) };
      return once(exportAzureGroup(ledger, { ...selection, group, authority }));
    }
    case "csv": {
      const { exportUnitsCsv } = await import("../../../certs/export/plain.js");
      const variables = profile === undefined ? [] : readProfile(profileFile).variables;
      return exportUnitsCsv(ledger, { ...query, variables });
    }
    case "json":
      return (await import("../../../certs/export/plain.js")).exportUnitsJson(ledger, query);
    case "pem":
      return (await import("../../../certs/export/plain.js")).exportCertificates(ledger, selection);
    case "requests":
      return requests(ledger, query);
    case "audit":
      return (await import("../../../certs/export/plain.js")).exportEvents(
        ledger,
        raw.serial === undefined ? {} : { unit: raw.serial },
      );
    case "crl": {
      const days = integer("--days", raw.days, 1, 3_650);
      const list = await revocationList(readProfile(profileFile), raw, ledger, days);
      tally.list = list;
      return once(list.pem);
    }
    case "report": {
      const { reportOfLedger } = await import("../../../certs/report/from-ledger.js");
      const { reportPage } = await import("../../../certs/report/page.js");
      const { causeOf } = await import("./causes.js");
      const title = profile === undefined ? "Units of the ledger" : `Units of ${profile}`;
      return once(
        reportOfLedger(ledger, { title, profile, explain: causeOf }).then(report => reportPage(report)),
      );
    }
  }
}

/** Requests that are out and whose certificates have not come: one PEM bundle, before each its serial. */
async function* requests(ledger: Ledger, query: UnitQuery): AsyncGenerator<string> {
  for await (const unit of ledger.units({ ...query, state: "requested" })) {
    if (unit.request === undefined) continue;
    const lines =
      Buffer.from(unit.request)
        .toString("base64")
        .match(/.{1,64}/g) ?? [];
    yield `# ${unit.serial}\n-----BEGIN CERTIFICATE REQUEST-----\n${lines.join("\n")}\n-----END CERTIFICATE REQUEST-----\n`;
  }
}

/** What one piece of an export holds so many of; of other formats there is nothing to count. */
const COUNTED: Readonly<
  Partial<Record<Format, { readonly noun: string; readonly of: (piece: string, first: boolean) => number }>>
> = {
  // The first piece is the header.
  csv: { noun: "unit", of: (_, first) => (first ? 0 : 1) },
  json: { noun: "unit", of: () => 1 },
  pem: { noun: "unit", of: () => 1 },
  requests: { noun: "unit", of: () => 1 },
  "aws-bulk": { noun: "unit", of: () => 1 },
  "azure-dps": { noun: "unit", of: piece => piece.split('"registrationId":').length - 1 },
  audit: { noun: "event", of: () => 1 },
};

/** How many an export came to. */
class Tally {
  /** Of a revocation list. */
  list: MadeList | undefined;
  readonly #format: Format;
  #number = 0;

  constructor(format: Format) {
    this.#format = format;
  }

  async *through(pieces: AsyncIterable<string>): AsyncGenerator<string> {
    let first = true;
    for await (const piece of pieces) {
      this.#number += COUNTED[this.#format]?.of(piece, first) ?? 0;
      first = false;
      yield piece;
    }
  }

  /** `3 units of demo`; of a format that counts nothing the format's name alone. */
  words(profile: string | undefined): string {
    const format = this.#format;
    const noun = COUNTED[format]?.noun;
    const of = profile === undefined ? "" : ` of ${profile}`;
    if (this.list !== undefined)
      return `${format}, ${count(this.list.certificates, "certificate")}; the next list is due by ${day(this.list.nextUpdate)}.`;
    if (noun === undefined) return `${format}${of}.`;
    const counted = `${format}, ${count(this.#number, noun)}${of}.`;
    if (this.#number > 0) return counted;
    return format === "requests"
      ? `${counted} No request is out: none waits for its certificate.`
      : `${counted} Nothing there is what this format takes.`;
  }

  get facts(): Readonly<Record<string, number | string>> {
    if (this.list !== undefined)
      return { certificates: this.list.certificates, nextUpdate: this.list.nextUpdate.toISOString() };
    const noun = COUNTED[this.#format]?.noun;
    return noun === undefined ? {} : { [`${noun}s`]: this.#number };
  }
}

async function exportTo(out: Output, raw: RawExport): Promise<number> {
  const format = choice("--format", raw.format, FORMATS, CHOICE_OF.known);
  checkVain(raw, format);
  if (raw.out === "-" && out.json)
    return refuse(
      "--json",
      "--json and --out - were both given",
      "Both write to stdout.",
      "Give one of them.",
    );
  const common = commonOf(raw, process.env);
  const profile = common.isProfileGiven ? readProfile(common.profile).name : undefined;
  // That a revocation list was made is recorded; anything else is a look.
  return await withLedger(common.ledger, format === "crl" ? "existing" : "look", async ledger => {
    const tally = new Tally(format);
    await writePieces(
      raw.out,
      tally.through(await pieces(ledger, format, raw, common.profile, profile, tally)),
      raw.force ?? false,
    );
    if (raw.out !== "-") out.line(`${raw.out}: ${tally.words(profile)}`);
    return out.summary(0, { format, file: raw.out, ...tally.facts });
  });
}

/** `provision export`: what clouds, brokers and people want to know of the units. */
export function addExport(provision: Command, done: (exitCode: number) => void): void {
  addSecrets(
    addCommon(
      provision
        .command("export")
        .description("write what the ledger knows in the form that a cloud, a broker or a spreadsheet reads")
        .requiredOption("--format <name>", FORMATS.join(", "))
        .requiredOption("--out <file>", "where it goes; - is stdout")
        .option("--force", "replace a file that is there")
        .option("--serial <serial>", "one unit instead of all")
        .option("--issued", "certificates that are issued and not in use yet, too")
        .option(
          "--authority <file>",
          "CA that the certificates were issued by; may be repeated (default: the profile's)",
          repeated,
        )
        .option("--policy <name>", "AWS: policy that certificates are attached to")
        .option("--thing-type <name>", "AWS: type of the things")
        .option("--thing-group <name>", "AWS: group of the things; may be repeated", repeated)
        .option("--thing-name <what>", "AWS: serial or client-id", "serial")
        .option("--attribute <name>", "AWS: attribute of the things; may be repeated", repeated)
        .option("--aws-mode <mode>", "AWS: DEFAULT or SNI_ONLY, as the CA is registered", "SNI_ONLY")
        .option("--role-arn <arn>", "AWS: role that just-in-time provisioning takes on")
        .option("--verification <file>", "AWS: verification certificate of the CA, for DEFAULT")
        .option("--device-id <what>", "Azure: registration-id or client-id", "registration-id")
        .option("--update", "Azure: enrollments that are there get another certificate")
        .option("--group <id>", "Azure: id of the enrollment group")
        .option("--days <n>", "crl: until when the next list will be there", "30")
        .option("--authority-name <name>", "Azure: name of the CA among the service's certificates"),
    ),
  ).action((raw: RawExport) =>
    // With - stdout belongs to the export.
    act(raw.json ?? false, done, out => exportTo(out, raw)),
  );
}
