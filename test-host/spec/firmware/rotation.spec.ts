import assert from "node:assert/strict";
import type { FirmwareConfig } from "../../../hosts/firmware/config.js";
import type { Host, ReportValue } from "../../../hosts/firmware/host.js";
import { withRotation } from "../../../hosts/firmware/rotation.js";
import type { SlotVault } from "../../../modules/pki/vault.js";
import { makeSets, provision, rotate, World, type CredentialSet } from "../pki/vault-world.js";
import { bareHost, config, type Report } from "./hosts.js";
import { ManualTime } from "./manual-timer.js";

/** A device with credentials in one slot, and new ones on trial in the other. */
class Device {
  readonly world = new World("plain");
  readonly reports: Report[] = [];
  restarts = 0;
  vault: SlotVault;
  host!: Host;

  constructor(sets: readonly CredentialSet[]) {
    const [first, second] = sets;
    assert.ok(first && second);
    this.vault = this.world.start();
    rotate(this.vault, first);
    provision(this.vault, second);
    this.start();
  }

  /** As after a restart. */
  start(woke = false, credentials: FirmwareConfig["credentials"] = "device"): void {
    this.vault = this.world.start();
    const { vault, reports } = this;
    const parts = {
      config: { ...config, credentials },
      vault,
      credentials: vault,
      restart: () => {
        this.restarts++;
      },
    };
    this.host = withRotation(bareHost(new ManualTime(), reports, parts), woke);
  }

  fails(kind: string, flight?: number): void {
    const nothing: ReportValue[] = new Array<undefined>(5).fill(undefined);
    this.host.report("failure", "broker", kind, ...nothing, flight);
  }

  get told(): readonly Report[] {
    return this.reports.filter(([event]) => event === "credentials");
  }
}

describe("credentials on trial", () => {
  let sets: readonly CredentialSet[];
  before(async () => {
    sets = await makeSets(2);
  });

  // A handshake with the former ones was under way when the factory committed: its success made a slot
  // stay that had never been tried.
  it("are not confirmed by a connection of the start in which they were committed, nor blamed for its end", () => {
    const device = new Device(sets);
    device.host.report("mqtt", false);
    assert.equal(device.vault.state, "confirmed");
    const [first] = sets;
    assert.ok(first);
    provision(device.vault, first);
    assert.equal(device.vault.state, "trial");
    device.host.report("mqtt", false);
    for (let i = 0; i < 9; i++) device.fails("peer-closed");
    assert.equal(device.vault.state, "trial");
    device.start();
    device.host.report("mqtt", false);
    assert.equal(device.vault.state, "confirmed");
  });

  it("are neither confirmed nor blamed by a device that uses what its module holds", () => {
    const device = new Device(sets);
    device.start(false, "module");
    device.host.report("mqtt", false);
    for (let i = 0; i < 9; i++) device.fails("peer-closed");
    assert.equal(device.vault.state, "trial");
    assert.deepEqual(device.told, []);
  });

  it("are confirmed when the broker has accepted a connection", () => {
    const device = new Device(sets);
    assert.equal(device.vault.state, "trial");
    const slot = device.vault.slot;
    device.host.report("mqtt", false);
    assert.equal(device.vault.state, "confirmed");
    assert.equal(device.vault.slot, slot);
    assert.deepEqual(device.told, [["credentials", slot, "confirmed"]]);
  });

  for (const kind of ["tls", "credential", "mqtt-refused", "peer-closed"]) {
    it(`are taken back after some connections that failed with ${kind}, and the device begins anew`, () => {
      const device = new Device(sets);
      const slot = device.vault.slot;
      let failures = 0;
      while (device.restarts === 0 && failures < 10) {
        device.fails(kind);
        failures++;
      }
      assert.ok(failures > 1 && failures < 10, String(failures));
      assert.notEqual(device.vault.slot, slot);
      assert.deepEqual(device.told, [["credentials", device.vault.slot, "rolled-back"]]);
      assert.equal(device.restarts, 1);
    });
  }

  it("are taken back at once when no way takes them", () => {
    const device = new Device(sets);
    device.fails("route");
    assert.equal(device.restarts, 1);
    assert.equal(device.vault.state, "confirmed");
  });

  for (const [name, kind, flight] of [
    ["a network that is down", "network-lost", undefined],
    ["a name that is not resolved", "dns", undefined],
    ["a broker that is down", "connect", undefined],
    ["a broker that does not answer", "mqtt-timeout", undefined],
    ["a ClientHello that nothing answers", "tls", 1],
  ] as const) {
    it(`are not blamed for ${name}`, () => {
      const device = new Device(sets);
      for (let i = 0; i < 50; i++) device.fails(kind, flight);
      assert.equal(device.vault.state, "trial");
      assert.deepEqual(device.told, []);
    });
  }

  it("are not blamed for what the module does", () => {
    const device = new Device(sets);
    for (let i = 0; i < 50; i++) device.host.report("failure", "modem", "credential");
    assert.equal(device.vault.state, "trial");
  });

  it("are taken back when the device starts again and again with them", () => {
    const device = new Device(sets);
    let starts = 1;
    while (device.vault.state === "trial" && starts < 10) {
      device.start();
      starts++;
    }
    assert.equal(device.vault.state, "confirmed");
    assert.deepEqual(device.told, [["credentials", device.vault.slot, "rolled-back"]]);
    assert.equal(device.restarts, 0, "it begins with the former ones already");
  });

  it("are not blamed for starts that end a sleep", () => {
    const device = new Device(sets);
    for (let i = 0; i < 20; i++) device.start(true);
    assert.equal(device.vault.state, "trial");
  });

  it("that are confirmed are blamed for nothing any more", () => {
    const device = new Device(sets);
    device.host.report("mqtt", false);
    const { slot } = device.vault;
    for (let i = 0; i < 50; i++) device.fails("tls");
    assert.equal(device.vault.slot, slot);
    assert.equal(device.restarts, 0);
  });

  it("stay when there are no others to go back to", () => {
    const world = new World("plain");
    const [first] = sets;
    assert.ok(first);
    provision(world.start(), first);
    const reports: Report[] = [];
    const vault = world.start();
    const host = withRotation(bareHost(new ManualTime(), reports, { vault, credentials: vault }));
    host.report("failure", "broker", "route");
    for (let i = 0; i < 20; i++) host.report("failure", "broker", "tls");
    assert.equal(vault.state, "trial");
    host.report("mqtt", false);
    assert.equal(vault.state, "confirmed");
  });
});
