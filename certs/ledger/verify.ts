import { damaged } from "./faults.js";
import { auditEvent, numberIn, textIn } from "./rows.js";
import { query, type Row, type Step } from "./step.js";
import { FIRST_PREVIOUS, hashEvent } from "./trail.js";

export interface ChainResult {
  readonly events: number;
  readonly head: string;
  readonly fault?: string;
}

/** What the trail says about its own end, and the last event that is there. */
export function* chainEnds(): Step<{
  readonly sequence: number;
  readonly hash: string;
  readonly last: number;
}> {
  const [trail] = yield* query("SELECT sequence, hash FROM trail");
  const [last] = yield* query("SELECT coalesce(max(sequence), 0) AS sequence FROM events");
  if (trail === undefined || last === undefined) throw damaged("the end of its audit trail is not there");
  return {
    sequence: numberIn(trail, "sequence"),
    hash: textIn(trail, "hash"),
    last: numberIn(last, "sequence"),
  };
}

/** Follows the chain event by event and keeps the first thing that does not fit. */
export class ChainCheck {
  #events: number;
  /** `undefined`: the chain is followed from its middle on, and nothing is known of what is before. */
  #head: string | undefined;

  /** `before`: so many events are not looked at. */
  constructor(before = 0) {
    this.#events = before;
    this.#head = before === 0 ? FIRST_PREVIOUS : undefined;
  }

  get events(): number {
    return this.#events;
  }

  /** The first fault, in words. */
  take(row: Row): string | undefined {
    const sequence = numberIn(row, "sequence");
    if (sequence !== this.#events + 1) return this.#gap(sequence);
    let event;
    try {
      event = auditEvent(row);
    } catch {
      return `event ${sequence} was changed: it is no event any more`;
    }
    const { unit, event: name } = event;
    const which = `event ${sequence} (${name}${unit === "" ? "" : ` of ${unit}`})`;
    const own = hashEvent({ ...event, at: textIn(row, "at") });
    if (own !== event.hash) return `${which} was changed: its hash is not that of what it says`;
    if (event.previous !== (this.#head ?? event.previous))
      return `${which} does not follow event ${sequence - 1}: it was inserted or moved there, or what was before it was replaced`;
    this.#events = sequence;
    this.#head = event.hash;
    return undefined;
  }

  #gap(next: number): string {
    const first = this.#events + 1;
    if (next < first) return `event ${next} does not belong there: the trail begins with event 1`;
    return next - first === 1 ? `event ${first} was removed` : `events ${first} to ${next - 1} were removed`;
  }

  end(ends: { readonly sequence: number; readonly hash: string; readonly last: number }): ChainResult {
    const result = this.#result();
    if (ends.last < ends.sequence)
      return {
        ...result,
        fault:
          ends.sequence - ends.last === 1
            ? `event ${ends.sequence}, the last one, was removed`
            : `events ${ends.last + 1} to ${ends.sequence}, the last ones, were removed`,
      };
    if (ends.last > ends.sequence)
      return { ...result, fault: `event ${ends.sequence + 1} was inserted: the ledger has not written it` };
    if (ends.hash !== result.head)
      return {
        ...result,
        fault: `event ${this.#events} was replaced: the ledger has written another last event`,
      };
    return result;
  }

  stopped(fault: string): ChainResult {
    return { ...this.#result(), fault };
  }

  #result(): ChainResult {
    return { events: this.#events, head: this.#head ?? FIRST_PREVIOUS };
  }
}
