import { FactoryError } from "../factory-error.js";

/** A unit that cannot be exported as it stands, and the rule that it breaks. */
export interface ExportFault {
  /** Serial of the unit; empty: the options are at fault. */
  readonly serial: string;
  /** What is wrong, against which rule: `"a.b" is no AWS thing name (a-z A-Z 0-9 : _ -, at most 128)`. */
  readonly rule: string;
}

/** Faults that an error names one by one; the others are counted. */
const NAMED_MOST = 100;

/** Nothing was written: the text of an export begins after every unit was checked. Code `export-refused`. */
export class ExportRefused extends FactoryError {
  /** The first 100. */
  readonly faults: readonly ExportFault[];
  /** All of them. */
  readonly count: number;

  constructor(format: string, faults: readonly ExportFault[], count = faults.length) {
    const [first] = faults;
    const named = first === undefined || first.serial === "" ? "" : `${first.serial}: `;
    const others = count > 1 ? `; ${count - 1} more` : "";
    super({
      code: "export-refused",
      side: "input",
      what: `${format}: ${named}${first?.rule ?? "nothing can be exported"}${others}`,
      why: "An export is written whole or not at all, so that no unit is missing from it unnoticed.",
      fix: "Leave these units out of the export, or choose another format or other options; docs/exports.md lists the rules.",
    });
    this.faults = faults;
    this.count = count;
  }
}

/** Gathers faults without growing with the ledger. */
export class Faults {
  private readonly named: ExportFault[] = [];
  private count = 0;

  add(serial: string, rule: string): void {
    this.count++;
    if (this.named.length < NAMED_MOST) this.named.push({ serial, rule });
  }

  /** @throws ExportRefused when there was a fault. */
  check(format: string): void {
    if (this.count > 0) throw new ExportRefused(format, this.named, this.count);
  }
}
