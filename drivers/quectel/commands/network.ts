/** Quectel BG95 AT Commands Manual V2.0, chapters "SIM Related" and "Network Service". */
import { command, plainQuery } from "../../../modules/at/command.js";

/** State of the SIM: `READY`, `SIM PIN`, `SIM PUK`, ... 5 s. A missing card is `+CME ERROR: 10`. */
export const simState = plainQuery<string>("AT+CPIN?", 5_000, "+CPIN:", line => line.whole());

/** Enters the PIN. A wrong one uses up one of three attempts: never repeat it by program. */
export const enterPin = command<readonly [pin: string]>({ text: "AT+CPIN=", timeoutMs: 5_000, secret: true });

/** Number of the SIM card (ICCID). 300 ms. */
export const simNumber = plainQuery<string>("AT+QCCID", 1_000, "+QCCID:", line => line.whole());

/** `<stat>` of the read form `<n>,<stat>[,...]`. 300 ms. */
export function registration(text: string, prefix: string) {
  return plainQuery<number>(text, 1_000, prefix, line => line.int(1));
}

/** Registration in LTE-M and NB-IoT. */
export const epsRegistration = registration("AT+CEREG?", "+CEREG:");

/** 27.007: 1 registered at home, 5 registered and roaming. */
export function isRegistered(stat: number): boolean {
  return stat === 1 || stat === 5;
}

/**
 * Seconds since 1970-01-01 UTC of a local time with its distance from UTC in units of so many seconds,
 * by default quarter hours: `2020/06/02,01:47:33+32`, with or without the century, letters before the
 * distance passed over (`GMT+2`). `NaN` when the text is none, as before the first synchronisation, when
 * modules count from `80/01/06` or `70/01/01`.
 */
export function networkTime(text: string, unitSeconds = 900): number {
  if (text.charAt(2) === "/" && text < "7") text = "20" + text;
  const local = Date.parse(text.slice(0, 19).replaceAll("/", "-").replace(",", "T") + "Z");
  return local / 1000 - Number.parseInt(text.slice(19).replace("GMT", ""), 10) * unitSeconds;
}
