/** `embedded:storage/files` as far as it is used here; @moddable/typings 5.6 does not have it. */
declare module "embedded:storage/files" {
  interface File {
    /** Returns the number of bytes. */
    read(view: Uint8Array, position: number): number;
    close(): void;
  }

  const files: {
    openFile(options: { readonly path: string; readonly mode: "r" }): File;
  };
  export default files;
}
