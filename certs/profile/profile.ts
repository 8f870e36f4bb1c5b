import { readFileSync } from "node:fs";
import { isIPv6 } from "node:net";
import { dirname, resolve } from "node:path";
import * as v from "valibot";
import { InputError } from "../input-error.js";
import { jsonFaultLine } from "../json-fault.js";
import { MEMBERS } from "../units/unit.js";

/** HOST:PORT, an IPv6 address in brackets or without. */
function isPlace(text: string): boolean {
  const [, bracketed, plain = "", port] = /^(?:\[([^\]]*)\]|(.*)):(\d{1,5})$/.exec(text) ?? [];
  const isHost = bracketed === undefined ? isIPv6(plain) || /^[\w.-]{1,253}$/.test(plain) : isIPv6(bracketed);
  return isHost && Number(port) >= 1 && Number(port) <= 65_535;
}

const path = v.pipe(v.string(), v.nonEmpty("is empty"));

const issuer = v.variant("kind", [
  /** A folder that `certs ca create` has filled. */
  v.strictObject({ kind: v.literal("authority"), folder: path, passphraseFile: v.optional(path) }),
  /** A key in a token, reached through PKCS#11. */
  v.strictObject({
    kind: v.literal("pkcs11"),
    /** The token's library, `/usr/lib/softhsm/libsofthsm2.so`. */
    library: path,
    /** Label of the token. */
    token: path,
    /** Label of the private key in it. */
    key: path,
    pinFile: v.optional(path),
    certificate: path,
  }),
  /** Somebody else: requests go out to a folder, certificates come back into another. */
  v.strictObject({ kind: v.literal("requests"), requests: path, certificates: path, certificate: path }),
]);

const variableName = v.pipe(
  v.string(),
  v.regex(/^[a-z][a-z0-9_]{0,31}$/, "is no name of small letters, digits and _"),
  v.check(name => !MEMBERS.some(member => member === name), "is a member that every list may have"),
);

const schema = v.strictObject({
  version: v.literal(1),
  name: v.pipe(v.string(), v.regex(/^[\w.-]{1,64}$/, "is not made of 1 to 64 letters, digits, . _ -")),
  module: v.picklist(["bg95", "bc66"]),
  route: v.optional(v.picklist(["auto", "module-tls", "host-tls", "module-mqtt"]), "auto"),
  tlsEngine: v.optional(v.picklist(["device", "sdk"]), "device"),
  /** Where credentials go: the module's store, the ESP32's partition over its console, a file. */
  target: v.picklist(["modem", "device", "image"]),
  key: v.strictObject({
    made: v.picklist(["device", "host"]),
    kind: v.picklist(["P-256", "RSA-2048"]),
  }),
  issuer,
  /** The CA that devices verify the broker with. */
  brokerCa: path,
  certificate: v.strictObject({
    days: v.pipe(v.number(), v.integer("is no whole number"), v.minValue(1), v.maxValue(36_500)),
    organization: v.optional(v.pipe(v.string(), v.minLength(1), v.maxLength(64))),
    organizationalUnit: v.optional(v.pipe(v.string(), v.minLength(1), v.maxLength(64))),
    country: v.optional(v.pipe(v.string(), v.regex(/^[A-Z]{2}$/, "is no country of two capitals"))),
  }),
  /** How a module alone gets into the network for its handshake (target "modem"). */
  network: v.optional(
    v.strictObject({
      apn: v.optional(v.pipe(v.string(), v.regex(/^[\w.-]{1,100}$/, "is no access point name"))),
      apnUser: v.optional(v.pipe(v.string(), v.minLength(1), v.maxLength(64))),
      apnPasswordFile: v.optional(path),
      simPinFile: v.optional(path),
      /** Host name that a BG95 asks for the time, without which no certificate's dates can be checked. */
      timeServer: v.optional(v.pipe(v.string(), v.regex(/^[A-Za-z0-9.-]{1,253}$/, "is no host name"))),
    }),
  ),
  /** Columns that the list of units must have, beside the usual ones. */
  variables: v.optional(v.pipe(v.array(variableName), v.maxLength(16)), []),
  proof: v.optional(
    v.strictObject({
      /** `HOST:PORT` of a broker on the line: a real TLS handshake from the unit proves the whole. */
      handshake: v.optional(
        v.pipe(
          v.string(),
          v.check(isPlace, "is not HOST:PORT, a host's name or address and a port from 1 to 65535"),
        ),
      ),
    }),
    {},
  ),
  /** After it nothing can be written to the unit any more. */
  lock: v.optional(v.boolean(), false),
});

/** What every unit of a run gets, and how. Paths are absolute. */
export type Profile = v.InferOutput<typeof schema> & {
  /** The file that it was read from. */
  readonly file: string;
};

export type IssuerProfile = Profile["issuer"];

function refuse(file: string, what: string, why: string, fix: string): never {
  throw new InputError({ what: `${file}: ${what}`, why, fix, file });
}

/** `issuer.passphraseFile`, and what is wrong there. */
function describeIssue(issue: v.BaseIssue<unknown>): string {
  const place = v.getDotPath(issue);
  // Values may be anything, a passphrase in the wrong place among them: never shown.
  if (issue.expected === "never") return `${place ?? "a member"} is not known`;
  if (issue.received === "undefined") return `${place ?? "a member"} is missing`;
  const isOwn =
    issue.kind === "validation" &&
    (issue.type === "regex" ||
      issue.type === "check" ||
      issue.type === "integer" ||
      issue.type === "non_empty");
  return `${place ?? "it"} ${isOwn ? issue.message : `must be ${issue.expected ?? "something else"}`}`;
}

/** Combinations that no unit could be made by. */
function checkSense(file: string, profile: v.InferOutput<typeof schema>): void {
  const { module, target, key, route, tlsEngine, lock, network, proof, issuer } = profile;
  const ownTls = route === "module-tls" || route === "module-mqtt";
  if (key.made === "device" && target !== "device")
    refuse(
      file,
      `key.made is "device", but target is "${target}"`,
      target === "modem"
        ? "No module of these makes keys that its TLS can use."
        : "An image is made without a device.",
      'Set key.made to "host", or target to "device".',
    );
  if (key.made === "device" && key.kind !== "P-256")
    refuse(
      file,
      `key.made is "device", but key.kind is "${key.kind}"`,
      "An ESP32 would search minutes for the primes of an RSA key; the firmware makes keys on P-256.",
      'Set key.kind to "P-256", or key.made to "host".',
    );
  if (module === "bc66" && key.kind === "P-256" && (target === "modem" || ownTls))
    refuse(
      file,
      "a P-256 key is of no use to a BC66's own TLS",
      "It signs with RSA keys alone.",
      'Set key.kind to "RSA-2048", or put the key on the ESP32 (target "device", route "host-tls").',
    );
  if (tlsEngine === "sdk" && key.kind === "P-256" && !ownTls)
    refuse(
      file,
      "a P-256 key is of no use to the SDK's bare TLS session",
      "It signs with RSA keys alone.",
      'Set key.kind to "RSA-2048", or tlsEngine to "device".',
    );
  if (target === "modem" && route === "host-tls")
    refuse(
      file,
      'target is "modem", but route is "host-tls"',
      "TLS on the ESP32 reads its credentials from the ESP32, not from the module.",
      'Set target to "device" or "image", or route to "module-tls".',
    );
  if (network !== undefined && (target !== "modem" || proof.handshake === undefined))
    refuse(
      file,
      target === "modem"
        ? "network is set, but no handshake is asked for"
        : `network is set, but target is "${target}"`,
      "It says how a module alone gets into the network for its handshake; a device's firmware has its own settings.",
      'Leave network out, or set proof.handshake with target "modem".',
    );
  if (proof.handshake !== undefined && target === "image")
    refuse(
      file,
      'proof.handshake is set, but target is "image"',
      "An image is made without a device, and nothing of it can shake hands.",
      "Leave proof.handshake out; verify the unit when it was flashed.",
    );
  if (issuer.kind === "requests" && target === "image")
    refuse(
      file,
      'issuer.kind is "requests", but target is "image"',
      "The key of an image is in memory alone until the image is written, and certificates from elsewhere take longer.",
      'Use an issuer that signs here, or target "device".',
    );
  if (lock && target !== "device")
    refuse(
      file,
      `lock is set, but target is "${target}"`,
      "Only the firmware on an ESP32 can refuse to be written again.",
      "Leave lock out.",
    );
}

/**
 * Reads and checks a profile; touches nothing else.
 * @throws InputError with the first thing that is wrong, by its place in the file.
 */
export function readProfile(file: string): Profile {
  const why = "A profile says what every unit gets.";
  let text: string;
  try {
    text = readFileSync(file, "utf8");
  } catch (error) {
    const code = error instanceof Error && "code" in error ? String(error.code) : "unreadable";
    return refuse(file, `cannot be read (${code})`, why, "Check the path; docs/factory.md shows a profile.");
  }
  let given: unknown;
  try {
    given = JSON.parse(text);
  } catch {
    const line = String(jsonFaultLine(text));
    refuse(
      file,
      `is no JSON from line ${line} on`,
      why,
      "Correct that line; docs/factory.md shows a profile.",
    );
  }
  const parsed = v.safeParse(schema, given);
  if (!parsed.success) {
    const [first, ...others] = parsed.issues.map(describeIssue);
    refuse(
      file,
      `${first ?? "cannot be used"}${others.length > 0 ? `; ${others.join("; ")}` : ""}`,
      "A profile is taken whole or not at all.",
      "docs/factory.md lists its members.",
    );
  }
  const profile = parsed.output;
  checkSense(file, profile);
  const at = (relative: string): string => resolve(dirname(file), relative);
  const { issuer: issuing } = profile;
  const resolved =
    issuing.kind === "authority"
      ? {
          ...issuing,
          folder: at(issuing.folder),
          ...(issuing.passphraseFile === undefined
            ? undefined
            : { passphraseFile: at(issuing.passphraseFile) }),
        }
      : issuing.kind === "pkcs11"
        ? {
            ...issuing,
            certificate: at(issuing.certificate),
            ...(issuing.pinFile === undefined ? undefined : { pinFile: at(issuing.pinFile) }),
          }
        : {
            ...issuing,
            requests: at(issuing.requests),
            certificates: at(issuing.certificates),
            certificate: at(issuing.certificate),
          };
  const { network } = profile;
  const resolvedNetwork = network && {
    ...network,
    ...(network.apnPasswordFile === undefined ? undefined : { apnPasswordFile: at(network.apnPasswordFile) }),
    ...(network.simPinFile === undefined ? undefined : { simPinFile: at(network.simPinFile) }),
  };
  return {
    ...profile,
    ...(resolvedNetwork === undefined ? undefined : { network: resolvedNetwork }),
    issuer: resolved,
    brokerCa: at(profile.brokerCa),
    file,
  };
}
