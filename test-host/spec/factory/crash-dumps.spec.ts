import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdirSync, readdirSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { openLedger } from "../../../certs/ledger/open.js";
import { BenchPort } from "../../factory/bench-port.js";
import { isResult } from "../../factory/kill-points.js";
import { LeakScanner } from "../../factory/leak-scanner.js";
import { LineBench, type BenchProfile } from "../../factory/line-bench.js";
import { Secrets } from "../../factory/secrets.js";
import { assertSettled } from "../../factory/settled.js";
import { SimDevice } from "../../factory/sim-device.js";
import { hear, start } from "../cli/support.js";

const KINDS: readonly (readonly [title: string, profile: BenchProfile])[] = [
  [
    "an RSA key that it made for a device",
    { target: "device", module: "bc66", route: "module-tls", key: { made: "host", kind: "RSA-2048" } },
  ],
  [
    "a P-256 key that it made for a device",
    { target: "device", route: "host-tls", key: { made: "host", kind: "P-256" } },
  ],
  ["a device's own key", { target: "device", route: "host-tls", key: { made: "device", kind: "P-256" } }],
];

/*
 * What Node itself writes when it is asked to: diagnostic reports (stacks, settings, environment, command
 * line) and heap snapshots (every string and object that is alive, not the bytes of buffers). A core dump
 * of the system holds the process's whole memory, the key that is in use at that moment and the
 * authority's own among it; nothing can be promised of one, and none is looked at here.
 */
describe("what a process of the line leaves when it is dumped between two units", function () {
  this.timeout(120_000);

  for (const [title, profile] of KINDS)
    it(`holds nothing of ${title}, nor the passphrase: report, heap, log, ledger`, async () => {
      const bench = await LineBench.create(profile);
      const device = new SimDevice({ mac: "02AB00000001", module: profile.module ?? "bg95" });
      const port = await BenchPort.open(device);
      const place = bench.place("run", ["serial", "unit-1", "unit-2"]);
      const dumps = join(bench.folder, "dumps");
      mkdirSync(dumps);
      const passphrase = join(bench.folder, "ca", "passphrase");
      writeFileSync(passphrase, bench.passphrase, { mode: 0o600 });
      const ledger = join(place.folder, "ledger.db");
      const child = start(
        [
          ...["provision", "run", "--profile", bench.profile, "--units", place.units, "--ledger", ledger],
          ...["--passphrase-file", passphrase, "--port", port.address, "--continuous", "--json"],
        ],
        {
          cwd: dumps,
          env: {
            NODE_OPTIONS: [
              "--heapsnapshot-signal=SIGUSR2",
              "--report-on-signal",
              "--report-signal=SIGUSR1",
              `--report-directory=${dumps}`,
            ].join(" "),
          },
        },
      );
      try {
        const text: string[] = [];
        child.stdout.setEncoding("utf8").on("data", (piece: string) => text.push(piece));
        child.stderr.setEncoding("utf8").on("data", (piece: string) => text.push(piece));
        await hear(child.stdout, /"event":"result"[^\n]*\n/);
        const results = text
          .join("")
          .split("\n")
          .filter(line => line.startsWith("{"))
          .map((line): unknown => JSON.parse(line))
          .filter(isResult);
        assert.deepEqual(
          results.map(({ outcome }) => outcome),
          ["done"],
          text.join(""),
        );
        // Now it waits for the next unit.
        child.kill("SIGUSR1");
        child.kill("SIGUSR2");
        const written = (): boolean => {
          const names = readdirSync(dumps);
          return ["json", "heapsnapshot"].every(end =>
            names.some(name => name.endsWith(end) && statSync(join(dumps, name)).size > 1000),
          );
        };
        while (!written()) await new Promise(resolve => setTimeout(resolve, 50));
        let size = -1;
        for (;;) {
          const now = readdirSync(dumps).reduce((sum, name) => sum + statSync(join(dumps, name)).size, 0);
          if (now === size) break;
          size = now;
          await new Promise(resolve => setTimeout(resolve, 300));
        }
        const exit = once(child, "exit");
        child.kill("SIGKILL");
        await exit;
        bench.print(text.join(""));
        for (const key of device.keys.seen.values()) bench.secrets.addKey(key);
        assert.ok(device.keys.seen.size > 0);
        assert.deepEqual(
          bench.leaks(path => path === passphrase),
          [],
        );
        // What is certainly in memory is found in what was written: the search reads it as it is.
        const control = new Secrets();
        control.addText(place.units, "path of the list");
        const found = new LeakScanner(control).scanPaths([dumps]);
        for (const end of ["json", "heapsnapshot"])
          assert.ok(
            found.some(({ where }) => where.endsWith(end)),
            end,
          );
        const kept = await openLedger(ledger);
        await assertSettled(kept, "unit-1", device, bench.authority);
        await kept.close();
      } finally {
        child.kill("SIGKILL");
        await port.close();
        bench.remove();
      }
    });
});
