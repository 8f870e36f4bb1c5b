/** Quectel BG95 AT Commands Manual V2.0, chapters "General" and "Status Control". */
import { command, query } from "../../../modules/at/command.js";

/** Empty command: `OK` as soon as the module listens. */
export const attention = command({ text: "AT", timeoutMs: 1_000 });

/** ATI. The three lines in any order that a firmware prints them. */
export interface Identity {
  readonly model: string;
  readonly revision: string;
}

/** Maker, model and firmware. */
export const identify = query<Identity>({
  text: "ATI",
  timeoutMs: 1_000,
  prefix: "",
  read(line, sofar) {
    const text = line.whole();
    if (text.startsWith("Revision: ")) return { model: sofar?.model ?? "", revision: text.slice(10) };
    return { model: text, revision: sofar?.revision ?? "" };
  },
});

/** IMEI. 300 ms. */
export const serialNumber = query<string>({
  text: "AT+CGSN",
  timeoutMs: 1_000,
  prefix: "",
  read: line => line.whole(),
});

/** Functionality: 0 minimum, 1 full, 4 radio off; second parameter 1 restarts the module. 15 s. */
export const setFunctionality = command<readonly [fun: number, restart?: number]>({
  text: "AT+CFUN=",
  timeoutMs: 15_000,
});

/** Normal power down: `OK` at once, then up to 60 s to `POWERED DOWN`. */
export const powerDown = command({ text: "AT+QPOWD=1", timeoutMs: 1_000 });
