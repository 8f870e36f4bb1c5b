import { withFlowControl } from "../../../../hosts/firmware/flow-control.js";
import start from "../../../../hosts/firmware/main.js";
import type { SimulationHost } from "../../../xs/index.js";

/** The firmware on a board whose RTS and CTS are wired. */
export default function startWithFlowControl(host: SimulationHost): void {
  start({ ...host, adapt: withFlowControl });
}
