import RNG from "rng";
import supportedCipherSuites from "ssl/ciphersuites";
import handshakeProtocol, { type CipherSuite } from "ssl/handshake";
import Session, { type RecordBuffer, type SessionTransport } from "ssl/session";
import SSLStream from "ssl/stream";
import type { Credential } from "../../modules/io/credentials.js";
import type { Entropy } from "./entropy.js";
import type { HandshakeGuard } from "./handshake-guard.js";
import { derSignature, signP256 } from "./p256.js";

/**
 * The suites that are offered, the best first. The SDK's own list begins with static RSA, which a
 * server that follows the client's order then takes, and has DHE, with which the session cannot
 * show a client certificate. Static RSA with AES-256 is left out: servers that follow their own
 * order by strength, as mosquitto's OpenSSL does, would take it before ECDHE with AES-128.
 */
export const OFFERED: readonly number[] = Object.freeze([
  0xc02f, // ECDHE-RSA-AES128-GCM-SHA256
  0xc02b, // ECDHE-ECDSA-AES128-GCM-SHA256
  0xc027, // ECDHE-RSA-AES128-CBC-SHA256
  0x003c, // RSA-AES128-CBC-SHA256
  0x002f, // RSA-AES128-CBC-SHA
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

/**
 * The SDK's session (8.2.3) with what it lacks: a guard over what it reads, our order of suites,
 * P-256 keys of the client, and random numbers that cannot be foretold.
 */
export class GuardedSession extends Session {
  guard: HandshakeGuard | undefined;
  /** The client's key, where it is on P-256. */
  p256: Credential | undefined;
  entropy: Entropy | undefined;

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
    const { clientHello, clientKeyExchange, certificateVerify, helloProtocol } = handshakeProtocol;
    // The hello shows random numbers to everyone, the key exchange keeps them: they share no seed.
    if (this.entropy && (protocol === clientHello || protocol === clientKeyExchange))
      RNG.init(this.entropy().slice().buffer);
    if (protocol === clientHello)
      transport.write(helloProtocol.packetize(this, offered(), COMPRESSION, clientHello.msgType));
    else if (protocol === certificateVerify && this.p256) transport.write(this.verifyMessage(this.p256));
    else super.doProtocol(transport, protocol, first, second);
  }

  /** CertificateVerify (RFC 5246, 7.4.8) with ECDSA; the session itself knows RSA only. */
  private verifyMessage(key: Credential): Uint8Array {
    const { certificateVerify } = handshakeProtocol;
    const signature = derSignature(signP256(key, certificateVerify.calculateDigest(this)));
    const body = new Uint8Array(4 + signature.length);
    body.set([4 /* SHA-256 */, 3 /* ECDSA */, 0, signature.length]);
    body.set(signature, 4);
    return handshakeProtocol.packetize(this, certificateVerify.msgType, new SSLStream(body));
  }
}
