import type { Host } from "./host.js";

/** Something wrong with a configuration. */
export interface ConfigFault {
  /** `broker.port`. */
  readonly member: string;
  readonly why: string;
}

type Rule =
  | { readonly kind: "integer"; readonly least: number; readonly most: number }
  | { readonly kind: "text"; readonly least: number; readonly most: number }
  | { readonly kind: "topic" }
  | { readonly kind: "boolean" }
  | { readonly kind: "choice"; readonly of: readonly string[] };

/** Path of a member, and what it may be. Those with a question mark may be left out. */
type Line = readonly [member: string, rule: Rule];

const HOUR = 3_600_000;
/** What an ESP32 is put to sleep for at most. */
const LONGEST = 31 * 24 * HOUR;
const MOST = 0x7fffffff;

function integer(least: number, most: number): Rule {
  return Object.freeze<Rule>({ kind: "integer", least, most });
}

function text(least: number, most: number): Rule {
  return Object.freeze<Rule>({ kind: "text", least, most });
}

function choice(...of: readonly string[]): Rule {
  return Object.freeze<Rule>({ kind: "choice", of: Object.freeze(of) });
}

const topic: Rule = Object.freeze<Rule>({ kind: "topic" });
const boolean: Rule = Object.freeze<Rule>({ kind: "boolean" });

/** Limits of MQTT 3.1.1 (1.5.3: a text has 16 bits of length), of TCP, of the modules and of this firmware. */
const lines: readonly Line[] = Object.freeze([
  Object.freeze(["module", choice("bg95", "bc66")] as const),
  Object.freeze(["route?", choice("auto", "module-tls", "host-tls", "module-mqtt")] as const),
  Object.freeze(["credentials?", choice("device", "module")] as const),
  Object.freeze(["apn?", text(0, 99)] as const),
  Object.freeze(["apnUser?", text(0, 127)] as const),
  Object.freeze(["apnPassword?", text(0, 127)] as const),
  Object.freeze(["pin?", text(4, 8)] as const),
  Object.freeze(["timeServer?", text(0, 150)] as const),
  Object.freeze(["broker.host", text(1, 150)] as const),
  Object.freeze(["broker.port", integer(1, 65_535)] as const),
  Object.freeze(["broker.secure", boolean] as const),
  Object.freeze(["broker.verify", boolean] as const),
  Object.freeze(["clientId", text(1, 65_535)] as const),
  Object.freeze(["user?", text(0, 65_535)] as const),
  Object.freeze(["password?", text(0, 65_535)] as const),
  Object.freeze(["jwt?.audience", text(1, 255)] as const),
  Object.freeze(["jwt?.lifetimeS", integer(60, 86_400)] as const),
  Object.freeze(["topic", topic] as const),
  Object.freeze(["message", text(0, 65_535)] as const),
  Object.freeze(["count", integer(0, MOST)] as const),
  Object.freeze(["qos", integer(0, 2)] as const),
  Object.freeze(["subscribe?", text(0, 65_535)] as const),
  Object.freeze(["commands", integer(0, MOST)] as const),
  Object.freeze(["lingerMs", integer(0, HOUR)] as const),
  Object.freeze(["attempts", integer(0, MOST)] as const),
  Object.freeze(["keepAlive", integer(0, 65_535_000)] as const),
  Object.freeze(["sleep?.everyMs", integer(1_000, LONGEST)] as const),
  Object.freeze(["sleep?.awakeMs?", integer(10_000, HOUR)] as const),
  Object.freeze(["sleep?.module?", choice("psm", "off")] as const),
  Object.freeze(["sleep?.sendEvery?", integer(1, 255)] as const),
  Object.freeze(["sleep?.skipMost?", integer(0, 255)] as const),
  // T3324 says 31 x 6 minutes at most.
  Object.freeze(["sleep?.activeS?", integer(2, 11_160)] as const),
]);

/**
 * Where somebody may look for `{unit}` to become the unit's name, and it stays a text: what a build has for
 * a password is the same in all its units, and a secret that is put together is none.
 */
const MARKLESS = Object.freeze(["password", "message", "broker.host"] as const);

/** As a sentence shows it; never the value of a member that may be secret. */
function shown(member: string, value: unknown): string {
  if (value === undefined) return "is missing";
  if (/password|pin|user/i.test(member)) return "is not allowed";
  if (typeof value === "string") return 'is "' + value.slice(0, 40) + '"';
  return "is " + (typeof value === "number" || typeof value === "boolean" ? String(value) : typeof value);
}

/** What is allowed, when `value` is not; empty when it is. */
function violated(rule: Rule, value: unknown): string {
  switch (rule.kind) {
    case "integer":
      return typeof value === "number" && Number.isInteger(value) && value >= rule.least && value <= rule.most
        ? ""
        : "a whole number from " + String(rule.least) + " to " + String(rule.most);
    case "text":
      return typeof value === "string" && value.length >= rule.least && value.length <= rule.most
        ? ""
        : "a text of " + String(rule.least) + " to " + String(rule.most) + " characters";
    case "topic":
      return typeof value === "string" && value.length > 0 && !/[+#\0]/.test(value)
        ? ""
        : "a topic, without + and #";
    case "boolean":
      return typeof value === "boolean" ? "" : "true or false";
    case "choice":
      return rule.of.some(one => one === value) ? "" : "one of " + rule.of.join(", ");
  }
}

function member(of: unknown, name: string): unknown {
  return typeof of === "object" && of !== null ? Reflect.get(of, name) : undefined;
}

/**
 * What is wrong with a configuration, in the order of its members; empty when all is well. For what
 * comes from a manifest: there a member may be forgotten, or be a text because it was an argument
 * of `mcconfig`.
 */
export function checkConfig(config: unknown): readonly ConfigFault[] {
  const faults: ConfigFault[] = [];
  lines.forEach(([path, rule]) => {
    let value: unknown = config;
    let name = "";
    for (let part of path.split(".")) {
      const isOptional = part.endsWith("?");
      if (isOptional) part = part.slice(0, -1);
      value = member(value, part);
      name += (name === "" ? "" : ".") + part;
      if (isOptional && value === undefined) return;
    }
    const allowed = violated(rule, value);
    if (allowed !== "") faults.push({ member: name, why: shown(name, value) + "; allowed is " + allowed });
  });
  const sleep = member(config, "sleep");
  // The broker remembers identifiers of exactly-once messages that a device which slept has forgotten.
  if (sleep !== undefined && member(config, "qos") === 2)
    faults.push({ member: "qos", why: "is 2; allowed with sleep is 0 or 1" });
  MARKLESS.forEach(name => {
    const value = name === "broker.host" ? member(member(config, "broker"), "host") : member(config, name);
    if (typeof value === "string" && value.includes("{unit}"))
      faults.push({ member: name, why: "has {unit}; allowed in clientId, user, topic and subscribe" });
  });
  // Only a BG95 keeps them, and only its own TLS can use them.
  if (member(config, "credentials") === "module") {
    const why = "; allowed with credentials of the module is ";
    if (member(config, "module") === "bc66")
      faults.push({ member: "module", why: shown("module", "bc66") + why + "bg95" });
    if (member(config, "route") === "host-tls")
      faults.push({ member: "route", why: shown("route", "host-tls") + why + "module-tls or module-mqtt" });
  }
  if (member(config, "jwt") !== undefined && member(config, "password") !== undefined)
    faults.push({ member: "jwt", why: "is there; allowed is either jwt or password" });
  return faults;
}

/** Reports every fault, then that the firmware goes no further. True: there was one. */
export function refuses(report: Host["report"], faults: readonly ConfigFault[]): boolean {
  faults.forEach(fault => report("failure", "config", "argument", undefined, fault.member, fault.why));
  if (faults.length > 0) report("gave-up");
  return faults.length > 0;
}
