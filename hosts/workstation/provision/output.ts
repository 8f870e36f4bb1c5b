import { ExportRefused } from "../../../certs/export/refused.js";
import { FactoryError } from "../../../certs/factory-error.js";
import { asFactoryError } from "../../../certs/factory/faults.js";
import { InputError } from "../../../certs/input-error.js";
import { printable } from "../../../certs/printable.js";
import { UnitListError } from "../../../certs/units/list.js";
import { faultWords } from "../../../certs/units/unit.js";
import { EXIT_OF } from "../guarded.js";
import { outputFaults } from "../output-faults.js";

/** Faults of a list that are told one by one; JSON has as many. */
const FAULTS_MOST = 100;

/** Exit codes above are of signals. */
const EXIT_OF_SIGNALS = 128;

type Facts = Readonly<Record<string, unknown>>;

/** A fault as JSON lines tell it. */
export interface FailureFacts {
  /** `unit`, `input`, `environment`. */
  readonly kind: string;
  readonly code: string;
  readonly what: string;
  readonly why: string;
  readonly fix: string;
}

export function failureFacts(error: FactoryError | InputError): FailureFacts {
  const { what, why, fix } = error;
  return error instanceof FactoryError
    ? { kind: error.side, code: error.code, what, why, fix }
    : { kind: "input", code: "input", what, why, fix };
}

/** Lines for people or for machines, never both. Failures for people go to stderr. */
export class Output {
  readonly json: boolean;
  readonly #stream: NodeJS.WriteStream;

  /** `stream`: stdout, unless that is where a file goes. */
  constructor(json: boolean, stream: NodeJS.WriteStream = process.stdout) {
    this.json = json;
    this.#stream = stream;
  }

  get isTerminal(): boolean {
    return this.#stream.isTTY;
  }

  get columns(): number {
    return this.#stream.columns;
  }

  /** One line, for people. */
  line(text: string): void {
    if (!this.json) this.#stream.write(`${printable(text)}\n`);
  }

  /** As it is, for people on a terminal. */
  raw(text: string): void {
    if (!this.json) this.#stream.write(text);
  }

  /** One JSON line, for machines, with the time. */
  event(event: string, facts: Facts): void {
    if (this.json)
      this.#stream.write(`${JSON.stringify({ event, at: new Date().toISOString(), ...facts })}\n`);
  }

  /** The last line of a verb. Returns the exit code. */
  summary(exitCode: number, facts: Facts): number {
    this.event("summary", { ok: exitCode === 0, exitCode, ...facts });
    return exitCode;
  }
}

function details(error: Error): readonly string[] {
  if (error instanceof UnitListError) return error.faults.map(faultWords);
  if (error instanceof ExportRefused)
    return error.faults.map(({ serial, rule }) => (serial === "" ? rule : `${serial}: ${rule}`));
  return [];
}

/** Three sentences; of several faults each on a line of its own. `place`: what they are about, before the first sentence. */
export function sentences(error: FactoryError | InputError, place?: string): string {
  const all = details(error);
  const listed = all.length > 1 ? all.slice(0, FAULTS_MOST).map(one => `  ${one}\n`) : [];
  const left = all.length > FAULTS_MOST ? `  and ${all.length - FAULTS_MOST} more\n` : "";
  // Some faults begin with what they are about.
  const subject = place === undefined || error.what.startsWith(place) ? "" : `${place}: `;
  const what =
    error instanceof UnitListError && all.length > 1
      ? `${error.file}: ${all.length} ${error.faults[0]?.entry === true ? "entries" : "lines"} are wrong`
      : error.what;
  return `xs-cellular: ${subject}${what}\n${listed.join("")}${left}  why: ${error.why}\n  fix: ${error.fix}\n`;
}

/** What ended a verb, for people and, with `--json`, as the summary line. Returns the exit code. */
export function tellFailure(error: FactoryError | InputError, out: Output): number {
  process.stderr.write(sentences(error));
  const exitCode = error instanceof FactoryError ? EXIT_OF[error.side] : EXIT_OF.input;
  const faults =
    error instanceof UnitListError || error instanceof ExportRefused
      ? { faults: error.faults.slice(0, FAULTS_MOST) }
      : undefined;
  const file = error instanceof InputError ? { file: error.file } : undefined;
  return out.summary(exitCode, { failure: { ...failureFacts(error), ...file, ...faults } });
}

/**
 * What the verb's end is when stdout or stderr could not be written meanwhile. A reader that has seen enough of a
 * listing (`| head`) is no failure; the code of a signal stays.
 */
async function withOutputFault(exitCode: number): Promise<number> {
  // Errors of the last writes come in a turn of their own.
  await new Promise(resolve => setImmediate(resolve));
  const { fault, isTold, isReaderGone } = outputFaults;
  if (fault === undefined || exitCode > EXIT_OF_SIGNALS || (isReaderGone && !isTold)) return exitCode;
  if (!isTold) process.stderr.write(sentences(fault));
  return EXIT_OF.environment;
}

/** Runs a verb; whatever ends it is told. What it does is not left in its middle for a reader that is gone or a full disk. */
export async function act(
  json: boolean,
  done: (exitCode: number) => void,
  verb: (out: Output) => Promise<number>,
  stream?: NodeJS.WriteStream,
): Promise<void> {
  const out = new Output(json, stream);
  const release = outputFaults.hold();
  let exitCode: number;
  try {
    exitCode = await verb(out);
  } catch (error) {
    // Whatever it is: whoever reads JSON lines waits for a summary.
    if (error === outputFaults.fault) exitCode = EXIT_OF.environment;
    else exitCode = tellFailure(error instanceof InputError ? error : asFactoryError(error), out);
  }
  done(await withOutputFault(exitCode));
  release();
}
