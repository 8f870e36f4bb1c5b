import type { Claim, UnitRecord, UnitState, Wanted } from "../ledger/ledger.js";
import type { FactoryError } from "../factory-error.js";
import { asFactoryError, claimed, interrupted, unknownSerial } from "./faults.js";
import type { LineEvent, LineOptions, UnitResult } from "./line.js";
import {
  checkModule,
  checkUnit,
  holdsAll,
  imageFault,
  recognize,
  refuseStranger,
  type Recognized,
} from "./recognize.js";
import type { Present, Target } from "./target.js";
import { Work, type Bench } from "./work.js";

/** Claims are renewed so often; they last a minute or more. */
const RENEW_MS = 15_000;

export type UnitRunOptions = Pick<
  LineOptions,
  "recipe" | "ledger" | "station" | "accepts" | "overwrite" | "signal" | "onEvent"
> & { readonly now: () => Date };

/** Calls again and again until it is told to stop; the process does not live for it. */
function every(ms: number, call: () => Promise<void>): () => void {
  const timer = setInterval(() => {
    // A claim that cannot be renewed is found lost at the next change of state.
    void call().catch(() => undefined);
  }, ms);
  timer.unref();
  return () => {
    clearInterval(timer);
  };
}

/** One unit at one port, from recognizing it to its result. */
export class UnitRun {
  readonly #options: UnitRunOptions;
  readonly #port: string;
  readonly #begun: number;
  #serial: string | undefined;
  #unit: UnitRecord | undefined;
  #claim: Claim | undefined;

  constructor(options: UnitRunOptions, port: string) {
    this.#options = options;
    this.#port = port;
    this.#begun = options.now().getTime();
  }

  /** What the ledger says of what is at the port, before anything is changed; throws what forbids going on. */
  async look(target: Target, present: Present, serial: string | undefined): Promise<Wanted> {
    const { ledger, recipe, overwrite } = this.#options;
    const profile = recipe.profile.name;
    checkModule(present, recipe.profile.module);
    if (target.kind === "image" && serial !== undefined) await this.#checkImage(present, serial);
    const known = await recognize(ledger, present);
    if (known !== undefined) {
      const { unit } = known;
      this.#serial = unit.serial;
      this.#unit = unit;
      checkUnit(unit, present, profile, serial, target.kind);
      // Anybody can tell an address: it takes a unit from nobody who works on it.
      if (known.key === undefined) return { by: "serial", serial: unit.serial };
      if (this.#isElsewhere(unit)) await this.#proveKey(target, present, known.key);
      return { by: "identity", serial: unit.serial };
    }
    refuseStranger(present, overwrite ?? false);
    if (serial === undefined) return { by: "next", profile };
    const wanted = await ledger.unit(serial);
    if (wanted === undefined) throw unknownSerial(serial);
    this.#serial = wanted.serial;
    this.#unit = wanted;
    checkUnit(wanted, present, profile, serial, target.kind);
    return { by: "serial", serial: wanted.serial };
  }

  /** Whatever else is in its place: an image that was made is not made again. */
  async #checkImage(present: Present, serial: string): Promise<void> {
    const unit = await this.#options.ledger.unit(serial);
    if (unit?.state !== "done" || unit.profile !== this.#options.recipe.profile.name) return;
    this.#serial = unit.serial;
    this.#unit = unit;
    const fault = imageFault(unit, present);
    if (fault !== undefined) throw fault;
  }

  /** The whole of it: always gives a result, and leaves no claim behind. */
  async run(target: Target, serial: string | undefined): Promise<UnitResult> {
    try {
      const present = await target.connect();
      return await this.#work(target, present, serial);
    } catch (error) {
      return await this.failed(error);
    }
  }

  async #work(target: Target, present: Present, serial: string | undefined): Promise<UnitResult> {
    const { ledger, station, signal } = this.#options;
    const wanted = await this.look(target, present, serial);
    if (signal?.aborted) throw interrupted();
    if (this.#unit?.state === "done") return await this.#already(target, present, this.#unit);
    const claim = await ledger.claim(wanted, { station, port: this.#port });
    if (claim === undefined) {
      if (wanted.by === "next") return this.#result("none-left");
      throw claimed(wanted.serial);
    }
    this.#claim = claim;
    this.#serial = claim.unit.serial;
    this.#unit = claim.unit;
    if (claim.unit.state === "done") {
      // Another station has finished it in this moment.
      await ledger.release(claim);
      return await this.#already(target, await target.connect(), claim.unit);
    }
    checkUnit(claim.unit, present, this.#options.recipe.profile.name, serial, target.kind);
    this.#tell({ event: "unit", port: this.#port, serial: claim.unit.serial, resumed: claim.unit.state });
    if (wanted.by === "next" && present.mac === undefined && present.imei === undefined)
      this.#notice(
        "unnamed",
        "the unit tells no address of its hardware; the next serial of the list is given to it",
      );
    const work = new Work(this.#bench(), target, present, claim);
    const stop = every(RENEW_MS, () => ledger.renew(work.claim));
    try {
      const end = await work.finish();
      this.#unit = work.claim.unit;
      if (end === "waiting") await ledger.release(work.claim);
      return this.#result(end);
    } finally {
      stop();
      this.#claim = work.claim;
      this.#unit = work.claim.unit;
    }
  }

  /** It was done before: looked at, and proved where it can, but not changed. */
  async #already(target: Target, present: Present, unit: UnitRecord): Promise<UnitResult> {
    this.#tell({ event: "unit", port: this.#port, serial: unit.serial, resumed: unit.state });
    const { used } = present;
    checkUnit(unit, present, unit.profile, undefined, target.kind);
    if (used.key && holdsAll(used, unit))
      await this.#proveKey(target, present, { where: "used", spki: used.key });
    else this.#notice("untold", "it was done before; what it holds now, a unit of this kind does not tell");
    return this.#result("already");
  }

  /** Whether somebody else works on it now. */
  #isElsewhere({ claim }: UnitRecord): boolean {
    const { station, now } = this.#options;
    return (
      claim !== undefined && claim.until > now() && (claim.station !== station || claim.port !== this.#port)
    );
  }

  /** A key that is told is public; one that signs is there. A module's was read back. */
  async #proveKey(target: Target, present: Present, key: NonNullable<Recognized["key"]>): Promise<void> {
    if (present.proves) await target.prove?.(key.where, key.spki);
  }

  /** The result of an attempt that something ended; the ledger keeps why. */
  async failed(error: unknown): Promise<UnitResult> {
    const { ledger } = this.#options;
    const fault = asFactoryError(error);
    const claim = this.#claim;
    if (claim !== undefined && fault.code !== "claim-lost")
      try {
        if (fault.code === "interrupted") await ledger.release(claim);
        else await ledger.fail(claim, { code: fault.code, what: fault.what });
      } catch (second) {
        // The ledger itself may be what is out of reach; the first reason is the one to tell.
        this.#notice("ledger", asFactoryError(second).what);
      }
    return this.#result("failed", fault);
  }

  #bench(): Bench {
    const { recipe, ledger, accepts, signal, now } = this.#options;
    return {
      recipe,
      ledger,
      accepts,
      signal,
      now,
      onState: state => this.#onState(state),
      onNotice: (code, text) => {
        this.#notice(code, text);
      },
    };
  }

  #onState(state: UnitState): void {
    const serial = this.#serial ?? "";
    this.#tell({ event: "state", port: this.#port, serial, state, ms: this.#elapsed });
  }

  #notice(code: string, text: string): void {
    const serial = this.#serial;
    this.#tell({
      event: "notice",
      port: this.#port,
      ...(serial === undefined ? undefined : { serial }),
      code,
      text,
    });
  }

  #tell(event: LineEvent): void {
    this.#options.onEvent(event);
  }

  get #elapsed(): number {
    return this.#options.now().getTime() - this.#begun;
  }

  #result(outcome: UnitResult["outcome"], error?: FactoryError): UnitResult {
    const unit = this.#unit;
    const result: UnitResult = {
      port: this.#port,
      outcome,
      serial: this.#serial,
      state: unit?.state,
      certificate: unit?.certificate,
      proofs: unit?.proofs ?? [],
      error,
      durationMs: this.#elapsed,
    };
    this.#tell({ event: "result", ...result });
    return result;
  }
}
