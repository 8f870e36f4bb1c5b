import type { LineEvent, UnitResult } from "../../../certs/factory/line.js";
import type { Profile } from "../../../certs/profile/profile.js";
import { failureFacts, sentences, type Output } from "./output.js";
import { Tally } from "./tally.js";
import { count, duration, nextWords, resultWords, stateWords } from "./words.js";

/** How often the lines of a terminal show the time anew. */
const TICK_MS = 500;

interface Active {
  serial: string;
  text: string;
  readonly since: number;
}

/** Facts of a result as a JSON line; the error's sentences instead of the error. */
function resultFacts(result: UnitResult): Readonly<Record<string, unknown>> {
  const { port, outcome, serial, state, certificate, proofs, error, durationMs } = result;
  const failure = error && failureFacts(error);
  return { port, outcome, serial, state, certificate, proofs, durationMs, failure };
}

/**
 * Tells a run while it goes on. On a terminal each port has a line that changes, and each unit leaves one line behind;
 * elsewhere each state is a line; with `--json` each event.
 */
export class Progress {
  readonly tally = new Tally();
  readonly #out: Output;
  readonly #profile: Profile;
  readonly #width: number;
  readonly #now: () => number;
  readonly #active = new Map<string, Active>();
  readonly #isLive: boolean;
  readonly #continuous: boolean;
  readonly #tick: NodeJS.Timeout | undefined;
  #shown = 0;

  /** `continuous`: after a unit its port waits for the next one. */
  constructor(
    out: Output,
    profile: Profile,
    ports: readonly string[],
    now: () => number,
    continuous = false,
  ) {
    this.#continuous = continuous;
    this.#out = out;
    this.#profile = profile;
    this.#width = Math.max(0, ...ports.map(port => port.length));
    this.#now = now;
    this.#isLive = out.isTerminal && !out.json;
    if (!this.#isLive) return;
    for (const port of ports) this.#active.set(port, { serial: "", text: "looking", since: now() });
    this.#tick = setInterval(() => {
      this.#draw();
    }, TICK_MS);
    this.#tick.unref();
    this.#draw();
  }

  onEvent(event: LineEvent): void {
    if (event.event === "result") {
      this.#onResult(event);
      return;
    }
    const { event: name, ...facts } = event;
    this.#out.event(name, facts);
    switch (event.event) {
      case "unit": {
        const { port, serial, resumed } = event;
        const isNew = resumed === "listed" || resumed === "begun";
        this.#set(port, serial, nextWords(resumed, this.#profile), true);
        if (!isNew || !this.#isLive)
          this.#tell(
            port,
            `${serial} ${isNew ? "begins" : `goes on from: ${stateWords(resumed, this.#profile)}`}`,
          );
        return;
      }
      case "state":
        this.#set(event.port, event.serial, nextWords(event.state, this.#profile), false);
        // Of the end the result tells more.
        if (!this.#isLive && event.state !== "done")
          this.#tell(
            event.port,
            `${event.serial} ${duration(event.ms).padStart(7)} ${stateWords(event.state, this.#profile)}`,
          );
        return;
      case "notice":
        this.#tell(event.port, `${event.serial === undefined ? "" : `${event.serial} `}note: ${event.text}`);
    }
  }

  /** A sentence that stops nothing. */
  say(text: string): void {
    this.#clear();
    this.#out.line(text);
    this.#draw();
  }

  close(): void {
    clearInterval(this.#tick);
    this.#clear();
    this.#active.clear();
  }

  #onResult(result: UnitResult): void {
    this.#out.event("result", resultFacts(result));
    if (this.#continuous && result.outcome !== "none-left")
      this.#active.set(result.port, { serial: "", text: "waiting for the next unit", since: this.#now() });
    else this.#active.delete(result.port);
    this.tally.add(result);
    this.#tell(result.port, resultWords(result));
    const { error } = result;
    if (error === undefined) return;
    this.#clear();
    const place = result.serial === undefined ? result.port : `${result.port}, ${result.serial}`;
    process.stderr.write(sentences(error, place));
    this.#draw();
  }

  #set(port: string, serial: string, text: string, isNew: boolean): void {
    if (!this.#isLive) return;
    const active = this.#active.get(port);
    if (active === undefined || isNew) this.#active.set(port, { serial, text, since: this.#now() });
    else {
      active.serial = serial;
      active.text = text;
    }
    this.#draw();
  }

  #tell(port: string, text: string): void {
    this.#clear();
    this.#out.line(`${port.padEnd(this.#width)}  ${text}`);
    this.#draw();
  }

  /** Takes the changing lines away, so that others can be written. */
  #clear(): void {
    if (this.#shown === 0) return;
    this.#out.raw(`\x1b[${this.#shown}F\x1b[J`);
    this.#shown = 0;
  }

  #draw(): void {
    if (!this.#isLive) return;
    const columns = this.#out.columns > 0 ? this.#out.columns : 80;
    const lines = [...this.#active].map(([port, { serial, text, since }]) => {
      const line = `${port.padEnd(this.#width)}  ${serial === "" ? "" : `${serial} `}${text} ... ${duration(this.#now() - since)}`;
      // A line that wraps would be two, and clearing would leave one behind.
      return line.length < columns ? line : line.slice(0, columns - 1);
    });
    this.#clear();
    this.#out.raw(lines.map(line => `${line}\n`).join(""));
    this.#shown = lines.length;
  }
}

/** Failures that are over with another try: a cable, a radio, a moment of another writer, a signal. */
const PASSING =
  /^(silent|gone|port-.*|handshake|different|interrupted|claimed|claim-lost|ledger-.*|order|busy|place|storage|write|open|over|internal)$/;

/** What to do after failures, behind the last sentence of a run; empty: there were none. */
export function againWords({ failed, failures }: Tally, isStopped: boolean): string {
  if (isStopped || Object.keys(failures).some(code => PASSING.test(code)))
    return " Run again: finished units are left alone.";
  return failed === 0 ? "" : " Running again alone does not help: do what stands behind fix first.";
}

/** The sentence at the end of a run. */
export function endSentence(tally: Tally, ms: number): string {
  const { done, already, waiting, failed, noneLeft, failures, past } = tally;
  const causes = Object.entries(failures)
    .sort(([, a], [, b]) => b - a)
    .map(([code, times]) => (times === 1 ? code : `${code} ${times} times`));
  const before = [...new Set(past)].join(", ");
  const parts = [
    `${count(done, "unit")} done`,
    already > 0 ? `${already.toLocaleString("en")} done before` : "",
    waiting > 0 ? `${waiting.toLocaleString("en")} waiting for certificates` : "",
    failed > 0 ? `${failed.toLocaleString("en")} failed (${causes.join(", ")})` : "",
    past.length > 0 ? `${count(past.length, "failure")} made good (${before})` : "",
    noneLeft > 0 ? `${count(noneLeft, "port")} without a unit of the list` : "",
  ].filter(part => part !== "");
  return `${parts.join(", ")}, in ${duration(ms)}.`;
}
