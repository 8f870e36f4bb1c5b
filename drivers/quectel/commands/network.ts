/** Quectel BG95 AT Commands Manual V2.0, chapters "SIM Related" and "Network Service". */
import { command, query } from "../../../modules/at/command.js";
import type { Line } from "../../../modules/at/line.js";

/** State of the SIM: `READY`, `SIM PIN`, `SIM PUK`, ... 5 s. A missing card is `+CME ERROR: 10`. */
export const simState = query<string>({
  text: "AT+CPIN?",
  timeoutMs: 5_000,
  prefix: "+CPIN:",
  read: line => line.whole(),
});

/** Enters the PIN. A wrong one uses up one of three attempts: never repeat it by program. */
export const enterPin = command<readonly [pin: string]>({ text: "AT+CPIN=", timeoutMs: 5_000, secret: true });

/** Number of the SIM card (ICCID). 300 ms. */
export const simNumber = query<string>({
  text: "AT+QCCID",
  timeoutMs: 1_000,
  prefix: "+QCCID:",
  read: line => line.whole(),
});

/** `<stat>` of the read form `<n>,<stat>[,...]`. 300 ms. */
function registration(text: string, prefix: string) {
  return query<number>({ text, timeoutMs: 1_000, prefix, read: line => line.int(1) });
}

/** Registration in LTE-M and NB-IoT. */
export const epsRegistration = registration("AT+CEREG?", "+CEREG:");
/** Registration for packet data in GSM; 0 or 4 on variants and networks without it. */
export const gprsRegistration = registration("AT+CGREG?", "+CGREG:");

/** 27.007: 1 registered at home, 5 registered and roaming. */
export function isRegistered(stat: number): boolean {
  return stat === 1 || stat === 5;
}

/** Received signal strength in dBm (-113 to -51); `NaN` when the module has no measurement. 300 ms. */
export const signalStrength = query<number>({
  text: "AT+CSQ",
  timeoutMs: 1_000,
  prefix: "+CSQ:",
  read(line) {
    const rssi = line.int(0);
    return rssi === 99 ? NaN : -113 + 2 * rssi;
  },
});

/** Access technology and operator: `eMTC`, `NBIoT`, `EDGE`, ... 300 ms. */
export const networkInformation = query<string>({
  text: "AT+QNWINFO",
  timeoutMs: 1_000,
  prefix: "+QNWINFO:",
  read: line => line.text(0),
});

/**
 * Seconds since 1970-01-01 UTC of a local time with its distance from UTC in quarter hours,
 * `"2020/06/02,01:47:33+32"`; `NaN` when the text is none, as before the first synchronisation.
 */
export function networkTime(text: string): number {
  const local = Date.parse(text.slice(0, 19).replaceAll("/", "-").replace(",", "T") + "Z");
  return local / 1000 - Number.parseInt(text.slice(19), 10) * 900;
}

function time(line: Line): number {
  return networkTime(line.text(0));
}

/** Local time from the network, in UTC seconds; `NaN` before the first synchronisation. 300 ms. */
export const networkClock = query<number>({
  text: "AT+QLTS=2",
  timeoutMs: 1_000,
  prefix: "+QLTS:",
  read: time,
});

/**
 * The module's own clock, in UTC seconds; kept over restarts until the supply is cut, so it can hold
 * the time although the network has not told it again. `NaN` while it counts from 1980. 300 ms.
 */
export const ownClock = query<number>({
  text: "AT+CCLK?",
  timeoutMs: 1_000,
  prefix: "+CCLK:",
  // A year of two digits: 80 is the module's first.
  read: line => networkTime((line.text(0) < "8" ? "20" : "") + line.text(0)),
});
