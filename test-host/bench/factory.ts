import { X509Certificate } from "node:crypto";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { openAuthority } from "../../certs/authority/file-authority.js";
import type { Recipe } from "../../certs/factory/line.js";
import { runLine } from "../../certs/factory/run-line.js";
import type { OpenTarget } from "../../certs/factory/target.js";
import { openLedger } from "../../certs/ledger/open.js";
import { readProfile } from "../../certs/profile/profile.js";
import { openDeviceTarget } from "../../hosts/workstation/provision/targets/device.js";
import { openModemTarget } from "../../hosts/workstation/provision/targets/modem/target.js";
import { BenchPort } from "../factory/bench-port.js";
import { LineBench, type BenchProfile } from "../factory/line-bench.js";
import { MemoryUnit } from "../factory/memory-unit.js";
import { PacedCable } from "../factory/paced-cable.js";
import { SimDevice } from "../factory/sim-device.js";
import { ModemBench } from "../spec/factory/modem-bench.js";
import { atMost, shown, type Chapter, type Figure } from "./figure.js";

const BAUD = 115_200;
const HOUR_MS = 3_600_000;
const PORTS = 8;

const MODEM: BenchProfile = {
  target: "modem",
  module: "bg95",
  route: "module-tls",
  key: { made: "host", kind: "P-256" },
};
const DEVICE: BenchProfile = {
  target: "device",
  route: "host-tls",
  key: { made: "device", kind: "P-256" },
};
const GIVEN: BenchProfile = { ...DEVICE, key: { made: "host", kind: "P-256" } };

function recipeOf(bench: LineBench): Recipe {
  const issuer = openAuthority(`${bench.folder}/ca`, bench.passphrase);
  return {
    profile: readProfile(bench.profile),
    brokerCa: new X509Certificate(bench.broker.certificate),
    issuer: { kind: "signs", by: issuer },
    chain: [issuer.certificate],
  };
}

async function withBench<Value>(
  profile: BenchProfile,
  work: (bench: LineBench) => Promise<Value>,
): Promise<Value> {
  const bench = await LineBench.create(profile);
  try {
    return await work(bench);
  } finally {
    bench.remove();
  }
}

/** A unit behind a cable of 115,200 baud: milliseconds, and what the cable carried. */
async function timed(
  name: string,
  profile: BenchProfile,
  unit: string,
  open: OpenTarget,
): Promise<readonly Figure[]> {
  return withBench(profile, async bench => {
    const ledger = await openLedger(`${bench.folder}/ledger.db`);
    await ledger.list([{ serial: "unit-1", variables: {}, line: 2 }], "line", "units.csv");
    const cable = await PacedCable.open(unit, BAUD);
    try {
      const begun = performance.now();
      const [result] = await runLine({
        recipe: recipeOf(bench),
        ledger,
        station: "bench",
        ports: [cable.address],
        open,
        onEvent: () => undefined,
      });
      const ms = performance.now() - begun;
      if (result?.outcome !== "done") throw new Error(`${name}: ${result?.error?.what ?? "not done"}`);
      // Requests and answers alternate: neither way is used while the other one is.
      const uartMs = cable.toUnit.ms + cable.toTool.ms;
      return [
        shown(`${name}: bytes to the unit`, cable.toUnit.bytes, "bytes"),
        shown(`${name}: bytes from the unit`, cable.toTool.bytes, "bytes"),
        shown(`${name}: time that these take at ${String(BAUD)} baud`, uartMs, "ms"),
        shown(`${name}: time taken`, ms, "ms"),
        shown(`${name}: units per hour and port`, HOUR_MS / ms, "units"),
        shown(`${name}: the UART's limit`, HOUR_MS / uartMs, "units"),
        shown(`${name}: time taken to time on the UART`, ms / uartMs, "x"),
      ];
    } finally {
      await cable.close();
      await ledger.close();
    }
  });
}

async function lines(): Promise<readonly Figure[]> {
  const modem = await ModemBench.bg95();
  const device = await BenchPort.open(new SimDevice({ mac: "02AB00000001" }));
  try {
    return [
      ...(await timed("BG95, three files", MODEM, modem.address, port =>
        openModemTarget(port, { module: "bg95", route: "module-tls" }),
      )),
      ...(await timed("ESP32, its own key", DEVICE, device.address, port => openDeviceTarget(port))),
    ];
  } finally {
    await modem.close();
    await device.close();
  }
}

function heapAfterCollection(): number {
  setFlagsFromString("--expose-gc");
  const collect: unknown = runInNewContext("gc");
  if (typeof collect === "function") for (let i = 0; i < 3; i++) Reflect.apply(collect, undefined, []);
  return process.memoryUsage().heapUsed;
}

interface Sample {
  readonly units: number;
  readonly heap: number;
  readonly rss: number;
  readonly ms: number;
}

/** Many units through eight ports, no line between; what the process holds on the way. */
async function many(count: number, marks: readonly number[]): Promise<readonly Figure[]> {
  return withBench(GIVEN, async bench => {
    const ledger = await openLedger(`${bench.folder}/ledger.db`);
    const listed = performance.now();
    await ledger.list(
      Array.from({ length: count }, (_, index) => ({
        serial: `unit-${String(index + 1)}`,
        variables: {},
        line: index + 2,
      })),
      "line",
      "units.csv",
    );
    const listMs = performance.now() - listed;
    let next = 0;
    let done = 0;
    const samples: Sample[] = [];
    const at = new Map<string, MemoryUnit>();
    const put = (port: string): void => {
      at.set(port, new MemoryUnit((++next).toString(16).padStart(12, "0").toUpperCase()));
    };
    const ports = Array.from({ length: PORTS }, (_, index) => `port-${String(index + 1)}`);
    ports.forEach(put);
    const begun = performance.now();
    const failures: string[] = [];
    await runLine({
      recipe: recipeOf(bench),
      ledger,
      station: "bench",
      ports,
      continuous: true,
      open: port => Promise.resolve(at.get(port) ?? new MemoryUnit("000000000000")),
      wait: () => new Promise(resolve => setImmediate(resolve)),
      onEvent: event => {
        if (event.event !== "result") return;
        if (event.outcome === "failed") failures.push(event.error?.what ?? "");
        if (event.outcome !== "done") return;
        done++;
        if (marks.includes(done))
          samples.push({
            units: done,
            heap: heapAfterCollection(),
            rss: process.memoryUsage().rss,
            ms: performance.now() - begun,
          });
        if (next < count) put(event.port);
      },
    });
    const seconds = (performance.now() - begun) / 1000;
    const { events } = await ledger.summary();
    await ledger.close();
    if (done !== count || failures.length > 0)
      throw new Error(`${String(done)} of ${String(count)} were made: ${failures[0] ?? ""}`);
    const [first] = samples;
    const last = samples.at(-1);
    if (!first || !last) throw new Error("nothing was measured");
    const mega = 1_048_576;
    // The time of a unit must not grow with the list either.
    const early = first.ms / first.units;
    const late = (last.ms - first.ms) / (last.units - first.units);
    return [
      shown("units made, through eight ports", done, "units"),
      shown("list of them taken into the ledger", listMs, "ms"),
      shown(`heap after ${String(first.units)} units`, first.heap / mega, "MB"),
      atMost(`heap after ${String(last.units)} units`, last.heap / mega, "MB", first.heap / mega + 8),
      atMost("resident memory at the end", last.rss / mega, "MB", first.rss / mega + 96),
      shown(`time of a unit among the first ${String(first.units)}`, early, "ms"),
      atMost("time of a unit after those", late, "ms", 3 * early),
      shown("events of the ledger, each on the disk before the next step", events, "events"),
      shown("events per second", events / seconds, "1/s"),
    ];
  });
}

/** Alone: changes of one SQLite ledger that wait for the disk. */
async function ledgerAlone(count: number): Promise<readonly Figure[]> {
  return withBench(DEVICE, async bench => {
    const ledger = await openLedger(`${bench.folder}/ledger.db`);
    await ledger.list([{ serial: "unit-1", variables: {}, line: 2 }], "line", "units.csv");
    const begun = performance.now();
    for (let i = 0; i < count; i++) await ledger.record("unit-1", "bench", "label", { n: String(i) });
    const seconds = (performance.now() - begun) / 1000;
    await ledger.close();
    return [shown("SQLite alone, synchronous=FULL", count / seconds, "events/s")];
  });
}

/** The factory: units an hour against the UART, and many units through one process. */
export async function factory(smoke: boolean): Promise<Chapter> {
  const [count, marks] = smoke ? [300, [100, 300]] : [10_000, [1_000, 10_000]];
  return {
    title: "Manufacture",
    note:
      "One unit at a port of 115,200 baud, by the wall clock, with the module's and the device's own delays as they are " +
      "simulated and without the time that an ESP32 needs for its key; then a list through eight ports without a line between " +
      "(keys, certificates, ledger and flow are real, on this machine).",
    figures: [...(await lines()), ...(await many(count, marks)), ...(await ledgerAlone(smoke ? 200 : 2_000))],
  };
}
