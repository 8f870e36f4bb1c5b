/**
 * A unit's name as part of a file's. A serial has letters, digits and `. _ : -`; the colon, which is no character
 * of file names on Windows, becomes `%3A`. Lists refuse serials that differ by capitals only.
 */
export function fileNameOf(serial: string): string {
  return serial.replaceAll(":", "%3A");
}
