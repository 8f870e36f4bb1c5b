/** Where an upload ended. */
export interface FileHandle {
  readonly name: string;
  readonly readOnly: boolean;
  position: number;
}

/** The module's file system: flat names, a fixed capacity; survives reboots. */
export class FileStore {
  readonly capacity: number;
  /** Is told of each file that was written, and without bytes of each that was deleted. */
  onChange: ((name: string, bytes: Uint8Array | undefined) => void) | undefined;
  readonly #files = new Map<string, Uint8Array>();
  readonly #handles = new Map<number, FileHandle>();
  #nextHandle = 1;

  constructor(capacity: number) {
    this.capacity = capacity;
  }

  get usedBytes(): number {
    let sum = 0;
    for (const bytes of this.#files.values()) sum += bytes.length;
    return sum;
  }

  get freeBytes(): number {
    return this.capacity - this.usedBytes;
  }

  get names(): string[] {
    return [...this.#files.keys()];
  }

  read(name: string): Uint8Array | undefined {
    return this.#files.get(bareName(name));
  }

  write(name: string, bytes: Uint8Array): void {
    this.#files.set(bareName(name), Uint8Array.from(bytes));
    this.onChange?.(bareName(name), bytes);
  }

  has(name: string): boolean {
    return this.#files.has(bareName(name));
  }

  delete(name: string): boolean {
    const isDeleted = this.#files.delete(bareName(name));
    if (isDeleted) this.onChange?.(bareName(name), undefined);
    return isDeleted;
  }

  isOpen(name: string): boolean {
    return [...this.#handles.values()].some(handle => handle.name === bareName(name));
  }

  open(name: string, readOnly: boolean): number {
    const number = this.#nextHandle++;
    this.#handles.set(number, { name: bareName(name), readOnly, position: 0 });
    return number;
  }

  handle(number: number): FileHandle | undefined {
    return this.#handles.get(number);
  }

  get openCount(): number {
    return this.#handles.size;
  }

  close(number: number): boolean {
    return this.#handles.delete(number);
  }

  /** Handles do not survive a reboot, files do. */
  closeAll(): void {
    this.#handles.clear();
    this.#nextHandle = 1;
  }
}

function bareName(name: string): string {
  return name.startsWith("UFS:") ? name.slice(4) : name;
}

/** 16-bit XOR over big-endian words; an odd last byte is the high one. */
export function fileChecksum(bytes: Uint8Array): number {
  let sum = 0;
  for (let index = 0; index < bytes.length; index += 2) {
    sum ^= ((bytes[index] ?? 0) << 8) | (bytes[index + 1] ?? 0);
  }
  return sum;
}
