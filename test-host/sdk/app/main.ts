/**
 * Runs one program after the network is there: an example of the SDK or one of its tests, by the name
 * that the file `program` holds. `ours` before the name: with this library's MQTT client.
 */
import files from "embedded:storage/files";
import OwnMQTTClient from "../../../hosts/moddable/mqtt-client.js";
import { done, installGlobals } from "./assert.js";

interface Device {
  readonly network: Readonly<Record<string, object>>;
}

function program(): string {
  const bytes = new Uint8Array(200);
  const file = files.openFile({ path: "program", mode: "r" });
  const count = file.read(bytes, 0);
  file.close();
  return String.fromCharCode(...bytes.subarray(0, count));
}

function useOwnClient(): void {
  const scope = globalThis as unknown as { device: Device };
  const { network } = scope.device;
  scope.device = {
    ...scope.device,
    network: {
      ...network,
      mqtt: { ...network["mqtt"], io: OwnMQTTClient },
      mqtts: { ...network["mqtts"], io: OwnMQTTClient },
    },
  };
}

export default function main(): void {
  const [name = "", client] = program().split(" ");
  installGlobals();
  if (client === "ours") useOwnClient();
  import(name).catch(done);
}
