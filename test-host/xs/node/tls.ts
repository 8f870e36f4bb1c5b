import type { Credential } from "../../../modules/io/credentials.js";
import type { TlsEngine as Engine, TlsEngineOptions } from "../../../modules/tls/engine.js";
import type { TlsCallback } from "../service-types.js";
import { bytesOf, setup } from "./state.js";
import { dateNow } from "./timer.js";

/** The TLS engine of the Node stand-in; `host/tls.c` is its counterpart. Callbacks come after the call that caused them. */

const { services } = setup;
const engines = new Map<number, TlsEngine>();
let lastId = 0;

/** Errors of the engine outside are none of the context's realm. */
function attempt(work: () => void): void {
  const refusal = services.refusal(work);
  if (refusal !== undefined) throw new Error(refusal);
}

function contents(credential: Credential | undefined): Uint8Array | undefined {
  if (!credential) return undefined;
  const bytes = new Uint8Array(credential.byteLength);
  for (let at = 0; at < bytes.length;) {
    const count = credential.read(bytes.subarray(at), at);
    if (!(count > 0)) throw new Error("a credential is shorter than it says");
    at += count;
  }
  return bytes;
}

export class TlsEngine implements Engine {
  readonly #id: number;
  readonly #options: TlsEngineOptions;
  #open = true;

  constructor(options: TlsEngineOptions) {
    const { transmit, connected, received, closed, failed } = options;
    for (const callback of [transmit, connected, received, closed, failed])
      if (typeof callback !== "function") throw new TypeError("a callback is missing");
    const id = ++lastId;
    const opening = {
      serverName: options.serverName,
      verify: options.verify,
      ca: contents(options.ca),
      certificate: contents(options.certificate),
      key: contents(options.key),
    };
    attempt(() => {
      services.open(id, dateNow(), opening);
    });
    this.#id = id;
    this.#options = options;
    engines.set(id, this);
  }

  start(): void {
    this.#ask(id => services.start(id));
  }

  receive(bytes: Uint8Array): void {
    this.#ask(id => services.receive(id, dateNow(), bytesOf(bytes)));
  }

  write(bytes: Uint8Array): void {
    this.#ask(id => services.write(id, bytesOf(bytes)));
  }

  end(): void {
    this.#ask(id => services.end(id));
  }

  close(): void {
    if (!this.#open) return;
    this.#open = false;
    engines.delete(this.#id);
    services.close(this.#id);
  }

  #ask(work: (id: number) => void): void {
    if (!this.#open) throw new Error("closed");
    attempt(() => {
      work(this.#id);
    });
  }

  static callBack(callback: TlsCallback): void {
    const engine = engines.get(callback.id);
    if (!engine) return;
    const options = engine.#options;
    switch (callback.kind) {
      case "transmit":
      case "received": {
        const bytes = Uint8Array.from(callback.bytes);
        options[callback.kind](bytes);
        // Valid during the call only: whoever kept them shall see it.
        bytes.fill(0xdb);
        break;
      }
      case "connected":
        options.connected(callback.cipherSuite);
        break;
      case "closed":
        options.closed();
        break;
      case "failed":
        options.failed(callback.message);
        break;
    }
  }
}
