import { fileNameOf } from "../units/file-name.js";

/** Name of the file with a unit's request. */
export function requestFileName(serial: string): string {
  return `${fileNameOf(serial)}.csr`;
}

/** The serial of a request's file name; `undefined`: the name is not made by {@link requestFileName}. */
export function serialOfRequestFile(name: string): string | undefined {
  const body = /^(.+)\.csr$/.exec(name)?.[1];
  const serial = body?.replaceAll("%3A", ":");
  return serial !== undefined && /^\w[\w.:-]*$|^:[\w.:-]*$/.test(serial) && requestFileName(serial) === name
    ? serial
    : undefined;
}
