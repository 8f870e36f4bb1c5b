/** The module `embedded:storage/flash` of SDK 8.2, which `@moddable/typings` do not have. */
declare module "embedded:storage/flash" {
  interface Partition {
    read(view: Uint8Array, offset: number): number;
    write(bytes: ArrayBuffer | Uint8Array, offset: number): void;
    eraseBlock(start: number, end?: number): void;
    status(): { readonly size: number; readonly blocks: number; readonly blockLength: number };
    close(): void;
  }

  const storage: {
    /** Throws where there is no data partition of that label. */
    open(options: { readonly path: string; readonly mode: "r" | "r+" }): Partition;
  };
  export default storage;
}
