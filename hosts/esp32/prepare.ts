import { checkConfig, refuses, type ConfigFault } from "../firmware/check-config.js";
import type { Host } from "../firmware/host.js";
import { chooseWiring } from "./choose-wiring.js";
import type { DeviceConfig } from "./device-config.js";
import type { WiredBoard } from "./wiring.js";

/** What is wrong with the members that only an ESP32 has. */
function faultsOf({ serial = "buffered", watchdogS }: DeviceConfig): readonly ConfigFault[] {
  const faults: ConfigFault[] = [];
  if (!["buffered", "stock"].includes(serial))
    faults.push({ member: "serial", why: `is "${serial}"; allowed is one of buffered, stock` });
  if (watchdogS !== undefined && !(Number.isInteger(watchdogS) && watchdogS >= 0 && watchdogS <= 3_600))
    faults.push({
      member: "watchdogS",
      why: `is ${String(watchdogS)}; allowed is a whole number from 0 to 3600`,
    });
  return faults;
}

/**
 * The board as it is wired, of a configuration without fault; `undefined` when there is one. Every
 * fault is reported with what is wrong and what to do, as `failure`, or as `warning` where it works
 * nevertheless. No pin is touched. `concerns`: which faults of the application's members count.
 */
export function prepare(
  config: DeviceConfig,
  report: Host["report"],
  concerns: (fault: ConfigFault) => boolean = () => true,
): WiredBoard | undefined {
  // A module that is none makes its driver's questions meaningless: the rest is looked at first.
  const faults = [...checkConfig(config).filter(concerns), ...faultsOf(config)];
  const chosen = chooseWiring(config);
  chosen.faults.forEach(({ member, why, fix, fatal }) => {
    if (fatal) faults.push({ member, why: why + " " + fix });
    else report("warning", member, why, fix);
  });
  return refuses(report, faults) ? undefined : chosen.board;
}
