import assert from "node:assert/strict";
import pg from "pg";
import { deviceWorld } from "../../factory/device-world.js";
import { JobProgram } from "../../factory/job-process.js";
import { killEverywhere } from "../../factory/kill-points.js";
import { LineBench, type BenchProfile } from "../../factory/line-bench.js";
import { peer } from "../cli/support.js";
import { PostgresServer } from "../ledger/postgres-server.js";

const OWN_KEY: BenchProfile = {
  target: "device",
  route: "host-tls",
  key: { made: "device", kind: "P-256" },
};
const GIVEN_KEY: BenchProfile = {
  target: "device",
  module: "bc66",
  route: "module-tls",
  key: { made: "host", kind: "RSA-2048" },
};

/** Every row of a ledger in PostgreSQL as text, bytes in hexadecimal digits. */
async function rowsOf(url: string): Promise<string> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    const tables = await client.query<{ name: string }>(
      "SELECT table_name AS name FROM information_schema.tables WHERE table_schema = 'xs_cellular'",
    );
    const texts: string[] = [];
    for (const { name } of tables.rows) {
      const { rows } = await client.query<{ text: string }>(
        `SELECT row_to_json(t)::text AS text FROM xs_cellular.${client.escapeIdentifier(name)} AS t`,
      );
      texts.push(...rows.map(({ text }) => text));
    }
    return texts.join("\n");
  } finally {
    await client.end();
  }
}

describe("a run at a device, killed at every change", function () {
  this.timeout(120_000);
  let program: JobProgram;
  before(async () => {
    program = await JobProgram.build();
  });
  after(() => {
    program.remove();
  });

  async function withBench(profile: BenchProfile, work: (bench: LineBench) => Promise<void>): Promise<void> {
    const bench = await LineBench.create(profile);
    try {
      await work(bench);
      assert.deepEqual(bench.leaks(), []);
    } finally {
      bench.remove();
    }
  }

  it("is continued where the device makes its key, also when the second run is killed at any point", () =>
    withBench(OWN_KEY, async bench => {
      const { points } = await killEverywhere({
        bench,
        program,
        world: name => deviceWorld(bench, name, { ownKey: true }),
        again: point => point === 17,
      });
      assert.ok(points >= 36, `${points} points`);
    }));

  it("is continued where the device is given an RSA key: what was issued for lost keys is given up", () =>
    withBench(GIVEN_KEY, async bench => {
      const { points } = await killEverywhere({
        bench,
        program,
        world: name => deviceWorld(bench, name, { ownKey: false, module: "bc66" }),
      });
      assert.ok(points >= 34, `${points} points`);
    }));

  it("is continued on PostgreSQL", async function () {
    const server = await PostgresServer.start(this);
    try {
      await withBench(OWN_KEY, async bench => {
        const { points } = await killEverywhere({
          bench,
          program,
          world: async name => {
            const ledger = await server.database();
            const world = await deviceWorld(bench, name, { ownKey: true, ledger });
            return {
              ...world,
              check: async runs => {
                await world.check(runs);
                const rows = await rowsOf(ledger);
                assert.match(rows, /unit-2/);
                // Searched for keys with everything else.
                bench.print(rows);
              },
            };
          },
        });
        assert.ok(points >= 36, `${points} points`);
      });
    } finally {
      await server.remove();
    }
  });

  it("is continued where requests go out and certificates come back: before they came, and after", async function () {
    peer(this, "openssl");
    await withBench({ ...OWN_KEY, outside: true }, async bench => {
      const asked = await killEverywhere({
        bench,
        program,
        world: name => deviceWorld(bench, `asked-${name}`, { ownKey: true, outside: "fresh" }),
      });
      const answered = await killEverywhere({
        bench,
        program,
        world: name => deviceWorld(bench, `answered-${name}`, { ownKey: true, outside: "answered" }),
      });
      assert.ok(asked.points >= 14 && answered.points >= 18, `${asked.points}, ${answered.points} points`);
    });
  });
});
