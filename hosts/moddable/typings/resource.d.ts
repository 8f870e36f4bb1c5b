/** `Resource` where it matters here: @moddable/typings 5.6 does not let a typed array view it in place. */
declare module "Resource" {
  class Resource extends ArrayBuffer {
    constructor(name: string);
    static exists(name: string): boolean;
  }

  export default Resource;
}
