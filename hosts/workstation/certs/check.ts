import { X509Certificate, type KeyObject } from "node:crypto";
import type { Finding } from "../../../certs/check/finding.js";
import { describeHeld, readCredentialFile } from "../../../certs/files/read.js";
import type { RouteName } from "../../../drivers/quectel/route.js";
import type { ModuleName } from "../../firmware/config.js";
import { tlsOf } from "../route-tls.js";
import { choice, CHOICE_OF } from "../choice.js";
import { refuse } from "../simulate/check.js";
import { brokerAddress } from "./broker-address.js";
import { judgeRoutes } from "./judge-routes.js";

export interface CheckFilesOptions {
  readonly ca?: string;
  readonly certificate: string;
  readonly key?: string;
  readonly issuer: readonly string[];
  readonly serial?: string;
  readonly module?: string;
  readonly route?: string;
  readonly tlsEngine?: string;
  readonly broker?: string;
}

/** A way to a broker, and whether the credentials will do for it. */
export interface RouteVerdict {
  readonly route: RouteName;
  readonly ok: boolean;
  /** Nothing refuses it, but a warning says what its TLS is not known to take. */
  readonly unsure?: true;
  /** Absent: the broker was not asked. */
  readonly suite?: string;
}

export interface CheckResult {
  readonly ok: boolean;
  readonly certificate: string;
  readonly findings: readonly Finding[];
  /** Of the module that was named, in the order in which it would try them. */
  readonly routes: readonly RouteVerdict[];
}

const MODULES: readonly ModuleName[] = ["bg95", "bc66"];
const ROUTES: readonly (RouteName | "auto")[] = ["auto", "module-tls", "host-tls", "module-mqtt"];

function certificatesIn(file: string, option: string): readonly [X509Certificate, ...X509Certificate[]] {
  const held = readCredentialFile(file);
  const damaged = held.find(one => one.kind === "damaged");
  if (damaged !== undefined)
    return refuse(
      option,
      `${file}: its ${damaged.name} ${damaged.fault}`,
      "What is damaged cannot be checked.",
      "Copy the file again, in binary mode and whole.",
    );
  const [first, ...others] = held.flatMap(one => (one.kind === "certificate" ? [one.certificate] : []));
  if (first !== undefined) return [first, ...others];
  return refuse(
    option,
    `${file} holds ${[...new Set(held.map(describeHeld))].join(" and ")}, and no certificate`,
    `${option} needs a certificate.`,
    "Give the file of the certificate; were two files swapped?",
  );
}

function keyIn(file: string): KeyObject {
  const held = readCredentialFile(file);
  const key = held.flatMap(one => (one.kind === "key" ? [one.key] : []))[0];
  if (key !== undefined) return key;
  return refuse(
    "--key",
    `${file} holds ${[...new Set(held.map(describeHeld))].join(" and ")}, and no private key that can be read`,
    "--key needs the device's private key, without a password.",
    held.some(one => one.kind === "encrypted-key")
      ? `Take the password off: openssl pkcs8 -topk8 -nocrypt -in ${file} -out plain.key`
      : "Give the file of the private key; were two files swapped?",
  );
}

/** The root among a file's certificates, or the first. */
function rootOf(certificates: readonly [X509Certificate, ...X509Certificate[]]): X509Certificate {
  return certificates.find(one => one.ca && one.checkIssued(one)) ?? certificates[0];
}

/**
 * Everything that stands between a device with these files and its broker.
 * @throws InputError when a file or option cannot be used at all.
 */
export async function checkFiles(options: CheckFilesOptions, now: Date): Promise<CheckResult> {
  const [certificate, ...chain] = certificatesIn(options.certificate, "--cert");
  const key = options.key === undefined ? undefined : keyIn(options.key);
  const ca = options.ca === undefined ? undefined : rootOf(certificatesIn(options.ca, "--ca"));
  const issuers = options.issuer.flatMap(file => certificatesIn(file, "--issuer"));
  const module =
    options.module === undefined ? undefined : choice("--module", options.module, MODULES, CHOICE_OF.known);
  const asked = choice("--route", options.route ?? "auto", ROUTES, CHOICE_OF.known);
  const engine = choice(
    "--tls-engine",
    options.tlsEngine ?? "device",
    ["device", "sdk"] as const,
    CHOICE_OF.known,
  );
  if (asked !== "auto" && module === undefined)
    return refuse(
      "--route",
      `--route ${asked} was given without --module`,
      "What a route takes depends on the module.",
      "Add --module bg95 or --module bc66.",
    );
  const broker = options.broker === undefined ? undefined : brokerAddress(options.broker);

  const routes =
    module === undefined ? [] : tlsOf(module, engine).filter(one => asked === "auto" || one.route === asked);
  const device = {
    certificate,
    ...(key === undefined ? undefined : { key }),
    ...(ca === undefined ? undefined : { ca }),
    ...(issuers.length === 0 ? undefined : { issuers: [...chain, ...issuers] }),
    ...(options.serial === undefined ? undefined : { serial: options.serial }),
  };
  const { findings, routes: judged } = await judgeRoutes(device, routes, now, broker);
  return {
    ok: !findings.some(one => one.severity === "error"),
    certificate: options.certificate,
    findings,
    routes: judged.map(({ tls, ok, unsure, suite }) => ({
      route: tls.route,
      ok,
      ...(unsure && { unsure }),
      ...(suite !== undefined && { suite }),
    })),
  };
}
