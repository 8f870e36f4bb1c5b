import type { Credential } from "../../../../modules/io/credentials.js";
import type { PrivateKey } from "../../../../modules/io/keys.js";
import type { SimulationHost } from "../../../xs/index.js";

function hex(bytes: Uint8Array | undefined): string | undefined {
  if (!bytes) return undefined;
  let text = "";
  for (const byte of bytes) text += byte.toString(16).padStart(2, "0");
  return text;
}

function bytesOf(text: string): Uint8Array {
  const bytes = new Uint8Array(text.length / 2);
  for (let at = 0; at < bytes.length; at++) bytes[at] = parseInt(text.slice(2 * at, 2 * at + 2), 16);
  return bytes;
}

/** A store that gives 100 bytes at most at a time; `isShort`: and less than it says. */
function stored(bytes: Uint8Array, isShort: boolean): Credential {
  return {
    byteLength: bytes.length + (isShort ? 1 : 0),
    read(view, offset) {
      const part = bytes.subarray(offset, offset + Math.min(view.length, 100));
      view.set(part);
      return part.length;
    },
  };
}

/** Makes keys, opens stored ones and signs with them, as messages ask. */
export default function main(host: SimulationHost): void {
  const { keys } = host;
  let key: PrivateKey | undefined;
  const told = (taken: PrivateKey | undefined): void => {
    key = taken;
    host.report("key", taken?.algorithm, hex(taken?.publicKey), hex(taken?.pkcs8));
  };
  host.report("keys", keys !== undefined);
  host.listen(text => {
    const [verb = "", bytes = ""] = (JSON.parse(text) as string).split(" ");
    if (verb === "generate") keys?.generate?.(told);
    else if (verb === "view") {
      const view = bytesOf(bytes);
      told(keys?.open({ byteLength: view.length, view, read: () => 0 }));
    } else if (verb === "sign")
      key?.sign(bytesOf(bytes), signature => host.report("signature", hex(signature)));
    else told(keys?.open(stored(bytesOf(bytes), verb === "short")));
    host.report("asked");
  });
}
