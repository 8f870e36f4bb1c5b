import { crc32, deflateSync } from "node:zlib";

/** A picture of black and white dots. */
export class Bitmap {
  private readonly rowBytes: number;
  private readonly bits: Uint8Array;

  /** White all over. */
  constructor(
    readonly width: number,
    readonly height: number,
  ) {
    this.rowBytes = Math.ceil(width / 8);
    this.bits = new Uint8Array(this.rowBytes * height).fill(0xff);
  }

  /** Blackens a rectangle; what lies outside the picture is a fault of the program. */
  fill(x: number, y: number, width: number, height: number): void {
    if (x < 0 || y < 0 || x + width > this.width || y + height > this.height)
      throw new RangeError(`a rectangle at ${x}, ${y} leaves the picture`);
    for (let row = y; row < y + height; row++)
      for (let column = x; column < x + width; column++) {
        const index = row * this.rowBytes + (column >> 3);
        this.bits[index] = (this.bits[index] ?? 0) & ~(0x80 >> (column & 7));
      }
  }

  /** As PNG (ISO/IEC 15948): greyscale of one bit, with its resolution, so that it prints in its size. */
  png(dotsPerInch: number): Uint8Array {
    const header = Buffer.alloc(13);
    header.writeUInt32BE(this.width, 0);
    header.writeUInt32BE(this.height, 4);
    header[8] = 1;
    const resolution = Buffer.alloc(9);
    const dotsPerMetre = Math.round(dotsPerInch / 0.0254);
    resolution.writeUInt32BE(dotsPerMetre, 0);
    resolution.writeUInt32BE(dotsPerMetre, 4);
    resolution[8] = 1;
    // Every row begins with its filter: none.
    const rows = Buffer.alloc((this.rowBytes + 1) * this.height);
    for (let row = 0; row < this.height; row++)
      rows.set(
        this.bits.subarray(row * this.rowBytes, (row + 1) * this.rowBytes),
        row * (this.rowBytes + 1) + 1,
      );
    return Buffer.concat([
      Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]),
      chunk("IHDR", header),
      chunk("pHYs", resolution),
      chunk("IDAT", deflateSync(rows, { level: 9 })),
      chunk("IEND", Buffer.alloc(0)),
    ]);
  }
}

function chunk(type: string, data: Uint8Array): Uint8Array {
  const length = Buffer.alloc(4);
  length.writeUInt32BE(data.length);
  const body = Buffer.concat([Buffer.from(type, "latin1"), data]);
  const check = Buffer.alloc(4);
  check.writeUInt32BE(crc32(body));
  return Buffer.concat([length, body, check]);
}
