import { X509Certificate } from "node:crypto";
import { deviceValidity, newSerialNumber } from "../authority/certificate.js";
import { checkBeforeWriting } from "../check/before-writing.js";
import type { Advance, CertificateRecord, Claim, Ledger, UnitState } from "../ledger/ledger.js";
import { FactoryError } from "../factory-error.js";
import { different, interrupted, otherBrokerCa, unable, unproved, wrongRequest } from "./faults.js";
import { hostRequest, keyOfRequest, makeHostKey, publicHalf, sha256, withPkcs8 } from "./host-key.js";
import type { LineOptions, Recipe } from "./line.js";
import { hardwareOf, holdsAll, holdsKey, notHeld } from "./recognize.js";
import type { Holding, Present, ReadBack, Target } from "./target.js";

/** What is wrong with the dates of a certificate that was drawn up earlier. */
const DATE_FAULTS: readonly string[] = ["certificate-dates", "expired", "not-yet-valid"];

/** A draft whose dates are off by more than that is of another clock, or so old that the unit would lack the time. */
const DRAFT_OFF_MS = 7 * 86_400_000;

/** What work on one unit needs. */
export interface Bench {
  readonly recipe: Recipe;
  readonly ledger: Ledger;
  readonly accepts: LineOptions["accepts"];
  readonly signal: AbortSignal | undefined;
  readonly now: () => Date;
  readonly onState: (state: UnitState) => void;
  readonly onNotice: (code: string, text: string) => void;
}

interface Advanced {
  readonly to: UnitState;
  readonly changes?: Advance;
}

/** What was begun cannot be finished. */
interface Restarted {
  readonly restart: string;
  /** Why; thrown when beginning anew has led to it again. */
  readonly reason: FactoryError;
}

type Step = Advanced | Restarted;

/** States in which nobody can have a certificate for the key yet that is of any use without the ledger. */
const RESTARTED_BY_ITSELF: readonly UnitState[] = ["keyed", "issuing", "issued"];

/** Of one certificate in the ledger: everything but its fate. */
type NewCertificate = Omit<CertificateRecord, "fate" | "fateAt" | "reason" | "unit">;

/** The work's result, or the signal, whichever comes first. */
function untilStopped<Result>(work: Promise<Result>, signal: AbortSignal | undefined): Promise<Result> {
  return new Promise((resolve, reject) => {
    const stop = (): void => {
      reject(interrupted());
    };
    if (signal?.aborted) stop();
    signal?.addEventListener("abort", stop, { once: true });
    work.then(resolve, reject).finally(() => signal?.removeEventListener("abort", stop));
  });
}

/** What a comparison has proved: a count of bytes is no reading back. */
function proofOf(found: ReadBack): string {
  return Object.values(found).includes("byte-count") ? "byte-count" : "read-back";
}

/**
 * Brings one unit from the state that the ledger has to `done`. Each state is committed before the next step
 * begins, and each step may be repeated: a process that is killed anywhere is followed by one that goes on here.
 */
export class Work {
  claim: Claim;
  readonly #bench: Bench;
  readonly #target: Target;
  readonly #present: Present;
  /** Public half of the unit's key, when it is known. */
  #spki: Uint8Array | undefined;
  #isRestarted = false;

  constructor(bench: Bench, target: Target, present: Present, claim: Claim) {
    this.#bench = bench;
    this.#target = target;
    this.#present = present;
    this.claim = claim;
  }

  /** `waiting`: the certificate is made elsewhere and has not come yet. */
  async finish(): Promise<"done" | "waiting"> {
    await this.#reconcile();
    while (this.claim.unit.state !== "done") {
      if (this.#bench.signal?.aborted) throw interrupted();
      const step = await this.#step(this.claim.unit.state);
      if (step === undefined) return "waiting";
      if ("restart" in step) await this.#restart(step);
      else {
        this.claim = await this.#bench.ledger.advance(this.claim, step.to, step.changes);
        this.#bench.onState(step.to);
      }
    }
    return "done";
  }

  async #restart({ restart, reason }: Restarted): Promise<void> {
    if (this.#isRestarted) throw reason;
    this.#isRestarted = true;
    this.#bench.onNotice(restart, `${reason.what}; it is begun anew`);
    this.claim = await this.#bench.ledger.restart(this.claim, restart);
    this.#bench.onState(this.claim.unit.state);
  }

  /** What the ledger believes of an earlier run is held against what the unit holds. */
  async #reconcile(): Promise<void> {
    const { unit } = this.claim;
    const { pending, used } = this.#present;
    if (unit.keySha256 === undefined) return;
    const holding = [pending, used].find(one => holdsKey(one, unit));
    if (holding !== undefined) {
      this.#spki = holding.key;
      await this.#checkBrokerCa(holding);
    }
    // What a BC66 does not tell can be there all the same.
    else if (this.#present.tells === false && !RESTARTED_BY_ITSELF.includes(unit.state)) return;
    else if (!RESTARTED_BY_ITSELF.includes(unit.state)) throw notHeld(unit, this.#target.kind);
    // Of a key that is nowhere a certificate is of no use: it was in the memory of a run that ended, or in erased flash.
    else
      await this.#restart({
        restart: "key-gone",
        reason: different("the key of an earlier run is not in the unit any more"),
      });
  }

  /** A unit with the CA of a profile that was wrong, and was corrected since, would fail for ever. */
  async #checkBrokerCa({ ca }: Holding): Promise<void> {
    const { unit } = this.claim;
    if (ca === undefined || sha256(ca) === sha256(this.#recipe.brokerCa.raw)) return;
    const reason = otherBrokerCa(unit.serial);
    if (unit.state === "connected") throw reason;
    await this.#restart({ restart: reason.code, reason });
  }

  #step(state: UnitState): Promise<Step | undefined> | Step {
    switch (state) {
      case "listed":
        return { to: "begun", changes: { hardware: hardwareOf(this.#present) } };
      case "begun":
        return this.#makeKey();
      case "keyed":
        return this.#recipe.issuer.kind === "signs" ? this.#draft() : this.#sendRequest();
      case "requested":
        return this.#receive();
      case "issuing":
        return this.#issue();
      case "issued":
        return this.#write();
      case "written":
        return this.#prove();
      case "proved":
        return this.#use();
      case "used":
        return this.#connect();
      case "connected":
        return this.#end();
      case "done":
      case "revoked":
        return Promise.resolve(undefined);
    }
  }

  get #recipe(): Recipe {
    return this.#bench.recipe;
  }

  /** Public half of the unit's key. */
  get #publicKey(): Uint8Array {
    if (this.#spki === undefined) throw different("the unit's public key is not known");
    return this.#spki;
  }

  async #makeKey(): Promise<Step> {
    const { profile } = this.#recipe;
    const target = this.#target;
    if (this.#present.locked) throw unable("the unit is locked", "Take it out of the line.");
    await target.begin();
    let request: Uint8Array | undefined;
    if (profile.key.made === "device") {
      if (target.generate === undefined || !this.#present.generates)
        throw unable(
          "this unit cannot make a key itself",
          'Set key.made to "host" in the profile, or build the firmware with keys.',
        );
      this.#spki = await target.generate();
    } else {
      // It lives in this process's memory until the unit has it.
      const key = await makeHostKey(profile.key.kind);
      this.#spki = publicHalf(key);
      await withPkcs8(key, pkcs8 => target.write("key", pkcs8));
      // Later the key is in the unit alone, which cannot sign a request with it.
      if (this.#recipe.issuer.kind === "outside") request = await hostRequest(key, this.claim.unit.serial);
    }
    return {
      to: "keyed",
      changes: { keySha256: sha256(this.#spki), hardware: hardwareOf(this.#present), request },
    };
  }

  /** Whoever asks for a certificate shows by the request that it has the key. */
  async #requestOfUnit(): Promise<Uint8Array | undefined> {
    if (this.#recipe.profile.key.made !== "device") return undefined;
    const { serial, keySha256 } = this.claim.unit;
    const request = await this.#target.request?.(serial, this.#publicKey);
    if (request === undefined)
      throw unable("this unit signs no certificate request", 'Set key.made to "host" in the profile.');
    if ((await keyOfRequest(request)) !== keySha256) throw wrongRequest(serial);
    return request;
  }

  async #draft(): Promise<Step> {
    await this.#requestOfUnit();
    const { issuer, profile } = this.#recipe;
    const validity = deviceValidity(issuer.by.certificate, profile.certificate.days, this.#bench.now());
    return {
      to: "issuing",
      changes: {
        draft: {
          serialNumber: newSerialNumber(),
          ...validity,
          publicKey: this.#publicKey,
          issuer: sha256(issuer.by.certificate.raw),
        },
      },
    };
  }

  async #sendRequest(): Promise<Step | undefined> {
    const { issuer } = this.#recipe;
    const { unit } = this.claim;
    if (issuer.kind !== "outside") return undefined;
    const request = unit.request ?? (await this.#requestOfUnit());
    if (request === undefined) throw different("the request of the unit is not there any more");
    await issuer.by.send(unit.serial, request);
    return { to: "requested", changes: { request } };
  }

  async #receive(): Promise<Step | undefined> {
    const { issuer } = this.#recipe;
    const { unit } = this.claim;
    if (issuer.kind !== "outside" || unit.request === undefined)
      throw unable(
        `${unit.serial} waits for a certificate from elsewhere, but the profile issues here`,
        'Use the profile that it was begun with (issuer kind "requests").',
      );
    // It may have been moved, and asking again is harmless.
    await issuer.by.send(unit.serial, unit.request);
    const der = await issuer.by.receive(unit.serial, this.#publicKey);
    if (der === undefined) return undefined;
    return { to: "issued", changes: { certificate: this.#checked(der) } };
  }

  async #issue(): Promise<Step> {
    const { issuer, profile } = this.#recipe;
    const { draft, serial } = this.claim.unit;
    if (draft === undefined || issuer.kind !== "signs" || draft.issuer !== sha256(issuer.by.certificate.raw))
      return {
        restart: "draft-refused",
        reason: unable(
          `${serial} was begun with another authority`,
          "Put back the authority of the profile that it was begun with.",
        ),
      };
    const { organization, organizationalUnit, country, days } = profile.certificate;
    try {
      // It may be valid now and still end years too early.
      const { notAfter } = deviceValidity(issuer.by.certificate, days, this.#bench.now());
      if (Math.abs(draft.notAfter.getTime() - notAfter.getTime()) > DRAFT_OFF_MS)
        return {
          restart: "draft-refused",
          reason: different(`the dates of ${serial} were drawn up by another clock, or long ago`),
        };
      const der = await issuer.by.issue({
        subject: { commonName: serial, organization, organizationalUnit, country },
        publicKey: draft.publicKey,
        notBefore: draft.notBefore,
        notAfter: draft.notAfter,
        serialNumber: draft.serialNumber,
      });
      return { to: "issued", changes: { certificate: this.#checked(der) } };
    } catch (error) {
      // The draft is of a clock that was wrong, or from before the authority's certificate was renewed.
      if (error instanceof FactoryError && DATE_FAULTS.includes(error.code))
        return { restart: "draft-refused", reason: error };
      throw error;
    }
  }

  /** @throws FactoryError by the first rule that the certificate breaks: nothing of it was written anywhere then. */
  #checked(der: Uint8Array): NewCertificate {
    const { recipe, accepts, now } = this.#bench;
    const certificate = new X509Certificate(der);
    const spki = Uint8Array.from(certificate.publicKey.export({ format: "der", type: "spki" }));
    if (sha256(spki) !== this.claim.unit.keySha256)
      throw different("the certificate is for another key than the unit's");
    const findings = checkBeforeWriting(
      {
        serial: this.claim.unit.serial,
        certificate,
        publicKey: this.#publicKey,
        brokerCa: recipe.brokerCa,
        chain: recipe.chain,
        tls: accepts ?? [],
      },
      now(),
    );
    for (const finding of findings) {
      if (finding.severity === "warning") this.#bench.onNotice(finding.rule, finding.what);
      else
        throw new FactoryError({
          code: finding.rule,
          side: "unit",
          what: finding.what,
          why: finding.why,
          fix: finding.fix,
        });
    }
    return {
      sha256: sha256(der),
      serialNumber: certificate.serialNumber.toLowerCase(),
      der,
      issuer: sha256(recipe.issuer.by.certificate.raw),
      keySha256: sha256(spki),
      notBefore: new Date(certificate.validFrom),
      notAfter: new Date(certificate.validTo),
    };
  }

  /** The certificate that the ledger has for the unit. */
  async #certificate(): Promise<Uint8Array> {
    const { certificate, serial } = this.claim.unit;
    const record = certificate === undefined ? undefined : await this.#bench.ledger.certificate(certificate);
    if (record === undefined) throw different(`the ledger has no certificate for ${serial}`);
    return record.der;
  }

  async #write(): Promise<Step> {
    const certificate = await this.#certificate();
    const ca = Uint8Array.from(this.#recipe.brokerCa.raw);
    await this.#target.write("ca", ca);
    await this.#target.write("certificate", certificate);
    const found = await this.#target.readBack({ ca, certificate, key: this.#publicKey });
    return { to: "written", changes: { proof: proofOf(found), data: { ...found } } };
  }

  async #prove(): Promise<Step> {
    const target = this.#target;
    if (target.prove === undefined || !this.#present.proves) return await this.#use();
    // A run that was killed may have put it in use already.
    const isUsed =
      holdsAll(this.#present.used, this.claim.unit) && !holdsKey(this.#present.pending, this.claim.unit);
    await target.prove(isUsed ? "used" : "pending", this.#publicKey);
    return { to: "proved", changes: { proof: "possession" } };
  }

  async #use(): Promise<Step> {
    await this.#target.commit();
    return { to: "used" };
  }

  async #connect(): Promise<Step> {
    const { profile } = this.#recipe;
    const target = this.#target;
    const broker = profile.proof.handshake;
    if (broker === undefined) return await this.#end();
    if (target.handshake === undefined)
      throw unable(
        "the profile asks for a handshake, which nothing of this kind can do",
        "Leave proof.handshake out of the profile.",
      );
    // It may take minutes, and what came before is committed.
    const { facts } = await untilStopped(target.handshake(broker), this.#bench.signal);
    return { to: "connected", changes: { proof: "handshake", data: { ...facts, broker } } };
  }

  async #end(): Promise<Step> {
    const target = this.#target;
    const { unit } = this.claim;
    // A lock is the last thing before the end, and nothing can be said to the unit after it.
    if (this.#present.locked) return { to: "done" };
    // After a handshake the unit has confirmed it itself; saying it again is harmless.
    await target.confirm?.();
    await this.#eraseFormer();
    if (this.#recipe.profile.lock) {
      if (target.lock === undefined)
        throw unable("this unit cannot be locked", "Leave lock out of the profile.");
      if (!unit.proofs.some(proof => proof === "possession" || proof === "handshake"))
        throw unproved(unit.serial);
      await target.lock();
      await this.#bench.ledger.record(unit.serial, this.claim.station, "locked", {});
      this.#bench.onNotice(
        "locked",
        "the unit is locked now, for ever: nothing can be written to it any more",
      );
    }
    return { to: "done" };
  }

  /** Keys that the unit had before: what an earlier run, which may have been killed, knew of them is not known here. */
  async #eraseFormer(): Promise<void> {
    const { unit, station } = this.claim;
    const { used } = this.#present;
    const isReplaced = used.key !== undefined && sha256(used.key) !== unit.keySha256;
    const mayHold = isReplaced || unit.generation > 1 || unit.attempts > 1 || this.#recipe.profile.lock;
    if (!mayHold || this.#target.erase === undefined) return;
    await this.#target.erase("former");
    await this.#bench.ledger.record(unit.serial, station, "erased", { what: "former" });
  }
}
