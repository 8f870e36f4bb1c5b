import type { CredentialRole, Credentials } from "./credentials.js";

/** A slot of credentials in flash. `a` is the partition that Espressif's tools know. */
export type SlotName = "a" | "b";

/**
 * Of the slot in use. `none`: neither slot holds credentials. `trial`: new, has not connected yet;
 * the other slot comes back when it cannot. `confirmed`: has connected, or was there from the start.
 */
export type SlotState = "none" | "trial" | "confirmed";

/**
 * The device's credentials in two slots of flash: one in use, the other takes what comes next. A
 * power cut at any point leaves one of the two whole. `slot`, `state` and `peek` follow each commit at once;
 * `open` gives what was in use when the program started, so that a connection that is made again
 * is made with what it was made with before. Only `failed` takes both back.
 */
export interface CredentialVault extends Credentials {
  /** The slot in use from the next start on. */
  readonly slot: SlotName | undefined;
  readonly state: SlotState;
  /** The slot that was committed last was given up, and what was used before it is used again. */
  readonly rejected: boolean;
  /** Nothing can be written any more. */
  readonly locked: boolean;
  /** What is in use from the next start on. */
  peek(role: CredentialRole): ReturnType<Credentials["open"]>;
  /**
   * Erases both slots: all credentials but those of the build. An error when locked. Power may fail at any
   * point of it; erasing again finishes it. The slot that the program started with gives nothing any more.
   */
  erase(): void;
  /**
   * Erases the slot that is not in use, and takes objects for it. An error when locked.
   * Objects that were closed before a restart need not be written again: see `resume`.
   */
  begin(): SlotWriter;
  /** Goes on with what an earlier `begin` left, after a restart too; `undefined`: nothing was left. */
  resume(): SlotWriter | undefined;
  /** The slot on trial has connected: it stays. Harmless in any other state. */
  confirm(): void;
  /**
   * The slot on trial could not connect once more, or the device starts with it: after some of
   * these the other slot is in use again. True: it is now.
   */
  failed(): boolean;
  /** For ever. An error when no slot is confirmed. */
  lock(): void;
}

/** Fills a slot that is not in use. What it is given it checks; a key is never given back. */
export interface SlotWriter {
  /** Bytes that objects may still take. */
  readonly room: number;
  /** Roles whose objects are whole in this slot. */
  readonly closed: readonly CredentialRole[];
  /** Begins an object of `byteLength` bytes, or begins it again; an error when it does not fit or was closed. */
  open(role: CredentialRole, byteLength: number): void;
  /** The next bytes of the object. */
  write(bytes: Uint8Array): void;
  /** Reads the object back. False: it is not what was written, or not whole; the slot must be begun again. */
  close(): boolean;
  /** Reads an object that is closed, so that it can be proved. */
  peek(role: CredentialRole): ReturnType<Credentials["open"]>;
  /** Puts the slot in use, on trial: one write to flash, before which the other slot is in use, and after which this one. */
  commit(): void;
}
