import assert from "node:assert/strict";
import type { ChildProcessWithoutNullStreams } from "node:child_process";
import { once } from "node:events";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { openLedger } from "../../../certs/ledger/open.js";
import { toPem } from "../../../certs/pem-text.js";
import { isResult } from "../../factory/kill-points.js";
import { BROKER_HOST, LineBroker } from "../../factory/line-broker.js";
import { LineBench } from "../../factory/line-bench.js";
import { parseImage } from "../../factory/parse-image.js";
import { all, assertSound } from "../../factory/settled.js";
import { ended, freePort, hear, peer, start, type Ended } from "../cli/support.js";

const PORTS = 8;

/** A simulated device as a process of its own, its console on a pty. */
interface Running {
  readonly name: string;
  readonly console: string;
  readonly flash: string;
  readonly mac: string;
  child: ChildProcessWithoutNullStreams;
}

describe("a line of eight real ports: firmware in XS on ptys, the command line, mosquitto", function () {
  this.timeout(240_000);
  let bench: LineBench;
  let broker: LineBroker;
  let brokerPort: number;
  let passphrase: string;
  const running: Running[] = [];
  before(async function () {
    peer(this, "socat");
    const mosquitto = peer(this, "mosquitto");
    brokerPort = await freePort();
    bench = await LineBench.create({
      target: "device",
      key: { made: "device", kind: "P-256" },
      handshake: `${BROKER_HOST}:${String(brokerPort)}`,
    });
    passphrase = join(bench.folder, "ca", "passphrase");
    writeFileSync(passphrase, bench.passphrase, { mode: 0o600 });
    broker = await LineBroker.start(
      mosquitto,
      brokerPort,
      await bench.broker.server({ commonName: BROKER_HOST, names: [BROKER_HOST] }),
      toPem(Uint8Array.from(bench.authority.raw), "CERTIFICATE"),
    );
  });
  afterEach(async () => {
    for (const { child } of running.splice(0)) await cut(child);
  });
  after(async () => {
    await broker.stop();
    bench.remove();
  });

  async function cut(child: ChildProcessWithoutNullStreams): Promise<void> {
    if (child.exitCode !== null || child.signalCode !== null) return;
    const exit = once(child, "exit");
    child.kill("SIGKILL");
    await exit;
  }

  async function power(device: Omit<Running, "child">): Promise<ChildProcessWithoutNullStreams> {
    const address = `${BROKER_HOST}:${String(brokerPort)}`;
    const child = start([
      ...["device", "--console", device.console, "--flash", device.flash, "--mac", device.mac],
      ...["--client-id", device.name, "--broker", address],
      ...["--resolve", `${BROKER_HOST}=127.0.0.1:${String(brokerPort)}`],
    ]);
    child.stderr.resume();
    await hear(child.stdout.setEncoding("utf8"), /console on .*\n/);
    child.stdout.on("data", (text: string) => bench.print(text));
    return child;
  }

  async function devices(folder: string, count: number): Promise<readonly Running[]> {
    const made = await Promise.all(
      Array.from({ length: count }, async (_, index) => {
        const name = `device-${String(index + 1)}`;
        const device = {
          name,
          console: join(folder, name),
          flash: join(folder, `flash-${String(index + 1)}`),
          mac: `02000000010${String(index)}`,
        };
        return { ...device, child: await power(device) };
      }),
    );
    running.push(...made);
    return made;
  }

  function lineRun(
    place: { readonly folder: string; readonly units: string },
    ports: readonly string[],
    ...more: readonly string[]
  ): ChildProcessWithoutNullStreams {
    return start([
      ...["provision", "run", "--profile", bench.profile, "--units", place.units],
      ...["--ledger", join(place.folder, "ledger.db"), "--passphrase-file", passphrase, "--json"],
      ...ports.flatMap(port => ["--port", port]),
      ...more,
    ]);
  }

  function resultsOf({ stdout, stderr }: Ended) {
    bench.print(stdout + stderr);
    return stdout
      .split("\n")
      .filter(line => line.startsWith("{"))
      .map((line): unknown => JSON.parse(line))
      .filter(isResult);
  }

  /** The certificate that a device's flash holds, whichever slot it is in; keys that are there are searched for. */
  function certificatesIn(flash: string): readonly string[] {
    return readdirSync(flash)
      .filter(name => name.endsWith("_cert.bin") || name.endsWith("_cert_b.bin"))
      .flatMap(name => {
        const { certificate, key } = parseImage(readFileSync(join(flash, name)));
        if (key) bench.secrets.addKey(key);
        return certificate ? [Buffer.from(certificate).toString("hex")] : [];
      });
  }

  async function check(
    place: { readonly folder: string },
    made: readonly Running[],
    serials: readonly string[],
  ): Promise<void> {
    const ledger = await openLedger(join(place.folder, "ledger.db"));
    try {
      const holders = new Set<string>();
      for (const serial of serials) {
        const unit = await ledger.unit(serial);
        assert.equal(unit?.state, "done", serial);
        const active = (await all(ledger.certificates(serial))).filter(({ fate }) => fate === "active");
        assert.equal(active.length, 1, serial);
        const hex = Buffer.from(active[0]?.der ?? []).toString("hex");
        const holder = made.find(({ flash }) => certificatesIn(flash).includes(hex));
        assert.ok(holder, `${serial} is in a device's flash`);
        assert.ok(!holders.has(holder.name));
        holders.add(holder.name);
        assert.equal(broker.users().get(holder.name), serial, "the broker knows it by its certificate");
      }
      await assertSound(ledger);
    } finally {
      await ledger.close();
    }
  }

  const isAllowed = (path: string): boolean => path === passphrase || path.includes("/flash-");

  it("eight at once: each is made, proved and let in by the broker under its serial; again changes nothing", async () => {
    const serials = Array.from({ length: PORTS }, (_, index) => `unit-${String(index + 1)}`);
    const place = bench.place("eight", ["serial", ...serials]);
    const made = await devices(place.folder, PORTS);
    const ports = made.map(({ console }) => console);
    const run = await ended(lineRun(place, ports, "--report", join(place.folder, "report.html")));
    assert.equal(run.code, 0, run.stdout + run.stderr);
    const results = resultsOf(run);
    assert.deepEqual(results.map(({ serial }) => serial).sort(), [...serials].sort());
    for (const { outcome, proofs } of results) {
      assert.equal(outcome, "done");
      assert.deepEqual([...proofs].sort(), ["handshake", "possession", "read-back"]);
    }
    await check(place, made, serials);
    const again = await ended(lineRun(place, ports));
    assert.equal(again.code, 0, again.stdout + again.stderr);
    assert.deepEqual(new Set(resultsOf(again).map(({ outcome }) => outcome)), new Set(["already"]));
    assert.deepEqual(bench.leaks(isAllowed), []);
  });

  it("units that lose their power in the middle, each in another state, are done in the end, as the same units", async () => {
    const serials = ["unit-1", "unit-2", "unit-3"];
    const place = bench.place("power", ["serial", ...serials]);
    const made = await devices(place.folder, 3);
    const STATES = ["keyed", "issued", "written"];
    const ports = made.map(({ console }) => console);
    const line = lineRun(place, ports);
    const over = ended(line);
    const cuts: Promise<void>[] = [];
    line.stdout.on("data", (text: string) => {
      for (const [index, device] of made.entries())
        if (
          text
            .split("\n")
            .some(
              one => one.includes(`"${device.console}"`) && one.includes(`"state":"${STATES[index] ?? ""}"`),
            )
        )
          cuts.push(
            cut(device.child).then(async () => {
              device.child = await power(device);
            }),
          );
    });
    const first = await over;
    await Promise.all(cuts);
    assert.ok(cuts.length > 0, first.stdout);
    resultsOf(first);
    let last = first;
    for (let turn = 0; turn < 3 && (last.code !== 0 || turn === 0); turn++) {
      last = await ended(lineRun(place, ports));
      resultsOf(last);
    }
    assert.equal(last.code, 0, last.stdout + last.stderr);
    await check(place, made, serials);
    const ledger = await openLedger(join(place.folder, "ledger.db"));
    assert.equal(
      (await all(ledger.certificates())).length,
      serials.length,
      "no certificate was issued twice",
    );
    await ledger.close();
    assert.deepEqual(bench.leaks(isAllowed), []);
  });
});
