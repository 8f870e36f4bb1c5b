/** What a check has found. Closed set: tests and line controllers go by `rule`. */
export type Rule =
  | "key-match"
  | "key-kind"
  | "chain"
  | "ca-role"
  | "ca-root"
  | "certificate-role"
  | "client-usage"
  | "key-usage"
  | "not-yet-valid"
  | "expired"
  | "expires-soon"
  | "signature"
  | "common-name"
  | "route-key"
  | "route-signature"
  | "size"
  | "der"
  | "broker"
  /** Nothing that speaks TLS is there. */
  | "unreachable";

/** Routes by the same TLS find the same: each once. */
export function once(findings: readonly Finding[]): readonly Finding[] {
  return findings.filter((one, index) => findings.findIndex(({ what }) => what === one.what) === index);
}

export interface Finding {
  readonly rule: Rule;
  /** `error`: a device with this would fail, or a factory must not make it. */
  readonly severity: "error" | "warning";
  /** Which of the files or roles it is about: `certificate`, `key`, `ca`, `broker`. */
  readonly subject: "ca" | "certificate" | "key" | "broker";
  readonly what: string;
  readonly why: string;
  readonly fix: string;
}
