import type { Signer } from "../../hosts/firmware/host.js";
import type { TlsEngineRecord } from "../../modules/tls/engine.js";

/** What passes between the engine's host and the platform inside the engine. */

/** What the board has beside the module. */
export interface Board {
  readonly console?: { readonly baud: number };
  readonly restarts?: true;
  readonly watchdogMs?: number;
  /** What the platform calls the unit. */
  readonly unit?: string;
  /** Flash has the partitions of a credential vault. */
  readonly vault?: true;
}

/** What the firmware is told of the services; JSON. */
export interface Services {
  readonly tls?: Omit<TlsEngineRecord, "io">;
  readonly signer?: { readonly algorithm: Signer["algorithm"] };
  /** Keys are made, opened and used. */
  readonly keys?: true;
  readonly board?: Board;
}

export interface TlsOpening {
  readonly serverName: string;
  readonly verify: boolean;
  readonly ca: Uint8Array | undefined;
  readonly certificate: Uint8Array | undefined;
  readonly key: Uint8Array | undefined;
}

/** A callback of an engine that is due. */
export type TlsCallback =
  | { readonly kind: "transmit" | "received"; readonly id: number; readonly bytes: Uint8Array }
  | { readonly kind: "connected"; readonly id: number; readonly cipherSuite: number | undefined }
  | { readonly kind: "closed"; readonly id: number }
  | { readonly kind: "failed"; readonly id: number; readonly message: string };
