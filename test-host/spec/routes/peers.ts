import { Duplex } from "node:stream";

/** What a peer does when it has taken so many bytes. */
export type Cut = "fin" | "reset" | "alert" | "silence";

const ACCESS_DENIED = 49;

abstract class Between extends Duplex {
  protected readonly far: Duplex;

  constructor(far: Duplex) {
    super({ allowHalfOpen: false });
    this.far = far;
    far.on("error", () => undefined);
    far.on("data", (bytes: Buffer) => this.came(bytes));
    far.on("end", () => this.push(null));
    far.on("close", () => this.destroy());
  }

  /** Bytes of the device. */
  protected came(bytes: Buffer): void {
    this.push(bytes);
  }

  /** Bytes of the broker. */
  protected went(bytes: Buffer): void {
    if (!this.far.destroyed && !this.far.writableEnded) this.far.write(bytes);
  }

  override _read(): void {
    // Bytes are pushed as they come.
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, callback: (error?: Error | null) => void): void {
    this.went(chunk);
    callback();
  }

  override _final(callback: (error?: Error | null) => void): void {
    if (!this.far.destroyed) this.far.end();
    callback();
  }
}

/** Passes on what comes until `limit` bytes have come, and then ends as `cut` says; nothing that the broker answers to the last of them goes out. */
export class CuttingStream extends Between {
  taken = 0;
  readonly #limit: number;
  readonly #cut: Cut;
  readonly #alert: number;
  #over = false;

  /** `alert`: its number. */
  constructor(far: Duplex, limit: number, cut: Cut, alert = ACCESS_DENIED) {
    super(far);
    this.#limit = limit;
    this.#cut = cut;
    this.#alert = alert;
  }

  protected override came(bytes: Buffer): void {
    if (this.#over) return;
    const part = bytes.subarray(0, this.#limit - this.taken);
    this.taken += part.length;
    // Before the bytes are passed on: OpenSSL answers within that call.
    this.#over = this.taken >= this.#limit;
    if (part.length > 0) this.push(part);
    if (this.#over) this.#end();
  }

  protected override went(bytes: Buffer): void {
    if (!this.#over) super.went(bytes);
  }

  override _final(callback: (error?: Error | null) => void): void {
    if (this.#over) callback();
    else super._final(callback);
  }

  #end(): void {
    // In clear, as it is before the server's ChangeCipherSpec.
    if (this.#cut === "alert") this.far.write(Buffer.of(21, 3, 3, 0, 2, 2, this.#alert));
    if (this.#cut === "fin" || this.#cut === "alert") this.far.end();
    else if (this.#cut === "reset")
      this.far.destroy(Object.assign(new Error("reset"), { code: "ECONNRESET" }));
  }
}

/** Hands the broker's bytes on in pieces of `pieceBytes`, as segments of TCP would come. */
export class PiecesStream extends Between {
  readonly #pieceBytes: number;

  constructor(far: Duplex, pieceBytes: number) {
    super(far);
    this.#pieceBytes = pieceBytes;
  }

  protected override went(bytes: Buffer): void {
    for (let at = 0; at < bytes.length; at += this.#pieceBytes)
      super.went(bytes.subarray(at, at + this.#pieceBytes));
  }
}

const HEADER_BYTES = 5;
const HANDSHAKE = 22;
const CHANGE_CIPHER_SPEC = 20;

/** Cuts the records of the broker's first flight into records of `recordBytes` each: the handshake's hash does not change by that. */
export class RecordSplitter extends Between {
  readonly #recordBytes: number;
  #held = Buffer.alloc(0);
  #isProtected = false;
  records = 0;

  constructor(far: Duplex, recordBytes: number) {
    super(far);
    this.#recordBytes = recordBytes;
  }

  protected override went(bytes: Buffer): void {
    this.#held = Buffer.concat([this.#held, bytes]);
    while (this.#held.length >= HEADER_BYTES) {
      const end = HEADER_BYTES + this.#held.readUInt16BE(3);
      if (this.#held.length < end) return;
      this.#record(this.#held.subarray(0, end));
      this.#held = this.#held.subarray(end);
    }
  }

  #record(record: Buffer): void {
    const type = record[0];
    if (type === CHANGE_CIPHER_SPEC) this.#isProtected = true;
    if (type !== HANDSHAKE || this.#isProtected) {
      super.went(record);
      return;
    }
    const body = record.subarray(HEADER_BYTES);
    for (let at = 0; at < body.length; at += this.#recordBytes) {
      const part = body.subarray(at, at + this.#recordBytes);
      const header = Buffer.from(record.subarray(0, HEADER_BYTES));
      header.writeUInt16BE(part.length, 3);
      this.records++;
      super.went(Buffer.concat([header, part]));
    }
  }
}
