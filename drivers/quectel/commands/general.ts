/** Quectel BG95 AT Commands Manual V2.0, chapters "General" and "Status Control". */
import { query } from "../../../modules/at/command.js";

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
