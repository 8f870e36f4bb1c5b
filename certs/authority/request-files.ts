/**
 * Name of the file with a unit's request. A serial has letters, digits and `. _ : -`; the colon, which
 * is no character of file names on Windows, becomes `%3A`. Lists refuse serials that differ by capitals only.
 */
export function requestFileName(serial: string): string {
  return `${serial.replaceAll(":", "%3A")}.csr`;
}

/** The serial of a request's file name; `undefined`: the name is not made by {@link requestFileName}. */
export function serialOfRequestFile(name: string): string | undefined {
  const body = /^(.+)\.csr$/.exec(name)?.[1];
  const serial = body?.replaceAll("%3A", ":");
  return serial !== undefined && /^\w[\w.:-]*$|^:[\w.:-]*$/.test(serial) && requestFileName(serial) === name
    ? serial
    : undefined;
}
