import assert from "node:assert/strict";
import fc from "fast-check";
import { FactoryError } from "../../../certs/factory-error.js";
import type { Claim, Ledger, UnitState } from "../../../certs/ledger/ledger.js";
import { onBoth } from "./backends.js";
import { changesOf, Clock, unit } from "./sample.js";

const PLACES = [
  { station: "A", port: "1" },
  { station: "A", port: "2" },
  { station: "B", port: "1" },
] as const;
const UNITS = 3;
const CLAIM_MS = 1000;

type Operation =
  | { readonly op: "claim" | "identity"; readonly place: number; readonly unit: number }
  | { readonly op: "next"; readonly place: number }
  | { readonly op: "release" | "fail" | "restart" | "renew"; readonly place: number }
  | { readonly op: "advance"; readonly place: number; readonly pick: number; readonly isHardware: boolean }
  | { readonly op: "revoke"; readonly unit: number; readonly replace: boolean }
  | { readonly op: "pass"; readonly ms: number };

const place = fc.nat(PLACES.length - 1);
const which = fc.nat(UNITS - 1);
const operation: fc.Arbitrary<Operation> = fc.oneof(
  {
    weight: 2,
    arbitrary: fc.record({ op: fc.constantFrom("claim" as const, "identity" as const), place, unit: which }),
  },
  { weight: 2, arbitrary: fc.record({ op: fc.constant("next" as const), place }) },
  {
    weight: 2,
    arbitrary: fc.record({
      op: fc.constantFrom("release" as const, "fail" as const, "restart" as const, "renew" as const),
      place,
    }),
  },
  {
    weight: 16,
    arbitrary: fc.record({
      op: fc.constant("advance" as const),
      place,
      pick: fc.nat(9),
      isHardware: fc.boolean(),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ op: fc.constant("revoke" as const), unit: which, replace: fc.boolean() }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ op: fc.constant("pass" as const), ms: fc.constantFrom(100, 600, 1200) }),
  },
);

/** What may follow, as docs/ledger.md has it. */
const FOLLOWING: Readonly<Record<UnitState, readonly UnitState[]>> = {
  listed: ["begun"],
  begun: ["keyed"],
  keyed: ["requested", "issuing"],
  requested: ["issued"],
  issuing: ["issued"],
  issued: ["written"],
  written: ["proved", "used", "done"],
  proved: ["used", "done"],
  used: ["connected", "done"],
  connected: ["done"],
  done: [],
  revoked: [],
};
const RESTART: readonly UnitState[] = [
  "begun",
  "keyed",
  "requested",
  "issuing",
  "issued",
  "written",
  "proved",
  "used",
];
const WITH_CERTIFICATE: readonly UnitState[] = ["issued", "written", "proved", "used", "connected", "done"];

/** Nothing is issued yet: a replacement gives up what was begun. */
const UNDER_WAY: readonly UnitState[] = ["begun", "keyed", "requested", "issuing"];

/** A unit of the model. */
interface Simple {
  state: UnitState;
  generation: number;
  attempts: number;
  bound: boolean;
  failed: boolean;
  /** Number of the claim that holds. */
  holder: number | undefined;
  until: number;
  place: number;
  fates: string[];
}

/** What a station holds: its claim in the ledger, and in the model. */
interface Held {
  readonly claim: Claim;
  readonly unit: number;
  readonly number: number;
}

/** The ledger as a page of assignments. */
class Model {
  readonly units: Simple[] = Array.from({ length: UNITS }, () => ({
    state: "listed",
    generation: 1,
    attempts: 0,
    bound: false,
    failed: false,
    holder: undefined,
    until: 0,
    place: -1,
    fates: [],
  }));
  #claims = 0;

  at(index: number): Simple {
    const one = this.units[index];
    if (one === undefined) throw new Error("no unit");
    return one;
  }

  /** Index of the unit that a place gets. */
  claim(wanted: number | undefined, at: number, now: number, isOwn: boolean): number | undefined {
    const isFree = (one: Simple): boolean => one.holder === undefined || one.until <= now || one.place === at;
    let index = wanted;
    if (index === undefined) {
      const left = this.units.findIndex(
        one =>
          one.holder !== undefined &&
          one.place === at &&
          !one.bound &&
          one.generation === 1 &&
          ["listed", "begun", "keyed", "issuing"].includes(one.state),
      );
      const free = this.units.findIndex(
        one =>
          (one.holder === undefined || one.until <= now) &&
          !one.bound &&
          one.generation === 1 &&
          ["listed", "begun"].includes(one.state),
      );
      index = left >= 0 ? left : free;
      if (index < 0) return undefined;
    } else if (!isOwn && !isFree(this.at(index))) return undefined;
    Object.assign(this.at(index), { holder: ++this.#claims, until: now + CLAIM_MS, place: at });
    this.at(index).attempts++;
    return index;
  }

  newest(one: Simple, fate: string): void {
    one.fates[one.fates.length - 1] = fate;
  }
}

async function outcome<T>(work: Promise<T>): Promise<T | string> {
  try {
    return await work;
  } catch (error) {
    if (error instanceof FactoryError) return error.code;
    throw error;
  }
}

async function follow(
  ledger: Ledger,
  clock: Clock,
  profile: string,
  operations: readonly Operation[],
): Promise<void> {
  const serial = (index: number): string => `${profile}-${index}`;
  await ledger.list(
    Array.from({ length: UNITS }, (_, index) => unit(serial(index))),
    profile,
    "units.csv",
  );
  const model = new Model();
  const held = new Map<number, Held>();
  let names = 0;
  const latest = new Map<number, string>();
  for (const one of operations) {
    const now = clock.now().getTime();
    if (one.op === "pass") {
      clock.pass(one.ms);
      continue;
    }
    if (one.op === "revoke") {
      const simple = model.at(one.unit);
      const had = WITH_CERTIFICATE.includes(simple.state);
      const isLater = simple.state === "revoked" && one.replace;
      const isGivenUp = one.replace && UNDER_WAY.includes(simple.state);
      const result = await outcome(
        ledger.revoke(serial(one.unit), { reason: "superseded", replace: one.replace, station: "office" }),
      );
      if (typeof result === "string") {
        const isBusy = simple.holder !== undefined && simple.until > now;
        assert.ok(isBusy || !(had || isLater || isGivenUp), `${result} for ${simple.state}`);
        continue;
      }
      assert.ok(had || isGivenUp || simple.state === "revoked" || simple.generation > 1);
      if (had) model.newest(simple, "revoked");
      // The same again, with nothing between, is the same revocation: its answer might have been lost.
      if (!had && !isLater && !isGivenUp) continue;
      Object.assign(simple, { state: one.replace ? "listed" : "revoked", holder: undefined });
      if (one.replace) Object.assign(simple, { generation: simple.generation + 1, failed: false });
      continue;
    }
    const at = PLACES[one.place];
    assert.ok(at);
    if (one.op === "claim" || one.op === "identity" || one.op === "next") {
      const wanted = one.op === "next" ? undefined : one.unit;
      const expected = model.claim(wanted, one.place, now, one.op === "identity");
      const claim = await ledger.claim(
        one.op === "next"
          ? { by: "next", profile }
          : { by: one.op === "claim" ? "serial" : "identity", serial: serial(one.unit) },
        at,
      );
      assert.equal(claim?.unit.serial, expected === undefined ? undefined : serial(expected));
      if (claim === undefined || expected === undefined) continue;
      held.set(one.place, { claim, unit: expected, number: model.at(expected).holder ?? 0 });
      continue;
    }
    const mine = held.get(one.place);
    if (mine === undefined) continue;
    const simple = model.at(mine.unit);
    const isLost = simple.holder !== mine.number;
    if (one.op === "advance") {
      // Mostly what may follow, so that units come far; at times anything.
      const all = Object.keys(FOLLOWING).filter((name): name is UnitState => name in FOLLOWING);
      const next = FOLLOWING[simple.state];
      const to =
        (one.pick < 8 ? next[one.pick % Math.max(next.length, 1)] : undefined) ?? all[one.pick] ?? "done";
      const name = to === "keyed" ? `${profile}/${++names}` : (latest.get(mine.unit) ?? "none");
      const isBinding = one.isHardware && to === "begun";
      const hardware = isBinding ? { hardware: { mac: `${profile}/${mine.unit}` } } : undefined;
      const result = await outcome(ledger.advance(mine.claim, to, { ...changesOf(to, name), ...hardware }));
      if (isLost || !next.includes(to)) {
        assert.equal(result, isLost ? "claim-lost" : "order", `${simple.state} ${to}`);
        continue;
      }
      assert.ok(typeof result !== "string", `${simple.state} ${to}: ${JSON.stringify(result)}`);
      if (to === "keyed") latest.set(mine.unit, name);
      if (to === "issued") simple.fates.push("issued");
      if (to === "used" || to === "done") {
        simple.fates.forEach((fate, index) => {
          if (fate === "active" && index < simple.fates.length - 1) simple.fates[index] = "superseded";
        });
        model.newest(simple, "active");
      }
      const isEnd = to === "done" || to === "requested";
      Object.assign(simple, {
        state: to,
        until: now + CLAIM_MS,
        bound: simple.bound || isBinding,
        failed: isEnd ? false : simple.failed,
        holder: to === "done" ? undefined : simple.holder,
      });
      if (to === "done") held.delete(one.place);
      else held.set(one.place, { ...mine, claim: result });
    } else if (one.op === "renew") {
      assert.equal(await outcome(ledger.renew(mine.claim)), isLost ? "claim-lost" : undefined);
      if (!isLost) simple.until = now + CLAIM_MS;
    } else if (one.op === "release" || one.op === "fail") {
      const result =
        one.op === "release"
          ? await outcome(ledger.release(mine.claim))
          : await outcome(ledger.fail(mine.claim, { code: "silent", what: "x" }));
      assert.equal(result, isLost && one.op === "fail" ? "claim-lost" : undefined);
      held.delete(one.place);
      if (!isLost)
        Object.assign(simple, { holder: undefined, ...(one.op === "fail" ? { failed: true } : undefined) });
    } else {
      const result = await outcome(ledger.restart(mine.claim, "why"));
      if (isLost || !RESTART.includes(simple.state)) {
        assert.equal(result, isLost ? "claim-lost" : "order");
        continue;
      }
      assert.ok(typeof result !== "string");
      if (WITH_CERTIFICATE.includes(simple.state)) model.newest(simple, "abandoned");
      Object.assign(simple, { state: "begun", until: now + CLAIM_MS });
      held.set(one.place, { ...mine, claim: result });
    }
  }
  for (let index = 0; index < UNITS; index++) {
    const simple = model.at(index);
    const record = await ledger.unit(serial(index));
    assert.ok(record);
    const { state, generation, attempts, failure, claim } = record;
    assert.deepEqual(
      [state, generation, attempts, failure !== undefined, claim?.until.getTime()],
      [
        simple.state,
        simple.generation,
        simple.attempts,
        simple.failed,
        simple.holder === undefined ? undefined : simple.until,
      ],
    );
    const fates: string[] = [];
    for await (const { fate } of ledger.certificates(serial(index))) fates.push(fate);
    assert.deepEqual(fates, simple.fates);
  }
  assert.equal((await ledger.verifyChain()).fault, undefined);
}

onBoth("ledger: model", bench => {
  it("does what a page of assignments does, whatever three places do in any order", async function () {
    this.timeout(120_000);
    const clock = new Clock();
    const ledger = await bench.open(await bench.place(), { now: clock.now, claimMs: CLAIM_MS });
    let runs = 0;
    await fc.assert(
      fc.asyncProperty(fc.array(operation, { minLength: 20, maxLength: 120, size: "max" }), operations =>
        follow(ledger, clock, `run${++runs}`, operations),
      ),
      { numRuns: 40 },
    );
    const { byState } = await ledger.summary();
    // The random walk reaches far states too.
    assert.ok((byState.done ?? 0) > 0 && (byState.revoked ?? 0) > 0, JSON.stringify(byState));
  });
});
