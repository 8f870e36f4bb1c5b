import assert from "node:assert/strict";
import { createPrivateKey } from "node:crypto";
import { FactoryError } from "../../../certs/factory-error.js";
import { makeHostKey, withPkcs8 } from "../../../certs/factory/host-key.js";
import { openDeviceTarget } from "../../../hosts/workstation/provision/targets/device.js";
import { BenchPort } from "../../factory/bench-port.js";
import { LeakScanner } from "../../factory/leak-scanner.js";
import { Secrets } from "../../factory/secrets.js";
import { SimDevice } from "../../factory/sim-device.js";
import { FlowBench, telling } from "./flow-bench.js";

describe("flow: a key that is made on the host", () => {
  for (const kind of ["P-256", "RSA-2048"] as const)
    it(`${kind}: its bytes are overwritten when the unit has them, and when it would not take them`, async () => {
      const key = await makeHostKey(kind);
      const lent: Uint8Array[] = [];
      await withPkcs8(key, bytes => {
        assert.ok(createPrivateKey({ key: Buffer.from(bytes), format: "der", type: "pkcs8" }).equals(key));
        lent.push(bytes);
        return Promise.resolve();
      });
      await assert.rejects(
        withPkcs8(key, bytes => {
          lent.push(bytes);
          return Promise.reject(new Error("gone"));
        }),
        /^Error: gone$/,
      );
      assert.deepEqual(
        lent.map(bytes => bytes.some(byte => byte !== 0)),
        [false, false],
      );
    });

  for (const [kind, module, route] of [
    ["P-256", "bg95", "host-tls"],
    ["RSA-2048", "bc66", "module-tls"],
  ] as const)
    it(`${kind}: nothing of it is told, and nothing is in the ledger, when the unit does not take it`, async () => {
      const bench = await FlowBench.create({
        profile: { module, route, key: { made: "host", kind } },
      });
      const port = await BenchPort.open(new SimDevice({ mac: "02AB00000001", module }));
      const secrets = new Secrets();
      try {
        const open = async (address: string) => ({
          ...telling(await openDeviceTarget(address), () => ({})),
          write: (_: string, bytes: Uint8Array) => {
            secrets.addKey(Uint8Array.from(bytes));
            const sentences = { what: "the flash is full", why: "-", fix: "-" };
            return Promise.reject(new FactoryError({ code: "storage", side: "unit", ...sentences }));
          },
        });
        const { error, ...told } = await bench.run(port.address, { open });
        assert.deepEqual([error?.code, secrets.size], ["storage", 1]);
        const scanner = new LeakScanner(secrets);
        const words = JSON.stringify([error?.what, error?.why, error?.fix, error?.stack, told]);
        assert.deepEqual(scanner.scan("what is told", words), []);
        assert.deepEqual(scanner.scanPaths([bench.folder]), []);
      } finally {
        await port.close();
        await bench.end();
      }
    });
});
