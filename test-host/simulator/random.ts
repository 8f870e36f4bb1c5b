/**
 * Seeded pseudo-random numbers (sfc32). Every consumer forks a stream of its own by name, so that a
 * consumer added later does not shift the numbers of the others.
 */
export class Random {
  readonly seed: string;
  #a: number;
  #b: number;
  #c: number;
  #counter = 1;

  constructor(seed: number | string) {
    this.seed = String(seed);
    this.#a = fnv1a(this.seed, 0x811c9dc5);
    this.#b = fnv1a(this.seed, 0x01000193);
    this.#c = fnv1a(this.seed, 0x9e3779b9);
    for (let round = 0; round < 12; round++) this.#word();
  }

  /** A stream that depends on the seed and the label only. */
  fork(label: string): Random {
    return new Random(`${this.seed}/${label}`);
  }

  /** 0 <= value < 1. */
  next(): number {
    return this.#word() / 0x1_0000_0000;
  }

  /** 0 <= value < limit, whole. */
  integer(limit: number): number {
    return Math.floor(this.next() * limit);
  }

  #word(): number {
    const sum = (((this.#a + this.#b) | 0) + this.#counter++) | 0;
    this.#a = this.#b ^ (this.#b >>> 9);
    this.#b = (this.#c + (this.#c << 3)) | 0;
    this.#c = (((this.#c << 21) | (this.#c >>> 11)) + sum) | 0;
    return sum >>> 0;
  }
}

function fnv1a(text: string, basis: number): number {
  let hash = basis;
  for (let index = 0; index < text.length; index++)
    hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193);
  return hash | 0;
}
