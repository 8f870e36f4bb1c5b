/**
 * Whether a burst of so many bytes that comes whenever it likes can lose some. `headroom`: `receiveHeadroom`
 * of the serial port, `undefined` on the stock ESP32 class.
 *
 * The stock class has the UART's FIFO of 128 bytes; its interrupt comes with 96, and 32 more find room
 * while the engine is busy. The buffered class has as much room as it announces. Room is enough when it
 * lasts 33 ms, the longest turn of the engine that no byte began with a collection in it
 * (docs/memory-and-time.md): at 10 bits a byte up to 300 baud for each byte of room, 9,600 for the stock class.
 */
export function losesBurst(bytes: number, headroom: number | undefined, baud = 115_200): boolean {
  return bytes > (headroom ?? 128) && (headroom ?? 32) * 300 < baud;
}
