import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { inflateSync } from "node:zlib";

/** A greyscale picture of one bit as it was read: `true` is black. */
export interface ReadPicture {
  readonly width: number;
  readonly height: number;
  readonly dotsPerMetre: number;
  readonly isBlack: (x: number, y: number) => boolean;
}

/** Reads what `labelPng` may write, by ISO/IEC 15948 and without its code. */
export function readPng(png: Uint8Array): ReadPicture {
  const bytes = Buffer.from(png);
  if (bytes.subarray(0, 8).toString("latin1") !== "\x89PNG\r\n\x1a\n") throw new Error("no PNG");
  const chunks = new Map<string, Buffer>();
  for (let at = 8; at < bytes.length;) {
    const length = bytes.readUInt32BE(at);
    chunks.set(bytes.subarray(at + 4, at + 8).toString("latin1"), bytes.subarray(at + 8, at + 8 + length));
    at += length + 12;
  }
  const header = chunks.get("IHDR");
  const rows = inflateSync(chunks.get("IDAT") ?? Buffer.alloc(0));
  if (header === undefined) throw new Error("no header");
  const width = header.readUInt32BE(0);
  const rowBytes = Math.ceil(width / 8) + 1;
  return {
    width,
    height: header.readUInt32BE(4),
    dotsPerMetre: chunks.get("pHYs")?.readUInt32BE(0) ?? 0,
    isBlack: (x, y) => ((rows[y * rowBytes + 1 + (x >> 3)] ?? 0xff) & (0x80 >> (x & 7))) === 0,
  };
}

/** `zbarimg` of Debian's zbar-tools, an independent reader of symbols; is it there? */
export function hasZbar(): boolean {
  return spawnSync("zbarimg", ["--version"]).status === 0;
}

/** What an independent reader finds in a picture. */
export function decoded(picture: Uint8Array, suffix: "png" | "pgm"): string[] {
  const folder = mkdtempSync(join(tmpdir(), "label-"));
  try {
    const file = join(folder, `label.${suffix}`);
    writeFileSync(file, picture);
    const { stdout } = spawnSync("zbarimg", ["--quiet", "--raw", "-Sdisable", "-Sqrcode.enable", file]);
    return stdout
      .toString("utf8")
      .split("\n")
      .filter(line => line !== "");
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Draws the symbols of an SVG as a greyscale picture: nothing but translations, scales and paths of rectangles is understood. */
export function drawnSymbols(svg: string, dotsPerMm: number): Uint8Array {
  const size = /viewBox="0 0 ([\d.]+) ([\d.]+)"/.exec(svg);
  const width = Math.ceil(Number(size?.[1]) * dotsPerMm);
  const height = Math.ceil(Number(size?.[2]) * dotsPerMm);
  const dots = Buffer.alloc(width * height, 255);
  const form =
    /<g transform="translate\(([\d.]+) ([\d.]+)\)"><title>[^<]*<\/title><path transform="translate\(([\d.]+) ([\d.]+)\) scale\(([\d.]+)\)"[^>]* d="([^"]+)"/g;
  for (const found of svg.matchAll(form)) {
    const [pageX, pageY, x, y, scale] = found.slice(1, 6).map(Number) as [
      number,
      number,
      number,
      number,
      number,
    ];
    for (const run of (found[6] ?? "").matchAll(/M(\d+) (\d+)h(\d+)v1h-\d+z/g)) {
      const [column, row, length] = run.slice(1).map(Number) as [number, number, number];
      const left = Math.round((pageX + x + column * scale) * dotsPerMm);
      const right = Math.round((pageX + x + (column + length) * scale) * dotsPerMm);
      const top = Math.round((pageY + y + row * scale) * dotsPerMm);
      const bottom = Math.round((pageY + y + (row + 1) * scale) * dotsPerMm);
      for (let line = top; line < bottom; line++) dots.fill(0, line * width + left, line * width + right);
    }
  }
  return Buffer.concat([Buffer.from(`P5 ${width} ${height} 255\n`, "latin1"), dots]);
}
