import type { X509Certificate } from "node:crypto";
import { accessSync, constants, existsSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import { dateFault, wayUp } from "../check/chain.js";
import type { Finding } from "../check/finding.js";
import { checkBrokerCa } from "../check/rules.js";
import type { Recipe } from "../factory/line.js";
import { certificateFacts } from "../files/facts.js";
import { shownDate } from "../files/inspect.js";
import { readCredentialFile, subjectOf } from "../files/read.js";
import { readSecret } from "../files/secret.js";
import { InputError } from "../input-error.js";
import type { Profile } from "../profile/profile.js";
import { checkIssuer } from "./certificate.js";
import { AUTHORITY_FILES, openAuthority } from "./file-authority.js";
import { brokerCaIn, certificatesOf } from "./named-files.js";
import { OutsideFolders } from "./outside.js";
import { openToken } from "./pkcs11.js";
import { tokenFault } from "./pkcs11-library.js";
import { checkSigningKey } from "./signer.js";

/** Where the issuer's secret comes from, as the command line has it; it goes before the profile's own files. */
export interface IssuerSecrets {
  readonly passphraseFile?: string | undefined;
  /** Number of an open file descriptor. It can be read once. */
  readonly passphraseFd?: string | undefined;
  readonly pinFile?: string | undefined;
  readonly pinFd?: string | undefined;
}

/** Everything that a profile names and that needs no secret, read and checked. */
export interface CheckedRecipe {
  readonly profile: Profile;
  /** Whoever issues: its certificate. */
  readonly issuer: X509Certificate;
  /** Of the issuer up to its root, the issuer first. */
  readonly chain: readonly X509Certificate[];
  readonly brokerCa: X509Certificate;
  /** What people should know and that stops nothing. */
  readonly warnings: readonly Finding[];
}

/** A recipe with whoever issues at hand. */
export interface OpenedRecipe extends Recipe, Pick<CheckedRecipe, "warnings"> {
  /** With `issuer.kind` "outside" its folders: `faults()` and `bundle()`. */
  readonly outside?: OutsideFolders | undefined;
  /** Gives the token back; may be called again. */
  close(): void;
}

const DAY_MS = 86_400_000;
const OPTIONS = {
  passphrase: { file: "--passphrase-file", descriptor: "--passphrase-fd", kind: "passphrase" },
  pin: { file: "--pin-file", descriptor: "--pin-fd", kind: "PIN" },
} as const;

function refuse(file: string, what: string, why: string, fix: string): never {
  throw new InputError({ what: `${file}: ${what}`, why, fix, file });
}

/** The file that has the issuer's certificate, and what should stand behind it there. */
function issuerFile({ issuer }: Profile): string {
  return issuer.kind === "authority" ? join(issuer.folder, AUTHORITY_FILES.certificate) : issuer.certificate;
}

/** The issuer and everything above it, up to a root; each valid for the days that a unit's certificate gets. */
function chainOf(profile: Profile, now: Date): readonly X509Certificate[] {
  const file = issuerFile(profile);
  const [issuer, ...others] = certificatesOf(file, "issuer");
  checkIssuer(issuer);
  // Nothing is signed here with the key of somebody else's authority; devices do not verify it either.
  if (profile.issuer.kind !== "requests") checkSigningKey(issuer.publicKey, `the key of ${file}`);
  const outdated = dateFault(issuer, now);
  if (outdated !== undefined)
    refuse(
      file,
      outdated,
      "Certificates below it are refused.",
      "Have the authority's certificate renewed; if it is good, set this computer's clock.",
    );
  const way = wayUp(issuer, others, undefined, now, 1);
  if ("fault" in way)
    return refuse(
      file,
      way.fault,
      "Brokers follow a unit's certificate up to a root, and units are checked the same way before they are written.",
      "Put the issuer's certificate first into that file, and behind it those above it up to the root.",
    );
  for (const one of way.certificates) {
    const { signature, selfSigned } = certificateFacts(one);
    if (!selfSigned && /MD[25]|SHA-?1$/.test(signature))
      refuse(
        file,
        `${subjectOf(one)} is signed by ${signature}`,
        "That can be forged, and brokers refuse it.",
        "Have it renewed with SHA-256.",
      );
  }
  const { days } = profile.certificate;
  const end = now.getTime() + days * DAY_MS;
  const short = way.certificates.find(one => Date.parse(one.validTo) < end);
  if (short !== undefined)
    refuse(
      profile.file,
      `certificate.days is ${String(days)}, but ${subjectOf(short)} ends on ${shownDate(new Date(short.validTo).toISOString())}`,
      "A unit's certificate would be good for nothing after that day.",
      "Ask for fewer days, or have the authority renewed first.",
    );
  return way.certificates;
}

/** The folder itself, or the nearest above it that is there. */
function nearest(folder: string): string {
  return existsSync(folder) || dirname(folder) === folder ? folder : nearest(dirname(folder));
}

function isFolder(path: string, mode: number): boolean {
  try {
    accessSync(path, mode);
    return statSync(path).isDirectory();
  } catch {
    return false;
  }
}

/** Files and folders of the issuer beside its certificate. */
function checkPlaces({ issuer, file }: Profile): void {
  if (issuer.kind === "authority") {
    const path = join(issuer.folder, AUTHORITY_FILES.key);
    if (!readCredentialFile(path).some(one => one.kind === "encrypted-key"))
      refuse(
        path,
        "is no private key under a passphrase",
        "The authority's key is kept under one.",
        "Name a folder that certs ca create has filled.",
      );
  } else if (issuer.kind === "requests") {
    if (!isFolder(nearest(issuer.requests), constants.W_OK | constants.X_OK))
      refuse(
        file,
        `issuer.requests (${issuer.requests}) is no folder that may be written`,
        "Requests go out into it.",
        "Make that folder, or correct the profile.",
      );
    if (!isFolder(issuer.certificates, constants.R_OK | constants.X_OK))
      refuse(
        file,
        `issuer.certificates (${issuer.certificates}) is no folder that may be read`,
        "Certificates come back into it.",
        "Make that folder, or correct the profile.",
      );
  } else if (issuer.library.includes("/") && !existsSync(issuer.library))
    // As when it cannot be loaded: the station lacks it.
    throw tokenFault(
      "pkcs11-library",
      "environment",
      `${file}: issuer.library (${issuer.library}) does not exist`,
      "The token is reached through it.",
      "Install the token's software, or correct the profile; SoftHSM's is /usr/lib/softhsm/libsofthsm2.so on Debian.",
    );
}

/**
 * Reads and checks everything that a profile names and that needs no secret: the issuer's certificate
 * and its chain up to the root, dates, the days of the profile within their life, the broker's CA, the
 * places of keys and requests. Touches nothing.
 * @throws InputError, FactoryError `issuer`, `issuer-key` or `pkcs11-library`, with the first thing that is wrong.
 */
export function checkRecipe(profile: Profile, now: Date): CheckedRecipe {
  const chain = chainOf(profile, now);
  const [issuer] = chain;
  const brokerCa = brokerCaIn(profile.brokerCa);
  const findings = checkBrokerCa(brokerCa, now);
  const [error] = findings.filter(one => one.severity === "error");
  if (error !== undefined) refuse(profile.brokerCa, error.what, error.why, error.fix);
  checkPlaces(profile);
  if (issuer === undefined) throw new Error("a chain has at least one certificate");
  return { profile, issuer, chain, brokerCa, warnings: findings };
}

/** Whether the issuer's secret is at hand, by option or by the profile; an issuer outside needs none. */
export function hasIssuerSecret({ issuer }: Profile, secrets: IssuerSecrets): boolean {
  if (issuer.kind === "requests") return true;
  const places =
    issuer.kind === "authority"
      ? [secrets.passphraseFile, secrets.passphraseFd, issuer.passphraseFile]
      : [secrets.pinFile, secrets.pinFd, issuer.pinFile];
  return places.some(place => place !== undefined);
}

/** Options that mean nothing with this issuer: somebody believes that another profile is used. */
function checkOptions({ issuer }: Profile, secrets: IssuerSecrets): void {
  const { passphraseFile, passphraseFd, pinFile, pinFd } = secrets;
  const isPassphrase = passphraseFile !== undefined || passphraseFd !== undefined;
  const isPin = pinFile !== undefined || pinFd !== undefined;
  const vain =
    isPassphrase && issuer.kind !== "authority"
      ? "passphrase"
      : isPin && issuer.kind !== "pkcs11"
        ? "PIN"
        : "";
  if (vain === "") return;
  const option = vain === "PIN" ? OPTIONS.pin.file : OPTIONS.passphrase.file;
  throw new InputError({
    what: `a ${vain} was given, but the profile's issuer is of the kind "${issuer.kind}"`,
    why: "It would open nothing.",
    fix: "Leave it out, or name the profile that was meant.",
    file: option,
  });
}

function secretOf(
  file: string | undefined,
  descriptor: string | undefined,
  inProfile: string | undefined,
  options: (typeof OPTIONS)[keyof typeof OPTIONS],
): string {
  const isGiven = file !== undefined || descriptor !== undefined;
  return readSecret({ file: isGiven ? file : inProfile, descriptor }, options);
}

/**
 * Everything that a profile names, read, checked and opened: as {@link checkRecipe}, and whoever issues.
 * Nothing is written. A token stays open until `close`.
 * @throws InputError (no secret, a wrong passphrase, files that do not belong together); FactoryErrors of
 * {@link openToken}.
 */
export async function openRecipe(
  profile: Profile,
  secrets: IssuerSecrets = {},
  now: () => Date = () => new Date(),
): Promise<OpenedRecipe> {
  checkOptions(profile, secrets);
  const { brokerCa, chain, issuer: certificate, warnings } = checkRecipe(profile, now());
  const { issuer } = profile;
  const common = { profile, brokerCa, chain, warnings };
  if (issuer.kind === "authority") {
    const { passphraseFile, passphraseFd } = secrets;
    const secret = secretOf(passphraseFile, passphraseFd, issuer.passphraseFile, OPTIONS.passphrase);
    const by = openAuthority(issuer.folder, secret);
    return { ...common, issuer: { kind: "signs", by }, close: () => undefined };
  }
  if (issuer.kind === "pkcs11") {
    const { library, token, key } = issuer;
    const pin = secretOf(secrets.pinFile, secrets.pinFd, issuer.pinFile, OPTIONS.pin);
    const by = await openToken({ library, token, key, pin, certificate });
    return {
      ...common,
      issuer: { kind: "signs", by },
      close: () => {
        by.close();
      },
    };
  }
  const { requests, certificates } = issuer;
  const outside = new OutsideFolders({
    requests,
    certificates,
    certificate,
    days: profile.certificate.days,
    now,
  });
  return { ...common, issuer: { kind: "outside", by: outside }, outside, close: () => undefined };
}
