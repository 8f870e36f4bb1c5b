import { esp32Cost } from "../simulator/simulation.js";
import { shown, type Chapter } from "./figure.js";
import type { Identities } from "./scene.js";
import { operationSteps } from "./uart-cost.js";

export async function compute(identities: Identities): Promise<Chapter> {
  const { nanosecondsPerStep } = esp32Cost;
  const steps = await operationSteps(identities);
  return {
    title: "Engine time",
    note: `Byte codes that XS runs for each operation, and the time of an ESP32 at an estimated ${nanosecondsPerStep} ns each, without collections.`,
    figures: steps.flatMap(([name, count]) => [
      shown(name, count, "steps"),
      shown(name, (count * nanosecondsPerStep) / 1e6, "ms"),
    ]),
  };
}
