import { readFileSync } from "node:fs";
import { InputError } from "../input-error.js";

/** Where a passphrase or PIN comes from: never the command line itself, which everybody on the machine can read. */
export interface SecretSource {
  readonly file?: string | undefined;
  /** Number of an open file descriptor. */
  readonly descriptor?: string | undefined;
}

/** The options that give one, for messages. */
export interface SecretOptions {
  readonly file: string;
  readonly descriptor: string;
  /** What is read. Default: a passphrase. */
  readonly kind?: "passphrase" | "PIN";
}

/**
 * Reads a secret; one line end at its end is not part of it.
 * @throws InputError when none or both are given, it cannot be read, or is empty.
 */
export function readSecret(source: SecretSource, options: SecretOptions): string {
  const { file, descriptor } = source;
  const { kind = "passphrase" } = options;
  if ((file === undefined) === (descriptor === undefined))
    throw new InputError({
      what: `${file === undefined ? "Neither" : "Both"} ${options.file} ${file === undefined ? "nor" : "and"} ${options.descriptor} ${file === undefined ? "was" : "were"} given`,
      why: `The key is ${kind === "PIN" ? "in a token behind a PIN" : "stored under a passphrase"}, and a command line is no place for one: other users see it.`,
      fix: `Give ${options.file} FILE, or ${options.descriptor} 3 and redirect that descriptor (3< FILE).`,
      file: options.file,
    });
  const number = Number(descriptor);
  if (descriptor !== undefined && !/^\d{1,4}$/.test(descriptor))
    throw new InputError({
      what: `${options.descriptor} ${descriptor} is no file descriptor`,
      why: "Descriptors are small numbers: 0 is standard input, 3 the first that a shell can redirect.",
      fix: `For example: ${options.descriptor} 3 3< FILE`,
      file: options.descriptor,
    });
  let text: string;
  try {
    text = readFileSync(file ?? number, "utf8");
  } catch (error) {
    const code = error instanceof Error && "code" in error ? String(error.code) : "unreadable";
    throw new InputError({
      what: `${file ?? `descriptor ${String(number)}`} cannot be read (${code})`,
      why: `A ${kind} is expected in it.`,
      fix: "Check the path and the permissions, or what the descriptor was redirected from.",
      file: file ?? options.descriptor,
    });
  }
  const secret = text.replace(/\r?\n$/, "");
  if (secret !== "" && !/[\r\n]/.test(secret)) return secret;
  throw new InputError({
    what: `${file ?? `descriptor ${String(number)}`} holds ${secret === "" ? "nothing" : "more than one line"}`,
    why: `A ${kind} is one line.`,
    fix:
      kind === "PIN" ? "Write the PIN alone into it." : "For example: openssl rand -base64 24 > passphrase",
    file: file ?? options.descriptor,
  });
}
