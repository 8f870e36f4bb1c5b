import { ProvisioningError } from "./error.js";

/** Digits of the longest number that an answer may hold. */
const NUMBER = /^\d{1,9}$/;
/** A fact in one word: what a terminal would act on is none. */
const WORD = /^[!-~]{1,64}$/;

/** The values of one answer, checked as they are taken out: who sends them may be anyone. */
export class Values {
  readonly #values: ReadonlyMap<string, string>;
  readonly #verb: string;

  constructor(values: ReadonlyMap<string, string>, verb: string) {
    this.#values = values;
    this.#verb = verb;
  }

  has(name: string): boolean {
    return this.#values.has(name);
  }

  /** A whole number of at most `most`. */
  number(name: string, most = 999_999_999): number {
    const text = this.#get(name);
    const number = NUMBER.test(text) ? Number(text) : Infinity;
    return number <= most ? number : this.malformed();
  }

  flag(name: string): boolean {
    return this.one(name, ["0", "1"]) === "1";
  }

  word(name: string): string {
    const text = this.#get(name);
    return WORD.test(text) ? text : this.malformed();
  }

  one<Word extends string>(name: string, words: readonly Word[]): Word {
    const text = this.#get(name);
    return words.find(word => word === text) ?? this.malformed();
  }

  /** Eight hexadecimal digits. */
  hex32(name: string): number {
    const text = this.#get(name);
    return /^[\da-f]{8}$/.test(text) ? Number.parseInt(text, 16) : this.malformed();
  }

  bytes(name: string): Uint8Array {
    const text = this.#get(name);
    const bytes = Buffer.from(text, "base64");
    return bytes.toString("base64") === text ? Uint8Array.from(bytes) : this.malformed();
  }

  /** Those of the names that have a value. */
  optional<Name extends string>(...names: readonly Name[]): Partial<Record<Name, string>> {
    const found: Partial<Record<Name, string>> = {};
    for (const name of names) if (this.has(name)) found[name] = this.word(name);
    return found;
  }

  malformed(): never {
    throw new ProvisioningError("malformed", this.#verb);
  }

  #get(name: string): string {
    return this.#values.get(name) ?? this.malformed();
  }
}
