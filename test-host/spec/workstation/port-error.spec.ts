import assert from "node:assert/strict";
import { portError } from "../../../hosts/workstation/serial/port-error.js";

describe("a port that cannot be opened", () => {
  const coded = (code: string): Error => Object.assign(new Error("x"), { code });
  const cases: readonly (readonly [cause: unknown, code: string])[] = [
    [new Error("Error: No such file or directory, cannot open /dev/ttyUSB0"), "port-missing"],
    [new Error("Error: No such device or address, cannot open /dev/ttyS9"), "port-missing"],
    // A pty whose other end is being made anew.
    [new Error("Error: Input/output error, cannot open /tmp/tty"), "port-missing"],
    [coded("ECONNREFUSED"), "port-missing"],
    [coded("ETIMEDOUT"), "port-missing"],
    [new Error("Error: Permission denied, cannot open /dev/ttyUSB0"), "port-denied"],
    [new Error("Error Resource temporarily unavailable Cannot lock port"), "port-busy"],
    [new Error("Error: Inappropriate ioctl for device, cannot open /etc/passwd"), "port-refused"],
    ["thrown by nobody", "port-refused"],
  ];
  for (const [cause, code] of cases)
    it(`is ${code} for ${String(cause)}`, () => {
      const error = portError("/dev/ttyUSB0", cause);
      assert.equal(error.code, code);
      assert.equal(error.side, "environment");
      assert.match(error.what, /^\/dev\/ttyUSB0 /);
    });

  it("is told in the system's words where nothing better is known", () => {
    const { what } = portError("a", new Error("Error: Inappropriate ioctl for device"));
    assert.equal(what, "a cannot be used (Error: Inappropriate ioctl for device)");
  });
});
