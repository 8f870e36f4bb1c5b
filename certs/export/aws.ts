import { createHash } from "node:crypto";
import type { Ledger, UnitRecord } from "../ledger/ledger.js";
import { toPem } from "../pem-text.js";
import { attributeFault, policyNameFault, roleArnFault, TEMPLATE_MOST, thingNameFault } from "./aws-rules.js";
import { ExportRefused } from "./refused.js";
import { checked, commonNameOf, registered, type Registered, type Selection } from "./registered.js";

/** A CA in DEFAULT mode is proved by a verification certificate; in SNI_ONLY mode it is not, and devices must send SNI. */
export type AwsMode = "DEFAULT" | "SNI_ONLY";

/** What things and their certificates are attached to. */
export interface AwsThing {
  /** Name of an AWS IoT policy that exists. */
  readonly policy: string;
  readonly thingType?: string | undefined;
  readonly thingGroups?: readonly string[] | undefined;
}

/** `serial`, `imei`, `mac`, `client_id`, `label`, `module`, `firmware`, or a variable of the profile. */
export type AwsAttribute = string;

export interface AwsBulkOptions extends Selection, AwsThing {
  /** Default: `certificate`; `csr`: units in state `requested`, whose certificates AWS is to issue. */
  readonly from?: "certificate" | "csr" | undefined;
  /** Of the CA's registration. Default: `DEFAULT`. In `SNI_ONLY` the CA's certificate does not go along. */
  readonly mode?: AwsMode | undefined;
  /** DER; the issuers of all units' certificates. Not for `csr`. */
  readonly authorities?: readonly Uint8Array[] | undefined;
  /** Default: the serial. `client-id`: what the unit connects as; the serial where the list names none. */
  readonly thingName?: "serial" | "client-id" | undefined;
  /** Attributes of the things. Without a thing type at most 3. Every unit must have a value for each. */
  readonly attributes?: readonly AwsAttribute[] | undefined;
}

/** The value of a unit's member or variable; `undefined`: it has none. */
export function memberOf(unit: UnitRecord, name: string): string | undefined {
  switch (name) {
    case "serial":
      return unit.serial;
    case "imei":
      return unit.hardware.imei ?? unit.imei;
    case "mac":
      return unit.hardware.mac ?? unit.mac;
    case "client_id":
      return unit.clientId;
    case "label":
      return unit.label;
    case "module":
      return unit.hardware.module;
    case "firmware":
      return unit.hardware.firmware;
    default:
      return Object.hasOwn(unit.variables, name) ? unit.variables[name] : undefined;
  }
}

/** Parameter names in templates are letters and digits: `Attribute_client_id` would not do everywhere. */
function parameterOf(attribute: string): string {
  return `Attribute${attribute
    .split(/[^a-z0-9]+/i)
    .map(part => part.charAt(0).toUpperCase() + part.slice(1))
    .join("")}`;
}

function checkThing(format: string, thing: AwsThing): void {
  const faults = [policyNameFault(thing.policy)];
  if (thing.thingType !== undefined) faults.push(thingNameFault(thing.thingType, "thing type"));
  for (const group of thing.thingGroups ?? []) faults.push(thingNameFault(group, "thing group"));
  const named = faults.flatMap(rule => (rule === undefined ? [] : [{ serial: "", rule }]));
  if (named.length > 0) throw new ExportRefused(format, named);
}

function resources(
  thing: AwsThing,
  name: object,
  attributes: object | undefined,
  certificate: object,
): object {
  return {
    thing: {
      Type: "AWS::IoT::Thing",
      Properties: {
        ThingName: name,
        ...(attributes === undefined ? undefined : { AttributePayload: attributes }),
        ...(thing.thingType === undefined ? undefined : { ThingTypeName: thing.thingType }),
        ...(thing.thingGroups === undefined ? undefined : { ThingGroups: thing.thingGroups }),
      },
    },
    certificate: { Type: "AWS::IoT::Certificate", Properties: { ...certificate, Status: "ACTIVE" } },
    policy: { Type: "AWS::IoT::Policy", Properties: { PolicyName: thing.policy } },
  };
}

function templateText(format: string, template: object): string {
  const text = JSON.stringify(template, undefined, 2);
  if (text.length <= TEMPLATE_MOST) return `${text}\n`;
  throw new ExportRefused(format, [
    { serial: "", rule: `the template has ${text.length} characters; AWS takes ${TEMPLATE_MOST}` },
  ]);
}

/**
 * The provisioning template that belongs to {@link exportAwsBulk} with the same options: `--template-body`.
 * AWS IoT Core Developer Guide, "Provisioning templates".
 * @throws ExportRefused when a name or the number of attributes breaks a rule of AWS
 */
export function awsBulkTemplate(options: AwsBulkOptions): string {
  const format = "aws-bulk";
  checkThing(format, options);
  const { attributes = [], from = "certificate", mode = "DEFAULT" } = options;
  const rule = attributeFault(attributes, options.thingType !== undefined);
  if (rule !== undefined) throw new ExportRefused(format, [{ serial: "", rule }]);
  const parameters = ["ThingName", ...attributes.map(parameterOf)];
  const certificate: Record<string, object> = {};
  if (from === "csr") certificate["CertificateSigningRequest"] = { Ref: "CSR" };
  else {
    if (mode === "DEFAULT") certificate["CACertificatePem"] = { Ref: "CACertificatePem" };
    certificate["CertificatePem"] = { Ref: "CertificatePem" };
  }
  if (from === "csr") parameters.push("CSR");
  else parameters.push(...Object.keys(certificate));
  return templateText(format, {
    Parameters: Object.fromEntries(parameters.map(name => [name, { Type: "String" }])),
    Resources: resources(
      options,
      { Ref: "ThingName" },
      attributes.length === 0
        ? undefined
        : Object.fromEntries(attributes.map(name => [name, { Ref: parameterOf(name) }])),
      certificate,
    ),
  });
}

interface BulkItem {
  readonly unit: UnitRecord;
  /** `undefined`: by request. */
  readonly found: Registered | undefined;
}

async function* bulkItems(ledger: Ledger, options: AwsBulkOptions): AsyncGenerator<BulkItem> {
  if (options.from !== "csr") {
    for await (const found of registered(ledger, options)) yield { unit: found.unit, found };
    return;
  }
  const { profile, serial } = options;
  for await (const unit of ledger.units({ profile, serial, state: "requested" }))
    if (unit.request !== undefined) yield { unit, found: undefined };
}

/**
 * Parameters for `aws iot start-thing-registration-task`: a line of JSON for each unit, the names those of
 * {@link awsBulkTemplate}. AWS IoT Core Developer Guide, "Bulk registration". Every unit is checked before
 * the first line.
 * @throws ExportRefused with serials and rules
 */
export async function* exportAwsBulk(ledger: Ledger, options: AwsBulkOptions): AsyncGenerator<string> {
  const format = "aws-bulk";
  awsBulkTemplate(options);
  const { attributes = [], mode = "DEFAULT", from = "certificate", thingName = "serial" } = options;
  const authorities = new Map(
    (options.authorities ?? []).map(der => [
      createHash("sha256").update(der).digest("hex"),
      toPem(der, "CERTIFICATE"),
    ]),
  );
  const nameOf = (unit: UnitRecord): string =>
    thingName === "serial" ? unit.serial : (unit.clientId ?? unit.serial);
  const items = checked(
    format,
    () => bulkItems(ledger, options),
    item => item.unit.serial,
    ({ unit, found }, refuse) => {
      const fault = thingNameFault(nameOf(unit), "thing name");
      if (fault !== undefined) refuse(fault);
      for (const name of attributes) {
        const value = memberOf(unit, name);
        const wrong = value === undefined ? `has no ${name}, which is an attribute` : valueFault(name, value);
        if (wrong !== undefined) refuse(wrong);
      }
      if (found !== undefined && mode === "DEFAULT" && !authorities.has(found.certificate.issuer))
        refuse("its issuer's certificate was not given, and AWS asks for it in DEFAULT mode");
    },
  );
  for await (const { unit, found } of items) {
    const line: Record<string, string> = { ThingName: nameOf(unit) };
    for (const name of attributes) line[parameterOf(name)] = memberOf(unit, name) ?? "";
    if (found !== undefined) {
      const authority = authorities.get(found.certificate.issuer);
      if (mode === "DEFAULT" && authority !== undefined) line["CACertificatePem"] = authority;
      line["CertificatePem"] = toPem(found.certificate.der, "CERTIFICATE");
    } else if (from === "csr" && unit.request !== undefined) line["CSR"] = requestPem(unit.request);
    yield `${JSON.stringify(line)}\n`;
  }
}

/** PKCS #10 as PEM (RFC 7468 §7): 64 columns, LF. */
function requestPem(der: Uint8Array): string {
  const lines =
    Buffer.from(der)
      .toString("base64")
      .match(/.{1,64}/g) ?? [];
  return `-----BEGIN CERTIFICATE REQUEST-----\n${lines.join("\n")}\n-----END CERTIFICATE REQUEST-----\n`;
}

function valueFault(name: string, value: string): string | undefined {
  // AWS IoT API Reference, ThingAttribute: value pattern, at most 800.
  if (value.length > 800) return `its ${name} has ${value.length} characters; an AWS attribute takes 800`;
  return /^[a-zA-Z0-9_.,@/:#=[\]-]*$/.test(value)
    ? undefined
    : `its ${name} has a character that an AWS attribute does not take (a-z A-Z 0-9 _ . , @ / : # = [ ] - alone)`;
}

export interface AwsJitpOptions extends AwsThing, Selection {
  /** DER of the CA that AWS is to know. */
  readonly authority: Uint8Array;
  /** The role that AWS takes on to provision, `arn:aws:iam::123456789012:role/NAME`. Absent: a placeholder to be replaced. */
  readonly roleArn?: string | undefined;
  readonly mode: AwsMode;
  /** DER of the certificate whose common name is AWS's registration code. DEFAULT mode asks for it, SNI_ONLY must not have it. */
  readonly verification?: Uint8Array | undefined;
}

/** What stands in place of a role that was not given. */
export const ROLE_PLACEHOLDER = "arn:aws:iam::ACCOUNT:role/ROLE";

/** The template of just-in-time provisioning: the thing is named by the certificate's common name. */
export function awsJitpTemplate(thing: AwsThing): string {
  const format = "aws-jitp";
  checkThing(format, thing);
  const name = "AWS::IoT::Certificate::CommonName";
  const id = "AWS::IoT::Certificate::Id";
  return templateText(format, {
    Parameters: { [name]: { Type: "String" }, [id]: { Type: "String" } },
    Resources: resources(thing, { Ref: name }, undefined, { CertificateId: { Ref: id } }),
  });
}

/**
 * The request of `aws iot register-ca-certificate --cli-input-json file://FILE`, with the template of
 * just-in-time provisioning in its `registrationConfig`. AWS IoT API Reference, RegisterCACertificate; Developer
 * Guide, "Just-in-time provisioning". The common names of the selected units are checked first.
 * @throws ExportRefused
 */
export async function exportAwsJitp(ledger: Ledger, options: AwsJitpOptions): Promise<string> {
  const format = "aws-jitp";
  const { mode, verification, roleArn } = options;
  const templateBody = awsJitpTemplate(options);
  const rules: string[] = [];
  if (mode === "DEFAULT" && verification === undefined)
    rules.push("DEFAULT mode asks for a verification certificate; without one there is SNI_ONLY");
  if (mode === "SNI_ONLY" && verification !== undefined)
    rules.push("SNI_ONLY mode takes no verification certificate");
  const roleFault = roleArn === undefined ? undefined : roleArnFault(roleArn);
  if (roleFault !== undefined) rules.push(roleFault);
  if (rules.length > 0)
    throw new ExportRefused(
      format,
      rules.map(rule => ({ serial: "", rule })),
    );
  const units = checked(
    format,
    () => registered(ledger, options),
    item => item.unit.serial,
    ({ certificate }, refuse) => {
      const name = commonNameOf(certificate.der);
      const fault =
        name === undefined
          ? "its certificate has no single common name, which names the thing"
          : thingNameFault(name, "thing name");
      if (fault !== undefined) refuse(fault);
    },
  );
  // Only the checks count here: the units come to AWS by connecting.
  await units.next();
  await units.return(undefined);
  return `${JSON.stringify(
    {
      caCertificate: toPem(options.authority, "CERTIFICATE"),
      ...(verification === undefined
        ? undefined
        : { verificationCertificate: toPem(verification, "CERTIFICATE") }),
      setAsActive: true,
      allowAutoRegistration: true,
      registrationConfig: { templateBody, roleArn: roleArn ?? ROLE_PLACEHOLDER },
      certificateMode: mode,
    },
    undefined,
    2,
  )}\n`;
}

/**
 * Requests of `aws iot register-certificate-without-ca --cli-input-json`: a line of JSON for each certificate.
 * AWS IoT API Reference, RegisterCertificateWithoutCA. Devices must send SNI.
 */
export async function* exportAwsWithoutCa(ledger: Ledger, options: Selection = {}): AsyncGenerator<string> {
  for await (const { certificate } of registered(ledger, options))
    yield `${JSON.stringify({ certificatePem: toPem(certificate.der, "CERTIFICATE"), status: "ACTIVE" })}\n`;
}
