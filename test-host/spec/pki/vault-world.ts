import assert from "node:assert/strict";
import { Authority } from "../../../certs/issue.js";
import type { CredentialRole, Credentials } from "../../../modules/io/credentials.js";
import type { SlotWriter } from "../../../modules/io/vault.js";
import { ROLES } from "../../../modules/pki/secure-cert.js";
import { VaultError } from "../../../modules/io/vault-error.js";
import { SlotVault } from "../../../modules/pki/vault.js";
import { SlotPartition, Supply } from "./slot-flash.js";
import { partition, tlvCrc } from "./tlv.js";

/** A set of credentials, DER. */
export type CredentialSet = Readonly<Record<CredentialRole, Uint8Array>>;

export const BLOCKS = 2;
/** Small, so that objects reach into the block that holds the records. */
export const BLOCK_LENGTH = 1024;
export const SIZE = BLOCKS * BLOCK_LENGTH;
export const LIMIT = SIZE - 512;

export const MODELS = ["plain", "encrypted"] as const;

export async function makeSets(count: number): Promise<CredentialSet[]> {
  const sets: CredentialSet[] = [];
  for (let number = 0; number < count; number++) {
    const root = await Authority.create({ commonName: `Root ${number}` });
    const unit = await root.client({ commonName: `unit ${number}` });
    sets.push({ ca: root.certificate, certificate: unit.certificate, key: unit.key });
  }
  return sets;
}

export function factoryImage(set: Partial<CredentialSet>): Uint8Array {
  return partition(
    ROLES.flatMap((role, type) => {
      const value = set[role];
      return value === undefined ? [] : [{ type, value }];
    }),
    LIMIT,
  );
}

/** A record as docs/credentials.md has it, made without the code under test. */
export function record(kind: number, sequence: number, end = 0, crc = 0): Buffer {
  const bytes = Buffer.alloc(32);
  bytes.write("XSCV", 0, "latin1");
  bytes.writeUInt8(kind, 4);
  bytes.writeInt32LE(sequence | 0, 8);
  bytes.writeUInt32LE(end, 12);
  bytes.writeInt32LE(crc | 0, 16);
  bytes.writeUInt32LE(plainCrc(bytes.subarray(0, 28)), 28);
  return bytes;
}

/** The usual CRC-32, whose register begins with ones. */
export function plainCrc(bytes: Uint8Array): number {
  // As that from zeros, with the first four bytes inverted.
  return bytes.length < 4 ? 0 : tlvCrc(bytes.map((byte, index) => (index < 4 ? ~byte : byte)));
}

/** Two slots and their power. */
export class World {
  readonly supply = new Supply();
  readonly a: SlotPartition;
  readonly b: SlotPartition;

  constructor(model: (typeof MODELS)[number]) {
    this.a = new SlotPartition(this.supply, model === "encrypted", BLOCKS, BLOCK_LENGTH);
    this.b = new SlotPartition(this.supply, model === "encrypted", BLOCKS, BLOCK_LENGTH);
  }

  /** The device starts. */
  start(fallback?: Credentials): SlotVault {
    const { a, b } = this;
    return new SlotVault({ flash: a, view: a.view }, { flash: b, view: b.view }, fallback);
  }

  snapshot(): () => void {
    const a = this.a.snapshot();
    const b = this.b.snapshot();
    return () => {
      a();
      b();
      this.supply.restore();
    };
  }
}

export function send(writer: SlotWriter, role: CredentialRole, der: Uint8Array, piece = 64): boolean {
  writer.open(role, der.length);
  for (let at = 0; at < der.length; at += piece) writer.write(der.subarray(at, at + piece));
  return writer.close();
}

/** What a factory does on a device in any state: goes on where it can, begins again where it cannot. */
export function provision(vault: SlotVault, set: CredentialSet): void {
  let writer = vault.resume() ?? vault.begin();
  for (let attempt = 0; attempt < 2; attempt++) {
    let good = true;
    for (const role of ROLES) {
      const closed = writer.closed.includes(role) ? writer.peek(role) : undefined;
      if (closed !== undefined && same(closed, set[role])) continue;
      good &&= closed === undefined && set[role].length <= writer.room && send(writer, role, set[role]);
    }
    if (good) break;
    assert.equal(attempt, 0, "an erased slot did not take what it was given");
    writer = vault.begin();
  }
  writer.commit();
}

/** Fills the slot that is not in use, has it tried and confirmed. */
export function rotate(vault: SlotVault, set: CredentialSet): void {
  const writer = vault.begin();
  for (const role of ROLES) assert.ok(send(writer, role, set[role]));
  writer.commit();
  vault.confirm();
}

export function same(found: { read(view: Uint8Array, offset: number): number }, der: Uint8Array): boolean {
  const view = new Uint8Array(der.length + 1);
  return found.read(view, 0) === der.length && Buffer.from(der).equals(view.subarray(0, der.length));
}

/** Which of the sets is in use from the next start on, as a whole; -1: none at all. Anything else is a mixture or damaged. */
export function inUse(vault: SlotVault, sets: readonly CredentialSet[]): number {
  const found = ROLES.map(role => vault.peek(role));
  if (found.every(credential => credential === undefined)) {
    assert.equal(vault.slot, undefined);
    assert.equal(vault.state, "none");
    return -1;
  }
  const index = sets.findIndex(set =>
    ROLES.every((role, at) => {
      const credential = found[at];
      return credential !== undefined && same(credential, set[role]);
    }),
  );
  assert.notEqual(index, -1, "a mixture is in use");
  assert.notEqual(vault.slot, undefined);
  return index;
}

export function refusalOf(run: () => unknown): string {
  try {
    run();
  } catch (error) {
    assert.ok(error instanceof VaultError, String(error));
    return `${error.report.kind}: ${error.report.detail ?? ""}`;
  }
  return assert.fail("nothing was refused");
}
