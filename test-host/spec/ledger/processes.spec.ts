import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { buildSync } from "esbuild";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { UNIT_STATES, type Ledger } from "../../../certs/ledger/ledger.js";
import { onBoth } from "./backends.js";
import { all, bring, taken, unit } from "./sample.js";

const ROOT = fileURLToPath(new URL("../../../", import.meta.url));

interface Ended {
  readonly signal: NodeJS.Signals | null;
  readonly code: number | null;
  readonly text: string;
  readonly errors: string;
}

/** What must hold of a ledger whenever its writer is killed: the tables say what the trail says. */
async function checkSound(ledger: Ledger, only?: string): Promise<void> {
  assert.equal((await ledger.verifyChain()).fault, undefined);
  const query = only === undefined ? {} : { serial: only };
  for await (const { serial, state, certificate, keySha256, claim, attempts, failure } of ledger.units(
    query,
  )) {
    const events = await all(ledger.events({ unit: serial }));
    const states = events.filter(({ event }) => UNIT_STATES.some(one => one === event));
    assert.equal(states.at(-1)?.event, state, serial);
    const last = events.at(-1)?.event ?? "";
    assert.equal(
      claim === undefined,
      ["listed", "failed", "done"].includes(last),
      `${serial}: claim after ${last}`,
    );
    assert.equal(events.filter(({ event }) => event === "claimed").length, attempts);
    assert.equal(failure !== undefined, state !== "done" && events.some(({ event }) => event === "failed"));
    assert.equal(keySha256 !== undefined, UNIT_STATES.indexOf(state) >= UNIT_STATES.indexOf("keyed"));
    const issued = events.filter(({ event }) => event === "issued").map(({ data }) => data["certificate"]);
    const known = await all(ledger.certificates(serial));
    assert.deepEqual(
      known.map(({ sha256 }) => sha256),
      issued,
    );
    assert.equal(
      certificate,
      UNIT_STATES.indexOf(state) >= UNIT_STATES.indexOf("issued") ? issued.at(-1) : undefined,
    );
    for (const { sha256, fate } of known) {
      const isOwn = sha256 === certificate;
      const isUsed = ["used", "connected", "done"].includes(state);
      assert.equal(fate, isOwn ? (isUsed ? "active" : "issued") : "abandoned");
    }
  }
}

onBoth("ledger: several processes", bench => {
  let folder = "";
  let program = "";

  before(() => {
    folder = mkdtempSync(join(tmpdir(), "xs-writer-"));
    program = join(folder, "writer.cjs");
    // One file starts five times as fast as the sources do, and there are a hundred starts.
    buildSync({
      entryPoints: [fileURLToPath(new URL("writer.ts", import.meta.url))],
      outfile: program,
      bundle: true,
      platform: "node",
      format: "cjs",
      packages: "external",
      supported: { "dynamic-import": false },
    });
  });
  after(() => rmSync(folder, { recursive: true }));

  function run(...args: readonly string[]): Promise<Ended> {
    const env = { ...process.env, NODE_PATH: join(ROOT, "node_modules"), NODE_OPTIONS: "" };
    const child = spawn(process.execPath, [program, ...args], { env });
    let text = "";
    let errors = "";
    child.stdout.setEncoding("utf8").on("data", (part: string) => (text += part));
    child.stderr.setEncoding("utf8").on("data", (part: string) => (errors += part));
    return new Promise(resolve => {
      child.once("close", (code, signal) => resolve({ code, signal, text, errors }));
    });
  }

  it("never gives a unit to two of them", async function () {
    this.timeout(60_000);
    const place = await bench.place();
    const stations = ["bench-1", "bench-2", "bench-3"];
    for (const { code, errors } of await Promise.all(stations.map(name => run("drain", place, name))))
      assert.deepEqual([code, errors], [0, ""]);
    const ledger = await bench.open(place, { access: "existing" });
    const events = await all(ledger.events());
    for (const event of ["listed", "claimed", "issued", "done"]) {
      const of = events.filter(one => one.event === event).map(one => one.unit);
      assert.equal(of.length, 30, event);
      assert.equal(new Set(of).size, 30, event);
    }
    await checkSound(ledger);
  });

  async function checkKilled(place: string, serial: string, statement: number): Promise<void> {
    const { signal, errors } = await run("way", place, serial, String(statement));
    assert.deepEqual([signal, errors], ["SIGKILL", ""], `statement ${statement}`);
    const ledger = await bench.open(place);
    await checkSound(ledger, serial);
    await ledger.list([unit(serial)], "p", "units.csv");
    const before = await ledger.unit(serial);
    // The same station at the same port does not wait for its own claim to run out.
    const claim = await taken(ledger, serial);
    assert.equal(claim.unit.state, before?.state);
    if (claim.unit.state !== "done") {
      const isLost = claim.unit.state !== "listed" && claim.unit.state !== "connected";
      // Keys of the host are gone with their process.
      const again = isLost ? await ledger.restart(claim, "killed") : claim;
      await bring(ledger, again, "done", { name: `${serial} after` });
    } else await ledger.release(claim);
    assert.equal((await ledger.unit(serial))?.state, "done");
    await ledger.close();
  }

  it("is valid after a kill before any statement, and goes on from there", async function () {
    this.timeout(240_000);
    const shared = await bench.place();
    const statements = async (): Promise<number> => {
      const { text, errors } = await run("way", shared, `whole-${Math.random()}`);
      assert.equal(errors, "");
      return Number(text);
    };
    const withTables = await statements();
    const without = await statements();
    assert.ok(without > 90, String(without));
    assert.ok(withTables > without + 10, String(withTables));
    // Kills while the tables are made need a place each; the others have one ledger.
    const kills = [
      ...Array.from(
        { length: withTables - without + 5 },
        (_, index) => [index + 1, () => bench.place()] as const,
      ),
      ...Array.from({ length: without }, (_, index) => [index + 1, () => Promise.resolve(shared)] as const),
    ];
    const work = async (): Promise<void> => {
      for (let kill = kills.pop(); kill !== undefined; kill = kills.pop()) {
        const [number, place] = kill;
        await checkKilled(await place(), `SN-${number}`, number);
      }
    };
    await Promise.all([work(), work(), work()]);
  });
});
