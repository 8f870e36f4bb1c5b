import { createPrivateKey, type KeyObject } from "node:crypto";
import { readFileSync } from "node:fs";
import { readCredentialFile } from "../../../certs/files/read.js";
import { refuse } from "./check.js";

/** A key that signs tokens. Never to be printed. */
export interface TokenKey {
  readonly algorithm: "ES256" | "RS256";
  readonly key: KeyObject;
}

export function readPassword(file: string): string {
  let text: string;
  try {
    text = readFileSync(file, "utf8");
  } catch (error) {
    const code = error instanceof Error && "code" in error ? String(error.code) : "unreadable";
    return refuse(
      "--password-file",
      `${file} cannot be read (${code})`,
      "The broker's password is expected in it.",
      "Check the path and the permissions.",
    );
  }
  // An editor's last line end is not part of the password.
  return text.replace(/\r?\n$/, "");
}

/** Reads the key that tokens are signed with: P-256 signs ES256, RSA signs RS256 (RFC 7518). */
export function readTokenKey(file: string): TokenKey {
  const held = readCredentialFile(file).find(one => one.kind === "key");
  if (held === undefined)
    return refuse(
      "--jwt-key",
      `${file} holds no private key that can be used`,
      "The token is signed with it, and the broker checks it with the public key that is registered there.",
      "Give a P-256 or RSA private key without passphrase, PEM or DER.",
    );
  // A copy of its own: what a key object exports is never shown.
  const key = createPrivateKey({
    key: held.key.export({ format: "der", type: "pkcs8" }),
    format: "der",
    type: "pkcs8",
  });
  const details = key.asymmetricKeyDetails;
  if (key.asymmetricKeyType === "ec" && details?.namedCurve === "prime256v1")
    return { algorithm: "ES256", key };
  if (key.asymmetricKeyType === "rsa" && (details?.modulusLength ?? 0) >= 2048)
    return { algorithm: "RS256", key };
  return refuse(
    "--jwt-key",
    `${file} holds a key that no token can be signed with (${key.asymmetricKeyType ?? "unknown"})`,
    "Tokens for brokers are signed by ES256 or RS256: with a P-256 key, or an RSA key of 2048 bits and more.",
    "Make such a key and register its public half with the broker.",
  );
}
