import { failure } from "../diagnosis/failure.js";
import type { Credential, CredentialRole, Credentials } from "../io/credentials.js";
import type { CredentialVault, SlotName, SlotState, SlotWriter } from "../io/vault.js";
import { VaultError } from "../io/vault-error.js";
import { envelopeOf } from "./envelope.js";
import { OVERHEAD, ROLES, type SecureCertFault } from "./secure-cert.js";
import { SecureCertWriter } from "./secure-cert-writer.js";
import { BEGUN, CONFIRMED, ERASED, LOCKED, REJECTED, Slot, type SlotFlash } from "./vault-slot.js";

function refuse(kind: "argument" | "limit" | "storage", detail: string): never {
  throw new VaultError(failure(kind, "vault", undefined, detail));
}

/**
 * Credentials in two partitions of NOR flash, encrypted or not; the format of each is that of
 * `vault-slot.ts`. In RAM it holds a few numbers and two records.
 *
 * In use is the slot that was committed last and is whole. One that was rejected comes behind
 * objects without records in slot a, which are confirmed (they come from a factory), and those behind
 * any that was committed. What none of these has is taken from `fallback`: everything when no slot is
 * in use, the CA alone when the slot has none. A key and a certificate never come from two places.
 * A `fallback` that has all that a rejected slot has comes before that slot.
 *
 * `confirm`, `failed` and `open` throw no exception of the flash class; `begin`, `erase`, `lock` and writers do.
 */
export class SlotVault implements CredentialVault {
  /** The slot in use from the next start on. */
  private current: Slot | undefined;
  /** The slot that was in use at the start, and whether it was erased since. */
  private started: Slot | undefined;
  private lost = false;
  private writer: VaultWriter | undefined;
  private readonly a: Slot;
  private readonly b: Slot;
  private readonly fallback: Credentials | undefined;

  /** The partitions need two erase blocks or more each, and at most 64 KB. */
  constructor(slotA: SlotFlash, slotB: SlotFlash, fallback?: Credentials) {
    const a = (this.a = new Slot(slotA, true));
    const b = (this.b = new Slot(slotB, false));
    const order = b.rank - a.rank || (b.sequence - a.sequence) | 0;
    const first = order > 0 ? b : a;
    const second = this.other(first);
    this.fallback = fallback;
    // The objects of the second are looked at only when those of the first are not whole.
    if (first.whole) this.current = first;
    else if (second.whole) this.current = second;
    if (this.current?.kind === REJECTED && this.isCovered(this.current)) this.current = undefined;
    this.started = this.current;
  }

  get slot(): SlotName | undefined {
    const current = this.current;
    return current && (current === this.a ? "a" : "b");
  }

  get state(): SlotState {
    const current = this.current;
    return current ? (current.confirmed ? "confirmed" : "trial") : "none";
  }

  get locked(): boolean {
    return this.a.locked || this.b.locked;
  }

  get rejected(): boolean {
    const { a, b, current } = this;
    const other = this.other(current);
    if (!current) return a.kind === REJECTED || b.kind === REJECTED;
    // One that was committed before the slot in use was given up for another reason than that.
    return other.kind === REJECTED && (current.rank < 2 || ((other.sequence - current.sequence) | 0) > 0);
  }

  open(role: CredentialRole): Credential | undefined {
    return this.lost ? undefined : this.look(this.started, role);
  }

  peek(role: CredentialRole): Credential | undefined {
    return this.look(this.current, role);
  }

  /** Why `open` gives nothing although something is stored. */
  fault(role: CredentialRole): SecureCertFault | undefined {
    const found = (this.started ?? this.a).cert.look(role);
    return typeof found === "string" ? found : undefined;
  }

  /**
   * @throws VaultError `argument`: `locked`; `trial`: the slot in use has not connected yet, and the
   *   other one, which it would have to give way to, is good. `storage`: flash did not keep what was written.
   */
  begin(): SlotWriter {
    const slot = this.other(this.current);
    if (this.locked) refuse("argument", "locked");
    if (this.state === "trial" && slot.confirmed && slot.whole) refuse("argument", "trial");
    this.dismiss();
    this.wipe(slot);
    // It wraps when it is written.
    slot.sequence = this.other(slot).sequence + 1;
    if (!slot.append(BEGUN)) refuse("storage", "worn");
    return (this.writer = new VaultWriter(this, slot, 0));
  }

  /** @throws VaultError `argument`: `locked`. `storage`: flash did not keep what was written, and may hold credentials still. */
  erase(): void {
    const current = this.current;
    if (this.locked) refuse("argument", "locked");
    this.dismiss();
    this.wipe(this.other(current));
    const last = this.other(this.other(current));
    // Half erased objects of a factory would be taken for some of its; from this record on they are nothing.
    // Where no place takes it the objects are on their own, each with its CRC.
    last.append(ERASED);
    this.current = undefined;
    this.wipe(last);
    if (this.a.used || this.b.used) refuse("storage", "worn");
  }

  resume(): SlotWriter | undefined {
    const slot = this.a.kind === BEGUN ? this.a : this.b;
    const end = slot.cert.end;
    // A header that power cut off can say any length; nothing can be put behind it then.
    if (!this.writer && slot.kind === BEGUN && end <= slot.limit && !this.locked)
      this.writer = new VaultWriter(this, slot, end);
    return this.writer;
  }

  confirm(): void {
    if (this.state === "trial") this.current?.append(CONFIRMED);
  }

  failed(): boolean {
    const current = this.current;
    if (!current || current.confirmed) return false;
    const other = this.other(current);
    const back = other.rank > 0 && other.whole ? other : undefined;
    // Without anything to go to there is nothing to count.
    if ((!back && !this.isCovered(current)) || current.tried()) return false;
    current.append(REJECTED);
    // Also when it could not be written: then the count goes on after the next start.
    current.kind = REJECTED;
    this.current = this.started = back;
    this.lost = false;
    return true;
  }

  lock(): void {
    const current = this.current;
    if (this.locked) return;
    if (!current?.confirmed) refuse("argument", "unconfirmed");
    this.dismiss();
    const other = this.other(current);
    const done = current.append(LOCKED);
    // A second copy. Behind a factory's image, or in a partition that was something else before,
    // there may be no place for a record; the slot that is not in use can be erased then.
    if (other.append(LOCKED) || done) return;
    other.erase();
    if (!other.append(LOCKED)) refuse("storage", "worn");
  }

  /** For writers: puts the slot in use. */
  commit(slot: Slot): void {
    if (!slot.commit(slot.cert.end)) refuse("storage", "worn");
    this.dismiss();
    this.current = slot;
  }

  private look(slot: Slot | undefined, role: CredentialRole): Credential | undefined {
    const found = slot?.cert.look(role);
    if (found === undefined && (slot === undefined || role === "ca")) return this.fallback?.open(role);
    return typeof found === "string" ? undefined : found;
  }

  /** Whether the build has everything that the slot has: then it can be gone back to. */
  private isCovered(slot: Slot): boolean {
    for (let i = 0; i < ROLES.length; i++) {
      const role = ROLES[i] ?? "ca";
      if (slot.cert.find(role) >= 0 && !this.fallback?.open(role)) return false;
    }
    return true;
  }

  private wipe(slot: Slot): void {
    if (slot === this.started) this.lost = true;
    slot.erase();
  }

  /** The writer that was given out is of no use any more. */
  private dismiss(): void {
    if (this.writer) this.writer.over = true;
    this.writer = undefined;
  }

  /** The other slot; slot a when none is in use. */
  private other(slot: Slot | undefined): Slot {
    return slot === this.a ? this.b : this.a;
  }
}

/** Fills a slot from `at` on. */
class VaultWriter extends SecureCertWriter implements SlotWriter {
  over = false;
  private readonly vault: SlotVault;
  private readonly slot: Slot;
  private role: CredentialRole | undefined;

  constructor(vault: SlotVault, slot: Slot, at: number) {
    super(slot.flash, at);
    this.vault = vault;
    this.slot = slot;
  }

  get room(): number {
    return Math.max(this.slot.limit - this.at - OVERHEAD, 0);
  }

  get closed(): readonly CredentialRole[] {
    return ROLES.filter(role => this.peek(role));
  }

  override open(role: CredentialRole, byteLength: number): void {
    this.check(!this.peek(role), "closed");
    if (!(byteLength > 0 && byteLength <= this.room && byteLength < 65536)) refuse("limit", "room");
    super.open(role, byteLength);
    this.role = role;
  }

  override write(bytes: Uint8Array): void {
    this.check(this.role && bytes.length <= this.rest, "write");
    super.write(bytes);
  }

  override close(): boolean {
    const role = this.role;
    this.check(true, "");
    if (role === undefined || this.rest > 0) return false;
    this.role = undefined;
    super.close();
    return this.slot.cert.holds(role, this.at, this.crc);
  }

  peek(role: CredentialRole): Credential | undefined {
    const found = this.slot.cert.open(role);
    return found && envelopeOf(found).kind === (role === "key" ? role : "certificate") ? found : undefined;
  }

  /** @throws VaultError `argument` when an object is open or wrong for its role, or there is none. */
  commit(): void {
    const closed = this.closed;
    this.check(!this.role, "open");
    for (let i = 0; i < ROLES.length; i++) {
      const role = ROLES[i] ?? "ca";
      if (!closed.includes(role)) this.check(this.slot.cert.find(role) < 0, role);
    }
    this.check(closed.length > 0, "empty");
    this.vault.commit(this.slot);
  }

  /** Refuses what is out of turn. */
  private check(fits: unknown, detail: string): void {
    if (this.over || !fits) refuse("argument", this.over ? "over" : detail);
  }
}
