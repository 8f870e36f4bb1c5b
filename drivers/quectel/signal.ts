/** Signal strength, for products that want to know it. Quectel BG95 AT Commands Manual V2.0, chapter "Network Service". */
import type { Channel } from "../../modules/at/channel.js";
import { plainQuery } from "../../modules/at/command.js";
import type { Done } from "../../modules/at/request.js";

/** Received signal strength in dBm (-113 to -51); `NaN` when the module has no measurement. 300 ms. */
export const signalStrength = plainQuery<number>("AT+CSQ", 1_000, "+CSQ:", line => {
  const rssi = line.int(0);
  return rssi === 99 ? NaN : -113 + 2 * rssi;
});

/** Asks the module of this interface for it. */
export function readSignal(modem: { readonly channel: Channel }, done: Done<number>): void {
  modem.channel.run(signalStrength, [], done);
}
