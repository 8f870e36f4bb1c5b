import { failure } from "../diagnosis/failure.js";
import type { Credential, CredentialRole, Credentials } from "../io/credentials.js";
import type { CredentialVault, SlotName, SlotState, SlotWriter } from "../io/vault.js";
import { VaultError } from "../io/vault-error.js";
import { envelopeOf } from "./envelope.js";
import { ROLES, type SecureCertFault } from "./secure-cert.js";
import { SecureCertWriter } from "./secure-cert-writer.js";
import { BEGUN, CONFIRMED, LOCKED, REJECTED, Slot, type SlotFlash } from "./vault-slot.js";

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
 *
 * `confirm`, `failed`, `lock` and `open` throw no exception of the flash class; `begin` and writers do.
 */
export class SlotVault implements CredentialVault {
  /** One of the two slots, or none. */
  private current: Slot | undefined;
  private writer: VaultWriter | undefined;
  private readonly a: Slot;
  private readonly b: Slot;
  private readonly fallback: Credentials | undefined;

  /** The partitions need two erase blocks or more each, of at most 64 KB together. */
  constructor(a: SlotFlash, b: SlotFlash, fallback?: Credentials) {
    this.a = new Slot(a);
    this.b = new Slot(b);
    this.fallback = fallback;
    this.choose();
  }

  get slot(): SlotName | undefined {
    const current = this.current;
    return current && (current === this.a ? "a" : "b");
  }

  get state(): SlotState {
    const current = this.current;
    if (current === undefined) return "none";
    return current.kind === 0 || current.kind === CONFIRMED ? "confirmed" : "trial";
  }

  get locked(): boolean {
    return this.a.locked || this.b.locked;
  }

  open(role: CredentialRole): Credential | undefined {
    const found = this.current?.cert.look(role);
    if (found === undefined && (this.current === undefined || role === "ca"))
      return this.fallback?.open(role);
    return typeof found === "string" ? undefined : found;
  }

  /** Why `open` gives nothing although something is stored. */
  fault(role: CredentialRole): SecureCertFault | undefined {
    const found = (this.current ?? this.a).cert.look(role);
    return typeof found === "string" ? found : undefined;
  }

  /**
   * @throws VaultError `argument`: `locked`; `trial`: the slot in use has not connected yet, and the
   *   other one, which it would have to give way to, is good. `storage`: flash did not keep what was written.
   */
  begin(): SlotWriter {
    const current = this.current;
    const slot = current === this.a ? this.b : this.a;
    if (this.locked) refuse("argument", "locked");
    if (this.state === "trial" && this.isConfirmed(slot) && slot.whole) refuse("argument", "trial");
    this.dismiss();
    slot.erase();
    slot.sequence = ((slot === this.a ? this.b : this.a).sequence + 1) | 0;
    if (!slot.append(BEGUN)) refuse("storage", "worn");
    return (this.writer = new VaultWriter(this, slot, 0));
  }

  resume(): SlotWriter | undefined {
    if (this.writer === undefined && !this.locked) {
      const { a, b } = this;
      const slot = a.kind === BEGUN ? a : b;
      const end = slot.cert.end;
      // A header that power cut off can say any length; nothing can be put behind it then.
      if (slot.kind === BEGUN && end <= slot.limit) this.writer = new VaultWriter(this, slot, end);
    }
    return this.writer;
  }

  confirm(): void {
    if (this.state === "trial") this.current?.append(CONFIRMED);
  }

  failed(): boolean {
    const current = this.current;
    if (current === undefined || this.state !== "trial") return false;
    const other = current === this.a ? this.b : this.a;
    // Without another slot to go to there is nothing to count.
    if (other.rank(other === this.a) < 1 || !other.whole || current.tried()) return false;
    current.append(REJECTED);
    // Also when it could not be written: then the count begins again after the next start.
    current.kind = REJECTED;
    this.current = other;
    return true;
  }

  lock(): void {
    const current = this.current;
    if (this.locked) return;
    if (current === undefined || this.state !== "confirmed") refuse("argument", "unconfirmed");
    this.dismiss();
    const other = current === this.a ? this.b : this.a;
    const done = current.append(LOCKED);
    // A second copy. Behind a factory's image, or in a partition that was something else before,
    // there may be no place for a record; the slot that is not in use can be erased then.
    if (other.append(LOCKED) || done) return;
    other.erase();
    if (!other.append(LOCKED)) refuse("storage", "worn");
  }

  /** For writers: puts the slot in use. */
  commit(slot: Slot, end: number): void {
    if (!slot.commit(end)) refuse("storage", "worn");
    this.dismiss();
    this.current = slot;
  }

  /** The writer that was given out is of no use any more. */
  private dismiss(): void {
    if (this.writer !== undefined) this.writer.over = true;
    this.writer = undefined;
  }

  private isConfirmed(slot: Slot): boolean {
    return slot.kind === CONFIRMED || (slot.kind === 0 && slot === this.a);
  }

  private choose(): void {
    const { a, b } = this;
    const first = a.rank(true);
    const second = b.rank(false);
    const takesB = second === first ? isLater(b.sequence, a.sequence) : second > first;
    const better = takesB ? b : a;
    const other = takesB ? a : b;
    // The objects of the other one are looked at only when those of the first are not whole.
    if ((takesB ? second : first) >= 0 && better.whole) this.current = better;
    else if ((takesB ? first : second) >= 0 && other.whole) this.current = other;
  }
}

/** Fills a slot from `at` on. */
class VaultWriter implements SlotWriter {
  over = false;
  private readonly vault: SlotVault;
  private readonly slot: Slot;
  private readonly writer: SecureCertWriter;
  private role: CredentialRole | undefined;

  constructor(vault: SlotVault, slot: Slot, at: number) {
    this.vault = vault;
    this.slot = slot;
    this.writer = new SecureCertWriter(slot.flash, at);
  }

  get room(): number {
    // Its header and its CRC.
    const room = this.slot.limit - this.writer.at - 16;
    return room > 0 ? room : 0;
  }

  get closed(): readonly CredentialRole[] {
    return ROLES.filter(role => this.peek(role) !== undefined);
  }

  open(role: CredentialRole, byteLength: number): void {
    this.check();
    if (this.peek(role) !== undefined) refuse("argument", "closed");
    if (!(byteLength > 0 && byteLength <= this.room && byteLength < 65536)) refuse("limit", "room");
    this.role = role;
    this.writer.open(role, byteLength);
  }

  write(bytes: Uint8Array): void {
    this.check();
    if (this.role === undefined || bytes.length > this.writer.rest) refuse("argument", "write");
    this.writer.write(bytes);
  }

  close(): boolean {
    this.check();
    const { slot, writer, role } = this;
    if (role === undefined || writer.rest > 0) return false;
    this.role = undefined;
    writer.close();
    return slot.cert.holds(role, writer.at, writer.crc);
  }

  peek(role: CredentialRole): Credential | undefined {
    const found = this.slot.cert.open(role);
    const kind = role === "key" ? "key" : "certificate";
    return found && envelopeOf(found).kind === kind ? found : undefined;
  }

  /** @throws VaultError `argument` when an object is open or wrong for its role, or there is none. */
  commit(): void {
    this.check();
    const cert = this.slot.cert;
    let count = 0;
    if (this.role !== undefined) refuse("argument", "open");
    for (let i = 0; i < ROLES.length; i++) {
      const role = ROLES[i] ?? "ca";
      if (this.peek(role) !== undefined) count++;
      else if (cert.find(role) >= 0) refuse("argument", role);
    }
    if (count === 0) refuse("argument", "empty");
    this.vault.commit(this.slot, cert.end);
  }

  private check(): void {
    if (this.over) refuse("argument", "over");
  }
}

/** Sequence numbers wrap. */
function isLater(one: number, other: number): boolean {
  return ((one - other) | 0) > 0;
}
