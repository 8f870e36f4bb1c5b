import type { DeviceConfig } from "../../../../hosts/esp32/device-config.js";
import { powerOf } from "../../../../hosts/esp32/power.js";
import { prepare } from "../../../../hosts/esp32/prepare.js";
import type { SimulationHost } from "../../../xs/index.js";

/** What an ESP32 does before the firmware: from configuration to board, and to its lines at rest. */
export default function start(host: SimulationHost): void {
  const board = prepare(host.config as DeviceConfig, host.report);
  if (board === undefined) return;
  host.report("board", board.chip, board.wiring.uart.port, board.wiring.uart.baud);
  powerOf(board.wiring, {
    input: line => ({ read: () => line.active, write: () => undefined }),
    output: (line, level) => {
      host.report("output", line.pin, level);
      return { read: () => level, write: () => undefined };
    },
  });
}
