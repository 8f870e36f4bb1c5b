import { randomBytes } from "node:crypto";
import { connect } from "node:net";

/** What a server answers to a ClientHello with certain suites. */
export type ServerAnswer =
  /** It chose one. */
  | { readonly kind: "suite"; readonly suite: number }
  /** It refused with an alert (RFC 5246, 7.2). */
  | { readonly kind: "alert"; readonly description: number }
  /** It closed the connection without a word, said nothing, answered in another protocol, or is not there. */
  | { readonly kind: "closed" | "silent" | "no-tls" | "unreachable" };

export interface LookOptions {
  readonly address: string;
  readonly port: number;
  /** For SNI; an IP address is not sent. */
  readonly serverName: string;
  /** By number, in the order of preference. */
  readonly suites: readonly number[];
  /** Default 3,000. */
  readonly timeoutMs?: number;
}

function u16(value: number): number[] {
  return [value >> 8, value & 0xff];
}

function vector(bytes: readonly number[]): number[] {
  return [...u16(bytes.length), ...bytes];
}

function extension(type: number, body: readonly number[]): number[] {
  return [...u16(type), ...vector(body)];
}

/** A TLS 1.2 ClientHello (RFC 5246, 7.4.1.2) in one record. */
function clientHello(serverName: string, suites: readonly number[]): Buffer {
  const name = [...Buffer.from(serverName, "latin1")];
  const isName = name.length > 0 && !/^[\d.]+$|:/.test(serverName);
  const extensions = [
    ...(isName ? extension(0, vector([0, ...vector(name)])) : []),
    // secp256r1, x25519, secp384r1; uncompressed points; RSA and ECDSA with SHA-256, 384, 1.
    ...extension(10, vector([...u16(23), ...u16(29), ...u16(24)])),
    ...extension(11, [1, 0]),
    ...extension(13, vector([4, 1, 4, 3, 5, 1, 5, 3, 8, 4, 2, 1])),
  ];
  const body = [
    ...u16(0x0303),
    ...randomBytes(32),
    0,
    ...vector(suites.flatMap(u16)),
    1,
    0,
    ...vector(extensions),
  ];
  const message = [1, 0, ...u16(body.length), ...body];
  return Buffer.from([22, ...u16(0x0301), ...vector(message)]);
}

/** The first record of the server, once enough of it is there. */
function answerOf(bytes: Buffer): ServerAnswer | undefined {
  if (bytes.length < 7) return undefined;
  if (bytes[0] === 21) return { kind: "alert", description: bytes[6] ?? 0 };
  if (bytes[0] !== 22 || bytes[5] !== 2) return { kind: "no-tls" };
  // Record 5, handshake header 4, version 2, random 32, then the session's identifier with its length.
  const session = bytes[43];
  if (session === undefined || bytes.length < 46 + session) return undefined;
  return { kind: "suite", suite: bytes.readUInt16BE(44 + session) };
}

/**
 * Asks a server which of these suites it takes: one ClientHello, and the connection is dropped at
 * its answer. No certificate is needed for that, and none is checked.
 */
export function lookAtServer({ address, port, serverName, suites, timeoutMs = 3_000 }: LookOptions) {
  return new Promise<ServerAnswer>(resolve => {
    const socket = connect(port, address);
    let received = Buffer.alloc(0);
    let connected = false;
    const end = (answer: ServerAnswer): void => {
      socket.destroy();
      resolve(answer);
    };
    socket.setTimeout(timeoutMs, () => {
      end({ kind: connected ? "silent" : "unreachable" });
    });
    socket.on("connect", () => {
      connected = true;
      socket.write(clientHello(serverName, suites));
    });
    socket.on("data", piece => {
      received = Buffer.concat([received, Buffer.from(piece)]);
      const answer = answerOf(received);
      if (answer !== undefined) end(answer);
    });
    socket.on("error", () => {
      end({ kind: connected ? "closed" : "unreachable" });
    });
    socket.on("close", () => {
      end({ kind: received.length > 0 ? "no-tls" : "closed" });
    });
  });
}
