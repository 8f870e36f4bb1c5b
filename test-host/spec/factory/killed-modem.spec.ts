import assert from "node:assert/strict";
import { createPrivateKey, createPublicKey, X509Certificate } from "node:crypto";
import { openLedger } from "../../../certs/ledger/open.js";
import type { BC66 } from "../../simulator/bc66/bc66.js";
import type { BG95 } from "../../simulator/bg95/bg95.js";
import { JobProgram } from "../../factory/job-process.js";
import { killEverywhere, wholeRun, type World } from "../../factory/kill-points.js";
import { LineBench, type BenchProfile } from "../../factory/line-bench.js";
import { assertSettled, assertSound, type Shown } from "../../factory/settled.js";
import { ModemBench } from "./modem-bench.js";

type Held = Shown & { readonly keys: number; readonly digest: string };

/** What the texts in a module's store are, wherever they lie. */
function held(texts: readonly string[], bench: LineBench): Held {
  const found: { certificate?: Uint8Array; ca?: Uint8Array; publicKey?: Uint8Array } = {};
  const keys = new Set<string>();
  for (const text of texts)
    if (text.includes("PRIVATE KEY")) {
      const key = createPrivateKey(text);
      bench.secrets.addKeyObject(key);
      found.publicKey = createPublicKey(key).export({ format: "der", type: "spki" });
      keys.add(Buffer.from(found.publicKey).toString("hex"));
    } else if (text.includes("BEGIN CERTIFICATE")) {
      const { ca, raw } = new X509Certificate(text);
      found[ca ? "ca" : "certificate"] = raw;
    }
  const { certificate, ca, publicKey } = found;
  return { certificate, ca, publicKey, keys: keys.size, digest: texts.join("|") };
}

const text = (bytes: Uint8Array | undefined): string => Buffer.from(bytes ?? []).toString("latin1");

const filesOf = ({ files }: BG95): readonly string[] =>
  files.names.sort().map(name => text(files.read(name)));

/** Of all connections of its context: firmware may use any of them. */
const contextOf = ({ module }: BC66): readonly string[] =>
  [0, 1, 2, 3, 4, 5].flatMap(connection =>
    Array.from(module.tls.item(connection).credentials.values(), text),
  );

interface Kind {
  readonly name: string;
  readonly profile: BenchProfile;
  /** A module at the end of a cable, and what it holds. */
  open(): Promise<{ readonly address: string; held(bench: LineBench): Held; close(): Promise<void> }>;
  readonly points: number;
}

const KINDS: readonly Kind[] = [
  {
    name: "BG95",
    profile: {
      target: "modem",
      module: "bg95",
      route: "module-tls",
      key: { made: "host", kind: "P-256" },
    },
    open: async () => {
      const line = await ModemBench.bg95();
      return {
        address: line.address,
        held: bench => held(filesOf(line.modem), bench),
        close: () => line.close(),
      };
    },
    points: 28,
  },
  {
    name: "BC66",
    profile: {
      target: "modem",
      module: "bc66",
      route: "module-tls",
      key: { made: "host", kind: "RSA-2048" },
    },
    open: async () => {
      const line = await ModemBench.bc66();
      return {
        address: line.address,
        held: bench => held(contextOf(line.modem), bench),
        close: () => line.close(),
      };
    },
    points: 28,
  },
];

async function modemWorld(bench: LineBench, kind: Kind, name: string): Promise<World> {
  const place = bench.place(name, ["serial", "unit-1", "unit-2"]);
  const line = await kind.open();
  const job = bench.job(place, { ports: [line.address] });
  return {
    job,
    check: async runs => {
      const ledger = await openLedger(job.ledger);
      try {
        const shown = line.held(bench);
        const { certificates } = await assertSettled(ledger, "unit-1", shown, bench.authority);
        assert.deepEqual(Buffer.from(shown.ca ?? []), Buffer.from(bench.broker.certificate));
        assert.equal(shown.keys, 1, "no key of an earlier run stays in the module");
        assert.ok(certificates.length <= 1 + runs.length, `${certificates.length} certificates`);
        assert.equal((await ledger.unit("unit-2"))?.state, "listed");
        await assertSound(ledger);
        const again = await wholeRun(bench, job);
        assert.deepEqual(
          again.map(({ outcome, serial }) => [outcome, serial]),
          [["already", "unit-1"]],
        );
        assert.equal(line.held(bench).digest, shown.digest);
      } finally {
        await ledger.close();
      }
    },
    end: () => line.close(),
  };
}

for (const kind of KINDS)
  describe(`a run at a ${kind.name}, killed at every change`, function () {
    this.timeout(180_000);
    let program: JobProgram;
    let bench: LineBench;
    before(async () => {
      program = await JobProgram.build();
      bench = await LineBench.create(kind.profile);
    });
    after(() => {
      program.remove();
      bench.remove();
    });

    it("is continued by the next run: three whole objects of one certificate, nothing lost, doubled or leaked", async () => {
      const { points } = await killEverywhere({
        bench,
        program,
        lanes: 6,
        world: name => modemWorld(bench, kind, name),
      });
      assert.ok(points >= kind.points, `${points} points`);
      assert.deepEqual(bench.leaks(), []);
    });
  });
