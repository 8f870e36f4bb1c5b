import assert from "node:assert/strict";
import { FileChecksum } from "../../../modules/pki/checksum.js";
import { ROLES } from "../../../modules/pki/secure-cert.js";
import { createEngine, type EngineOptions } from "../../xs/index.js";
import { Bench, ENGINES } from "../xs/support.js";
import { vector, type VectorName } from "./secure-cert-vectors.js";
import { makeSets, type CredentialSet } from "./vault-world.js";

const BLOCK = 4096;

/** Flash whose first blocks are the two slots. */
function flashWith(image?: Uint8Array): Uint8Array {
  const flash = new Uint8Array(16 * BLOCK).fill(0xff);
  if (image !== undefined) flash.set(image);
  return flash;
}

async function withVault(options: EngineOptions, work: (bench: Bench) => Promise<void>): Promise<void> {
  const engine = await createEngine({ ...options, entry: "test-host/spec/pki/programs/credentials" });
  try {
    const bench = new Bench(engine);
    await bench.start();
    await work(bench);
  } finally {
    await engine.stop();
  }
}

function sumOf(bytes: Uint8Array): number {
  const sum = new FileChecksum();
  sum.update(bytes, 0, bytes.length);
  return sum.value;
}

async function fill(bench: Bench, set: CredentialSet): Promise<void> {
  for (const role of ROLES) {
    const der = Buffer.from(set[role]);
    await bench.ask({ run: "open", role, length: der.length });
    for (let at = 0; at < der.length; at += 100)
      await bench.ask({ run: "write", bytes: der.subarray(at, at + 100).toString("hex") });
    assert.deepEqual(await bench.ask({ run: "close" }), [["close", true]]);
  }
}

describe("credentials in flash, in the device's engine", function () {
  this.timeout(60_000);
  let sets: CredentialSet[];
  before(async () => {
    sets = await makeSets(2);
  });
  const set = (number: number): CredentialSet => sets[number] ?? assert.fail();

  for (const engine of ENGINES) {
    it(`fills both slots in turn, and rolls back, over restarts (${engine})`, async () => {
      let flash = flashWith();
      const inUse = async (bench: Bench, number: number): Promise<void> => {
        for (const role of ROLES) {
          const der = set(number)[role];
          const kind = role === "key" ? "key" : "certificate";
          assert.deepEqual(await bench.ask({ run: "read", role }), [[kind, der.length, sumOf(der)]]);
        }
      };
      await withVault({ engine, flash }, async bench => {
        assert.deepEqual(await bench.ask({ run: "state" }), [["none", "none", false]]);
        assert.deepEqual(await bench.ask({ run: "begin" }), [["room", 2 * BLOCK - 512 - 16]]);
        await fill(bench, set(0));
        flash = Uint8Array.from(await bench.engine.flash());
      });
      await withVault({ engine, flash }, async bench => {
        assert.deepEqual(await bench.ask({ run: "resume" }), [["closed", "ca certificate key"]]);
        await bench.ask({ run: "commit" });
        await bench.ask({ run: "confirm" });
        assert.deepEqual(await bench.ask({ run: "state" }), [["a", "confirmed", false]]);
        await inUse(bench, 0);
        await bench.ask({ run: "begin" });
        await fill(bench, set(1));
        await bench.ask({ run: "commit" });
        await inUse(bench, 1);
        flash = Uint8Array.from(await bench.engine.flash());
      });
      await withVault({ engine, flash }, async bench => {
        assert.deepEqual(await bench.ask({ run: "state" }), [["b", "trial", false]]);
        await inUse(bench, 1);
        for (const last of [false, false, true])
          assert.deepEqual(await bench.ask({ run: "failed" }), [["failed", last]]);
        await inUse(bench, 0);
        await bench.ask({ run: "lock" });
        assert.deepEqual(await bench.ask({ run: "begin" }), [["thrown", "Error: vault: locked"]]);
        assert.deepEqual(await bench.ask({ run: "state" }), [["a", "confirmed", true]]);
      });
    });

    for (const name of ["ecPem", "rsaPem", "rsaDer", "ds"] as const satisfies readonly VectorName[]) {
      it(`reads what Espressif's tool made: ${name} (${engine})`, async () => {
        await withVault({ engine, flash: flashWith(vector(name)) }, async bench => {
          const read = await bench.ask({ run: "read", role: "certificate" });
          assert.match(JSON.stringify(read), /^\[\["certificate",/);
          const key = JSON.stringify(await bench.ask({ run: "read", role: "key" }));
          assert.match(key, name === "ds" ? /^\[\["none","peripheral"\]\]$/ : /^\[\["key",/);
        });
      });
    }
  }

  for (const name of ["ecPem", "rsaDer"] as const) {
    it(`reads objects a hundred times in no more memory than once (${name})`, async () => {
      await withVault({ engine: "xs", flash: flashWith(vector(name)) }, async bench => {
        const readAll = async (count: number): Promise<void> => {
          for (const role of ["certificate", "key"]) await bench.ask({ run: "read", role, count });
        };
        await readAll(1);
        const before = await bench.engine.memory();
        await readAll(100);
        const after = await bench.engine.memory();
        assert.deepEqual([after.slots, after.chunkBytes], [before.slots, before.chunkBytes]);
      });
    });
  }

  it("rotates again and again in no more memory", async () => {
    await withVault({ engine: "xs", flash: flashWith() }, async bench => {
      const rotate = async (number: number): Promise<void> => {
        await bench.ask({ run: "begin" });
        await fill(bench, set(number));
        await bench.ask({ run: "commit" });
        await bench.ask({ run: "confirm" });
      };
      await rotate(0);
      await rotate(1);
      const before = await bench.engine.memory();
      for (const number of [0, 1, 0, 1]) await rotate(number);
      const after = await bench.engine.memory();
      assert.deepEqual([after.slots, after.chunkBytes], [before.slots, before.chunkBytes]);
    });
  });

  it("leaves nothing behind when loaded that could not lie in flash", async () => {
    await withVault({ engine: "xs" }, bench => {
      assert.deepEqual(bench.engine.loadedNatives, {});
      return Promise.resolve();
    });
  });

  it("keeps reader and vault within their byte code", async () => {
    await withVault({ engine: "xs" }, async bench => {
      const { modules } = await bench.engine.memory();
      const size = (...names: string[]): number => {
        let sum = 0;
        for (const name of names) sum += modules[`modules/pki/${name}`] ?? assert.fail(name);
        return sum;
      };
      const reader = size("secure-cert", "pem-credential", "stored-key", "bytes");
      const vault = size("vault", "vault-slot", "secure-cert-writer");
      assert.ok(reader <= 4100, `reader ${reader} bytes`);
      assert.ok(vault <= 6650, `vault ${vault} bytes`);
    });
  });
});
