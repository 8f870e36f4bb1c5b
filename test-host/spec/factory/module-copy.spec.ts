import assert from "node:assert/strict";
import { revokeUnit } from "../../../certs/factory/rework.js";
import type { Target } from "../../../certs/factory/target.js";
import { openDeviceTarget } from "../../../hosts/workstation/provision/targets/device.js";
import { openModemTarget } from "../../../hosts/workstation/provision/targets/modem/target.js";
import type { CredentialRole } from "../../../modules/io/credentials.js";
import { BenchPort } from "../../factory/bench-port.js";
import { SimDevice } from "../../factory/sim-device.js";
import { Ends, FlowBench } from "./flow-bench.js";
import { ModemBench } from "./modem-bench.js";

const IMEI = "866425030000014";

/** A target that tells what is written to it. */
function overheard(target: Target, onWrite: (role: CredentialRole, bytes: Uint8Array) => void): Target {
  return new Proxy(target, {
    get(real, name) {
      const value: unknown = Reflect.get(real, name, real);
      if (typeof value !== "function") return value;
      return (...args: readonly unknown[]): unknown => {
        const [role, bytes] = args;
        if (name === "write" && (role === "ca" || role === "certificate" || role === "key"))
          if (bytes instanceof Uint8Array) onWrite(role, Uint8Array.from(bytes));
        return Reflect.apply(value, real, args);
      };
    },
  });
}

describe("flow: the copy of a device's key in its BG95", function () {
  this.timeout(20_000);
  const ends = new Ends();
  afterEach(() => ends.run());

  for (const replace of [false, true])
    it(`outlives the erasing of the device, and is erased at the module's own port${replace ? ", also when the unit is to be replaced" : ""}`, async () => {
      const bench = await FlowBench.create({ profile: { key: { made: "host", kind: "P-256" } } });
      ends.add(() => bench.end());
      const device = new SimDevice({ mac: "02AB00000001", imei: IMEI });
      const port = await BenchPort.open(device);
      ends.add(() => port.close());
      const written = new Map<CredentialRole, Uint8Array>();
      const open = async (address: string): Promise<Target> =>
        overheard(await openDeviceTarget(address), (role, bytes) => written.set(role, bytes));
      assert.equal((await bench.run(port.address, { open })).outcome, "done");

      // What the firmware does on the route module-tls.
      const line = await ModemBench.bg95();
      ends.add(() => line.close());
      const copy = (): Promise<Target> =>
        openModemTarget(line.address, { module: "bg95", route: "module-tls" });
      const firmware = await copy();
      await firmware.connect();
      for (const [role, bytes] of written) await firmware.write(role, bytes);
      await firmware.close();

      const revoke = async (target: Target): Promise<boolean> => {
        try {
          const wish = { serial: "unit-1", reason: "keyCompromise", replace } as const;
          const { ledger } = bench;
          return (await revokeUnit({ ledger, station: "station-1", ...wish, target })).erased;
        } finally {
          await target.close();
        }
      };
      assert.equal(await revoke(await openDeviceTarget(port.address)), true);
      assert.equal(device.publicKey, undefined);
      assert.equal(line.modem.files.names.filter(name => /^xs-key-/.test(name)).length, 1);
      assert.equal(await revoke(await copy()), true);
      assert.deepEqual(line.modem.files.names, []);
      assert.equal(await bench.eventsOf("unit-1", "erased"), 2);
      assert.deepEqual(await bench.fates("unit-1"), ["revoked"]);
    });
});
