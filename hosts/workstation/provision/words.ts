import type { UnitResult } from "../../../certs/factory/line.js";
import type { UnitState } from "../../../certs/ledger/ledger.js";
import type { Profile } from "../../../certs/profile/profile.js";

/** `3 units`, `1 unit`. */
export function count(number: number, noun: string): string {
  return `${number.toLocaleString("en")} ${noun}${number === 1 ? "" : "s"}`;
}

/** `1 of 3 units of demo is done` */
export function doneWords(done: number, units: number, profile: string): string {
  return `${done.toLocaleString("en")} of ${count(units, "unit")} of ${profile} ${done === 1 ? "is" : "are"} done`;
}

/** `0.4 s`, `12 min 3 s`. */
export function duration(ms: number): string {
  if (ms < 60_000) return `${(ms / 1000).toFixed(1)} s`;
  const seconds = Math.round(ms / 1000);
  return `${Math.floor(seconds / 60)} min ${seconds % 60} s`;
}

/** `2026-11-21` */
export function day(date: Date): string {
  return date.toISOString().slice(0, 10);
}

/** `2026-11-21 12:30:07 UTC` */
export function moment(date: Date): string {
  return `${date.toISOString().slice(0, 19).replace("T", " ")} UTC`;
}

/** What has been reached, for people. */
export function stateWords(state: UnitState, profile: Profile): string {
  switch (state) {
    case "listed":
      return "known from a list";
    case "begun":
      return "begun";
    case "keyed":
      return profile.key.made === "device" ? "key made by the unit itself" : "key made, and handed over";
    case "requested":
      return "certificate request sent out";
    case "issuing":
      return "certificate drawn up";
    case "issued":
      return "certificate issued";
    case "written":
      return profile.target === "modem" && profile.module === "bc66"
        ? "written; the module has counted its bytes"
        : "written and read back";
    case "proved":
      return "key proved: it has signed a fresh nonce";
    case "used":
      return "put in use";
    case "connected":
      return "has done a TLS handshake";
    case "done":
      return "done";
    case "revoked":
      return "revoked";
  }
}

/** What goes on in the unit after a state was reached. */
export function nextWords(state: UnitState, profile: Profile): string {
  switch (state) {
    case "listed":
    case "begun":
      return `making a key (${profile.key.kind})`;
    case "keyed":
      return "asking for a certificate";
    case "requested":
      return "waiting for its certificate";
    case "issuing":
      return "having the certificate signed";
    case "issued":
      return "writing";
    case "written":
      return "proving the key";
    case "proved":
      return "putting it in use";
    case "used":
      return profile.proof.handshake === undefined ? "ending" : "waiting for the TLS handshake";
    case "connected":
      return profile.lock ? "locking" : "ending";
    case "done":
      return "done";
    case "revoked":
      return "revoked";
  }
}

const PROOFS: Readonly<Record<string, string>> = {
  "read-back": "read back",
  "byte-count": "bytes counted",
  possession: "key proved",
  handshake: "TLS handshake",
};

/** `read back, key proved`; empty: none. */
export function proofWords(proofs: readonly string[]): string {
  return proofs.map(proof => PROOFS[proof] ?? proof).join(", ");
}

/** Characters of a sentence that one line of a run has room for. */
const SENTENCE_MOST = 160;

function shortened(sentence: string): string {
  return sentence.length <= SENTENCE_MOST ? sentence : `${sentence.slice(0, SENTENCE_MOST - 3)}...`;
}

/** The end of one unit as one line; of a failure its first sentence, the others stand elsewhere. */
export function resultWords(result: UnitResult): string {
  const { outcome, serial, durationMs, proofs, certificate, error } = result;
  const name = serial ?? "the unit";
  const proved = proofs.length === 0 ? "" : `: ${proofWords(proofs)}`;
  const held = certificate === undefined ? "" : `; certificate ${certificate.slice(0, 16)}`;
  switch (outcome) {
    case "done":
      return `${name} done in ${duration(durationMs)}${proved}${held}`;
    case "already":
      return `${name} was done before, and was left alone${held}`;
    case "waiting":
      return `${name} waits for its certificate; run again when it has come`;
    case "failed":
      return `${serial === undefined ? "" : `${serial} `}failed after ${duration(durationMs)}${error === undefined ? "" : `: ${error.code}, ${shortened(error.what)}`}`;
    case "none-left":
      return "nothing was done here: no unit of the list is left for what is at this port";
  }
}
