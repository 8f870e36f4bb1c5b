/** Quectel BG95 AT Commands Manual V2.0, chapters "General" and "Status Control". */
import { plainQuery } from "../../../modules/at/command.js";

/** ATI. The three lines in any order that a firmware prints them. */
export interface Identity {
  readonly model: string;
  readonly revision: string;
}

/** Maker, model and firmware. */
export const identify = plainQuery<Identity>("ATI", 1_000, "", (line, sofar) => {
  const text = line.whole();
  if (text.startsWith("Revision: ")) return { model: sofar?.model ?? "", revision: text.slice(10) };
  return { model: text, revision: sofar?.revision ?? "" };
});
