import assert from "node:assert/strict";
import type { Host } from "../../../hosts/firmware/host.js";
import { withProvisioning } from "../../../hosts/firmware/provisioning.js";
import { withWatchdog } from "../../../hosts/firmware/watch.js";
import { requestLine } from "../../../hosts/workstation/provisioning/frames.js";
import type { SerialCallbacks, SerialPort } from "../../../modules/io/serial.js";
import { RamVault } from "../provisioning/ram-vault.js";
import { bareHost, config, type Report } from "./hosts.js";
import { ManualTime } from "./manual-timer.js";

/** A device whose application wants to sleep, with a console. */
class Sleeper {
  readonly time = new ManualTime();
  readonly reports: Report[] = [];
  /** When it fell asleep, and for how long. */
  readonly slept: [atMs: number, ms: number][] = [];
  fed = 0;
  readonly host: Host;
  #arrived: (count: number) => void = () => assert.fail("nobody listens");
  #received: Uint8Array = new Uint8Array(0);

  constructor(canSleep = true) {
    const sleeper = this;
    class Port implements SerialPort {
      constructor(callbacks: SerialCallbacks) {
        sleeper.#arrived = count => callbacks.onReadable?.call(this, count);
      }

      read(view: Uint8Array): number | undefined {
        const piece = sleeper.#received.subarray(0, view.length);
        view.set(piece);
        sleeper.#received = sleeper.#received.subarray(piece.length);
        return piece.length || undefined;
      }

      write(): void {
        // Who listens does not matter here.
      }

      close(): void {
        assert.fail("nobody closes it");
      }
    }
    const host = bareHost(this.time, this.reports, {
      config: { ...config, broker: { ...config.broker, secure: false } },
      console: { io: Port },
      vault: new RamVault(),
      watchdog: { timeoutMs: 30_000, feed: () => this.fed++ },
      ...(canSleep && { sleep: (ms: number) => this.slept.push([this.time.ticks, ms]) }),
    });
    this.host = withProvisioning(withWatchdog(host)) ?? assert.fail();
  }

  hear(text: string): void {
    this.#received = Buffer.from(text, "latin1");
    this.#arrived(text.length);
  }
}

describe("a device that sleeps, with a factory at its console", () => {
  it("sleeps at once when no request ever came", () => {
    const device = new Sleeper();
    device.host.sleep?.(60_000);
    assert.deepEqual(device.slept, [[0, 60_000]]);
    assert.deepEqual(device.reports, []);
  });

  it("sleeps at once 30 s after the last request", () => {
    const device = new Sleeper();
    device.hear(requestLine(1, "hello", ["1"]));
    device.time.pass(30_000);
    device.host.sleep?.(60_000);
    assert.deepEqual(device.slept, [[30_000, 60_000]]);
  });

  it("stays awake until 30 s after the last request, and wakes when it would have", () => {
    const device = new Sleeper();
    device.hear(requestLine(1, "hello", ["1"]));
    device.time.pass(10_000);
    device.host.sleep?.(600_000);
    device.time.pass(15_000);
    // Refused for its number: somebody is there all the same.
    device.hear(requestLine(9, "status", []));
    device.time.pass(600_000);
    assert.deepEqual(device.slept, [[55_000, 555_000]]);
  });

  it("sleeps for a second at least, when its time to wake has come meanwhile", () => {
    const device = new Sleeper();
    device.hear(requestLine(1, "hello", ["1"]));
    device.host.sleep?.(5_000);
    device.time.pass(40_000);
    assert.deepEqual(device.slept, [[30_000, 1_000]]);
  });

  it("is not kept awake by what is no request", () => {
    const device = new Sleeper();
    device.hear("#>1 hello 1 00000000\nboot\r\n#>");
    device.host.sleep?.(60_000);
    assert.deepEqual(device.slept, [[0, 60_000]]);
  });

  it("is not restarted by its watchdog meanwhile", () => {
    const device = new Sleeper();
    let number = 0;
    device.hear(requestLine(++number, "hello", ["1"]));
    device.host.sleep?.(60_000);
    // Longer than the firmware may be silent otherwise.
    for (let i = 0; i < 80; i++) {
      device.time.pass(20_000);
      device.hear(requestLine(++number, "status", []));
    }
    assert.deepEqual(device.slept, []);
    const { fed } = device;
    device.time.pass(20_000);
    assert.ok(device.fed > fed);
    assert.equal(device.reports[0]?.[0], "provisioning");
  });

  it("has no sleep where the platform has none", () => {
    assert.equal(new Sleeper(false).host.sleep, undefined);
  });
});
