import { InputError } from "../../../certs/input-error.js";

/** MQTT 3.1.1, 1.5.3: a text has a length of 16 bits. */
const MQTT_TEXT_BYTES = 65_535;

export function refuse(option: string, what: string, why: string, fix: string): never {
  throw new InputError({ what, why, fix, file: option });
}

export function integer(option: string, given: string, least: number, most: number): number {
  const value = /^\d+$/.test(given) ? Number(given) : NaN;
  if (value >= least && value <= most) return value;
  return refuse(
    option,
    `${option} ${given} is not a whole number from ${String(least)} to ${String(most)}`,
    "Outside of that range there would be nothing to do, or no end to it.",
    `Give ${option} a number in that range.`,
  );
}

/** As a sentence can carry it. */
export function shown(text: string): string {
  return text.length > 60 ? `${text.slice(0, 57)}...` : text;
}

export function checkMqttText(option: string, text: string): string {
  const bytes = Buffer.byteLength(text);
  if (bytes > MQTT_TEXT_BYTES)
    return refuse(
      option,
      `${option} has ${String(bytes)} bytes`,
      `MQTT allows ${String(MQTT_TEXT_BYTES)} bytes for a text.`,
      "Make it shorter.",
    );
  if (text === "" || text.includes("\0"))
    return refuse(
      option,
      `${option} is empty or holds a NUL character`,
      "MQTT forbids that.",
      "Give it a text.",
    );
  return text;
}

export function checkTopic(text: string): string {
  if (/[+#]/.test(text))
    return refuse(
      "--topic",
      `--topic ${shown(text)} holds a wildcard`,
      "A message is published to one topic; + and # are for subscriptions.",
      "Name the topic without + and #.",
    );
  return checkMqttText("--topic", text);
}

export function checkFilter(text: string): string {
  const levels = text.split("/");
  const wrong = levels.some(
    (level, index) =>
      (level.includes("#") && (level !== "#" || index !== levels.length - 1)) ||
      (level.includes("+") && level !== "+"),
  );
  if (wrong)
    return refuse(
      "--subscribe",
      `--subscribe ${shown(text)} is no topic filter`,
      "+ stands for one whole level, # for all that is left and only at the end.",
      "For example: devices/+/command or devices/#.",
    );
  return checkMqttText("--subscribe", text);
}
