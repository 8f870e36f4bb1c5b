import type { Ledger } from "../ledger/ledger.js";
import { toPem } from "../pem-text.js";
import { ExportRefused } from "./refused.js";
import { checked, commonNameOf, registered, type Registered, type Selection } from "./registered.js";

/** Individual enrollments in one bulk operation (Azure DPS REST, Individual Enrollment - Run Bulk Operation). */
export const AZURE_BATCH_MOST = 10;

export interface AzureEnrollmentOptions extends Selection {
  /** `update`: for units that were enrolled before and got another certificate. Default: `create`. */
  readonly mode?: "create" | "update" | undefined;
  /** Default: as the registration id. `client-id`: as the unit's client id, where the list names one. */
  readonly deviceId?: "registration-id" | "client-id" | undefined;
  /** 1 to 10; default 10. */
  readonly batch?: number | undefined;
  /** Refuses capitals: ids are compared without regard to case, but some of Azure's pages ask for small letters. Default: false. */
  readonly smallLetters?: boolean | undefined;
}

/**
 * Azure DPS, "Terminology": a case-insensitive string of at most 128 letters, digits and `-` `.` `_` `:`, the last a
 * letter, a digit or `-`; the REST API's reference allows no special character at either end. What either
 * refuses is refused.
 */
export function registrationIdFault(id: string, smallLetters = false): string | undefined {
  const shown = id.replace(/\p{Cc}/gu, "?").slice(0, 60);
  if (!/^[a-z0-9._:-]{1,128}$/i.test(id))
    return `"${shown}" is no Azure registration id (letters, digits, - . _ : alone, 1 to 128)`;
  if (!/^[a-z0-9]/i.test(id) || !/[a-z0-9]$/i.test(id))
    return `"${shown}" is no Azure registration id: it begins or ends with a special character`;
  return smallLetters && /[A-Z]/.test(id)
    ? `"${shown}" has capitals, and small letters alone were asked for`
    : undefined;
}

/** IoT Hub, "Identity registry": case-sensitive, at most 128 ASCII letters, digits and some marks. */
function deviceIdFault(id: string): string | undefined {
  return /^[A-Za-z0-9\-:.+%_#*?!(),=@;$']{1,128}$/.test(id)
    ? undefined
    : `"${id.replace(/\P{ASCII}|\p{Cc}/gu, "?").slice(0, 60)}" is no IoT Hub device id`;
}

/** A certificate as Microsoft's own clients send it: PEM without what follows its last line. */
function azurePem(der: Uint8Array): string {
  return toPem(der, "CERTIFICATE").trimEnd();
}

/**
 * Bodies of `POST /enrollments` (Individual Enrollment - Run Bulk Operation, api-version 2021-10-01), one a
 * line, each with at most 10 enrollments. The registration id is the certificate's common name, which DPS takes
 * it from; ids that differ in case alone are refused. Every unit is checked before the first line.
 * @throws ExportRefused with serials and rules
 */
export async function* exportAzureEnrollments(
  ledger: Ledger,
  options: AzureEnrollmentOptions = {},
): AsyncGenerator<string> {
  const format = "azure-enrollments";
  const { mode = "create", batch = AZURE_BATCH_MOST, smallLetters = false, deviceId } = options;
  if (!Number.isInteger(batch) || batch < 1 || batch > AZURE_BATCH_MOST)
    throw new ExportRefused(format, [
      { serial: "", rule: `a batch of ${batch} is not 1 to ${AZURE_BATCH_MOST}` },
    ]);
  const clientIdOf = ({ unit }: Registered): string | undefined =>
    deviceId === "client-id" ? unit.clientId : undefined;
  // Ids alone are kept, once for both passes: by which unit each was seen.
  const owners = new Map<string, string>();
  const items = checked(
    format,
    () => registered(ledger, options),
    item => item.unit.serial,
    (item, refuse) => {
      const id = commonNameOf(item.certificate.der);
      if (id === undefined) {
        refuse("its certificate has no single common name, which is its registration id");
        return;
      }
      if (id !== item.unit.serial)
        refuse(`its certificate's common name "${id.replace(/\p{Cc}/gu, "?")}" is not its serial`);
      const fault = registrationIdFault(id, smallLetters);
      if (fault !== undefined) refuse(fault);
      const owner = owners.get(id.toLowerCase());
      if (owner === undefined) owners.set(id.toLowerCase(), item.unit.serial);
      else if (owner !== item.unit.serial)
        refuse(
          `its registration id differs from that of ${owner} in case alone, and Azure takes them as one`,
        );
      const client = clientIdOf(item);
      const wrong = client === undefined ? undefined : deviceIdFault(client);
      if (wrong !== undefined) refuse(wrong);
    },
  );
  let enrollments: object[] = [];
  for await (const item of items) {
    const client = clientIdOf(item);
    enrollments.push({
      registrationId: item.unit.serial,
      ...(client === undefined ? undefined : { deviceId: client }),
      attestation: {
        type: "x509",
        x509: { clientCertificates: { primary: { certificate: azurePem(item.certificate.der) } } },
      },
      provisioningStatus: "enabled",
    });
    if (enrollments.length < batch) continue;
    yield `${JSON.stringify({ enrollments, mode })}\n`;
    enrollments = [];
  }
  if (enrollments.length > 0) yield `${JSON.stringify({ enrollments, mode })}\n`;
}

export interface AzureGroupOptions extends Selection {
  /** The group's id; the rules are those of a registration id. */
  readonly group: string;
  /**
   * Goes into the group itself (`signingCertificates`): an intermediate CA, DER. Or the name that a root
   * or intermediate CA has among the certificates of the provisioning service (`caReferences`).
   */
  readonly authority: { readonly der: Uint8Array } | { readonly name: string };
}

/**
 * The body of `PUT /enrollmentGroups/{group}` (Enrollment Group - Create Or Update, api-version 2021-10-01).
 * The common names of the selected units, which become registration and device ids, are checked first.
 * @throws ExportRefused
 */
export async function exportAzureGroup(ledger: Ledger, options: AzureGroupOptions): Promise<string> {
  const format = "azure-group";
  const { group, authority } = options;
  const fault = registrationIdFault(group);
  if (fault !== undefined)
    throw new ExportRefused(format, [{ serial: "", rule: fault.replace("registration id", "group id") }]);
  // The first batch comes after all units were checked.
  const units = exportAzureEnrollments(ledger, { ...options, mode: "create" });
  await units.next();
  await units.return(undefined);
  const x509 =
    "der" in authority
      ? { signingCertificates: { primary: { certificate: azurePem(authority.der) } } }
      : { caReferences: { primary: authority.name } };
  return `${JSON.stringify(
    { enrollmentGroupId: group, attestation: { type: "x509", x509 }, provisioningStatus: "enabled" },
    undefined,
    2,
  )}\n`;
}
