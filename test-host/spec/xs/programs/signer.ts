import type { SimulationHost } from "../../../xs/host.js";

/** Signs the text of each message; tells first that the call has returned, later the signature. */
export default function main(host: SimulationHost): void {
  const { signer } = host;
  host.report("signer", signer?.algorithm);
  host.listen(text => {
    const bytes = new Uint8Array(text.length);
    for (let index = 0; index < text.length; index++) bytes[index] = text.charCodeAt(index);
    signer?.sign(bytes, signature => {
      let hex = "";
      for (const byte of signature ?? []) hex += byte.toString(16).padStart(2, "0");
      host.report("signature", signature && hex);
    });
    host.report("asked");
  });
}
