import type { Resolver as ResolverShape, ResolverCallbacks } from "../../modules/io/socket.js";
import type { Timer } from "../../modules/io/timer.js";
import type { NameLookup } from "./lookup.js";

export interface ResolverOptions {
  readonly modem?: { readonly lookup: NameLookup };
}

/** `resolve({host, onResolved, onError})` by the module's own DNS client, with the surface of Moddable's resolvers. */
export class Resolver implements ResolverShape {
  #lookup: NameLookup | undefined;

  constructor(options: ResolverOptions) {
    if (options.modem === undefined) throw new Error("modem is required");
    this.#lookup = options.modem.lookup;
  }

  resolve(request: ResolverCallbacks): void {
    if (this.#lookup === undefined) throw new SyntaxError("closed");
    this.#lookup.ask(request.host, (reason, address) => {
      if (this.#lookup === undefined) return;
      if (reason === undefined) request.onResolved.call(this, request.host, address);
      else {
        request.failure?.(reason);
        request.onError?.call(this, request.host);
      }
    });
  }

  close(): void {
    this.#lookup = undefined;
  }
}

/** What NamePassing needs to call back later. */
export interface NamePassingOptions {
  readonly modem?: { readonly timer: Timer };
}

/**
 * Answers every name with itself: the module resolves names when it opens a connection, which
 * saves a command and keeps the name for the server's certificate.
 */
export class NamePassing implements ResolverShape {
  readonly #timer: Timer;

  constructor(options: NamePassingOptions) {
    if (options.modem === undefined) throw new Error("modem is required");
    this.#timer = options.modem.timer;
  }

  resolve(request: ResolverCallbacks): void {
    this.#timer.set(() => {
      request.onResolved.call(this, request.host, request.host);
    }, 0);
  }
}
