import type { Command } from "commander";
import { inspectFiles } from "../../../certs/files/inspect.js";
import { fileText } from "../../../certs/files/text.js";
import { addCaCommands } from "./ca.js";
import { checkFiles, type CheckFilesOptions } from "./check.js";
import { checkText } from "./check-text.js";
import type { InputError } from "../../../certs/input-error.js";
import { EXIT_OF, guarded } from "../guarded.js";
import { printInputError } from "../simulate/print.js";

interface RawCheckOptions {
  readonly ca?: string;
  readonly cert: string;
  readonly key?: string;
  readonly issuer: readonly string[];
  readonly serial?: string;
  readonly module?: string;
  readonly route?: string;
  readonly tlsEngine?: string;
  readonly broker?: string;
  readonly json?: boolean;
}

/** `xs-cellular certs`: what files of certificates and keys hold, and whether they will do. */
export function addCertsCommand(program: Command, done: (exitCode: number) => void): void {
  const certs = program
    .command("certs")
    .description("certificates and keys: what files hold, and whether they will do");
  certs
    .command("inspect")
    .description(
      "tell what files hold, and which objects belong together; never shows anything of a private key",
    )
    .argument("<file...>", "PEM or DER files: certificates, keys, requests")
    .option("--json", "one JSON object a file, one a line")
    .action(async (files: readonly string[], options: { json?: boolean }) => {
      const json = options.json ?? false;
      await guarded(json, done, async () => {
        const faults: InputError[] = [];
        const inspected = await inspectFiles(files, new Date(), fault => {
          faults.push(fault);
        });
        for (const one of inspected) process.stdout.write(json ? `${JSON.stringify(one)}\n` : fileText(one));
        for (const fault of faults) printInputError(fault, json);
        if (faults.length > 0) return EXIT_OF.input;
        return inspected.some(one => one.holds.some(held => held.kind === "damaged")) ? 1 : 0;
      });
    });
  certs
    .command("check")
    .description("check a device's credentials against each other, a module, a route and a broker")
    .requiredOption(
      "--cert <file>",
      "the device's certificate; further certificates in the file count as its issuers",
    )
    .option("--key <file>", "its private key; left out when the key is on the device")
    .option("--ca <file>", "the CA that the device verifies the broker with")
    .option(
      "--issuer <file>",
      "the authority that issued the device's certificate, up to its root; may be repeated",
      (file: string, files: readonly string[]) => [...files, file],
      [] as readonly string[],
    )
    .option("--serial <text>", "serial of the unit, which the certificate's common name must be")
    .option("--module <name>", "module: bg95 or bc66")
    .option("--route <name>", "module-tls, host-tls, module-mqtt, or auto: any that would do", "auto")
    .option("--tls-engine <name>", "TLS of host-tls: device, or sdk (the SDK's bare session)", "device")
    .option("--broker <address>", "HOST:PORT that is asked for its certificate and suites")
    .option("--json", "one JSON object")
    .action(async (raw: RawCheckOptions) => {
      const json = raw.json ?? false;
      await guarded(json, done, async () => {
        const { cert: certificate } = raw;
        const options: CheckFilesOptions = { ...raw, certificate };
        const result = await checkFiles(options, new Date());
        process.stdout.write(json ? `${JSON.stringify(result)}\n` : checkText(result));
        return result.ok ? 0 : 1;
      });
    });
  addCaCommands(certs, done);
}
