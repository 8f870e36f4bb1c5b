import { InputError } from "../../../certs/input-error.js";
import { LoopbackNetwork } from "../../../test-host/simulator/loopback.js";
import type { Scheduler } from "../../../test-host/simulator/scheduler.js";

/**
 * This machine as the network of a simulated module, with the names of `--resolve`.
 * @throws InputError when an entry of `resolve` is none.
 */
export function loopbackNetwork(scheduler: Scheduler, resolve: readonly string[]): LoopbackNetwork {
  try {
    return new LoopbackNetwork({ scheduler, resolve });
  } catch (error) {
    throw new InputError({
      what: error instanceof Error ? error.message : String(error),
      why: "The module's DNS answers with loopback addresses only.",
      fix: "Write NAME=127.0.0.1 or NAME=127.0.0.1:PORT.",
      file: "--resolve",
    });
  }
}
