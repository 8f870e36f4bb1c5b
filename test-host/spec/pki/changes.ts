import fc from "fast-check";

/** One change of bytes; several make of a good object one that a fault or somebody with intent could hand in. */
export type Change =
  | { readonly kind: "set"; readonly at: number; readonly byte: number }
  | { readonly kind: "insert"; readonly at: number; readonly byte: number }
  | { readonly kind: "remove"; readonly at: number }
  | { readonly kind: "cut"; readonly at: number }
  | { readonly kind: "append"; readonly byte: number };

const at = fc.nat(0xffff);
/** Values that mean something in DER come more often than others. */
const byte = fc.oneof(
  fc.nat(255),
  fc.constantFrom(
    0,
    1,
    2,
    3,
    4,
    5,
    6,
    0x0c,
    0x13,
    0x17,
    0x18,
    0x30,
    0x31,
    0x7f,
    0x80,
    0x81,
    0x82,
    0x83,
    0xa0,
    0xa3,
    0xff,
  ),
);
export const change: fc.Arbitrary<Change> = fc.oneof(
  { weight: 6, arbitrary: fc.record({ kind: fc.constant("set" as const), at, byte }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("insert" as const), at, byte }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("remove" as const), at }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("cut" as const), at }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("append" as const), byte }) },
);

export function changed(bytes: Uint8Array, changes: readonly Change[]): Uint8Array {
  const now = [...bytes];
  for (const one of changes) {
    const place = "at" in one && now.length > 0 ? one.at % now.length : 0;
    if (one.kind === "set") now[place] = one.byte;
    else if (one.kind === "insert") now.splice(place, 0, one.byte);
    else if (one.kind === "remove") now.splice(place, 1);
    else if (one.kind === "cut") now.length = place;
    else now.push(one.byte);
  }
  return Uint8Array.from(now);
}
