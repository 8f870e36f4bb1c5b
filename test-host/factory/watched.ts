import type { Issuer } from "../../certs/authority/file-authority.js";
import type { Outside } from "../../certs/factory/line.js";
import type { Target } from "../../certs/factory/target.js";
import type { Ledger } from "../../certs/ledger/ledger.js";

/** Told before and after each call that changes something, somewhere; may end the process. */
export type OnPoint = (what: string) => void;

/** A call between two points. */
async function between<Result>(on: OnPoint, what: string, call: () => Promise<Result>): Promise<Result> {
  on(`before ${what}`);
  const result = await call();
  on(`after ${what}`);
  return result;
}

/** A ledger whose changes are told, before they begin and when they are committed. Renewals, which a clock makes, are not. */
export function watchedLedger(ledger: Ledger, on: OnPoint): Ledger {
  return {
    list: (...args) => between(on, "list", () => ledger.list(...args)),
    claim: (...args) => between(on, "claim", () => ledger.claim(...args)),
    advance: (...args) => between(on, `advance to ${args[1]}`, () => ledger.advance(...args)),
    restart: (...args) => between(on, "restart", () => ledger.restart(...args)),
    fail: (...args) => between(on, "fail", () => ledger.fail(...args)),
    release: (...args) => between(on, "release", () => ledger.release(...args)),
    revoke: (...args) => between(on, "revoke", () => ledger.revoke(...args)),
    record: (...args) => between(on, "record", () => ledger.record(...args)),
    renew: claim => ledger.renew(claim),
    tryList: (...args) => ledger.tryList(...args),
    unit: serial => ledger.unit(serial),
    units: query => ledger.units(query),
    identify: identity => ledger.identify(identity),
    certificate: sha256 => ledger.certificate(sha256),
    certificates: serial => ledger.certificates(serial),
    events: query => ledger.events(query),
    summary: profile => ledger.summary(profile),
    verifyChain: options => ledger.verifyChain(options),
    close: () => ledger.close(),
  };
}

/** A target whose changes are told. What it cannot do, it cannot do here either. */
export function watchedTarget(target: Target, on: OnPoint): Target {
  const told = <Args extends readonly unknown[], Result>(
    name: string,
    method: ((...args: Args) => Promise<Result>) | undefined,
  ): ((...args: Args) => Promise<Result>) | undefined =>
    method && ((...args) => between(on, name, () => method(...args)));
  const generate = told("generate", target.generate?.bind(target));
  const request = told("request", target.request?.bind(target));
  const prove = told("prove", target.prove?.bind(target));
  const handshake = told("handshake", target.handshake?.bind(target));
  const confirm = told("confirm", target.confirm?.bind(target));
  const lock = told("lock", target.lock?.bind(target));
  const erase = told("erase", target.erase?.bind(target));
  return {
    kind: target.kind,
    connect: () => target.connect(),
    begin: () => between(on, "begin", () => target.begin()),
    write: (role, bytes) => between(on, `write ${role}`, () => target.write(role, bytes)),
    readBack: expected => target.readBack(expected),
    commit: () => between(on, "commit", () => target.commit()),
    close: () => target.close(),
    ...(generate && { generate }),
    ...(request && { request }),
    ...(prove && { prove }),
    ...(handshake && { handshake }),
    ...(confirm && { confirm }),
    ...(lock && { lock }),
    ...(erase && { erase }),
  };
}

export function watchedIssuer(issuer: Issuer, on: OnPoint): Issuer {
  return {
    certificate: issuer.certificate,
    issue: options => between(on, "issue", () => issuer.issue(options)),
    revocationList: options => issuer.revocationList(options),
  };
}

export function watchedOutside(outside: Outside, on: OnPoint): Outside {
  return {
    certificate: outside.certificate,
    send: (serial, request) => between(on, "send", () => outside.send(serial, request)),
    receive: (serial, publicKey) => outside.receive(serial, publicKey),
  };
}
