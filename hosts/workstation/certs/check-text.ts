import type { CheckResult } from "./check.js";

/** The outcome of `certs check` for people. */
export function checkText(result: CheckResult): string {
  const lines: string[] = [];
  for (const { severity, rule, what, why, fix } of result.findings)
    lines.push(`${severity} (${rule}): ${what}`, `  why: ${why}`, `  fix: ${fix}`);
  for (const { route, ok, unsure, suite } of result.routes)
    lines.push(
      `route ${route.padEnd(11)} ${!ok ? "will not do" : unsure ? "may do" : "will do"}${suite === undefined ? "" : `, by ${suite}`}`,
    );
  lines.push(result.ok ? `${result.certificate}: good` : `${result.certificate}: not to be used`);
  return `${lines.join("\n")}\n`;
}
