import { createPrivateKey, X509Certificate } from "node:crypto";
import { isIP } from "node:net";
import { Duplex } from "node:stream";
import {
  connect,
  createSecureContext,
  type SecureContext,
  type SecureContextOptions,
  type TLSSocket,
} from "node:tls";
import { setImmediate as nextRound } from "node:timers/promises";
import type { Credential } from "../../modules/io/credentials.js";
import type { TlsEngine, TlsEngineOptions, TlsEngineRecord } from "../../modules/tls/engine.js";
import {
  checkAsDevice,
  isValid,
  refuseAsOpenSsl,
  refuseAsSdk,
  type ChainPolicy,
} from "./tls-engine-chain.js";
import { sdkProfile, type TlsEngineProfile } from "./tls-engine-profile.js";
import { HEADER_BYTES, RecordInspector, TlsRefusal } from "./tls-engine-records.js";

export { deviceProfile, fullProfile, sdkProfile, type TlsEngineProfile } from "./tls-engine-profile.js";

/** Application data of one record. */
const RECORD_BYTES = 16384;
/** Rounds of the event loop in which nothing happened, after which OpenSSL and the streams around it have finished. */
const QUIET_ROUNDS = 4;

const ALERT = 21;
const FATAL = 2;

const NO_EXTENDED_MASTER_SECRET = 1 << 0;
const NO_TICKET = 1 << 14;
const NO_ENCRYPT_THEN_MAC = 1 << 19;

export interface NodeTlsOptions {
  /** Default: {@link sdkProfile}. */
  readonly profile?: TlsEngineProfile;
  /** Milliseconds since 1970 by which certificates are judged. Default: the wall clock. */
  readonly now?: () => number;
}

/** An engine record of the workstation: Node's OpenSSL under a profile. */
export interface NodeTlsRecord extends TlsEngineRecord {
  readonly profile: TlsEngineProfile;
  /**
   * Resolves when the engines of this record have nothing more to do with what they were given. They
   * work in ticks and immediates only, so this takes no time of any clock.
   */
  settled(): Promise<void>;
}

/** Counts what happens in the engines of one record. */
class Activity {
  #moves = 0;

  touch(): void {
    this.#moves++;
  }

  async settled(): Promise<void> {
    for (let quiet = 0; quiet < QUIET_ROUNDS;) {
      const before = this.#moves;
      await nextRound();
      quiet = before === this.#moves ? quiet + 1 : 0;
    }
  }
}

/** The engine's side of the transport: what OpenSSL writes goes to `transmit`, one call for each record, as the SDK does. */
class Transport extends Duplex {
  readonly #transmit: (bytes: Uint8Array) => void;
  #unfinished = Buffer.alloc(0);

  constructor(transmit: (bytes: Uint8Array) => void) {
    super();
    this.#transmit = transmit;
  }

  override _read(): void {
    // Bytes are pushed as they come.
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, callback: (error?: Error | null) => void): void {
    let rest = this.#unfinished.length ? Buffer.concat([this.#unfinished, chunk]) : chunk;
    while (rest.length >= HEADER_BYTES) {
      const end = HEADER_BYTES + rest.readUInt16BE(3);
      if (rest.length < end) break;
      this.#transmit(rest.subarray(0, end));
      rest = rest.subarray(end);
    }
    this.#unfinished = Buffer.from(rest);
    callback();
  }
}

function bytesOf(credential: Credential): Buffer {
  const bytes = Buffer.alloc(credential.byteLength);
  for (let at = 0; at < bytes.length;) {
    const count = credential.read(bytes.subarray(at), at);
    if (count <= 0) throw new Error("a credential is shorter than it says");
    at += count;
  }
  return bytes;
}

function pemOf(label: string, der: Buffer): string {
  const lines = der.toString("base64").match(/.{1,64}/g) ?? [];
  return [`-----BEGIN ${label}-----`, ...lines, `-----END ${label}-----`, ""].join("\n");
}

/** The key as PEM; its errors say nothing of its bytes. */
function clientKey(credential: Credential, profile: TlsEngineProfile): string {
  const der = bytesOf(credential);
  let kind: string | undefined;
  let pem: string;
  try {
    const key = createPrivateKey({ key: der, format: "der", type: "pkcs8" });
    const curve = key.asymmetricKeyDetails?.namedCurve;
    kind = key.asymmetricKeyType === "ec" && curve === "prime256v1" ? "p256" : key.asymmetricKeyType;
    pem = pemOf("PRIVATE KEY", key.export({ format: "der", type: "pkcs8" }));
  } catch {
    throw new TlsRefusal("PKCS8: the client key cannot be read");
  } finally {
    der.fill(0);
  }
  if (profile.clientKeys.some(able => able === kind)) return pem;
  throw new TlsRefusal(
    `PKCS8: the client key is of a kind that the engine cannot sign with (${kind ?? "unknown"})`,
  );
}

/** OpenSSL's reason without its file names and numbers. */
function reasonOf(error: Error): string {
  if ("reason" in error && typeof error.reason === "string") return error.reason;
  return error.message.replace(/^[0-9A-F]*:?error:[0-9A-F]+:/i, "").replace(/:\.\.\/.*$/s, "");
}

abstract class NodeTlsEngine implements TlsEngine {
  readonly #options: TlsEngineOptions;
  readonly #profile: TlsEngineProfile;
  readonly #now: () => number;
  readonly #activity: Activity;
  readonly #context: SecureContext;
  readonly #anchor: X509Certificate | undefined;
  readonly #inspector: RecordInspector | undefined;
  readonly #transport: Transport;
  readonly #writes: Buffer[] = [];
  #socket: TLSSocket | undefined;
  #connected = false;
  #writing = false;
  #ending = false;
  #peerClosed = false;
  /** Nothing calls back any more. */
  #over = false;

  protected constructor(
    options: TlsEngineOptions,
    profile: TlsEngineProfile,
    now: () => number,
    activity: Activity,
  ) {
    this.#options = options;
    this.#profile = profile;
    this.#now = now;
    this.#activity = activity;
    this.#anchor = this.#readAnchor();
    this.#context = this.#makeContext();
    if (profile.name !== "full")
      this.#inspector = new RecordInspector(profile.splitMessages, chain => this.#judgeSent(chain));
    this.#transport = new Transport(bytes => {
      activity.touch();
      if (!this.#over) options.transmit(bytes);
    });
  }

  #readAnchor(): X509Certificate | undefined {
    const { verify, ca } = this.#options;
    if (!verify) return undefined;
    if (!ca) throw new TypeError("a trusted certificate is needed to verify the server");
    const anchor = new X509Certificate(bytesOf(ca));
    if (this.#profile.name === "sdk" && !isValid(anchor, this.#now()))
      throw new TlsRefusal("date validation failed");
    return anchor;
  }

  #makeContext(): SecureContext {
    const { certificate, key } = this.#options;
    const { minVersion, maxVersion, suiteNames, groups, signatures, name } = this.#profile;
    if (!certificate !== !key) throw new TypeError("a client certificate needs its key");
    const settings: SecureContextOptions = {
      // The path is judged here; without this every context loads the roots of Node.
      ca: [],
      minVersion,
      maxVersion,
      // Level 0: the SDK takes RSA keys and hashes of any strength.
      ciphers: suiteNames.join(":") + (name === "full" ? "" : ":@SECLEVEL=0"),
      ecdhCurve: groups,
      ...(signatures === undefined ? {} : { sigalgs: signatures }),
      ...(name === "full"
        ? {}
        : { secureOptions: NO_EXTENDED_MASTER_SECRET | NO_TICKET | NO_ENCRYPT_THEN_MAC }),
      ...(certificate ? { cert: pemOf("CERTIFICATE", bytesOf(certificate)) } : {}),
      ...(key ? { key: clientKey(key, this.#profile) } : {}),
    };
    try {
      return createSecureContext(settings);
    } catch (error) {
      throw new TlsRefusal(error instanceof Error ? reasonOf(error) : "unusable settings");
    }
  }

  start(): void {
    if (this.#over || this.#socket) throw new Error("the engine was started or closed before");
    const { serverName } = this.#options;
    this.#activity.touch();
    const socket = connect({
      socket: this.#transport,
      secureContext: this.#context,
      rejectUnauthorized: false,
      // An address as a server name is not allowed in SNI (RFC 6066 §3).
      ...(isIP(serverName) ? {} : { servername: serverName }),
    });
    this.#socket = socket;
    socket.on("secureConnect", () => this.#call(() => this.#secure(socket)));
    socket.on("data", (bytes: Buffer) => this.#call(() => this.#options.received(bytes)));
    socket.on("end", () => {
      if (this.#peerClosed) return;
      this.#peerClosed = true;
      this.#call(() => this.#options.closed());
    });
    socket.on("error", (error: Error) => this.#fail(this.#words(error)));
  }

  receive(bytes: Uint8Array): void {
    if (this.#over || !this.#socket) return;
    this.#activity.touch();
    try {
      this.#inspector?.push(bytes);
    } catch (error) {
      if (!(error instanceof TlsRefusal)) throw error;
      // In clear: nothing is encrypted before our ChangeCipherSpec.
      if (error.alert !== undefined)
        this.#options.transmit(Uint8Array.of(ALERT, 3, 3, 0, 2, FATAL, error.alert));
      this.#fail(error.message);
      return;
    }
    this.#transport.push(Buffer.from(bytes));
  }

  write(bytes: Uint8Array): void {
    if (this.#over || !this.#connected || this.#ending) throw new Error("not connected");
    if (bytes.length > RECORD_BYTES) throw new Error("too large");
    this.#writes.push(Buffer.from(bytes));
    this.#writeNext();
  }

  end(): void {
    if (this.#over || !this.#connected || this.#ending) return;
    this.#ending = true;
    this.#writeNext();
  }

  close(): void {
    this.#over = true;
    this.#writes.length = 0;
    const socket = this.#socket;
    if (!socket) return;
    socket.removeAllListeners();
    socket.on("error", () => undefined);
    socket.destroy();
    this.#transport.destroy();
  }

  /** One write is one record, as in the SDK: Node would join what waits. */
  #writeNext(): void {
    if (this.#over || this.#writing) return;
    this.#activity.touch();
    const bytes = this.#writes.shift();
    if (!bytes) {
      if (this.#ending) this.#socket?.end();
      return;
    }
    this.#writing = true;
    this.#socket?.write(bytes, () => {
      this.#writing = false;
      this.#writeNext();
    });
  }

  #secure(socket: TLSSocket): void {
    const refused = this.#inspector ? undefined : this.#judgeFinished(socket);
    if (refused !== undefined) {
      this.#fail(refused);
      return;
    }
    this.#connected = true;
    const at = this.#profile.suiteNames.indexOf(socket.getCipher().name);
    this.#options.connected(this.#profile.suites[at]);
  }

  get #policy(): ChainPolicy | undefined {
    const anchor = this.#anchor;
    return anchor && { anchor, serverName: this.#options.serverName, nowMs: this.#now() };
  }

  /** In the handshake, before the client answers. */
  #judgeSent(sent: readonly Uint8Array[]): void {
    const policy = this.#policy;
    if (!policy) return;
    if (this.#profile.name === "device") {
      checkAsDevice(sent, policy);
      return;
    }
    let chain: X509Certificate[];
    try {
      chain = sent.map(der => new X509Certificate(der));
    } catch {
      throw new TlsRefusal("x509: malformed");
    }
    const refused = refuseAsSdk(chain, policy);
    if (refused !== undefined) throw new TlsRefusal(refused);
  }

  #judgeFinished(socket: TLSSocket): string | undefined {
    const chain: X509Certificate[] = [];
    let next = socket.getPeerX509Certificate();
    while (next && chain.every(known => known.fingerprint256 !== next?.fingerprint256)) {
      chain.push(next);
      next = next.issuerCertificate;
    }
    return this.#policy && refuseAsOpenSsl(chain, this.#policy);
  }

  /** As the SDK tells an alert; everything else in OpenSSL's words. */
  #words(error: Error): string {
    const alert = /alert number (\d+)/.exec(error.message)?.[1];
    if (alert === undefined) return reasonOf(error);
    return this.#profile.name === "full" ? `${reasonOf(error)} (alert ${alert})` : `alert: 2, ${alert}`;
  }

  #call(callback: () => void): void {
    this.#activity.touch();
    if (!this.#over) callback();
  }

  #fail(message: string): void {
    this.#activity.touch();
    // What follows a close_notify is Node's own view of it: half a connection, or one cut in its handshake.
    if (this.#over || this.#peerClosed) return;
    this.close();
    this.#options.failed(message);
  }
}

/**
 * TLS on the workstation: Node's OpenSSL over no network of its own. Constructing an engine throws
 * where the SDK does: a trusted certificate out of its dates, a key that it cannot use.
 */
export function nodeTls({ profile = sdkProfile, now = Date.now }: NodeTlsOptions = {}): NodeTlsRecord {
  const activity = new Activity();
  class Engine extends NodeTlsEngine {
    constructor(options: TlsEngineOptions) {
      super(options, profile, now, activity);
    }
  }
  const { clientKeys, splitMessages, leafAlone, suites } = profile;
  return {
    profile,
    clientKeys,
    splitMessages,
    leafAlone,
    suites,
    io: Engine,
    settled: () => activity.settled(),
  };
}
