import { createPrivateKey } from "node:crypto";
import type { Credential, CredentialRole, Credentials } from "../../../modules/io/credentials.js";
import { Authority } from "../simulator/authority.js";

export function derOf(pem: string): Uint8Array {
  return Uint8Array.from(Buffer.from(pem.replace(/-----[^-]+-----|\s/g, ""), "base64"));
}

export function credential(bytes: Uint8Array): Credential {
  return {
    byteLength: bytes.length,
    read: (view, offset) => {
      const piece = bytes.subarray(offset, offset + view.length);
      view.set(piece);
      return piece.length;
    },
  };
}

/** The device's store, from DER. */
export function store(parts: Partial<Record<CredentialRole, Uint8Array>>): Credentials {
  return {
    open: role => {
      const bytes = parts[role];
      return bytes && credential(bytes);
    },
  };
}

/** The key in its older form, as RSA keys are stored on the module. */
export function pkcs1(pem: string): string {
  return createPrivateKey(pem).export({ type: "pkcs1", format: "pem" }).toString();
}

export interface Identities {
  readonly root: Authority;
  readonly other: Authority;
  readonly server: Authority;
  readonly expired: Authority;
  readonly future: Authority;
  readonly device: Authority;
  readonly rsaDevice: Authority;
  readonly stranger: Authority;
}

let made: Promise<Identities> | undefined;

/** Made once for all specs: keys take their time. */
export function identities(): Promise<Identities> {
  return (made ??= make());
}

async function make(): Promise<Identities> {
  const root = await Authority.root({ name: "Test Root" });
  const other = await Authority.root({ name: "Other Root" });
  return {
    root,
    other,
    server: await root.issue({ name: "broker.test" }),
    expired: await root.issue({ name: "broker.test", notAfter: new Date("2024-01-01T00:00:00Z") }),
    future: await root.issue({ name: "broker.test", notBefore: new Date("2040-01-01T00:00:00Z") }),
    device: await root.issue({ name: "device-1" }),
    rsaDevice: await root.issue({ name: "device-2", key: "rsa" }),
    stranger: await other.issue({ name: "device-1" }),
  };
}
