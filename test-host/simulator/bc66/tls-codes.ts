/** What can go wrong with the module's own TLS, as far as its result codes could tell it apart. */
export type Bc66TlsCause =
  /** The module itself failed, such as no memory for a payload. */
  | "exception"
  /** Name unknown, connection refused or never answered, closed in the handshake without a word. */
  | "name"
  | "connection"
  | "closed-in-handshake"
  /** The server's certificate: CA does not fit, expired, other name; or none of ours where one is needed. */
  | "server-certificate"
  | "own-certificate"
  | "key"
  /** The server ended the handshake for want of a common suite. */
  | "suites"
  /** The connection is open already, or not in a state to do this. */
  | "state"
  | "timeout"
  /** Context 2 or 3. */
  | "context"
  /** Handshake messages split over records. */
  | "split-message"
  | "version"
  /** The server's alert after our certificate. */
  | "refused-by-server"
  | "other";

/**
 * Result codes (SSL Application Note V1.0): 0 ok, -1 exception, -2 connection, -3 certificate, -4 key,
 * -5 cipher, -6 state, -7 timeout, -9 others. Which cause gives which code is documented for none of them;
 * those that the names of the codes do not settle are guesses.
 */
export const defaultTlsCodes: Readonly<Record<Bc66TlsCause, number>> = {
  exception: -1,
  name: -2,
  connection: -2,
  "closed-in-handshake": -2,
  "server-certificate": -3,
  "own-certificate": -3,
  key: -4,
  suites: -5,
  state: -6,
  timeout: -7,
  context: -9,
  "split-message": -9,
  version: -9,
  "refused-by-server": -9,
  other: -9,
};
