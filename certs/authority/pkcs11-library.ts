import type { PKCS11 } from "pkcs11js";
import { FactoryError } from "../factory-error.js";

/** Of PKCS #11 v2.40, chapters 3 and 5 (`pkcs11t.h`). */
export const CKR = {
  cryptokiAlreadyInitialized: 0x191,
  deviceError: 0x30,
  deviceMemory: 0x31,
  deviceRemoved: 0x32,
  functionFailed: 0x06,
  generalError: 0x05,
  keyHandleInvalid: 0x60,
  mechanismInvalid: 0x70,
  objectHandleInvalid: 0x82,
  pinExpired: 0xa3,
  pinIncorrect: 0xa0,
  pinInvalid: 0xa1,
  pinLenRange: 0xa2,
  pinLocked: 0xa4,
  sessionClosed: 0xb0,
  sessionHandleInvalid: 0xb3,
  slotIdInvalid: 0x03,
  tokenNotPresent: 0xe0,
  tokenNotRecognized: 0xe1,
  userAlreadyLoggedIn: 0x100,
  userNotLoggedIn: 0x101,
  userPinNotInitialized: 0x102,
} as const;

/** The token, its session or its service is not there any more. */
export const GONE: readonly number[] = [
  CKR.deviceError,
  CKR.deviceMemory,
  CKR.deviceRemoved,
  CKR.functionFailed,
  CKR.generalError,
  CKR.keyHandleInvalid,
  CKR.objectHandleInvalid,
  CKR.sessionClosed,
  CKR.sessionHandleInvalid,
  CKR.slotIdInvalid,
  CKR.tokenNotPresent,
  CKR.tokenNotRecognized,
  CKR.userNotLoggedIn,
];

export type Library = typeof import("pkcs11js");

/** A fault of a token, in its sentences. */
export function tokenFault(
  code: string,
  side: "input" | "environment",
  what: string,
  why: string,
  fix: string,
): FactoryError {
  return new FactoryError({ code, side, what, why, fix });
}

/**
 * pkcs11js with a token's library.
 * @throws FactoryError `pkcs11-library` when either cannot be loaded.
 */
export async function loadLibrary(path: string): Promise<{ readonly js: Library; readonly module: PKCS11 }> {
  let js: Library;
  try {
    // An optional dependency, compiled when it is installed: who has no token needs no compiler.
    js = (await import("pkcs11js")).default;
  } catch (error) {
    const text = error instanceof Error ? (error.message.split("\n")[0] ?? "") : "";
    throw tokenFault(
      "pkcs11-library",
      "environment",
      `pkcs11js cannot be loaded (${text})`,
      "Tokens are reached through this optional package, which is compiled when it is installed.",
      "Install a C++ compiler, make and Python, then: npm install pkcs11js --foreground-scripts",
    );
  }
  const module = new js.PKCS11();
  try {
    module.load(path);
  } catch (error) {
    const text = error instanceof Error ? (error.message.split("\n")[0] ?? "") : "";
    throw tokenFault(
      "pkcs11-library",
      "environment",
      `${path} cannot be loaded (${text})`,
      "The profile names it as the token's PKCS#11 library.",
      "Install the token's software and name its library in issuer.library of the profile; SoftHSM's is /usr/lib/softhsm/libsofthsm2.so on Debian. Library and node must be of the same architecture.",
    );
  }
  return { js, module };
}
