/** Quectel BG96 FILE AT Commands Manual V1.0; logs of BG95 agree. */
import { plainCommand, plainQuery, query } from "../../../modules/at/command.js";

/** Size of the named file in bytes, -1 when the module has none (some firmware answers `+CME ERROR: 405`, some just `OK`). */
export const fileSize = plainQuery<number, readonly [name: string]>(
  "AT+QFLST=",
  5_000,
  "+QFLST:",
  line => line.int(1),
  -1,
);

/** Names of all files that begin with `xs-`, the driver's own. */
export const ownFiles = plainQuery<readonly string[], readonly [pattern: string]>(
  "AT+QFLST=",
  5_000,
  "+QFLST:",
  (line, sofar) => {
    const name = line.text(0).replace("UFS:", "");
    return (sofar ?? []).concat(name.startsWith("xs-") ? name : []);
  },
  Object.freeze<string[]>([]),
);

export const deleteFile = plainCommand<readonly [name: string]>("AT+QFDEL=", 5_000);

/** What the module counted of an upload. */
export interface Uploaded {
  readonly byteLength: number;
  readonly checksum: number;
}

/** Upload: `CONNECT`, then exactly so many bytes; ends early after the timeout (seconds) without one. */
export const uploadFile = query<
  Uploaded,
  readonly [name: string, byteLength: number, timeoutSeconds: number]
>({
  text: "AT+QFUPL=",
  timeoutMs: 30_000,
  prefix: "+QFUPL:",
  prompt: "CONNECT",
  read: line => ({ byteLength: line.int(0), checksum: line.hex(1) }),
});
