/** The frozen module that the manifest's `config` becomes. What it holds is this project's to say. */
declare module "mc/config" {
  import type { DeviceConfig } from "../device-config.js";

  const config: DeviceConfig;
  export default config;
}
