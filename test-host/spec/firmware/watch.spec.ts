import assert from "node:assert/strict";
import type { Host } from "../../../hosts/firmware/host.js";
import { withWatchdog } from "../../../hosts/firmware/watch.js";
import { bareHost, type Report } from "./hosts.js";
import { ManualTime } from "./manual-timer.js";

const TIMEOUT_MS = 120_000;
const MINUTE = 60_000;

/** A firmware that is watched, and a watchdog that notes the first time that it was not fed. */
class Bench {
  readonly time = new ManualTime();
  readonly reports: Report[] = [];
  fedAt = NaN;
  host: Host;

  constructor() {
    const watchdog = {
      timeoutMs: TIMEOUT_MS,
      feed: () => {
        this.fedAt = this.time.ticks;
      },
    };
    this.host = withWatchdog(bareHost(this.time, this.reports, { watchdog }));
  }

  get restarts(): boolean {
    return this.time.ticks - this.fedAt >= TIMEOUT_MS;
  }

  /** Minute by minute, so that a restart in between is seen. */
  survives(minutes: number): boolean {
    for (let minute = 0; minute < minutes; minute++) {
      this.time.pass(MINUTE);
      if (this.restarts) return false;
    }
    return true;
  }
}

describe("watchdog of the firmware", () => {
  it("is the same host where there is none", () => {
    const host = bareHost(new ManualTime(), []);
    assert.equal(withWatchdog(host), host);
  });

  it("is fed from the first moment, three times in its time", () => {
    const { fedAt, time } = new Bench();
    assert.equal(fedAt, time.ticks);
    const bench = new Bench();
    bench.time.pass(TIMEOUT_MS / 3);
    assert.equal(bench.fedAt, TIMEOUT_MS / 3);
  });

  it("waits as long as the slowest step takes: registration on a new network", () => {
    const bench = new Bench();
    bench.host.report("state", "registering");
    assert.ok(bench.survives(10));
  });

  it("restarts a firmware that says nothing for longer", () => {
    const bench = new Bench();
    bench.host.report("state", "booting");
    assert.ok(!bench.survives(16));
  });

  it("counts each step as life", () => {
    const bench = new Bench();
    for (const state of ["booting", "starting", "sim", "registering", "activating", "clock", "online"]) {
      bench.host.report("state", state);
      assert.ok(bench.survives(11), state);
    }
  });

  it("leaves a connected firmware in peace, whatever it says", () => {
    const bench = new Bench();
    bench.host.report("mqtt", false);
    assert.ok(bench.survives(24 * 60));
  });

  it("watches again when the connection is lost", () => {
    const bench = new Bench();
    bench.host.report("mqtt", false);
    bench.survives(60);
    bench.host.report("failure", "broker", "peer-closed");
    assert.ok(!bench.survives(16));
  });

  it("waits out the pause that a failure announces", () => {
    const bench = new Bench();
    bench.host.report(
      "failure",
      "modem",
      "registration",
      undefined,
      "AT+CEREG",
      undefined,
      "reset",
      60 * MINUTE,
    );
    assert.ok(bench.survives(70));
    assert.ok(!bench.survives(6));
  });

  it("leaves a firmware in peace that has done its work", () => {
    const bench = new Bench();
    bench.host.report("done");
    assert.ok(bench.survives(24 * 60));
  });

  it("restarts a firmware that gave up", () => {
    const bench = new Bench();
    bench.host.report("gave-up");
    assert.ok(!bench.survives(16));
  });

  it("is not fed by an event loop that stands still", () => {
    const bench = new Bench();
    bench.host.report("mqtt", false);
    // No timer is served.
    bench.time.ticks += TIMEOUT_MS;
    assert.ok(bench.restarts);
  });

  it("passes every report on, unchanged", () => {
    const bench = new Bench();
    bench.host.report("failure", "broker", "tls", -9);
    bench.host.report("state", "online");
    assert.deepEqual(bench.reports, [
      ["failure", "broker", "tls", -9],
      ["state", "online"],
    ]);
  });
});
