import { SerialPort } from "serialport";

/**
 * A serial port whose `destroy` gives the port back, as that of other streams does: serialport 13 alone
 * leaves it open, and locked, until the process ends. `close` may be told twice.
 */
export class ClosingPort extends SerialPort {
  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    if (this.isOpen) this.close(() => done(error));
    else done(error);
  }
}
