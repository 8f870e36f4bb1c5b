import { Journal, type JournalEntry } from "../../../../modules/buffer/journal.js";
import { ByteRing } from "../../../../modules/buffer/ring.js";
import type { CredentialRole } from "../../../../modules/io/credentials.js";
import { FileChecksum } from "../../../../modules/pki/checksum.js";
import { inspectDer } from "../../../../modules/pki/der.js";
import { PemStream } from "../../../../modules/pki/pem.js";
import type { SimulationHost } from "../../../xs/index.js";

interface Command {
  readonly run: string;
  readonly count?: number;
  readonly length?: number;
  readonly topic?: string;
  readonly role?: CredentialRole;
}

let host: SimulationHost;
let journal: Journal | undefined;
let ring: ByteRing | undefined;
let piece: Uint8Array;

function opened(): Journal {
  if (host.flash === undefined) throw new Error("no flash");
  return (journal ??= new Journal(host.flash));
}

const ACTIONS: Readonly<Record<string, (command: Command) => void>> = {
  open() {
    host.report("opened", opened().length);
  },
  append({ count = 1, length = 0, topic = "t" }) {
    for (let index = 0; index < count; index++) {
      opened().append(topic, 1, false, { byteLength: length, read: view => view.fill(index).length });
    }
    host.report("stored", opened().length);
  },
  list() {
    for (let entry = opened().next(); entry !== undefined; entry = opened().next(entry)) {
      const count = entry.read(piece, 0);
      host.report(entry.topic, entry.qos, entry.byteLength, piece.subarray(0, count).join(" "));
    }
  },
  drain() {
    let removed = 0;
    for (let entry: JournalEntry | undefined; (entry = opened().next()) !== undefined; removed++) {
      opened().remove(entry);
    }
    host.report("removed", removed);
  },
  inspect({ role = "ca" }) {
    const credential = host.credentials.open(role);
    if (credential === undefined) throw new Error("no credential");
    const found = inspectDer(credential);
    if (found.kind === "invalid") host.report(found.kind, found.fault);
    else if (found.kind === "key") host.report(found.kind, found.algorithm, found.bits);
    else
      host.report(found.kind, found.commonName, found.algorithm, found.bits, found.notBefore, found.notAfter);
  },
  pem({ role = "ca" }) {
    const credential = host.credentials.open(role);
    if (credential === undefined) throw new Error("no credential");
    const stream = new PemStream(credential, role === "key" ? "PRIVATE KEY" : "CERTIFICATE");
    const sum = new FileChecksum();
    for (let count = stream.read(piece); count > 0; count = stream.read(piece)) sum.update(piece, 0, count);
    host.report("pem", stream.byteLength, sum.byteLength, sum.value);
  },
  /** Bytes through a ring in pieces of `length`, as the AT channel hands them over. */
  ring({ count = 1, length = 64 }) {
    ring ??= new ByteRing(2048);
    for (let index = 0; index < count; index++) {
      ring.write(piece, 0, length);
      ring.skip(length);
    }
    host.report("ring", ring.highWater);
  },
};

export default function start(given: SimulationHost): void {
  host = given;
  piece = new Uint8Array(64);
  host.listen(text => {
    const command = JSON.parse(text) as Command;
    try {
      ACTIONS[command.run]?.(command);
    } catch (error) {
      host.report("thrown", String(error));
    }
  });
}
