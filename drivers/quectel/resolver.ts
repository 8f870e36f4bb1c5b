import type { Resolver as ResolverShape, ResolverCallbacks } from "../../modules/io/socket.js";
import type { ExtensionHost } from "./extension.js";
import { NameLookup, type LookupHost } from "./lookup.js";
import { answer } from "./name-passing.js";

export interface ResolverOptions {
  /** Required, and optional in type so that the record fits any client. */
  readonly modem?: ExtensionHost<LookupHost>;
}

/**
 * `resolve({host, onResolved, onError})` by the module's own DNS client, with the surface of
 * Moddable's resolvers. After `close` nothing calls back.
 */
export class Resolver implements ResolverShape {
  private lookup: NameLookup | undefined;

  constructor(options: ResolverOptions) {
    const { modem } = options;
    if (modem === undefined) throw new Error("modem is required");
    // One queue for all resolvers: the module's reports do not say which name they answer.
    this.lookup = modem.extension(NameLookup);
  }

  resolve(request: ResolverCallbacks): void {
    if (this.lookup === undefined) throw new SyntaxError("closed");
    this.lookup.ask(request.host, (reason, address) => {
      if (this.lookup !== undefined) answer(this, request, reason, address);
    });
  }

  close(): void {
    this.lookup = undefined;
  }
}
