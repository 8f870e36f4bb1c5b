import assert from "node:assert/strict";
import type { FirmwareConfig } from "../../../hosts/firmware/config.js";
import type { Host, ReportValue } from "../../../hosts/firmware/host.js";
import type { SerialPort } from "../../../modules/io/serial.js";
import type { ManualTime } from "./manual-timer.js";

export const config: FirmwareConfig = Object.freeze<FirmwareConfig>({
  module: "bg95",
  broker: Object.freeze({ host: "broker.example.net", port: 8883, secure: true, verify: true }),
  clientId: "device-1",
  topic: "devices/device-1/telemetry",
  message: "message {n}",
  count: 3,
  qos: 1,
  commands: 0,
  lingerMs: 0,
  attempts: 0,
  keepAlive: 60_000,
});

export type Report = readonly [event: string, ...values: ReportValue[]];

class NoPort implements SerialPort {
  constructor() {
    this.close();
  }

  read(): undefined {
    assert.fail("nothing is read");
  }

  write(): void {
    assert.fail("nothing is written");
  }

  close(): void {
    assert.fail("no port is opened");
  }
}

/** A host without a module, whose reports are kept. */
export function bareHost(time: ManualTime, reports: Report[], parts: Partial<Host> = {}): Host {
  return {
    config,
    serial: { io: NoPort },
    timer: time,
    clock: time,
    random: () => 0.5,
    power: {},
    credentials: { open: () => undefined },
    report: (...report) => {
      reports.push(report);
    },
    ...parts,
  };
}
