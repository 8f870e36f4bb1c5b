import { FactoryError } from "../../../../certs/factory-error.js";
import type { Explanation } from "../../../../modules/diagnosis/explain.js";
import { failure, type FailureKind } from "../../../../modules/diagnosis/failure.js";
import { KINDS } from "../../../../modules/diagnosis/kinds.js";
import type { ModuleName } from "../../../firmware/config.js";
import { explainFailure } from "../../diagnosis/explain.js";
import type { DeviceFacts, Progress } from "../../provisioning/client.js";
import type { DeviceLine } from "./device-line.js";

type DeviceFailure = NonNullable<Progress["failure"]>;

/** Between two looks at the device's progress. */
const LOOK_MS = 1_000;

/** Failures at the broker that credentials can have caused: those that `hosts/firmware/rotation.ts` counts. */
const SUSPECT: readonly string[] = ["tls", "credential", "route", "mqtt-refused", "peer-closed"];

function isKind(kind: string): kind is FailureKind {
  return Object.hasOwn(KINDS, kind);
}

function moduleOf(facts: DeviceFacts): ModuleName {
  return facts.module === "bc66" ? "bc66" : "bg95";
}

/** What a kind, a code and a command mean; undefined for kinds of a later firmware. */
function explained(
  { kind, command, code, detail }: DeviceFailure,
  facts: DeviceFacts,
): Explanation | undefined {
  return isKind(kind) ? explainFailure(failure(kind, command, code, detail), moduleOf(facts)) : undefined;
}

/** Where it happened and what it was, in the device's own words where nothing else is known. */
function told({ stage, kind, code, command, detail }: DeviceFailure, known: Explanation | undefined): string {
  const own = [kind, code, command, detail].filter(part => part !== undefined).join(", ");
  return `at stage ${stage}: ${known?.what ?? own}`;
}

const BUSY = {
  why: "The device told of no failure: it was still busy with module and network.",
  fix: "Look at antenna, SIM and supply at this place, and at its log on the console; then run again.",
};

const GIVEN_UP = {
  why: "It counted starts and failed connections against what was on trial until it took the former back.",
  fix: "Look at the broker's log for what it refused, and at the device's on its console; then fill the unit anew.",
};

function failed(
  what: string,
  facts: DeviceFacts,
  last: DeviceFailure | undefined,
  otherwise: { readonly why: string; readonly fix: string },
): FactoryError {
  const known = last && explained(last, facts);
  const { why, fix } = known ?? otherwise;
  return new FactoryError({
    code: "handshake",
    side: "unit",
    what: last ? `${what}; last ${told(last, known)}` : what,
    why,
    fix,
  });
}

function rolledBack(facts: DeviceFacts, last: DeviceFailure | undefined): FactoryError {
  const what = "the device gave the new credentials up and went back to what it used before";
  return failed(what, facts, last, GIVEN_UP);
}

/**
 * Restarts the device and waits until its application has been accepted by the broker, with the slot that
 * is in use now. Rejects with `handshake` when the device went back to its former credentials, when it
 * failed at the broker by what credentials can cause, or after `deadlineMs`.
 *
 * @param onFailure is told each failure that the device goes on after: a minute without a word is long.
 */
export async function awaitConnection(
  line: DeviceLine,
  deadlineMs: number,
  onFailure: (text: string) => void,
): Promise<DeviceFacts> {
  const before = await line.look();
  const { slot } = before;
  if (before.rejected) throw rolledBack(before, (await line.run(client => client.progress())).failure);
  if (slot === undefined)
    throw new FactoryError({
      code: "handshake",
      side: "unit",
      what: "the device has no credentials in use to make a handshake with",
      why: "Nothing was committed, or it was erased.",
      fix: "Run again: the unit is filled anew.",
    });
  await line.restart();
  const deadline = line.now + deadlineMs;
  let last: DeviceFailure | undefined;
  let failures = 0;
  for (;;) {
    const progress = await line.run(client => client.progress());
    last = progress.failure ?? last;
    const isNew = progress.failures > failures;
    failures = progress.failures;
    // The slot is looked at after the progress: what was accepted was accepted with this one.
    const facts = await line.look();
    if (facts.slot !== slot || facts.rejected) throw rolledBack(facts, last);
    if (progress.connections > 0) return facts;
    const { failure: seen } = progress;
    if (seen?.stage === "broker" && SUSPECT.includes(seen.kind))
      throw failed("the broker and the device did not come together", facts, seen, BUSY);
    if (isNew && seen !== undefined)
      onFailure(`the device failed and goes on, ${told(seen, explained(seen, facts))}`);
    if (line.now >= deadline) {
      const seconds = String(Math.round(deadlineMs / 1_000));
      throw failed(`the device was not accepted by its broker within ${seconds} s`, facts, last, BUSY);
    }
    await line.wait(LOOK_MS);
  }
}
