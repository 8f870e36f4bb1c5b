import type { Command } from "commander";
import { hostname } from "node:os";
import { dirname, join } from "node:path";
import { InputError } from "../../../certs/input-error.js";

/** Where the ledger is, for URLs that carry a password: a command line can be read by everybody on the machine. */
export const LEDGER_VARIABLE = "XS_CELLULAR_LEDGER";
const DEFAULT_PROFILE = "profile.json";
const DEFAULT_LEDGER = "ledger.db";
const STATION_MOST = 64;

/** What commander hands over for the options that all verbs have. */
export interface RawCommon {
  readonly profile?: string;
  readonly ledger?: string;
  readonly station?: string;
  readonly json?: boolean;
}

/** Checked; nothing has been opened yet. */
export interface Common {
  readonly profile: string;
  /** Whether somebody asked for that profile; otherwise it is the usual name, which may not be there. */
  readonly isProfileGiven: boolean;
  /** A path, or a URL. Never shown as it is: see {@link shownLedger}. */
  readonly ledger: string;
  readonly station: string;
}

/** The options that all verbs have. */
export function addCommon(command: Command): Command {
  return command
    .option("--profile <file>", `what every unit gets (default: ${DEFAULT_PROFILE})`)
    .option(
      "--ledger <where>",
      `SQLite file, or postgres://HOST/DATABASE without a password, which ${LEDGER_VARIABLE} may carry (default: ${DEFAULT_LEDGER} beside the profile)`,
    )
    .option("--station <name>", "who works, for claims and the audit trail (default: this machine's name)")
    .option("--json", "JSON lines for machines; the last one is the summary");
}

function isUrl(text: string): boolean {
  return /^\s*postgres(?:ql)?:\/\//i.test(text);
}

/** Whether a ledger is a file, which need not be there yet. */
export function isLedgerFile(location: string): boolean {
  return !isUrl(location);
}

/** A ledger's location without what is nobody's business. */
export function shownLedger(location: string): string {
  if (!isUrl(location)) return location;
  try {
    const url = new URL(location);
    return `${url.protocol}//${url.host}${url.pathname}`;
  } catch {
    return "the ledger's URL";
  }
}

function holdsPassword(location: string): boolean {
  if (!isUrl(location)) return false;
  try {
    const url = new URL(location);
    return url.password !== "" || url.searchParams.has("password");
  } catch {
    return true;
  }
}

function stationOf(given: string | undefined): string {
  const station = given ?? hostname();
  if (station !== "" && station.length <= STATION_MOST && !/\p{Cc}/u.test(station)) return station;
  throw new InputError({
    what: `--station must have 1 to ${STATION_MOST} characters, none of them a control character`,
    why: "The name stands in every line of the audit trail.",
    fix: "For example: --station line-2",
    file: "--station",
  });
}

/**
 * Checks the options that all verbs have.
 * @throws InputError
 */
export function commonOf(raw: RawCommon, environment: NodeJS.ProcessEnv): Common {
  const profile = raw.profile ?? DEFAULT_PROFILE;
  if (raw.ledger !== undefined && holdsPassword(raw.ledger))
    throw new InputError({
      what: "--ledger holds a password",
      why: "Other users of this machine can read command lines.",
      fix: `Put the URL into the environment variable ${LEDGER_VARIABLE}, or the password into PGPASSFILE.`,
      file: "--ledger",
    });
  // A blank before a URL would make a file's name of it, password and all.
  const given = [raw.ledger, environment[LEDGER_VARIABLE]?.trim()].find(
    one => one !== undefined && one !== "",
  );
  return {
    profile,
    isProfileGiven: raw.profile !== undefined,
    ledger: given ?? join(dirname(profile), DEFAULT_LEDGER),
    station: stationOf(raw.station),
  };
}

/** Options that give the secret of an issuer. */
export interface RawSecrets {
  readonly passphraseFile?: string;
  readonly passphraseFd?: string;
  readonly pinFile?: string;
  readonly pinFd?: string;
}

/** For verbs that may issue certificates. */
export function addSecrets(command: Command): Command {
  return command
    .option("--passphrase-file <file>", "file with the passphrase of the authority's key")
    .option("--passphrase-fd <n>", "open file descriptor with that passphrase")
    .option("--pin-file <file>", "file with the PIN of the token that issues")
    .option("--pin-fd <n>", "open file descriptor with that PIN");
}

/** Adds one more text to an option that may be repeated. */
export function repeated(text: string, texts: readonly string[] = []): readonly string[] {
  return [...texts, text];
}
