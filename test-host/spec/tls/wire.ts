/** Records and handshake messages by hand, and what was recorded of real ones. */

export function record(type: number, body: Uint8Array): Buffer {
  return Buffer.concat([Buffer.from([type, 3, 3, body.length >> 8, body.length & 0xff]), body]);
}

/** A handshake message with a body of zeros, unless it is given. */
export function message(type: number, body: number | Uint8Array): Buffer {
  const bytes = typeof body === "number" ? Buffer.alloc(body) : body;
  return Buffer.concat([Buffer.from([type, 0, bytes.length >> 8, bytes.length & 0xff]), bytes]);
}

/** A record of `size` bytes on the wire that holds one message. */
export function messageRecord(type: number, size: number): Buffer {
  return record(22, message(type, size - 9));
}

/** A Certificate record of `size` bytes with `count` certificates. */
export function certificateRecord(size: number, count: number): Buffer {
  const list = size - 12;
  const body = Buffer.alloc(list + 3);
  body.writeUIntBE(list, 0, 3);
  const first = count === 1 ? list - 3 : Math.floor((list - 3 * count) / count);
  if (count > 0) body.writeUIntBE(first, 3, 3);
  return record(22, message(11, body));
}

/** A ServerHello record of `size` bytes that chooses a version and a suite. */
export function serverHello(size: number, suite = 0xc02f, version = 0x0303): Buffer {
  const body = Buffer.alloc(size - 9);
  body.writeUInt16BE(version, 0);
  const sessionId = 32;
  body.writeUInt8(sessionId, 34);
  body.writeUInt16BE(suite, 35 + sessionId);
  return record(22, message(2, body));
}

export const changeCipherSpec = record(20, Uint8Array.of(1));

/** One direction's piece of a handshake. */
export interface Piece {
  readonly sent: boolean;
  readonly bytes: Uint8Array;
}
