import assert from "node:assert/strict";
import { openLedger } from "../../../certs/ledger/open.js";
import { BenchPort } from "../../factory/bench-port.js";
import { JobProgram } from "../../factory/job-process.js";
import { isResult, resultsOf, wholeRun } from "../../factory/kill-points.js";
import { LineBench } from "../../factory/line-bench.js";
import { all, assertSettled, assertSound } from "../../factory/settled.js";
import { SimDevice } from "../../factory/sim-device.js";
import { PostgresServer } from "../ledger/postgres-server.js";

const STATIONS = ["station-1", "station-2"] as const;
const PORTS_EACH = 4;
const UNITS = 40;

/** The devices that wait, and the units that have begun at any port. */
class Tray {
  readonly #devices: SimDevice[];
  readonly #begun = new Set<string>();
  readonly #waiting: (() => void)[] = [];

  constructor(devices: readonly SimDevice[]) {
    this.#devices = [...devices];
  }

  next(): SimDevice | undefined {
    return this.#devices.shift();
  }

  onLine(line: unknown): void {
    if (!isUnit(line)) return;
    this.#begun.add(line.serial);
    if (this.#begun.size === UNITS) for (const resolve of this.#waiting.splice(0)) resolve();
  }

  /** Before every unit has its device, one that is too many would take the place of the last of the tray. */
  whenAllBegun(then: () => void): void {
    if (this.#begun.size === UNITS) then();
    else this.#waiting.push(then);
  }
}

function isUnit(line: unknown): line is { readonly serial: string } {
  return (
    typeof line === "object" &&
    line !== null &&
    "event" in line &&
    line.event === "unit" &&
    "serial" in line &&
    typeof line.serial === "string"
  );
}

/** Puts devices of a tray into a port, one after the other: the next one when the result of the last one is told. */
class Feeder {
  readonly port: BenchPort;
  /** What is put in when the tray is empty: nothing of the list is left for it. */
  readonly surplus: SimDevice;
  readonly #tray: Tray;

  constructor(port: BenchPort, tray: Tray, surplus: SimDevice) {
    this.port = port;
    this.surplus = surplus;
    this.#tray = tray;
    this.#next();
  }

  onLine(line: unknown): void {
    if (!isResult(line) || line.port !== this.port.address || line.outcome !== "done") return;
    // Lifted out: for a moment there is nothing.
    this.port.remove();
    setTimeout(() => this.#next(), 20);
  }

  #next(): void {
    const device = this.#tray.next();
    if (device !== undefined) this.port.insert(device);
    else this.#tray.whenAllBegun(() => this.port.insert(this.surplus));
  }
}

describe("two stations of four ports each, processes of their own, on one ledger of PostgreSQL", function () {
  this.timeout(120_000);
  let server: PostgresServer;
  let program: JobProgram;
  let bench: LineBench;
  before(async function () {
    server = await PostgresServer.start(this);
    program = await JobProgram.build();
    bench = await LineBench.create({
      target: "device",
      route: "host-tls",
      key: { made: "device", kind: "P-256" },
    });
  });
  after(async () => {
    program.remove();
    bench.remove();
    await server.remove();
  });

  const serials = Array.from({ length: UNITS }, (_, index) => `unit-${String(index + 1)}`);
  const devices = (from: number): SimDevice[] =>
    serials.map(
      (_, index) =>
        new SimDevice({ mac: `02${(from + index).toString(16).padStart(10, "0").toUpperCase()}` }),
    );

  async function check(url: string, made: readonly SimDevice[]): Promise<void> {
    const ledger = await openLedger(url);
    try {
      const holders = new Map<string, SimDevice>();
      for (const device of made) {
        for (const key of device.keys.seen.values()) bench.secrets.addKey(key);
        const holder = Buffer.from(device.certificate ?? []).toString("hex");
        assert.ok(holder !== "" && !holders.has(holder), "each device has a certificate of its own");
        holders.set(holder, device);
      }
      for (const serial of serials) {
        const [certificate, ...others] = await all(ledger.certificates(serial));
        assert.deepEqual(others, [], `${serial} got one certificate`);
        const device = holders.get(Buffer.from(certificate?.der ?? []).toString("hex"));
        assert.ok(device, `${serial} is in a device`);
        await assertSettled(ledger, serial, device, bench.authority);
        assert.equal(device.keys.made, 1);
      }
      await assertSound(ledger);
    } finally {
      await ledger.close();
    }
  }

  it("make every unit of the list once, and none twice", async () => {
    const url = await server.database();
    const place = bench.place("together", ["serial", ...serials]);
    const made = devices(0x100);
    const tray = new Tray(made);
    const ports = await Promise.all(Array.from({ length: 2 * PORTS_EACH }, () => BenchPort.open()));
    const feeders = ports.map(
      (port, index) => new Feeder(port, tray, new SimDevice({ mac: `02000000300${String(index)}` })),
    );
    const runs = await Promise.all(
      STATIONS.map((station, index) =>
        program.run(
          bench.job(place, {
            station,
            ledger: url,
            continuous: true,
            ports: ports.slice(index * PORTS_EACH, (index + 1) * PORTS_EACH).map(({ address }) => address),
          }),
          line => {
            tray.onLine(line);
            feeders.forEach(feeder => feeder.onLine(line));
          },
        ),
      ),
    );
    for (const run of runs) {
      bench.keep(run);
      assert.equal(run.code, 0, run.stdout.slice(-2000) + run.stderr);
    }
    const done = runs.flatMap(resultsOf).filter(({ outcome }) => outcome === "done");
    assert.deepEqual(new Set(done.map(({ serial }) => serial)).size, UNITS);
    assert.equal(done.length, UNITS);
    await check(url, made);
    for (const { surplus } of feeders) assert.equal(surplus.writes, 0, "what is no unit is left alone");
    for (const port of ports) await port.close();
    assert.deepEqual(bench.leaks(), []);
  });

  it("a device that one station has begun and lost is finished by the other, as the same unit", async () => {
    const place = bench.place("handed over", ["serial", ...serials.slice(0, 2)]);
    for (const [index, killAt] of [18, 24, 30].entries()) {
      const device = new SimDevice({ mac: `02000000200${String(index)}` });
      const port = await BenchPort.open(device);
      const name = await server.database();
      const job = bench.job(place, { ports: [port.address], ledger: name });
      const killed = await program.run({ ...job, station: "station-1", killAt });
      bench.keep(killed);
      assert.equal(killed.killed, true);
      // At another station the port is called otherwise, too.
      const other = await BenchPort.open(device);
      const results = await wholeRun(bench, { ...job, station: "station-2", ports: [other.address] });
      assert.deepEqual(
        results.map(({ outcome, serial }) => [outcome, serial]),
        [["done", "unit-1"]],
        `killed ${killed.points.at(-1) ?? ""}`,
      );
      const ledger = await openLedger(name);
      const { certificates } = await assertSettled(ledger, "unit-1", device, bench.authority);
      assert.equal(certificates.length, 1);
      assert.equal((await ledger.unit("unit-2"))?.state, "listed");
      await assertSound(ledger);
      await ledger.close();
      await port.close();
      await other.close();
    }
  });
});
