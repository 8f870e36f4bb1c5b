/** SHA-256. */
type Hash = (bytes: Uint8Array) => ArrayBuffer;

const STATE_BYTES = 32;
/** What is stirred in at each call: worth something where the generator is, and never harmful. */
const STIR_WORDS = 8;
const BYTES = STATE_BYTES + 1 + 4 * STIR_WORDS;
const OUTPUT = 1;
const NEXT_STATE = 2;

/**
 * Random bytes without end from a seed that nobody knows: each output, and each next state, is a hash of
 * the state, so that neither tells anything of what was or will be given out.
 */
export class EntropyPool {
  private readonly bytes = new Uint8Array(BYTES);
  private readonly hash: Hash;
  private readonly word: () => number;

  /** `seed`: at least 32 unforeseeable bytes. `word`: 32 bits, as good as there are. */
  constructor(seed: Uint8Array, hash: Hash, word: () => number) {
    this.hash = hash;
    this.word = word;
    this.bytes.set(new Uint8Array(hash(seed)));
  }

  /** 32 bytes. */
  next(): Uint8Array {
    const bytes = this.bytes;
    for (let i = STATE_BYTES + 1; i < BYTES; i += 4) {
      const word = this.word();
      for (let j = 0; j < 4; j++) bytes[i + j] = word >>> (8 * j);
    }
    bytes[STATE_BYTES] = OUTPUT;
    const output = new Uint8Array(this.hash(bytes));
    bytes[STATE_BYTES] = NEXT_STATE;
    bytes.set(new Uint8Array(this.hash(bytes)));
    return output;
  }
}
