import { latin1 } from "../../modules/at/line.js";
import { refuse } from "../../modules/mqtt/error.js";
import type { Field } from "../../modules/mqtt/text.js";

/**
 * The field as a quoted parameter of a command. Throws a `MQTTError` that names it: `limit` beyond
 * `most` bytes, `argument` for what no command line can carry: quotation marks, control characters,
 * anything but ASCII.
 */
export function lineText(command: string, name: string, field: Field, most: number): string {
  const bytes = field instanceof ArrayBuffer ? new Uint8Array(field) : field;
  const text = typeof bytes === "string" ? bytes : latin1(bytes, 0, bytes.length);
  for (let i = 0; i < text.length; i++) {
    const c = text.charCodeAt(i);
    if (c < 0x20 || c > 0x7e || c === 0x22)
      refuse(command, name + " with a character that AT commands cannot carry");
  }
  if (text.length > most) refuse(command, name + " over " + String(most) + " bytes", "limit");
  return text;
}
