import { prepare } from "../../hosts/esp32/prepare.js";
import type { DeviceConfig } from "../../hosts/esp32/device-config.js";
import { checkConfig } from "../../hosts/firmware/check-config.js";
import { ownIncludes, partsOn, type ReadManifest } from "./manifest.js";
import type { Platform } from "./plan.js";

type Json = Readonly<Record<string, unknown>>;

/** The configuration of an application as the firmware will find it on a platform. */
export function configOf(read: ReadManifest, path: string, platform: Platform): Json {
  const manifest = read(path);
  const included = ownIncludes(manifest, path, platform).map(one => configOf(read, one, platform));
  const own = partsOn(manifest, platform).map(({ config = {} }) => config);
  return Object.assign({}, ...included, ...own) as Json;
}

/** What the firmware would say to it at its start. */
export function configFaults(read: ReadManifest, path: string, platform: Platform): readonly string[] {
  const config = configOf(read, path, platform);
  if (platform === "lin") return checkConfig(config).map(({ member, why }) => `${member} ${why}`);
  const faults: string[] = [];
  // Types are what `prepare` looks at.
  prepare(config as unknown as DeviceConfig, (event, ...values) => {
    if (event === "failure") faults.push(values.filter(value => value !== undefined).join(" "));
  });
  return faults;
}
