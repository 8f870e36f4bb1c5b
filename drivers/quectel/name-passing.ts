import { failure, type Failure } from "../../modules/diagnosis/failure.js";
import type { Resolver, ResolverCallbacks } from "../../modules/io/socket.js";
import type { Timer } from "../../modules/io/timer.js";

/** What NamePassing needs to call back later. */
export interface NamePassingOptions {
  /** Required, and optional in type so that the record fits any client. */
  readonly modem?: { readonly timer: Timer };
}

/**
 * Answers every name with itself: the module resolves names when it opens a connection, which
 * saves a command and keeps the name for the server's certificate.
 */
export class NamePassing implements Resolver {
  private timer: Timer | undefined;

  constructor(options: NamePassingOptions) {
    if (options.modem === undefined) throw new Error("modem is required");
    this.timer = options.modem.timer;
  }

  resolve(request: ResolverCallbacks): void {
    if (this.timer === undefined) throw new SyntaxError("closed");
    this.timer.set(() => {
      if (this.timer !== undefined) answer(this, request, undefined, request.host);
    }, 0);
  }

  close(): void {
    this.timer = undefined;
  }
}

/** Calls back; an exception that left a callback would restart the device. */
export function answer(
  resolver: Resolver,
  request: ResolverCallbacks,
  reason: Failure | undefined,
  address: string,
): void {
  try {
    if (reason === undefined) request.onResolved.call(resolver, request.host, address);
    else {
      request.failure?.(reason);
      request.onError?.call(resolver, request.host);
    }
  } catch (error) {
    if (reason === undefined)
      answer(resolver, request, failure("exception", undefined, undefined, String(error)), "");
  }
}
