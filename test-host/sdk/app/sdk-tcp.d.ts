/** The SDK's own TCP class for Linux, under a name of its own. */
declare module "sdk/tcp" {
  class NativeTCP {
    constructor(options?: object);
    close(): void;
  }

  export default NativeTCP;
}
