/**
 * What somebody gave to the command line cannot be used. Made of three sentences for people; none
 * ever holds key material.
 */
export class InputError extends Error {
  override readonly name = "InputError";
  /** What is wrong: `client.key holds a certificate (CN=device-1), not a private key`. */
  readonly what: string;
  /** Why that matters. */
  readonly why: string;
  /** What to do. */
  readonly fix: string;
  /** The file or option that it is about, as it was given. */
  readonly file: string;

  constructor(parts: { what: string; why: string; fix: string; file: string }) {
    super(parts.what);
    this.what = parts.what;
    this.why = parts.why;
    this.fix = parts.fix;
    this.file = parts.file;
  }
}
