import { FactoryError } from "../factory-error.js";

/** What a label may tell of a unit. */
export interface LabelUnit {
  readonly serial: string;
  readonly mac?: string | undefined;
  readonly imei?: string | undefined;
  readonly clientId?: string | undefined;
  readonly label?: string | undefined;
  /** SHA-256 of the certificate, hexadecimal. */
  readonly fingerprint?: string | undefined;
  readonly variables?: Readonly<Record<string, string>> | undefined;
}

/** A label cannot be made as asked for. Codes: `label-template`, `label-value`, `label-text`, `label-size`. */
export function labelError(code: string, what: string, why: string, fix: string): FactoryError {
  return new FactoryError({ code, side: "input", what, why, fix });
}

function valueOf(unit: LabelUnit, name: string): string | undefined {
  switch (name) {
    case "serial":
      return unit.serial;
    case "mac":
      return unit.mac;
    case "imei":
      return unit.imei;
    case "client_id":
      return unit.clientId;
    case "label":
      return unit.label;
    case "fingerprint":
      return unit.fingerprint;
    default: {
      const variables = unit.variables ?? {};
      return Object.hasOwn(variables, name) ? variables[name] : undefined;
    }
  }
}

/**
 * Fills a template: `{serial}`, `{mac}`, `{imei}`, `{client_id}`, `{label}`, `{fingerprint}` or a variable of the profile.
 * `{name?}` is empty where the unit has no such value, `{name:12}` takes its first 12 characters, `{{` and `}}` are braces.
 * In a template that begins with `http://` or `https://` values are percent-encoded (RFC 3986).
 * @throws FactoryError `label-template` (the template), `label-value` (the unit has no such value)
 */
export function fillTemplate(template: string, unit: LabelUnit): string {
  const isUrl = /^https?:\/\//i.test(template);
  return template.replace(/\{\{|\}\}|\{([^{}]*)\}|[{}]/g, (found, inner: string | undefined) => {
    if (found === "{{" || found === "}}") return found.charAt(0);
    const parts = /^([a-z][a-z0-9_]*)(\?)?(?::(\d{1,3}))?$/.exec(inner ?? "");
    const name = parts?.[1];
    if (parts === null || name === undefined)
      throw labelError(
        "label-template",
        `"${found}" in the template "${template}" names no value`,
        "A template holds names in braces: {serial}, {mac}, {label?}, {fingerprint:12}.",
        "Write {{ and }} where braces are meant.",
      );
    const value = valueOf(unit, name);
    if (value === undefined || value === "") {
      if (parts[2] === "?") return "";
      throw labelError(
        "label-value",
        `${unit.serial} has no ${name}, which the label "${template}" tells`,
        "A label with a hole in it would be taken for a whole one.",
        `Write {${name}?} where it may be missing, or leave it out.`,
      );
    }
    const cut = parts[3] === undefined ? value : Array.from(value).slice(0, Number(parts[3])).join("");
    // JSON can hold halves of pairs, which no UTF-8 has.
    return isUrl ? encodeURIComponent(cut.replace(/\p{Cs}/gu, "\uFFFD")) : cut;
  });
}
