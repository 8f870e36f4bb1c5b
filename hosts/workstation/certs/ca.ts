import type { Command } from "commander";
import {
  AUTHORITY_FILES,
  createAuthority,
  openAuthority,
  readAuthority,
} from "../../../certs/authority/file-authority.js";
import { certificateFacts } from "../../../certs/files/facts.js";
import { inspectFiles } from "../../../certs/files/inspect.js";
import { readSecret } from "../../../certs/files/secret.js";
import { fileText } from "../../../certs/files/text.js";
import { join } from "node:path";
import { choice, CHOICE_OF } from "../choice.js";
import { integer, refuse } from "../simulate/check.js";
import { guarded } from "../guarded.js";

const KEYS = ["P-256", "RSA-2048"] as const;
const DAY_MS = 86_400_000;
/** Hundred years: longer than any device lives. */
const DAYS_MOST = 36_500;
const SECRET_OPTIONS = { file: "--passphrase-file", descriptor: "--passphrase-fd" } as const;

interface RawCreate {
  readonly out: string;
  readonly name: string;
  readonly organization?: string;
  readonly country?: string;
  readonly key: string;
  readonly days: string;
  readonly passphraseFile?: string;
  readonly passphraseFd?: string;
  readonly force?: boolean;
  readonly json?: boolean;
}

interface RawShow {
  readonly passphraseFile?: string;
  readonly passphraseFd?: string;
  readonly json?: boolean;
}

/** RFC 5280, appendix A: ub-common-name and ub-organization-name; two letters for a country. */
function checkName(option: string, text: string, most: number): string {
  const isFit = text.length > 0 && text.length <= most && !/\p{Cc}/u.test(text);
  if (isFit) return text;
  return refuse(
    option,
    `${option} must have 1 to ${String(most)} characters, none of them a control character`,
    "X.509 sets that limit, and brokers hold to it.",
    "Make it shorter.",
  );
}

async function create(raw: RawCreate): Promise<number> {
  const days = integer("--days", raw.days, 1, DAYS_MOST);
  const key = choice("--key", raw.key, KEYS, CHOICE_OF.known);
  const commonName = checkName("--name", raw.name, 64);
  if (raw.country !== undefined && !/^[A-Z]{2}$/.test(raw.country))
    return refuse(
      "--country",
      `--country ${raw.country} is no country code`,
      "X.509 wants the two letters of ISO 3166.",
      "For example: --country DE",
    );
  const organization =
    raw.organization === undefined ? undefined : checkName("--organization", raw.organization, 64);
  const passphrase = readSecret({ file: raw.passphraseFile, descriptor: raw.passphraseFd }, SECRET_OPTIONS);
  const now = Date.now();
  const issuer = await createAuthority(raw.out, {
    subject: { commonName, organization, country: raw.country },
    key,
    // Clocks of devices and brokers differ a little.
    notBefore: new Date(now - DAY_MS),
    notAfter: new Date(now + days * DAY_MS),
    passphrase,
    force: raw.force ?? false,
  });
  const facts = certificateFacts(issuer.certificate);
  const certificate = join(raw.out, AUTHORITY_FILES.certificate);
  const keyFile = join(raw.out, AUTHORITY_FILES.key);
  process.stdout.write(
    raw.json
      ? `${JSON.stringify({ ok: true, certificate, key: keyFile, facts })}\n`
      : `${certificate}: ${facts.subject}, ${facts.key.algorithm}, valid until ${facts.notAfter.slice(0, 10)}\n${keyFile}: its key, under the passphrase; keep both apart, and a copy of each\n`,
  );
  return 0;
}

async function show(folder: string, raw: RawShow): Promise<number> {
  const [inspected] = await inspectFiles([join(folder, AUTHORITY_FILES.certificate)], new Date());
  readAuthority(folder);
  const isAsked = raw.passphraseFile !== undefined || raw.passphraseFd !== undefined;
  if (isAsked)
    openAuthority(
      folder,
      readSecret({ file: raw.passphraseFile, descriptor: raw.passphraseFd }, SECRET_OPTIONS),
    );
  if (inspected === undefined) return 1;
  const keyLine = "the passphrase opens its key, and they belong together\n";
  process.stdout.write(
    raw.json
      ? `${JSON.stringify({ ok: true, ...inspected, ...(isAsked ? { keyOpens: true } : undefined) })}\n`
      : `${fileText(inspected)}${isAsked ? keyLine : ""}`,
  );
  return 0;
}

/** `xs-cellular certs ca`: a small authority that issues certificates for devices. */
export function addCaCommands(certs: Command, done: (exitCode: number) => void): void {
  const ca = certs.command("ca").description("a small authority that issues certificates for devices");
  ca.command("create")
    .description("make an authority: its certificate, and its key under a passphrase")
    .requiredOption("--out <folder>", `where ${AUTHORITY_FILES.certificate} and ${AUTHORITY_FILES.key} go`)
    .requiredOption("--name <text>", "common name of the authority")
    .option("--organization <text>", "organization that it belongs to")
    .option("--country <code>", "its country, two letters")
    .option("--key <kind>", KEYS.join(" or "), "P-256")
    .option("--days <n>", "how long its certificate is valid", "7300")
    .option("--passphrase-file <file>", "file with the passphrase that the key is stored under")
    .option("--passphrase-fd <n>", "open file descriptor with the passphrase")
    .option(
      "--force",
      "take the place of an authority that is there: nothing that it issued can be renewed then",
    )
    .option("--json", "one JSON object")
    .action((raw: RawCreate) => guarded(raw.json ?? false, done, () => create(raw)));
  ca.command("show")
    .description("tell what an authority is; with a passphrase: whether its key opens and belongs to it")
    .argument("<folder>", "where its files are")
    .option("--passphrase-file <file>", "file with its passphrase")
    .option("--passphrase-fd <n>", "open file descriptor with its passphrase")
    .option("--json", "one JSON object")
    .action((folder: string, raw: RawShow) => guarded(raw.json ?? false, done, () => show(folder, raw)));
}
