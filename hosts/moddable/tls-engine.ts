import recordProtocol from "ssl/record";
import type { SessionTransport } from "ssl/session";
import { envelopeOf } from "../../modules/pki/envelope.js";
import { checkServerChain } from "../../modules/pki/server-chain.js";
import type { TlsEngine, TlsEngineOptions, TlsEngineRecord } from "../../modules/tls/engine.js";
import { bytesOf } from "./crypto.js";
import type { Entropy } from "./entropy.js";
import { GuardedSession, OFFERED } from "./guarded-session.js";
import { HandshakeGuard } from "./handshake-guard.js";
import { isSignedBy } from "./signatures.js";

const ALERT = 21;
const WARNING = 1;
const FATAL = 2;
const CLOSE_NOTIFY = 0;
const INTERNAL_ERROR = 80;

/** Handshake messages after which the session has something to send. */
const SERVER_HELLO_DONE = 14;
const FINISHED = 20;

/** More than a flight or a record: the socket below queues what it is given. */
const ROOM = 0x7fff;

/** What the session reads from and writes to. */
class Transport implements SessionTransport {
  readable = 0;
  writable = ROOM;
  private readonly transmit: TlsEngineOptions["transmit"];
  private readonly output: Uint8Array[] = [];
  private input: Uint8Array | undefined;
  private taken = 0;

  constructor(transmit: TlsEngineOptions["transmit"]) {
    this.transmit = transmit;
  }

  /** Bytes of the peer, until they are read or the caller of `receive` takes them back. */
  take(bytes: Uint8Array): void {
    this.input = bytes;
    this.taken = 0;
    this.readable = bytes.length;
  }

  /** The session counts `readable` down itself. */
  read(view: Uint8Array): void {
    if (this.input) view.set(this.input.subarray(this.taken, this.taken + view.length));
    this.taken += view.length;
  }

  write(packet: Uint8Array | ArrayBuffer): number {
    this.output.push(packet instanceof Uint8Array ? packet : new Uint8Array(packet));
    return ROOM;
  }

  /** Hands on what was written. Not from inside `write`: there the session stands deep in the stack. */
  flush(): void {
    for (let packet = this.output.shift(); packet !== undefined; packet = this.output.shift())
      this.transmit(packet);
  }
}

/**
 * Moddable's own TLS (`ssl/session` of SDK 8.2.3) as an engine. The session does the key exchange
 * and the records. Whom to trust is decided here: the session's own check takes a server whose
 * certificate nobody has signed that is trusted, as long as a trusted one stands behind it.
 */
class ModdableTlsEngine implements TlsEngine {
  private readonly options: TlsEngineOptions;
  private readonly entropy: Entropy;
  private readonly transport: Transport;
  private session: GuardedSession | undefined;
  private connected = false;

  constructor(options: TlsEngineOptions, entropy: Entropy) {
    this.options = options;
    this.entropy = entropy;
    this.transport = new Transport(options.transmit);
  }

  start(): void {
    const { serverName, certificate, key, verify, ca } = this.options;
    if (verify && ca === undefined) throw new Error("no trusted certificate");
    const session = new GuardedSession({
      protocolVersion: 0x303,
      // An address is no name for SNI (RFC 6066, 3).
      ...(/^[\d.]+$/.test(serverName) ? undefined : { serverName }),
      verify: false,
      // A session that is taken up again would show no certificate.
      cache: false,
      ...(certificate && key && { clientCertificates: [bytesOf(certificate)], clientKey: bytesOf(key) }),
    });
    session.entropy = this.entropy;
    // What is neither is found out when it has to sign.
    if (key && envelopeOf(key).rsaLength === 0) session.p256 = key;
    session.guard = new HandshakeGuard(chain => this.onChain(chain));
    this.session = session;
    session.initiateHandshake();
    session.handshake(this.transport);
    this.transport.flush();
  }

  receive(bytes: Uint8Array): void {
    this.transport.take(bytes);
    try {
      const over = !this.connected && this.handshake();
      this.transport.flush();
      if (over) {
        this.connected = true;
        const suite = this.session?.chosenCipher?.value;
        this.options.connected(((suite?.[0] ?? 0) << 8) | (suite?.[1] ?? 0));
      }
      if (this.connected) this.data();
    } catch (error) {
      this.fail(error);
    }
  }

  write(bytes: Uint8Array): void {
    this.session?.write(this.transport, bytes);
    this.transport.flush();
  }

  end(): void {
    // The session's own farewell has a level that no other side knows.
    if (this.connected) this.tell(WARNING, CLOSE_NOTIFY);
  }

  close(): void {
    this.session = undefined;
  }

  /** Takes what has come; true when the handshake is over. */
  private handshake(): boolean {
    const { session, transport } = this;
    if (session === undefined) return false;
    let message: number;
    do {
      const over = session.handshake(transport);
      if (session.alert) {
        this.options.closed();
        return false;
      }
      if (over) {
        // Should another SDK's session not ask the guard, nothing was checked.
        if (!session.guard?.complete) throw new Error("the handshake was not guarded");
        session.guard = undefined;
        return true;
      }
      message = session.handshakeProcess;
    } while (transport.readable > 0 || message === SERVER_HELLO_DONE || message === FINISHED);
    return false;
  }

  private data(): void {
    while (this.session !== undefined && this.transport.readable > 0) {
      const bytes = this.session.read(this.transport);
      if (bytes === null) {
        this.options.closed();
        return;
      }
      if (bytes !== undefined && bytes.length > 0) this.options.received(bytes);
    }
  }

  private onChain(chain: readonly Uint8Array[]): void {
    const { verify, ca, serverName } = this.options;
    if (verify && ca)
      checkServerChain({ chain, anchor: bytesOf(ca), serverName, now: Date.now(), verify: isSignedBy });
  }

  /** Tells the server why, and throws on. What the server itself has said is not answered. */
  private fail(error: unknown): never {
    const told = this.session?.alert !== undefined;
    const alert = (error as { readonly alert?: unknown } | undefined)?.alert;
    if (!told) this.tell(FATAL, typeof alert === "number" ? alert : INTERNAL_ERROR);
    // The session throws errors without a word where a message is malformed.
    const word = error instanceof Error ? error.message : "";
    throw new Error(word === "" ? "malformed message of the server" : word);
  }

  private tell(level: number, description: number): void {
    const session = this.session;
    if (session === undefined) return;
    try {
      this.transport.write(recordProtocol.packetize(session, ALERT, Uint8Array.of(level, description)));
      this.transport.flush();
    } catch {
      // Nothing depends on whether the server hears of it.
    }
  }
}

/**
 * The SDK's TLS for `host-tls`: TLS 1.2 over P-256. Client keys on P-256, messages that are split
 * over records and a server's certificate without its chain are taken, which the SDK alone refuses.
 * `entropy` is asked twice for each handshake: the SDK's own generator is not seeded well enough.
 */
export function moddableTls(entropy: Entropy): TlsEngineRecord {
  class SeededEngine extends ModdableTlsEngine {
    constructor(options: TlsEngineOptions) {
      super(options, entropy);
    }
  }
  return {
    io: SeededEngine,
    clientKeys: ["rsa", "p256"],
    splitMessages: true,
    leafAlone: true,
    suites: OFFERED,
  };
}
