/** Modules of the SDK's `modules/crypt` (8.2.3) as far as they are used here; it brings no typings of its own for them. */

declare module "ssl/session" {
  /** What a session reads from and writes to. It keeps `readable` and `writable` up to date. */
  export interface SessionTransport {
    readable: number;
    writable: number;
    /** Fills `view`. */
    read(view: Uint8Array): void;
    /** Returns what can be written after that. */
    write(packet: Uint8Array | ArrayBuffer): number;
  }

  /** A record is read into a buffer that grows. */
  export interface RecordBuffer extends ArrayBuffer {
    resize(byteLength: number): void;
  }

  class Session {
    constructor(options: object);
    /** The type of the last handshake message, or -1. */
    readonly handshakeProcess: number;
    readonly alert: { readonly level: number; readonly description: number } | undefined;
    readonly chosenCipher: { readonly value: readonly number[] } | undefined;
    initiateHandshake(): void;
    /** One step: sends what is due, or takes one record. True when it is over. */
    handshake(transport: SessionTransport): boolean;
    /** Application data; `null` when the peer has taken leave. */
    read(transport: SessionTransport): Uint8Array | null | undefined;
    write(transport: SessionTransport, data: Uint8Array): number;
    /** Makes a message and sends it. */
    doProtocol(transport: SessionTransport, protocol: object, first?: unknown, second?: unknown): void;
    /** A whole record, header included. */
    readPacket(transport: SessionTransport): RecordBuffer | undefined;
  }

  export default Session;
}

declare module "ssl/stream" {
  class SSLStream {
    constructor(bytes: Uint8Array);
    private readonly bytes: never;
  }

  export default SSLStream;
}

declare module "ssl/handshake" {
  import type Session from "ssl/session";
  import type SSLStream from "ssl/stream";

  export interface CipherSuite {
    /** Two bytes. */
    readonly value: readonly number[];
  }

  const handshakeProtocol: {
    readonly clientHello: { readonly msgType: number };
    readonly clientKeyExchange: object;
    readonly certificateVerify: {
      readonly msgType: number;
      /** SHA-256 of the handshake so far. */
      calculateDigest(session: Session): ArrayBuffer;
    };
    packetize(session: Session, msgType: number, body: SSLStream): Uint8Array;
    readonly helloProtocol: {
      packetize(
        session: Session,
        suites: readonly CipherSuite[],
        compressionMethods: readonly number[],
        msgType: number,
      ): Uint8Array;
    };
  };
  export default handshakeProtocol;
}

declare module "ssl/ciphersuites" {
  import type { CipherSuite } from "ssl/handshake";

  const supportedCipherSuites: readonly CipherSuite[];
  export default supportedCipherSuites;
}

declare module "ssl/record" {
  import type Session from "ssl/session";

  const recordProtocol: {
    /** A record, encrypted once the handshake has come so far. */
    packetize(session: Session, type: number, fragment: Uint8Array): Uint8Array;
  };
  export default recordProtocol;
}

declare module "crypt" {
  export class Digest {
    constructor(name: string);
    close(): ArrayBuffer;
  }
}

declare module "rng" {
  const RNG: {
    /** Begins a new sequence of random numbers. */
    init(seed: ArrayBuffer): void;
  };
  export default RNG;
}

declare module "rsa" {
  class RSA {
    constructor(exponent: bigint, modulus: bigint);
    process(value: bigint): bigint;
  }

  export default RSA;
}

declare module "ecp" {
  class ECPoint {
    static fromOctetString(bytes: Uint8Array): ECPoint;
    private readonly point: never;
  }

  export default ECPoint;
}

declare module "curve" {
  class Curve {
    constructor(name: "secp256r1" | "secp384r1");
    /** The order of the group. */
    readonly n: bigint;
    /** The secret number of the next signature, in place of a random one. */
    k?: bigint;
    /** The point that belongs to a private key: 4, then two coordinates. */
    dh(key: ArrayBuffer): ArrayBuffer;
  }

  export default Curve;
}

declare module "ecdsa" {
  import type Curve from "curve";
  import type ECPoint from "ecp";

  class ECDSA {
    constructor(key: ECPoint | bigint, curve: Curve);
    /** `asn1`: the signature is a DER SEQUENCE of r and s. */
    verify(hash: ArrayBuffer, signature: Uint8Array, asn1: true): boolean;
    /** r and s, 32 bytes each. */
    sign(hash: ArrayBuffer): ArrayBuffer;
  }

  export default ECDSA;
}

declare module "pkcs8" {
  export interface RSAPrivateKey {
    readonly modulus: bigint;
    readonly privExponent: bigint;
  }

  const PKCS8: {
    parse(bytes: Uint8Array): RSAPrivateKey;
  };
  export default PKCS8;
}

declare module "pkcs1_5" {
  import type { RSAPrivateKey } from "pkcs8";

  class PKCS1_5 {
    /** `oid`: of the hash, for the DigestInfo. */
    constructor(key: RSAPrivateKey, isPrivate: boolean, oid: readonly number[]);
    sign(hash: ArrayBuffer): ArrayBuffer;
  }

  export default PKCS1_5;
}
