import type { SecureVersion } from "node:tls";
import type { TlsEngineLimits } from "../../modules/tls/engine.js";

/** What `TlsEngine` of the workstation offers and takes. */
export interface TlsEngineProfile extends TlsEngineLimits {
  readonly name: "sdk" | "device" | "full";
  readonly minVersion: SecureVersion;
  readonly maxVersion: SecureVersion;
  /** OpenSSL's names beside the numbers of `suites`, in the order of the ClientHello. */
  readonly suiteNames: readonly string[];
  /** Curves in OpenSSL's words. */
  readonly groups: string;
  /** Signature algorithms in OpenSSL's words; undefined: OpenSSL's own choice. */
  readonly signatures: string | undefined;
}

type Suite = readonly [number: number, name: string];

function suites(list: readonly Suite[]): Pick<TlsEngineProfile, "suites" | "suiteNames"> {
  return { suites: list.map(([number]) => number), suiteNames: list.map(([, name]) => name) };
}

/**
 * What Moddable's `ssl/session` (SDK 8.2.3) does by itself: TLS 1.2, P-256, SHA-256 signatures, RSA
 * client keys; it takes no handshake message that is split over records, and no leaf certificate
 * alone, since it compares names only while it walks a chain of two or more.
 *
 * Suites: those of the SDK with forward secrecy. DHE is left out because its CertificateVerify is not
 * implemented there; the static-RSA suites are left out because the SDK names them first (a server
 * that follows the client's order would take AES-CBC with SHA-1), no cloud asks for them, and they
 * have no forward secrecy. C02F first: AWS, Azure and mosquitto all have it.
 */
export const sdkProfile: TlsEngineProfile = {
  name: "sdk",
  clientKeys: ["rsa"],
  splitMessages: false,
  leafAlone: false,
  minVersion: "TLSv1.2",
  maxVersion: "TLSv1.2",
  ...suites([
    [0xc02f, "ECDHE-RSA-AES128-GCM-SHA256"],
    [0xc02b, "ECDHE-ECDSA-AES128-GCM-SHA256"],
    [0xc027, "ECDHE-RSA-AES128-SHA256"],
  ]),
  groups: "prime256v1",
  signatures: "ECDSA+SHA256:RSA+SHA256",
};

/**
 * The engine of `hosts/moddable`: the SDK's session behind a guard that puts messages together which
 * are split over records and judges the chain itself (`modules/pki/server-chain`, as here), with
 * suites in its own order, static RSA last, and P-256 client keys.
 */
export const deviceProfile: TlsEngineProfile = {
  ...sdkProfile,
  name: "device",
  clientKeys: ["rsa", "p256"],
  splitMessages: true,
  leafAlone: true,
  ...suites([
    [0xc02f, "ECDHE-RSA-AES128-GCM-SHA256"],
    [0xc02b, "ECDHE-ECDSA-AES128-GCM-SHA256"],
    [0xc027, "ECDHE-RSA-AES128-SHA256"],
    [0x003c, "AES128-SHA256"],
    [0x002f, "AES128-SHA"],
  ]),
};

/** What a native engine could do: TLS 1.2 and 1.3, every suite that is still in use, P-256 client keys. */
export const fullProfile: TlsEngineProfile = {
  name: "full",
  clientKeys: ["rsa", "p256"],
  splitMessages: true,
  leafAlone: true,
  minVersion: "TLSv1.2",
  maxVersion: "TLSv1.3",
  ...suites([
    [0x1301, "TLS_AES_128_GCM_SHA256"],
    [0x1303, "TLS_CHACHA20_POLY1305_SHA256"],
    [0x1302, "TLS_AES_256_GCM_SHA384"],
    [0xc02b, "ECDHE-ECDSA-AES128-GCM-SHA256"],
    [0xc02f, "ECDHE-RSA-AES128-GCM-SHA256"],
    [0xcca9, "ECDHE-ECDSA-CHACHA20-POLY1305"],
    [0xcca8, "ECDHE-RSA-CHACHA20-POLY1305"],
    [0xc02c, "ECDHE-ECDSA-AES256-GCM-SHA384"],
    [0xc030, "ECDHE-RSA-AES256-GCM-SHA384"],
    [0xc023, "ECDHE-ECDSA-AES128-SHA256"],
    [0xc027, "ECDHE-RSA-AES128-SHA256"],
    [0xc024, "ECDHE-ECDSA-AES256-SHA384"],
    [0xc028, "ECDHE-RSA-AES256-SHA384"],
    [0x009e, "DHE-RSA-AES128-GCM-SHA256"],
    [0x009f, "DHE-RSA-AES256-GCM-SHA384"],
    [0x009c, "AES128-GCM-SHA256"],
    [0x009d, "AES256-GCM-SHA384"],
    [0x003c, "AES128-SHA256"],
    [0x003d, "AES256-SHA256"],
    [0x002f, "AES128-SHA"],
    [0x0035, "AES256-SHA"],
  ]),
  groups: "X25519:prime256v1:secp384r1",
  signatures: undefined,
};
