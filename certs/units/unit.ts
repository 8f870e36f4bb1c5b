import { printable } from "../printable.js";

/** One device of a list, as it was checked. */
export interface Unit {
  /** 1 to 64 letters, digits, `.`, `_`, `-`, `:`: it becomes a common name, a client id and part of file names. */
  readonly serial: string;
  /** 15 digits, the last of them Luhn's. */
  readonly imei?: string;
  /** 12 hexadecimal digits, capitals, without separators. */
  readonly mac?: string;
  readonly clientId?: string;
  readonly label?: string;
  /** Of the profile, by name. */
  readonly variables: Readonly<Record<string, string>>;
  /** Where it stands: the line of a CSV file (the header is line 1), or the place in a JSON array, from 1. */
  readonly line: number;
  /** `line` is the place in a JSON array. */
  readonly entry?: true;
}

/** What is wrong with a list, and where. */
export interface UnitFault {
  /** 0: of the file as a whole. */
  readonly line: number;
  /** `line` is the place in a JSON array. */
  readonly entry?: true;
  readonly what: string;
}

/** `line 3`, `entry 3`. */
export function placeOf({ line, entry }: Pick<UnitFault, "line" | "entry">): string {
  return `${entry === true ? "entry" : "line"} ${line}`;
}

/** A fault with its place. */
export function faultWords(fault: UnitFault): string {
  return fault.line === 0 ? fault.what : `${placeOf(fault)}: ${fault.what}`;
}

/** Members that every list may have; a profile adds its variables. */
export const MEMBERS = ["serial", "imei", "mac", "client_id", "label"] as const;
export type Member = (typeof MEMBERS)[number];

/** A row before it is checked: text by member or variable. */
export interface Row {
  readonly line: number;
  readonly entry?: true;
  readonly values: Readonly<Record<string, string>>;
}

/** Longest text of a member or variable, in characters. */
const TEXT_MOST = 256;

/** Luhn's check digit (3GPP TS 23.003, annex B). */
export function isImei(text: string): boolean {
  if (!/^\d{15}$/.test(text)) return false;
  let sum = 0;
  for (let i = 0; i < text.length; i++) {
    const digit = Number(text[i]);
    const weighted = i % 2 === 0 ? digit : digit * 2;
    sum += weighted > 9 ? weighted - 9 : weighted;
  }
  return sum % 10 === 0;
}

/** 12 capital hexadecimal digits of a MAC address that may have `:`, `-` or `.` between; `undefined`: it is none. */
export function macOf(text: string): string | undefined {
  const isForm = /^([\da-f]{2}([:-]?)[\da-f]{2}(\2[\da-f]{2}){4}|([\da-f]{4}\.){2}[\da-f]{4})$/i.test(text);
  return isForm ? text.replace(/[:.-]/g, "").toUpperCase() : undefined;
}

/** What stands in a file, for a message. */
function shown(text: string): string {
  return printable(text, 40);
}

/** One row as a unit, or what is wrong with it: everything, not only the first thing. */
export function unitOf(row: Row, variables: readonly string[]): Unit | readonly UnitFault[] {
  const { line, entry, values } = row;
  const faults: UnitFault[] = [];
  const place = { line, ...(entry && { entry }) };
  const fault = (what: string): void => {
    faults.push({ ...place, what });
  };
  const text = (name: string): string | undefined => {
    const value = values[name] ?? "";
    if (value.length > TEXT_MOST)
      fault(`${name} has ${value.length} characters; at most ${TEXT_MOST} are taken`);
    else if (/\p{Cc}|\uFFFD/u.test(value)) fault(`${name} holds control characters or is not UTF-8`);
    else if (value !== value.trim()) fault(`${name} begins or ends with a blank`);
    else if (value !== "") return value;
    return undefined;
  };
  const serial = text("serial");
  if (serial === undefined) {
    if (faults.length === 0) fault("serial is empty");
  } else if (!/^[\w.:-]{1,64}$/.test(serial) || /^[.-]/.test(serial))
    fault(`serial "${shown(serial)}" is not made of 1 to 64 letters, digits, . _ : - (the first no . or -)`);
  const imei = text("imei");
  if (imei !== undefined && !isImei(imei))
    fault(`imei "${shown(imei)}" ${/^\d{15}$/.test(imei) ? "has a wrong check digit" : "is not 15 digits"}`);
  const given = text("mac");
  const mac = given === undefined ? undefined : macOf(given);
  if (given !== undefined && mac === undefined) fault(`mac "${shown(given)}" is not 12 hexadecimal digits`);
  const clientId = text("client_id");
  const label = text("label");
  const found: Record<string, string> = {};
  for (const name of variables) {
    const value = text(name);
    if (value !== undefined) found[name] = value;
    else if ((values[name] ?? "") === "") fault(`${name} is empty, and the profile needs it`);
  }
  if (faults.length > 0) return faults;
  return {
    serial: serial ?? "",
    ...(imei === undefined ? undefined : { imei }),
    ...(mac === undefined ? undefined : { mac }),
    ...(clientId === undefined ? undefined : { clientId }),
    ...(label === undefined ? undefined : { label }),
    variables: found,
    ...place,
  };
}

/** Units of one list that claim the same serial, IMEI, MAC address or client id. */
export function duplicatesIn(units: readonly Unit[]): readonly UnitFault[] {
  const faults: UnitFault[] = [];
  // Windows and some brokers do not tell capitals from small letters: neither do two labels on a bench.
  const folded = (text: string | undefined): string | undefined => text?.toLowerCase();
  const keys: readonly (readonly [string, (unit: Unit) => string | undefined])[] = [
    ["serial", unit => folded(unit.serial)],
    ["imei", unit => unit.imei],
    ["mac", unit => unit.mac],
    ["client_id", unit => unit.clientId],
  ];
  for (const [name, keyOf] of keys) {
    const first = new Map<string, Unit>();
    for (const unit of units) {
      const key = keyOf(unit);
      if (key === undefined) continue;
      const earlier = first.get(key);
      if (earlier === undefined) first.set(key, unit);
      else
        faults.push({
          line: unit.line,
          ...(unit.entry && { entry: unit.entry }),
          what: `${name} ${key} is that of ${placeOf(earlier)} (${earlier.serial}) too`,
        });
    }
  }
  return faults.sort((a, b) => a.line - b.line);
}
