const recordHeaderBytes = 5;
const messageHeaderBytes = 4;
const types = { changeCipherSpec: 20, alert: 21, handshake: 22 } as const;
const serverHello = 2;

/** Reads the records that a TLS server sends in clear: which messages, cut how, and which alert. */
export class HandshakeWatch {
  hasServerHello = false;
  /** A handshake message went over the end of its record. */
  isSplit = false;
  /** Description of the alert that came in clear. */
  alert: number | undefined;
  #bytes: Uint8Array = new Uint8Array(0);
  #isOver = false;

  take(bytes: Uint8Array): void {
    if (this.#isOver) return;
    const all = Buffer.concat([this.#bytes, bytes]);
    let at = 0;
    while (all.length - at >= recordHeaderBytes) {
      const length = all.readUInt16BE(at + 3);
      if (all.length - at < recordHeaderBytes + length) break;
      this.#record(all[at] ?? 0, all.subarray(at + recordHeaderBytes, at + recordHeaderBytes + length));
      at += recordHeaderBytes + length;
      if (this.#isDone()) return;
    }
    this.#bytes = Uint8Array.from(all.subarray(at));
  }

  #isDone(): boolean {
    return this.#isOver;
  }

  #record(type: number, body: Buffer): void {
    if (type === types.handshake) this.#messages(body);
    else {
      // Behind ChangeCipherSpec nothing is in clear any more.
      this.#isOver = true;
      if (type === types.alert) this.alert = body[1];
    }
  }

  #messages(body: Buffer): void {
    let at = 0;
    while (at < body.length) {
      const end =
        body.length - at < messageHeaderBytes
          ? Infinity
          : at + messageHeaderBytes + body.readUIntBE(at + 1, 3);
      if (end > body.length) {
        this.isSplit = true;
        this.#isOver = true;
        return;
      }
      if (body[at] === serverHello) this.hasServerHello = true;
      at = end;
    }
  }
}
