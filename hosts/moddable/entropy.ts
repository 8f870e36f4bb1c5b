/** 32 bytes that nobody can foretell, each time others; valid until the next call. */
export type Entropy = () => Uint8Array;
