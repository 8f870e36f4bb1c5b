import handshakeProtocol, { type CipherSuite } from "ssl/handshake";
import supportedCipherSuites from "ssl/ciphersuites";
import Session, { type RecordBuffer, type SessionTransport } from "ssl/session";
import type { HandshakeGuard } from "./handshake-guard.js";

/**
 * The suites that are offered, the best first. The SDK's own list begins with static RSA, which a
 * server that follows the client's order then takes, and has DHE, with which the session cannot
 * show a client certificate.
 */
export const OFFERED: readonly number[] = Object.freeze([
  0xc02f, // ECDHE-RSA-AES128-GCM-SHA256
  0xc02b, // ECDHE-ECDSA-AES128-GCM-SHA256
  0xc027, // ECDHE-RSA-AES128-CBC-SHA256
  0x003c, // RSA-AES128-CBC-SHA256
  0x003d, // RSA-AES256-CBC-SHA256
  0x002f, // RSA-AES128-CBC-SHA
  0x0035, // RSA-AES256-CBC-SHA
]);

/** What a client of TLS 1.2 offers: none. */
const COMPRESSION: readonly number[] = Object.freeze([0]);

function offered(): CipherSuite[] {
  const suites: CipherSuite[] = [];
  for (let i = 0; i < OFFERED.length; i++) {
    const wanted = OFFERED[i] ?? 0;
    const suite = supportedCipherSuites.find(
      ({ value }) => value[0] === wanted >> 8 && value[1] === (wanted & 0xff),
    );
    if (suite !== undefined) suites.push(suite);
  }
  return suites;
}

/** The SDK's session (8.2.3) with a guard over what it reads, and with our order of suites. */
export class GuardedSession extends Session {
  guard: HandshakeGuard | undefined;

  override readPacket(transport: SessionTransport): RecordBuffer | undefined {
    const record = super.readPacket(transport);
    return record === undefined || this.guard === undefined ? record : this.guard.take(record);
  }

  override doProtocol(
    transport: SessionTransport,
    protocol: object,
    first?: unknown,
    second?: unknown,
  ): void {
    const hello = handshakeProtocol.clientHello;
    if (protocol === hello)
      transport.write(handshakeProtocol.helloProtocol.packetize(this, offered(), COMPRESSION, hello.msgType));
    else super.doProtocol(transport, protocol, first, second);
  }
}
