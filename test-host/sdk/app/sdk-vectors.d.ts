/** Made by the run: bytes as hexadecimal digits. */
declare module "sdk/vectors" {
  const vectors: {
    readonly signatures: readonly {
      readonly name: string;
      readonly valid: boolean;
      readonly tbs: string;
      readonly algorithm: string;
      readonly signature: string;
      readonly key: string;
    }[];
    readonly rfc6979: readonly {
      readonly key: string;
      readonly message: string;
      readonly signature: string;
    }[];
  };
  export default vectors;
}
