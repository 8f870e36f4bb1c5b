import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Authority, type Issued } from "../../certs/issue.js";
import { toPem } from "../../certs/pem-text.js";
import { work } from "./toolchain.js";

export const BROKER = "broker.example.com";

const DAY_MS = 86_400_000;
const YEAR_MS = 365 * DAY_MS;

export interface Pki {
  readonly ca: Authority;
  readonly other: Authority;
  readonly intermediate: Authority;
  readonly servers: Readonly<
    Record<
      | "rsa"
      | "p256"
      | "otherName"
      | "expired"
      | "future"
      | "altered"
      | "leafAlone"
      | "noIntermediate"
      | "stranger"
      | "names",
      Issued
    >
  >;
  readonly devices: Readonly<Record<"rsa" | "p256" | "stranger", Issued>>;
}

/** The last byte of the signature changed. */
function altered(issued: Issued): Issued {
  const certificate = issued.certificate.slice();
  certificate[certificate.length - 1] = (certificate[certificate.length - 1] ?? 0) ^ 1;
  const pem = toPem(certificate, "CERTIFICATE");
  return {
    ...issued,
    certificate,
    certificatePem: pem,
    chainPem: issued.chainPem.replace(issued.certificatePem, pem),
  };
}

export async function makePki(): Promise<Pki> {
  const key = "RSA-2048";
  const now = Date.now();
  const ca = await Authority.create({ commonName: "Root", key, notAfter: new Date(now + 10 * YEAR_MS) });
  const other = await Authority.create({ commonName: "Other Root", key });
  const intermediate = await ca.authority({ commonName: "Intermediate", key });
  const rsa = await intermediate.server({ commonName: BROKER, key });
  const otherName = await intermediate.server({ commonName: "other.example.com", key });
  const notBefore = new Date(now - 3 * DAY_MS);
  return {
    ca,
    other,
    intermediate,
    servers: {
      rsa,
      otherName,
      p256: await intermediate.server({ commonName: BROKER }),
      expired: await intermediate.server({
        commonName: BROKER,
        key,
        notBefore,
        notAfter: new Date(now - DAY_MS),
      }),
      future: await intermediate.server({ commonName: BROKER, key, notBefore: new Date(now + DAY_MS) }),
      altered: altered(rsa),
      leafAlone: await ca.server({ commonName: BROKER, key }),
      noIntermediate: { ...rsa, chainPem: rsa.certificatePem },
      stranger: await other.server({ commonName: BROKER, key }),
      names: await intermediate.server({
        commonName: BROKER,
        key,
        names: [BROKER, "www.example.edu", "broker.hivemq.com", "test.mosquitto.org", "echo.websocket.org"],
      }),
    },
    devices: {
      rsa: await ca.client({ commonName: "device-1", key }),
      p256: await ca.client({ commonName: "device-1" }),
      stranger: await other.client({ commonName: "device-1", key }),
    },
  };
}

/** DER files of a device in a folder of their own, which is given. */
export function credentials(
  name: string,
  parts: {
    readonly ca: Uint8Array;
    readonly certificate?: Uint8Array | undefined;
    readonly key?: Uint8Array | undefined;
  },
): string {
  const folder = join(work, "credentials", name);
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  for (const [role, bytes] of Object.entries(parts))
    if (bytes) writeFileSync(join(folder, `${role}.der`), bytes);
  return folder;
}
