import type { FactoryError } from "../../../certs/factory-error.js";
import type { InputError } from "../../../certs/input-error.js";

/** Three sentences, as every failure is told. */
export function printSentences(parts: {
  readonly what: string;
  readonly why: string;
  readonly fix: string;
}): string {
  return `xs-cellular: ${parts.what}\n  why: ${parts.why}\n  fix: ${parts.fix}\n`;
}

/** Wrong input: nothing has been started. With `--json` the object on stdout says so as well. */
export function printInputError(error: InputError, json: boolean): void {
  process.stderr.write(printSentences(error));
  if (!json) return;
  const failure = { kind: "input", what: error.what, why: error.why, fix: error.fix, file: error.file };
  process.stdout.write(`${JSON.stringify({ ok: false, failure })}\n`);
}

/** Something in the factory did not work; the same sentences, and a code for machines. */
export function printFactoryError(error: FactoryError, json: boolean): void {
  process.stderr.write(printSentences(error));
  if (!json) return;
  const { side: kind, code, what, why, fix } = error;
  process.stdout.write(`${JSON.stringify({ ok: false, failure: { kind, code, what, why, fix } })}
`);
}
