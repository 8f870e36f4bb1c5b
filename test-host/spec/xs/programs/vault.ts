import type { CredentialRole } from "../../../../modules/io/credentials.js";
import type { SimulationHost } from "../../../xs/index.js";

function bytesOf(text: string): Uint8Array {
  const bytes = new Uint8Array(text.length / 2);
  for (let at = 0; at < bytes.length; at++) bytes[at] = parseInt(text.slice(2 * at, 2 * at + 2), 16);
  return bytes;
}

function hex(bytes: Uint8Array): string {
  let text = "";
  for (const byte of bytes) text += byte.toString(16).padStart(2, "0");
  return text;
}

interface Command {
  readonly run: "state" | "fill" | "confirm" | "restart" | "open";
  readonly role?: CredentialRole;
  readonly objects?: readonly (readonly [CredentialRole, string])[];
}

/** Fills and reads the vault as messages ask. */
export default function start(host: SimulationHost): void {
  const { vault } = host;
  const tell = (): void => {
    host.report("vault", vault?.slot, vault?.state, vault === host.credentials);
  };
  tell();
  host.listen(text => {
    const { run, role = "ca", objects = [] } = JSON.parse(text) as Command;
    if (run === "fill") {
      const writer = vault?.begin();
      for (const [name, der] of objects) {
        const bytes = bytesOf(der);
        writer?.open(name, bytes.length);
        for (let at = 0; at < bytes.length; at += 64) writer?.write(bytes.subarray(at, at + 64));
        host.report("closed", name, writer?.close());
      }
      writer?.commit();
    } else if (run === "confirm") vault?.confirm();
    else if (run === "restart") host.restart?.();
    else if (run === "open") {
      const found = vault?.peek(role);
      const bytes = new Uint8Array(found?.byteLength ?? 0);
      found?.read(bytes, 0);
      host.report("found", hex(bytes));
      return;
    }
    tell();
  });
}
