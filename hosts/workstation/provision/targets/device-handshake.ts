import { FactoryError } from "../../../../certs/factory/error.js";
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

/** The device's own account in one pair of brackets. */
function told({ stage, kind, code, command }: DeviceFailure): string {
  const parts = [`stage ${stage}`, `kind ${kind}`];
  if (code !== undefined) parts.push(`code ${String(code)}`);
  if (command !== undefined) parts.push(command);
  return parts.join(", ");
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
  const known =
    last && isKind(last.kind)
      ? explainFailure(failure(last.kind, last.command, last.code), moduleOf(facts))
      : otherwise;
  return new FactoryError({
    code: "handshake",
    side: "unit",
    what: last ? `${what} (${told(last)})` : what,
    why: known.why,
    fix: known.fix,
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
 */
export async function awaitConnection(line: DeviceLine, deadlineMs: number): Promise<DeviceFacts> {
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
  for (;;) {
    const progress = await line.run(client => client.progress());
    last = progress.failure ?? last;
    // The slot is looked at after the progress: what was accepted was accepted with this one.
    const facts = await line.look();
    if (facts.slot !== slot || facts.rejected) throw rolledBack(facts, last);
    if (progress.connections > 0) return facts;
    const { failure: seen } = progress;
    if (seen?.stage === "broker" && SUSPECT.includes(seen.kind))
      throw failed("the broker and the device did not come together", facts, seen, BUSY);
    if (line.now >= deadline) {
      const seconds = String(Math.round(deadlineMs / 1_000));
      throw failed(`the device was not accepted by its broker within ${seconds} s`, facts, last, BUSY);
    }
    await line.wait(LOOK_MS);
  }
}
