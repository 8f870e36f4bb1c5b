import type { Command } from "commander";
import type { X509Certificate } from "node:crypto";
import { checkRecipe, hasIssuerSecret, type OpenedRecipe } from "../../../certs/authority/open.js";
import { shownDate } from "../../../certs/files/inspect.js";
import { describeKey, subjectOf } from "../../../certs/files/read.js";
import type { Listing } from "../../../certs/ledger/ledger.js";
import { readProfile, type Profile } from "../../../certs/profile/profile.js";
import { readUnits } from "../../../certs/units/list.js";
import type { Unit } from "../../../certs/units/unit.js";
import { modelOf } from "../device.js";
import { acceptanceOf, checkAcceptance } from "./accepts.js";
import { addCommon, addSecrets, commonOf, shownLedger } from "./common.js";
import type { RawCommon, RawSecrets } from "./common.js";
import { lookInto } from "./ledgers.js";
import { keyWords, planNotices } from "./module-copy.js";
import { act, type Output } from "./output.js";
import { returnedNotices, withRecipe } from "./recipes.js";
import { count, day } from "./words.js";

interface RawPlan extends RawCommon, RawSecrets {
  readonly units: string;
  readonly broker?: string;
}

const DAY_MS = 86_400_000;

function row(name: string, text: string): string {
  return `${name.padEnd(13)} ${text}`;
}

/** Where credentials go, as people say it. */
export function targetWords({ target, module }: Profile): string {
  switch (target) {
    case "device":
      return "into the ESP32's credential partition, over its console";
    case "modem":
      return `into the ${modelOf(module)}'s own store, over its AT port`;
    case "image":
      return "into an image of the partition esp_secure_cert, one file a unit; each holds its private key";
  }
}

/** What proves that a unit works, by what the profile says. */
export function proofs(profile: Profile): readonly string[] {
  const handshake = profile.proof.handshake;
  return [
    profile.target === "modem" && profile.module === "bc66" ? "count of bytes" : "read back",
    ...(profile.target === "device" ? ["a nonce signed by the unit's key"] : []),
    ...(handshake === undefined ? [] : [`a TLS handshake with ${handshake}`]),
  ];
}

/** The longest serial: names decide about sizes. */
export function longestSerial(units: readonly Unit[]): string {
  return units.reduce((longest, { serial }) => (serial.length > longest.length ? serial : longest), "0");
}

interface Plan {
  readonly profile: Profile;
  readonly file: string;
  readonly units: readonly Unit[];
  readonly issuer: X509Certificate;
  readonly brokerCa: X509Certificate;
  readonly routes: readonly string[];
  readonly broker:
    | {
        readonly address: string;
        readonly suites: readonly { readonly route: string; readonly suite: string }[];
      }
    | undefined;
  readonly listing: Listing;
  readonly ledger: string;
  readonly isNewLedger: boolean;
  readonly isKeyTried: boolean;
  readonly until: Date;
}

function issuerWords({ profile, issuer, isKeyTried }: Plan): string {
  const by = `${subjectOf(issuer)} (${describeKey(issuer.publicKey)}), valid until ${shownDate(new Date(issuer.validTo).toISOString())}`;
  const { kind } = profile.issuer;
  if (kind === "requests")
    return `${by}; requests go to ${profile.issuer.requests}, certificates come back into ${profile.issuer.certificates}`;
  if (isKeyTried) return `${by}; its key opens`;
  return `${by}; its key was not opened, as no ${kind === "pkcs11" ? "PIN" : "passphrase"} was given`;
}

function tell(out: Output, plan: Plan): void {
  const { profile, file, units, listing, routes } = plan;
  const listed = `${listing.added.toLocaleString("en")} new, ${listing.known.toLocaleString("en")} known already`;
  out.line(
    row("profile", `${profile.name} (${profile.file}): ${modelOf(profile.module)}, ${routes.join(" or ")}`),
  );
  out.line(row("units", `${count(units.length, "unit")} in ${file}: ${listed}`));
  out.line(row("keys", keyWords(profile)));
  out.line(row("issued by", issuerWords(plan)));
  out.line(
    row(
      "certificates",
      `CN = serial, ${count(profile.certificate.days, "day")}, until ${day(plan.until)} when made today`,
    ),
  );
  out.line(row("broker's CA", subjectOf(plan.brokerCa)));
  if (plan.broker !== undefined) {
    const { address, suites } = plan.broker;
    const taken = suites.map(({ route, suite }) => `; ${route} by ${suite}`).join("");
    out.line(row("broker", `${address}: its certificate leads to that CA${taken}`));
  }
  out.line(row("written", targetWords(profile)));
  out.line(row("proofs", proofs(profile).join(", ")));
  out.line(row("lock", profile.lock ? "yes, for ever: nothing can be written to a unit afterwards" : "no"));
  out.line(row("ledger", `${plan.ledger}${plan.isNewLedger ? ", which run will make" : ""}`));
  out.line("Everything fits together. Nothing was touched.");
}

async function plan(out: Output, raw: RawPlan): Promise<number> {
  const common = commonOf(raw, process.env);
  const profile = readProfile(common.profile);
  const units = readUnits(raw.units, profile.variables);
  const now = new Date();
  const { issuer, brokerCa } = checkRecipe(profile, now);
  const acceptance = await acceptanceOf(
    profile,
    issuer,
    brokerCa,
    { serial: longestSerial(units), broker: raw.broker },
    now,
  );
  const warnings = checkAcceptance(profile, acceptance);
  const broker = raw.broker === undefined ? undefined : { address: raw.broker, suites: acceptance.suites };
  const isKeyTried = hasIssuerSecret(profile, raw);
  const look = (recipe?: OpenedRecipe) =>
    lookInto(common.ledger, async ledger => ({
      listing: await ledger?.tryList(units, profile.name, raw.units),
      returned: recipe === undefined ? [] : await returnedNotices(recipe, ledger),
    }));
  const { listing: known, returned } = isKeyTried ? await withRecipe(profile, raw, look) : await look();
  const listing = known ?? { added: units.length, known: 0 };
  const whole: Plan = {
    profile,
    file: raw.units,
    units,
    issuer,
    brokerCa,
    routes: acceptance.accepts.map(({ route }) => route),
    broker,
    listing,
    ledger: shownLedger(common.ledger),
    // Not there, or the empty file of a run that was killed at once.
    isNewLedger: known === undefined,
    isKeyTried,
    until: new Date(now.getTime() + profile.certificate.days * DAY_MS),
  };
  const notices: { readonly code: string; readonly text: string }[] = warnings.map(({ rule, what }) => ({
    code: rule,
    text: what,
  }));
  notices.push(...planNotices(profile), ...returned);
  for (const { code, text } of notices) {
    out.event("notice", { code, text });
    out.line(row("note", text));
  }
  tell(out, whole);
  return out.summary(0, {
    profile: profile.name,
    units: units.length,
    ...listing,
    target: profile.target,
    key: profile.key,
    issuer: subjectOf(issuer),
    keyOpened: isKeyTried && profile.issuer.kind !== "requests",
    routes: whole.routes,
    ...(broker !== undefined && { broker }),
    proofs: proofs(profile),
    lock: profile.lock,
    validUntil: whole.until,
    ledger: whole.ledger,
  });
}

/** `provision plan`: everything is looked at, nothing is touched. */
export function addPlan(provision: Command, done: (exitCode: number) => void): void {
  addSecrets(
    addCommon(
      provision
        .command("plan")
        .description(
          "check list, profile, authority and ledger against each other, and say what run would do",
        )
        .requiredOption("--units <file>", "list of units: CSV or JSON")
        .option(
          "--broker <host:port>",
          "look at the broker that runs there: its chain, and a suite for each route",
        ),
    ),
  ).action((raw: RawPlan) => act(raw.json ?? false, done, out => plan(out, raw)));
}
