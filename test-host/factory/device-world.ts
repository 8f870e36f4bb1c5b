import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { openLedger } from "../../certs/ledger/open.js";
import { BenchPort } from "./bench-port.js";
import { wholeRun, type World } from "./kill-points.js";
import type { LineBench } from "./line-bench.js";
import { all, assertSettled, assertSound } from "./settled.js";
import { SimDevice } from "./sim-device.js";

const MAC = "02AB00000001";
/** Where a key was made and is not in the ledger yet. */
const UNKNOWN_KEY = ["after generate", "before advance to keyed"];

const run = promisify(execFile);

/** Somebody else who issues, with tools of their own: whatever requests are out get their certificates. */
async function answerRequests(bench: LineBench, folder: string): Promise<void> {
  const requests = join(folder, "out");
  const extensions = join(folder, "extensions");
  writeFileSync(
    extensions,
    "basicConstraints=critical,CA:FALSE\nkeyUsage=critical,digitalSignature\nextendedKeyUsage=clientAuth\n",
  );
  const env = { ...process.env, PASSPHRASE: bench.passphrase };
  for (const name of readdirSync(requests).filter(name => name.endsWith(".csr")))
    await run(
      "openssl",
      [
        ...["x509", "-req", "-in", join(requests, name), "-days", "30", "-extfile", extensions],
        ...["-CA", join(bench.folder, "ca", "ca.pem"), "-CAkey", join(bench.folder, "ca", "ca.key")],
        ...["-passin", "env:PASSPHRASE", "-out", join(folder, "back", name.replace(".csr", ".pem"))],
      ],
      { env },
    );
}

export interface DeviceWorldOptions {
  /** Default: a file in the world's folder. */
  readonly ledger?: string;
  /** Requests go out; the run before has sent them, when it is `answered`. */
  readonly outside?: "fresh" | "answered";
  readonly ownKey: boolean;
  /** Which module is in it. Default: a BG95. */
  readonly module?: "bg95" | "bc66";
}

/** A device, a list of which it may be the first of two, and a run for it; what must hold in the end. */
export async function deviceWorld(
  bench: LineBench,
  name: string,
  options: DeviceWorldOptions,
): Promise<World> {
  const { outside, ownKey, module } = options;
  const place = bench.place(name, ["serial", "unit-1", "unit-2"]);
  const device = new SimDevice({ mac: MAC, ...(module && { module }) });
  const port = await BenchPort.open(device);
  const exchange = outside === undefined ? undefined : place.folder;
  for (const folder of exchange === undefined ? [] : ["out", "back"])
    mkdirSync(join(place.folder, folder), { recursive: true });
  const job = bench.job(place, {
    ports: [port.address],
    ...(options.ledger !== undefined && { ledger: options.ledger }),
    ...(exchange !== undefined && { exchange }),
  });
  const between = (): Promise<void> =>
    exchange === undefined ? Promise.resolve() : answerRequests(bench, exchange);
  if (outside === "answered") {
    assert.deepEqual(
      (await wholeRun(bench, job)).map(({ outcome }) => outcome),
      ["waiting"],
    );
    await between();
  }
  return {
    job,
    between,
    check: async runs => {
      for (const key of device.keys.seen.values()) bench.secrets.addKey(key);
      const ledger = await openLedger(job.ledger);
      try {
        const { certificates } = await assertSettled(ledger, "unit-1", device, bench.authority);
        assert.deepEqual(Buffer.from(device.ca ?? []), Buffer.from(bench.broker.certificate));
        assert.equal(device.vault.state, "confirmed");
        const second = await ledger.unit("unit-2");
        assert.equal(second?.state, "listed", "one device takes one unit");
        assert.equal(second.attempts, 0);
        await assertSound(ledger);
        if (ownKey) {
          // A key that no ledger knows may be anybody's.
          const unknown = runs.filter(
            ({ killed, points }) => killed && UNKNOWN_KEY.includes(points.at(-1) ?? ""),
          );
          assert.ok(
            device.keys.made === 1 || device.keys.made === 1 + unknown.length,
            `${device.keys.made} keys were made`,
          );
          assert.equal(certificates.length, 1, "a key that survives keeps its certificate");
        } else assert.ok(certificates.length <= 1 + runs.length, `${certificates.length} certificates`);
        const { writes } = device;
        const events = (await all(ledger.events())).length;
        const again = await wholeRun(bench, job);
        // Another device would be the second unit; this one stays what it is.
        assert.deepEqual(
          again.map(({ outcome, serial }) => [outcome, serial]),
          [["already", "unit-1"]],
        );
        assert.equal(device.writes, writes, "not one byte was written");
        assert.ok((await all(ledger.events())).length - events <= 2, "at most that it was looked at");
        assert.equal((await ledger.unit("unit-2"))?.state, "listed");
      } finally {
        await ledger.close();
      }
    },
    end: () => port.close(),
  };
}
