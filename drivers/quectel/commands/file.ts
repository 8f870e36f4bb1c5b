/** Quectel BG96 FILE AT Commands Manual V1.0; logs of BG95 agree. */
import { command, query } from "../../../modules/at/command.js";

/** Size of the named file in bytes, -1 when the module has none (some firmware answers `+CME ERROR: 405`, some just `OK`). */
export const fileSize = query<number, readonly [name: string]>({
  text: "AT+QFLST=",
  timeoutMs: 5_000,
  prefix: "+QFLST:",
  empty: -1,
  read: line => line.int(1),
});

/** Names of all files that begin with `xs-`, the driver's own. */
export const ownFiles = query<readonly string[], readonly [pattern: string]>({
  text: "AT+QFLST=",
  timeoutMs: 5_000,
  prefix: "+QFLST:",
  empty: Object.freeze<string[]>([]),
  read(line, sofar) {
    const name = line.text(0).replace("UFS:", "");
    return (sofar ?? []).concat(name.startsWith("xs-") ? name : []);
  },
});

export const deleteFile = command<readonly [name: string]>({ text: "AT+QFDEL=", timeoutMs: 5_000 });

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
