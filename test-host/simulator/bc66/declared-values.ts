import type { Bc66Settings } from "./settings.js";
import type { Keep, Values } from "./values.js";

/** Every value that commands set, where it is kept, and the factory's choice. */
const table: readonly (readonly [name: string, keep: Keep, initial: string | number])[] = [
  ["E", "profile", 1],
  ["+CEREG", "profile", 0],
  ["+CTZR", "profile", 0],
  ["+CCIOTOPT", "profile", 0],
  ["+QNBIOTEVENT", "profile", 0],
  ["+QATWAKEUP", "profile", 0],
  ["+IPR", "nv", 0],
  ["+CPSMS", "nv", 0],
  ["T3412", "nv", "01000011"],
  ["T3324", "nv", "01000011"],
  ["+CEDRXS", "nv", 0],
  ["eDRX", "nv", "0101"],
  ["cops", "nv", 0],
  ["cops format", "nv", 2],
  ["+CFUN", "nv", 1],
  ["+QCGDEFCONT", "reboot", '"IP"'],
  ["+QBAND", "reboot", "0"],
  ["epco", "reboot", 1],
  ["combinedattach", "reboot", 0],
  ["up", "reboot", 1],
  ["upopt", "reboot", 1],
  ["multidrb", "reboot", 0],
  ["autopdn", "reboot", 1],
  ["ripin", "reboot", 0],
  ["dsevent", "reboot", 0],
  ["atlocktime", "reboot", 10],
  ["initlocktime", "reboot", 10],
  ["urc/ri/mask", "reboot", 0],
  ["+CSCON", "session", 0],
  ["+CMEE", "session", 0],
  ["dataformat", "nv", "0,0"],
  ["viewmode", "nv", 0],
  ["showlength", "nv", 0],
  ["echomode", "nv", 1],
  ["+QNBIOTRAI", "boot", 0],
  ["+QIKALIVE", "boot", "0,0,0,0"],
  ["dns", "boot", "10.0.0.53,10.0.0.54"],
];

export function declareValues(values: Values, settings: Bc66Settings): void {
  for (const [name, keep, initial] of table) values.declare(name, keep, initial);
  values.declare("+QSCLK", "session", settings.sleepDefault);
  values.declare("+QISDE", "boot", settings.dataEcho ? 1 : 0);
}
