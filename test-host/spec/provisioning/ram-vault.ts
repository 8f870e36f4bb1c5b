import { BytesCredential } from "../../../modules/pki/bytes.js";
import type { Credential, CredentialRole } from "../../../modules/io/credentials.js";
import { failure } from "../../../modules/diagnosis/failure.js";
import { VaultError } from "../../../modules/io/vault-error.js";
import { envelopeOf } from "../../../modules/pki/envelope.js";
import type { CredentialVault, SlotName, SlotState, SlotWriter } from "../../../modules/io/vault.js";

type Slot = Map<CredentialRole, Uint8Array>;

/** Bytes of objects that a slot takes. */
const ROOM = 8_000;

/** The contract of `modules/io/vault.ts` in memory; a new one over the same `RamStore` is what a restart leaves. */
export interface RamStore {
  readonly slots: Record<SlotName, Slot>;
  used: SlotName | undefined;
  state: SlotState;
  locked: boolean;
  begun: boolean;
  rejected: boolean;
}

export function ramStore(): RamStore {
  const slots = { a: new Map<CredentialRole, Uint8Array>(), b: new Map<CredentialRole, Uint8Array>() };
  return { slots, used: undefined, state: "none", locked: false, begun: false, rejected: false };
}

function refuse(detail: string): never {
  throw new VaultError(failure("argument", "vault", undefined, detail));
}

export class RamVault implements CredentialVault {
  readonly store: RamStore;
  private writer: RamWriter | undefined;
  /** The next operation on flash throws. */
  broken = false;
  /** The next object reads back as something else. */
  bitRot = false;
  private readonly started: Slot | undefined;

  constructor(store: RamStore = ramStore()) {
    this.store = store;
    this.started = store.used && store.slots[store.used];
  }

  get slot(): SlotName | undefined {
    return this.store.used;
  }

  get state(): SlotState {
    return this.store.state;
  }

  get locked(): boolean {
    return this.store.locked;
  }

  get other(): SlotName {
    return this.store.used === "a" ? "b" : "a";
  }

  get rejected(): boolean {
    return this.store.rejected;
  }

  open(role: CredentialRole): Credential | undefined {
    const bytes = this.started?.get(role);
    return bytes && new BytesCredential(bytes);
  }

  peek(role: CredentialRole): Credential | undefined {
    const bytes = this.store.used && this.store.slots[this.store.used].get(role);
    return bytes && new BytesCredential(bytes);
  }

  erase(): void {
    this.check();
    const { slots } = this.store;
    slots.a.clear();
    slots.b.clear();
    Object.assign(this.store, { used: undefined, state: "none", begun: false, rejected: false });
    this.done();
  }

  begin(): SlotWriter {
    this.check();
    this.store.slots[this.other].clear();
    this.store.begun = true;
    return (this.writer = new RamWriter(this));
  }

  resume(): SlotWriter | undefined {
    if (this.store.begun && !this.store.locked) this.writer ??= new RamWriter(this);
    return this.writer;
  }

  confirm(): void {
    this.check();
    if (this.store.state === "trial") this.store.state = "confirmed";
  }

  failed(): boolean {
    return false;
  }

  lock(): void {
    if (this.store.state !== "confirmed") refuse("unconfirmed");
    this.store.locked = true;
    this.writer = undefined;
  }

  /** The writer that was given out is of no use any more. */
  done(): void {
    this.writer = undefined;
  }

  check(): void {
    if (this.broken) throw new Error("flash");
    if (this.store.locked) refuse("locked");
  }
}

class RamWriter implements SlotWriter {
  readonly #vault: RamVault;
  readonly #objects: Slot;
  #role: CredentialRole | undefined;
  #length = 0;
  #bytes: number[] = [];

  constructor(vault: RamVault) {
    this.#vault = vault;
    this.#objects = vault.store.slots[vault.other];
  }

  get room(): number {
    return ROOM - [...this.#objects.values()].reduce((sum, bytes) => sum + bytes.length, 0);
  }

  get closed(): readonly CredentialRole[] {
    return [...this.#objects.keys()].filter(role => this.peek(role) !== undefined);
  }

  open(role: CredentialRole, byteLength: number): void {
    this.#vault.check();
    if (this.peek(role) !== undefined) refuse("closed");
    if (!(byteLength > 0 && byteLength <= this.room)) refuse("room");
    this.#role = role;
    this.#length = byteLength;
    this.#bytes = [];
  }

  write(bytes: Uint8Array): void {
    this.#vault.check();
    if (this.#role === undefined || this.#bytes.length + bytes.length > this.#length) refuse("write");
    this.#bytes.push(...bytes);
  }

  close(): boolean {
    this.#vault.check();
    if (this.#role === undefined || this.#bytes.length !== this.#length || this.#vault.bitRot) return false;
    this.#objects.set(this.#role, Uint8Array.from(this.#bytes));
    this.#role = undefined;
    return true;
  }

  peek(role: CredentialRole): Credential | undefined {
    const bytes = this.#objects.get(role);
    const found = bytes && new BytesCredential(bytes);
    return found && envelopeOf(found).kind === (role === "key" ? role : "certificate") ? found : undefined;
  }

  commit(): void {
    this.#vault.check();
    if (this.#role !== undefined) refuse("open");
    if (this.#objects.size === 0) refuse("empty");
    for (const role of this.#objects.keys()) if (this.peek(role) === undefined) refuse(role);
    this.#vault.done();
    this.#vault.store.used = this.#vault.other;
    this.#vault.store.state = "trial";
    this.#vault.store.begun = false;
  }
}
