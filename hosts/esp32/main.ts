/**
 * The device's main module: hands the platform's services to the firmware. Verified on no hardware
 * yet: it type-checks against Moddable's typings, and the firmware that it starts is the one that
 * the simulation runs.
 */
import start from "../firmware/products/chosen.js";
import { openDevice } from "./device.js";

export default function main(): void {
  const host = openDevice();
  if (host !== undefined) start(host);
}
