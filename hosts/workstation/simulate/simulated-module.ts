import { BC66 } from "../../../test-host/simulator/bc66/bc66.js";
import { BG95 } from "../../../test-host/simulator/bg95/bg95.js";
import type { LinkName } from "../../../test-host/simulator/link.js";
import type { Modem } from "../../../test-host/simulator/modem/modem.js";
import type { Network } from "../../../test-host/simulator/network.js";
import type { Scheduler } from "../../../test-host/simulator/scheduler.js";
import type { ModuleName } from "../../firmware/config.js";

export interface SimulatedModuleOptions {
  readonly module: ModuleName;
  readonly scheduler: Scheduler;
  readonly network: Network;
  readonly link: LinkName;
  readonly seed?: number;
  /** Rate that the module has stored, as a board's does after AT+IPR; default: that as delivered. */
  readonly baud?: number;
  /** 15 digits; default: that of the model. */
  readonly imei?: string | undefined;
}

/** The simulated module of a session, off and with the time of this machine in its network. */
export function makeModule(options: SimulatedModuleOptions): Modem {
  const { module, scheduler, network, link, seed = 1, baud, imei } = options;
  const settings = { epochMs: Date.now(), ...(imei !== undefined && { imei }) };
  if (module === "bc66") return new BC66({ scheduler, network, link, seed, settings });
  const modem = new BG95({ scheduler, network, link, seed, settings });
  if (baud !== undefined) modem.module.baud = modem.module.stored.baud = baud;
  return modem;
}
