/** The frozen module that the manifest's `config` becomes. What it holds each platform's main module says. */
declare module "mc/config" {
  const config: Readonly<Record<string, unknown>>;
  export default config;
}
