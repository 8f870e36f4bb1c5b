import type { CredentialRole } from "../../../../modules/io/credentials.js";
import type { FlashPartition } from "../../../../modules/io/flash.js";
import type { SlotWriter } from "../../../../modules/io/vault.js";
import { FileChecksum } from "../../../../modules/pki/checksum.js";
import { inspectDer } from "../../../../modules/pki/der.js";
import { SlotVault } from "../../../../modules/pki/vault.js";
import type { SlotFlash } from "../../../../modules/pki/vault-slot.js";
import type { SimulationHost } from "../../../xs/index.js";

interface Command {
  readonly run: string;
  readonly role?: CredentialRole;
  readonly count?: number;
  readonly length?: number;
  /** Hex. */
  readonly bytes?: string;
}

const BLOCKS = 2;

/** Two blocks of the simulated flash, and the same bytes as they would be mapped. */
class Part implements FlashPartition, SlotFlash {
  readonly flash = this;
  readonly view: Uint8Array;
  private readonly whole: FlashPartition;
  private readonly first: number;
  private readonly blockLength: number;

  constructor(whole: FlashPartition, first: number) {
    this.whole = whole;
    this.first = first;
    this.blockLength = whole.status().blockLength;
    this.view = new Uint8Array(BLOCKS * this.blockLength);
    this.refresh();
  }

  read(view: Uint8Array, offset: number): number {
    return this.whole.read(view, this.first * this.blockLength + offset);
  }

  write(bytes: ArrayBuffer | Uint8Array, offset: number): void {
    this.whole.write(bytes, this.first * this.blockLength + offset);
    this.read(this.view.subarray(offset, offset + bytes.byteLength), offset);
  }

  eraseBlock(start: number, end = start + 1): void {
    this.whole.eraseBlock(this.first + start, this.first + end);
    this.refresh();
  }

  status(): { readonly size: number; readonly blocks: number; readonly blockLength: number } {
    return { size: this.view.length, blocks: BLOCKS, blockLength: this.blockLength };
  }

  close(): void {
    // The simulation's flash stays open.
  }

  private refresh(): void {
    this.read(this.view, 0);
  }
}

let host: SimulationHost;
let vault: SlotVault;
let writer: SlotWriter | undefined;
let piece: Uint8Array;

function bytesOf(hex: string): Uint8Array {
  const bytes = new Uint8Array(hex.length / 2);
  for (let i = 0; i < bytes.length; i++) bytes[i] = parseInt(hex.slice(2 * i, 2 * i + 2), 16);
  return bytes;
}

const ACTIONS: Readonly<Record<string, (command: Command) => void>> = {
  state() {
    host.report(vault.slot ?? "none", vault.state, vault.locked);
  },
  begin() {
    writer = vault.begin();
    host.report("room", writer.room);
  },
  resume() {
    writer = vault.resume();
    host.report("closed", (writer?.closed ?? []).join(" "));
  },
  open({ role = "ca", length = 0 }) {
    writer?.open(role, length);
  },
  write({ bytes = "" }) {
    writer?.write(bytesOf(bytes));
  },
  close() {
    host.report("close", writer?.close() ?? false);
  },
  commit() {
    writer?.commit();
    writer = undefined;
  },
  confirm() {
    vault.confirm();
  },
  failed() {
    host.report("failed", vault.failed());
  },
  lock() {
    vault.lock();
  },
  /** Opens and reads the object so many times, and tells what it is. */
  read({ role = "ca", count = 1 }) {
    let sum = 0;
    let kind = "";
    let size = 0;
    for (let index = 0; index < count; index++) {
      const found = vault.peek(role);
      if (found === undefined) {
        host.report("none", vault.fault(role));
        return;
      }
      const checksum = new FileChecksum();
      for (let at = 0; at < found.byteLength;) {
        const got = found.read(piece, at);
        checksum.update(piece, 0, got);
        at += got;
      }
      kind = inspectDer(found).kind;
      sum = checksum.value;
      size = found.byteLength;
    }
    host.report(kind, size, sum);
  },
};

export default function start(given: SimulationHost): void {
  host = given;
  piece = new Uint8Array(48);
  const flash = host.flash;
  if (flash === undefined) throw new Error("no flash");
  vault = new SlotVault(new Part(flash, 0), new Part(flash, BLOCKS));
  host.listen(text => {
    const command = JSON.parse(text) as Command;
    try {
      ACTIONS[command.run]?.(command);
    } catch (error) {
      host.report("thrown", String(error));
    }
  });
}
