import type { Command } from "commander";
import { addExport } from "./export.js";
import { addImage } from "./image.js";
import { addLabel } from "./label.js";
import { addPlan } from "./plan.js";
import { addRevoke } from "./revoke.js";
import { addRun } from "./run.js";
import { addStatus } from "./status.js";
import { addVerify } from "./verify.js";

/** `xs-cellular provision`: units get keys and certificates, and the ledger knows what each holds. */
export function addProvisionCommand(program: Command, done: (exitCode: number) => void): void {
  const provision = program
    .command("provision")
    .description("factory: keys and certificates into units, issued, checked, proved and recorded");
  for (const add of [addPlan, addRun, addVerify, addImage, addStatus, addExport, addRevoke, addLabel])
    add(provision, done);
}
