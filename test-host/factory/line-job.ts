/** One run of the line, as a process of its own is told to do it: JSON. */
export interface LineJob {
  readonly profile: string;
  readonly units: string;
  /** Path or URL. */
  readonly ledger: string;
  readonly station: string;
  readonly ports: readonly string[];
  /** Images are made for all units of the list, into this folder. */
  readonly images?: string;
  /** Folder of requests that go out and certificates that come back. */
  readonly exchange?: string;
  /** The process ends itself by SIGKILL at the point of that number, from 1. Absent: it lives. */
  readonly killAt?: number;
  readonly continuous?: boolean;
  /** Of the authority's key. */
  readonly passphrase: string;
  readonly claimMs?: number;
  /** What a device is given time for passes so many times faster. Default: 1. */
  readonly haste?: number;
  /** The disk under the ledger is full at that size. */
  readonly mostBytes?: number;
}

/** Descriptor that the process tells made keys on: their length (4 bytes, low byte first), then PKCS#8. */
export const KEYS_DESCRIPTOR = 3;

/** A line on stdout, beside the flow's events: where the run is. */
export interface JobPoint {
  readonly point: string;
}
