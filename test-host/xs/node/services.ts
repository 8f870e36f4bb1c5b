import type { Services } from "../service-types.js";
import { setup } from "./state.js";
import { Timer } from "./timer.js";

/** The services of the Node stand-in's host, as the firmware sees them; `host/service.c` is their counterpart. */

/** Deeply frozen, of the context's realm. */
export const services: Services = JSON.parse(
  JSON.stringify(setup.services.description),
  (_key, value: unknown) => Object.freeze(value),
) as Services;

function bufferOf(bytes: Uint8Array | undefined): ArrayBuffer | undefined {
  return bytes && Uint8Array.from(bytes).buffer;
}

export const Keys = Object.freeze({
  generate: () => bufferOf(setup.services.generateKey()),
  open: (bytes: Uint8Array) => bufferOf(setup.services.openKey(bytes)),
  sign: (pkcs8: Uint8Array, bytes: Uint8Array) => bufferOf(setup.services.signWith(pkcs8, bytes)),
});

export function sign(bytes: Uint8Array, done: (signature: Uint8Array | undefined) => void): void {
  const signature = setup.services.sign(bytes);
  Timer.set(() => {
    done(signature && Uint8Array.from(signature));
  });
}
