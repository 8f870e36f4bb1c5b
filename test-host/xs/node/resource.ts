import { setup } from "./state.js";

/** `Resource` of the Node stand-in; `host/resource.c` is its counterpart. */

/** A copy in the context's realm; the stand-in counts no memory. */
export class Resource extends ArrayBuffer {
  constructor(name: string) {
    const bytes = setup.resources[name];
    if (!bytes) throw new URIError("resource not found");
    super(bytes.length);
    new Uint8Array(this).set(bytes);
  }

  static override get [Symbol.species](): ArrayBufferConstructor {
    return ArrayBuffer;
  }

  static exists(name: string): boolean {
    return setup.resources[name] !== undefined;
  }
}
