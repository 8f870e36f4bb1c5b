import type { Failure } from "./failure.js";
import { KINDS } from "./kinds.js";
import type { Diagnosis, DiagnosisRule } from "./table.js";

/** A failure in sentences for people. */
export interface Explanation {
  /** What happened: `TLS was not established (AT+QSSLOPEN, code 566: connection failed)`. */
  readonly what: string;
  readonly why: string;
  readonly fix: string;
}

function match(rule: DiagnosisRule, reason: Failure): Diagnosis | undefined {
  if (rule.kinds !== undefined && !rule.kinds.includes(reason.kind)) return undefined;
  if (rule.commands !== undefined && !rule.commands.includes(reason.command ?? "")) return undefined;
  if (rule.detail !== undefined && !(reason.detail ?? "").includes(rule.detail)) return undefined;
  return (reason.code === undefined ? undefined : rule.codes?.[reason.code]) ?? rule.always;
}

/**
 * Looks a failure up: the first rule that fits decides, and what is known of the kind as such
 * where none does. The rules stand with the drivers and protocols.
 */
export function explain(reason: Failure, rules: readonly DiagnosisRule[]): Explanation {
  const general = KINDS[reason.kind];
  let found: Diagnosis | undefined;
  for (let index = 0; found === undefined && index < rules.length; index++) {
    const rule = rules[index];
    if (rule !== undefined) found = match(rule, reason);
  }
  const code = reason.code === undefined ? undefined : `code ${reason.code}`;
  const named = found === undefined ? code : code === undefined ? found.name : `${code}: ${found.name}`;
  const facts = [reason.command, named].filter(part => part !== undefined).join(", ");
  const place = reason.handshake;
  const where =
    place === undefined
      ? undefined
      : `flight ${place.flight}, ${place.message}: ${place.confirmedBytes} of ${place.totalBytes} bytes`;
  const parts = [facts, reason.detail, where].filter(part => part !== undefined && part !== "").join("; ");
  return {
    what: parts === "" ? general.name : `${general.name} (${parts})`,
    why: (found ?? general).cause,
    fix: (found ?? general).remedy,
  };
}
