/** AT commands that only a factory has a use for. Quectel BG96 FILE AT Commands Manual V1.0; BC66&BC66-NA SSL Application Note V1.0. */
import { plainCommand, plainQuery, query, type Command } from "../../../../../modules/at/command.js";

export interface StoredFile {
  readonly name: string;
  readonly byteLength: number;
}

/** All files of the module's file system. Directories end with `/`. */
export const listFiles = plainQuery<readonly StoredFile[], readonly [pattern: "*"]>(
  "AT+QFLST=",
  5_000,
  "+QFLST:",
  (line, sofar) => [...(sofar ?? []), { name: line.text(0).replace("UFS:", ""), byteLength: line.int(1) }],
  Object.freeze<StoredFile[]>([]),
);

/** Bytes that are left in the file system. */
export const freeBytes = plainQuery<number, readonly [storage: "UFS"]>("AT+QFLDS=", 5_000, "+QFLDS:", line =>
  line.int(0),
);

/**
 * Reads a file whole: `CONNECT`, its bytes, `+QFDWL: <size>,<checksum>`, `OK`. The module does not tell
 * the size before; `byteLength` is that of the list. `secret`, because what a key's file holds may come
 * as lines when it is another.
 */
export function downloadFile(byteLength: number): Command<true, readonly [name: string]> {
  return query<true, readonly [name: string]>({
    text: "AT+QFDWL=",
    timeoutMs: 30_000,
    prefix: "CONNECT",
    secret: true,
    raw: () => byteLength,
    read: () => true,
  });
}

/** What the BC66 holds of one connection: bytes of each credential, by the names of its items. */
export const heldBytes = plainQuery<
  ReadonlyMap<string, number>,
  readonly [context: number, connection: number]
>("AT+QSSLCFG=", 2_000, "+QSSLCFG:", (line, sofar) => new Map(sofar).set(line.text(2), line.int(3)));

/** Refused now and then soon after a start, says a field log. */
export const setAwake = plainCommand("AT+QSCLK=0", 3_000);
